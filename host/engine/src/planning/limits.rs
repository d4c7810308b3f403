//! Limits of functions, and sums of a job: what CREATE FUNCTION and the job say, and what the host
//! allows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use wasmill_plugin::{Account, Budget, Host, Limit, Limits, PluginError, Unit};

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

/// How long ML_PREDICT may wait for its model, a batch: `job.limit.wall-time`, else as long as a
/// function would.
pub(super) fn model_time(shared: &Shared) -> Result<Duration, EngineError> {
    let ceiling = &shared.ceiling.function;
    let mut limits = Limits::default();
    let settings = shared.settings.read();
    let mut all = Limits::ALL.iter();
    let said = all
        .find(|limit| limit.option == "limit.wall-time")
        .and_then(|limit| Some((limit, settings.limit(limit)?)));
    let Some((limit, text)) = said else {
        return Ok(limits.wall_time.min(ceiling.wall_time));
    };
    limit.set(&mut limits, value(limit, text)?);
    if limits.wall_time > ceiling.wall_time {
        let shown = |limits| limit.shown(limit.get(limits));
        return Err(above(limit.option, &shown(&limits), &shown(ceiling)));
    }
    Ok(limits.wall_time)
}

fn above(option: &str, asked: &str, ceiling: &str) -> EngineError {
    EngineError::job(format!(
        "'job.{option}' is {asked}, but this host allows {ceiling} at most"
    ))
    .with_hint("ask for less, or have whoever runs this host raise its ceiling".to_owned())
}

/// The account of the job: what its functions use together, of at most what the job says
/// (`job.total.*`). What it says when its last function is created counts.
pub(super) fn job_account(shared: &Shared, host: &Host) -> Result<Arc<Account>, EngineError> {
    let settings = shared.settings.read();
    let ceiling = &shared.ceiling.job;
    let mut budget = Budget::of_job().lowered_to(ceiling);
    for limit in Budget::ALL {
        if let Some(text) = settings.total(limit) {
            limit.set(&mut budget, value(limit, text)?);
        }
    }
    if let Some((option, asked, ceiling)) = budget.above(ceiling) {
        return Err(above(option, &asked, &ceiling));
    }
    let mut account = shared.account.lock();
    if let Some(account) = account.as_ref() {
        account.set_budget(budget);
        return Ok(Arc::clone(account));
    }
    let tenant = host.tenant(&shared.tenant.name, shared.tenant.budget.clone());
    Ok(Arc::clone(account.insert(tenant.job(budget))))
}

/// What a host allows its jobs at most.
#[derive(Debug)]
pub(crate) struct Ceiling {
    pub function: Limits,
    pub job: Budget,
}

/// Whose jobs a session runs, and what they may use together.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub name: String,
    pub budget: Budget,
}

/// The ceiling that these values make, by the names of limits and of sums of a job.
pub(crate) fn ceiling(values: &BTreeMap<String, String>) -> Result<Ceiling, EngineError> {
    let mut ceiling = Ceiling {
        function: Limits::unlimited(),
        job: Budget::unlimited(),
    };
    for (option, text) in values {
        let limit = Limits::ALL.iter().find(|limit| limit.option == option);
        let sum = |sum: &&Limit<Budget>| option.strip_prefix("job.") == Some(sum.option);
        if let Some(limit) = limit {
            limit.set(&mut ceiling.function, value(limit, text)?);
        } else if let Some(sum) = Budget::ALL.iter().find(sum) {
            sum.set(&mut ceiling.job, value(sum, text)?);
        } else {
            let limits = Limits::ALL.iter().map(|limit| limit.option.to_owned());
            let sums = Budget::ALL.iter().map(|sum| format!("job.{}", sum.option));
            return Err(no_limit(option, limits.chain(sums).collect()));
        }
    }
    Ok(ceiling)
}

impl Tenant {
    /// The tenant of this name; the values are by the names of sums.
    pub(crate) fn new(name: &str, values: &BTreeMap<String, String>) -> Result<Self, EngineError> {
        let mut budget = Budget::of_tenant();
        for (option, text) in values {
            match Budget::ALL.iter().find(|sum| sum.option == option) {
                Some(sum) => sum.set(&mut budget, value(sum, text)?),
                None => {
                    let sums = Budget::ALL.iter().map(|sum| sum.option.to_owned());
                    return Err(no_limit(option, sums.collect()));
                }
            }
        }
        Ok(Tenant {
            name: name.to_owned(),
            budget,
        })
    }
}

fn no_limit(option: &str, known: Vec<String>) -> EngineError {
    let hint = match nearest(option, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("there is {}", known.join(", ")),
    };
    EngineError::job(format!("there is no limit '{option}'")).with_hint(hint)
}

fn value<Of>(limit: &Limit<Of>, text: &str) -> Result<u64, EngineError> {
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
