//! The program as a user meets it: a job file in, rows or the full error text out.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bad_data;
mod bad_jobs;
mod bad_plugins;
mod budgets;
mod checkpoints_on_s3;
mod commands;
mod dead_letters;
mod debugging;
mod endless;
mod examples;
mod hostile;
mod https;
mod inspect;
mod interrupted;
mod kafka;
mod late_rows;
mod ml_predict;
mod model_versions;
mod object_store;
mod on_error;
mod once;
mod outer_joins;
mod plugin_bench;
mod plugin_build;
mod plugin_conformance;
mod plugin_process;
mod plugin_test;
mod postgres;
mod processing_time;
mod registry;
mod rolling;
mod serve_model;
mod support;
mod windows;
