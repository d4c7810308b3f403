//! Sources and sinks as a job sees them: a declaration in, rows or the full error text out.

#![allow(clippy::unwrap_used, reason = "tests")]

mod csv_errors;
mod csv_read;
mod datagen;
mod declaration;
mod json;
mod parquet;
mod print;
mod python;
mod sink;
mod workbench;
