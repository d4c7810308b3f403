//! Plugins as their users meet them: loaded, opened, called, refused.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;
mod web;

mod budgets;
mod cache;
mod components;
mod good;
mod hostile;
mod models;
mod refused;
mod turns;
