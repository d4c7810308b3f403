//! Scripts in, rows or the full error text out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod alter_model;
mod errors;
#[path = "../../../inference/tests/servers/fake.rs"]
mod fake;
mod functions;
mod grants;
mod harness;
mod hostile;
mod jobs;
mod keyed;
mod late_rows;
mod outer_joins;
mod plugins;
mod predict;
mod process;
mod processing_time;
mod queries;
mod remote_models;
mod stream;
mod table_functions;
mod windows;
