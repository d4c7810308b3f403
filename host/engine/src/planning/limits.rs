//! Limits of functions: what CREATE FUNCTION and the job say, and what the host allows.

use std::collections::BTreeMap;

use wasmill_plugin::{Host, Limit, Limits, PluginError, Unit};

use super::{context::Shared, diagnose::plugin_error};
use crate::{
    error::{EngineError, nearest},
    settings::parse_limit,
    sql::{Options, Script},
};

/// The limits of a function: its own options, else those of the job (`job.limit.*`), else the host's.
pub(super) fn function_limits(
    shared: &Shared,
    host: &Host,
    function: &str,
    options: &Options,
    script: &Script,
) -> Result<Limits, EngineError> {
    let at_option = |option: &str, error: EngineError| {
        error.at(|| options.span(option).and_then(|span| script.location(span)))
    };
    let settings = shared.settings.read();
    let mut limits = host.default_limits().clone();
    for limit in Limits::ALL {
        let own = options.values.get(limit.option).map(String::as_str);
        if let Some(text) = own.or_else(|| settings.limit(limit)) {
            let value = value(limit, text).map_err(|error| at_option(limit.option, error))?;
            limit.set(&mut limits, value);
        }
    }
    host.check_limits(function, &limits).map_err(|error| {
        let told = plugin_error(&error);
        match error {
            PluginError::AboveCeiling { option, .. } => at_option(option, told),
            _ => told,
        }
    })?;
    Ok(limits)
}

/// The ceiling that these values make, by the names of limits.
pub(crate) fn ceiling(values: &BTreeMap<String, String>) -> Result<Limits, EngineError> {
    let mut ceiling = Limits::unlimited();
    for (option, text) in values {
        let Some(limit) = Limits::ALL.iter().find(|limit| limit.option == option) else {
            let known = Limits::ALL.iter().map(|limit| limit.option);
            let hint = match nearest(option, known.clone()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("there is {}", known.collect::<Vec<_>>().join(", ")),
            };
            let message = format!("there is no limit '{option}'");
            return Err(EngineError::job(message).with_hint(hint));
        };
        limit.set(&mut ceiling, value(limit, text)?);
    }
    Ok(ceiling)
}

fn value(limit: &Limit, text: &str) -> Result<u64, EngineError> {
    parse_limit(limit.unit, text).ok_or_else(|| {
        let (what, example) = match limit.unit {
            Unit::Bytes => ("a size of memory", "64 MiB"),
            Unit::Nanoseconds => ("a time", "2 s"),
            Unit::Things => ("a number above 0", "100"),
        };
        let option = limit.option;
        EngineError::job(format!("'{text}' is not {what}"))
            .with_hint(format!("write '{option}' = '{example}'"))
    })
}
