//! The last argument of ML_PREDICT: `MAP['timeout', '30 s', 'output-mode', 'ALLOW_UNORDERED']`.
//!
//! Batches are one call each here, and rows come in their order, which `ALLOW_UNORDERED` allows as well; so
//! only `timeout` changes anything. The others are checked, as they mean something to Flink.

use std::time::Duration;

use datafusion::{
    common::Result,
    sql::sqlparser::ast::{
        Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned, Value,
    },
};

use super::{context::Shared, external_at};
use crate::{
    error::{EngineError, did_you_mean},
    sql::parse_duration,
};

const KEYS: [&str; 4] = [
    "async",
    "max-concurrent-operations",
    "output-mode",
    "timeout",
];

/// What a call asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// Of a batch.
    pub timeout: Option<Duration>,
}

impl Config {
    pub(super) fn of(shared: &Shared, value: &SqlExpr) -> Result<Self> {
        let span = value.span();
        let Some(pairs) = pairs(value) else {
            return Err(external_at(
                EngineError::job("the config of ML_PREDICT must be MAP['key', 'value', …]"),
                span,
            ));
        };
        let mut config = Config::default();
        for (key, value) in pairs {
            let wrong = |hint: &str| {
                let message = format!("the config '{key}' of ML_PREDICT cannot be '{value}'");
                Err(external_at(
                    EngineError::job(message).with_hint(hint.to_owned()),
                    span,
                ))
            };
            let is_one_of =
                |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(value));
            match key {
                "async" if !is_one_of(&["true", "false"]) => {
                    return wrong("it is 'true' or 'false'");
                }
                "output-mode" if !is_one_of(&["ORDERED", "ALLOW_UNORDERED"]) => {
                    return wrong("it is 'ORDERED' or 'ALLOW_UNORDERED'");
                }
                "max-concurrent-operations" if !value.parse().is_ok_and(|count: u32| count > 0) => {
                    return wrong("it is a whole number from 1 on");
                }
                "timeout" => match parse_duration(value).filter(|time| !time.is_zero()) {
                    None => return wrong("it is a time, such as '30 s'"),
                    timeout => config.timeout = timeout,
                },
                known if KEYS.contains(&known) => {}
                unknown => {
                    let keys = KEYS.map(str::to_owned);
                    shared.warnings.lock().push(format!(
                        "ML_PREDICT has no config '{unknown}', so it changes nothing; {}",
                        did_you_mean(unknown, &keys, "there are").unwrap_or_default()
                    ));
                }
            }
        }
        Ok(config)
    }
}

/// The texts of a map's literal.
fn pairs(value: &SqlExpr) -> Option<Vec<(&str, &str)>> {
    let SqlExpr::Function(function) = value else {
        return None;
    };
    let FunctionArguments::List(list) = &function.args else {
        return None;
    };
    if function.name.to_string() != "make_map" {
        return None;
    }
    let texts = list.args.iter().map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Value(value))) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.as_str()),
            _ => None,
        },
        _ => None,
    });
    let texts = texts.collect::<Option<Vec<_>>>()?;
    let (pairs, rest) = texts.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[key, value]| (*key, *value)).collect())
}
