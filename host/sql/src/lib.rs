//! The SQL of a job file: Flink's dialect, read on top of sqlparser's tokenizer and queries.
//!
//! [`parse`] turns a script into [`ParsedStatement`]s. Queries and expressions are sqlparser's; the
//! statements around them (DDL, INSERT, statement sets, SET, SHOW …) are read here, because Flink's
//! forms of them are its own. Nothing is planned here: what a name stands for is the engine's affair.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod chains;
mod create;
mod dialect;
mod error;
mod hints;
mod ignored;
mod json;
mod literals;
mod reader;
mod script;
mod statement;
mod statements;
#[cfg(test)]
mod tests;
mod types;

pub use dialect::{DATA_TYPE, MODEL_ARGUMENT, cast_to, function, select_all};
pub use error::{Location, SqlError, nearest};
pub use hints::split_hinted_name;
pub use literals::{parse_duration, parse_memory_size};
pub use script::{Script, lower_first, parse};
pub use statement::*;
pub use types::{flink_type, parse_type_text};
