//! The last argument of ML_PREDICT: `MAP['timeout', '30 s', 'output-mode', 'ALLOW_UNORDERED']`.
//!
//! What it does not say, the settings `table.exec.async-ml-predict.*` say, as in Flink. A model that is
//! computed here is called once a batch, so `timeout` alone changes anything.

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
    settings::{Settings, allows_unordered},
    sql::parse_duration,
};

const ASYNC: &str = "async";
const MAX_OPERATIONS: &str = "max-concurrent-operations";
const OUTPUT_MODE: &str = "output-mode";
const TIMEOUT: &str = "timeout";

const KEYS: [&str; 4] = [ASYNC, MAX_OPERATIONS, OUTPUT_MODE, TIMEOUT];

/// What a call asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Config {
    /// Of a batch, or of a request to a server.
    pub timeout: Option<Duration>,
    /// One request to a server after another.
    pub one_by_one: bool,
    /// Requests to a server at once; as many as the model's options say, where nothing is said.
    pub operations: Option<usize>,
    /// Rows may be given as soon as they are answered.
    pub unordered: bool,
}

impl Config {
    /// What the settings ask for.
    pub(super) fn of_settings(settings: &Settings) -> Self {
        let mut config = Config::default();
        for key in [MAX_OPERATIONS, OUTPUT_MODE, TIMEOUT] {
            if let Some(value) = settings.async_ml_predict(key) {
                // What is wrong was refused when it was set.
                config.set(key, value).ok();
            }
        }
        config
    }

    /// The same, changed by what the argument asks for.
    pub(super) fn with(mut self, shared: &Shared, value: &SqlExpr) -> Result<Self> {
        let span = value.span();
        let Some(pairs) = pairs(value) else {
            return Err(external_at(
                EngineError::job("the config of ML_PREDICT must be MAP['key', 'value', …]"),
                span,
            ));
        };
        for (key, value) in pairs {
            if !KEYS.contains(&key) {
                let keys = KEYS.map(str::to_owned);
                shared.warnings.lock().push(format!(
                    "ML_PREDICT has no config '{key}', so it changes nothing; {}",
                    did_you_mean(key, &keys, "there are").unwrap_or_default()
                ));
                continue;
            }
            self.set(key, value).map_err(|expected| {
                let message = format!("the config '{key}' of ML_PREDICT cannot be '{value}'");
                let hint = format!("it is {expected}");
                external_at(EngineError::job(message).with_hint(hint), span)
            })?;
        }
        Ok(self)
    }

    /// The error says what the value may be.
    fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        let is = |word: &str| word.eq_ignore_ascii_case(value);
        match key {
            ASYNC => match (is("true"), is("false")) {
                (false, false) => return Err("'true' or 'false'"),
                (_, is_false) => self.one_by_one = is_false,
            },
            OUTPUT_MODE => self.unordered = allows_unordered(value)?,
            MAX_OPERATIONS => match value.parse() {
                Ok(operations @ 1..) => self.operations = Some(operations),
                _ => return Err("a whole number from 1 on"),
            },
            _ => match parse_duration(value).filter(|time| !time.is_zero()) {
                None => return Err("a time, such as '30 s'"),
                timeout => self.timeout = timeout,
            },
        }
        Ok(())
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
