//! The SQL of a job file: Flink's dialect, read on top of sqlparser's tokenizer and queries.
//!
//! [`parse`] turns a script into [`ParsedStatement`]s. Queries and expressions are sqlparser's; the
//! statements around them (DDL, INSERT, statement sets, SET, SHOW …) are read here, because Flink's
//! forms of them are its own.

mod chains;
mod create;
mod dialect;
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

pub(crate) use dialect::{DATA_TYPE, MODEL_ARGUMENT, cast_to, function, select_all};
pub(crate) use hints::split_hinted_name;
pub(crate) use literals::{parse_duration, parse_memory_size};
pub(crate) use script::{Script, lower_first, parse};
pub(crate) use statement::*;
pub(crate) use types::{flink_type, parse_type_text};
