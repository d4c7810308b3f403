//! Flink's functions where DataFusion has none, or means something else by the name. What is only
//! written otherwise is changed in the parsed query (`planning/calls.rs`).

mod arrays;
mod as_text;
mod charsets;
mod format;
mod function;
mod json;
mod json_path;
mod numbers;
mod patterns;
mod text;
mod time;
mod units;
mod urls;

pub(crate) use as_text::{as_text, has_own_text, whole_texts};

use datafusion::logical_expr::ScalarUDF;

/// All of them, for a session with this time zone.
pub(crate) fn scalar_functions(zone: Option<&str>) -> impl Iterator<Item = ScalarUDF> {
    let groups = [
        arrays::FUNCTIONS,
        charsets::FUNCTIONS,
        json::FUNCTIONS,
        numbers::FUNCTIONS,
        patterns::FUNCTIONS,
        text::FUNCTIONS,
        time::FUNCTIONS,
        urls::FUNCTIONS,
    ];
    let functions = groups.into_iter().flatten();
    functions.map(move |found| function::udf(found, zone))
}
