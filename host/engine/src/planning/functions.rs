//! CREATE FUNCTION: a function of a plugin, with its grants, limits and parameters.

use std::{collections::BTreeMap, sync::Arc};

use datafusion::{
    logical_expr::{AggregateUDF, ScalarUDF},
    prelude::SessionContext,
};
use wasmill_plugin::{Arguments, Grants, Host, Kind, Limits, OpenOptions};
use wasmill_udf::{FunctionOptions, OnError, aggregate_udf, scalar_udf};

use super::{
    context::Shared,
    diagnose::plugin_error,
    grants::function_grants,
    limits::{function_limits, job_account},
    plugin::load,
    process::{DeclaredProcess, SIDE_OUTPUT},
    serving::DeclaredScalar,
};
use crate::{
    catalog::DeclaredFunction,
    error::{EngineError, nearest},
    sql::{CreateFunction, Script},
};

/// Keys of WITH that are the host's, as the limits are; all others are the function's parameters.
const HOST_KEYS: &[&str] = &[
    "grant.clock",
    "grant.dir",
    "grant.env",
    "grant.http",
    "grant.models",
    "grant.random",
    "on-error",
    "sha256",
];

fn host_keys() -> impl Iterator<Item = &'static str> {
    let limits = Limits::ALL.iter().map(|limit| limit.option);
    HOST_KEYS.iter().copied().chain(limits)
}

/// What expressions call.
pub(crate) enum Callable {
    Scalar(ScalarUDF),
    Aggregate(AggregateUDF),
}

impl Callable {
    /// Expressions of this session may call it.
    pub(crate) fn register(self, context: &SessionContext) {
        match self {
            Callable::Scalar(function) => context.register_udf(function),
            Callable::Aggregate(function) => context.register_udaf(function),
        }
    }
}

/// Loads the plugin and makes the function ready to be called; a function whose arguments are
/// declared is opened at once, so that a wrong parameter is found here. Gives what expressions call,
/// unless it is a table function.
pub(crate) async fn create_function(
    shared: &Shared,
    statement: &CreateFunction,
    script: &Script,
) -> Result<(DeclaredFunction, Option<Callable>), EngineError> {
    let at_component = |error: EngineError| error.at(|| script.location(statement.component.span));
    let written = &statement.component.text;
    let Some((path, function)) = written.split_once('#').filter(|(_, name)| !name.is_empty())
    else {
        return Err(at_component(
            EngineError::job(format!(
                "'{written}' does not say which function of the plugin it is"
            ))
            .with_hint(format!("write AS '{}#name'", written.trim_end_matches('#'))),
        ));
    };
    let host = shared.host()?;
    let pinned = statement.options.values.get("sha256");
    let plugin = load(shared, &host, (path, function), pinned.map(String::as_str))
        .await
        .map_err(at_component)?;
    let signature = plugin
        .function(function)
        .map_err(|error| at_component(plugin_error(&error)))?
        .clone();

    let options = host_options(shared, &host, statement, script)?;
    if signature.kind == Kind::Aggregate && options.on_error != OnError::Fail {
        let message = format!(
            "'on-error' of the aggregate function '{}' can only be 'fail'",
            statement.name.text
        );
        let error = EngineError::job(message).with_hint(
            "a row that was added to a group cannot be told apart any more: check its values in a \
             filter, or in a scalar function with that 'on-error'"
                .to_owned(),
        );
        return Err(error.at(|| script.location(statement.options.span("on-error")?)));
    }
    let mut parameters = statement.options.values.clone();
    parameters.retain(|key, _| !host_keys().any(|known| known == key));
    let mut side_outputs = BTreeMap::new();
    if signature.kind == Kind::Process {
        if options.on_error == OnError::Null {
            let message = format!(
                "'on-error' of the process function '{}' can be 'fail' or 'dead-letter', not 'null'",
                statement.name.text
            );
            let hint = "it gives rows, and no value that could be NULL".to_owned();
            let error = EngineError::job(message).with_hint(hint);
            return Err(error.at(|| script.location(statement.options.span("on-error")?)));
        }
        parameters.retain(|key, table| match key.strip_prefix(SIDE_OUTPUT) {
            Some(output) => {
                side_outputs.insert(output.to_owned(), table.clone());
                false
            }
            None => true,
        });
    }
    let declared: Vec<&str> = signature
        .parameters
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    if let Some(unknown) = parameters
        .keys()
        .find(|key| !declared.contains(&key.as_str()))
    {
        return Err(unknown_option(unknown, &statement.name.text, &declared)
            .at(|| script.location(statement.options.span(unknown)?)));
    }

    let open = OpenOptions {
        parameters,
        grants: options.grants,
        limits: options.limits,
        account: Some(job_account(shared, &host)?),
        epoch: shared.epoch.clone(),
        ..OpenOptions::new(statement.name.text.clone(), vec![])
    };
    let mut scalar = None;
    if let Arguments::Exact(fields) = &signature.arguments {
        let options = OpenOptions {
            arguments: fields.iter().cloned().collect(),
            ..open.clone()
        };
        scalar = (signature.kind == Kind::Scalar).then(|| {
            Arc::new(DeclaredScalar {
                plugin: Arc::clone(&plugin),
                function: function.to_owned(),
                open: options.clone(),
            })
        });
        plugin
            .open(function, options)
            .map_err(|error| plugin_error(&error).at(|| script.location(statement.name.span)))?;
    }
    let grants = open.grants.clone();
    let process = (signature.kind == Kind::Process).then(|| {
        Arc::new(DeclaredProcess {
            plugin: Arc::clone(&plugin),
            function: function.to_owned(),
            open: open.clone(),
            on_error: options.on_error,
            side_outputs,
        })
    });
    let options = FunctionOptions {
        // DataFusion looks functions up in lower case.
        sql_name: open.sql_name.to_lowercase(),
        parameters: open.parameters,
        grants: open.grants,
        limits: open.limits,
        account: open.account,
        epoch: open.epoch,
        log: open.log,
        metrics: open.metrics,
        on_error: options.on_error,
        failed: Arc::clone(&shared.gave_null),
    };
    let loaded = Arc::clone(&plugin);
    let made = match signature.kind {
        Kind::Scalar => scalar_udf(loaded, function, options)
            .map(|function| (Some(Callable::Scalar(function)), None)),
        Kind::Table => {
            scalar_udf(loaded, function, options).map(|function| (None, Some(Arc::new(function))))
        }
        Kind::Aggregate => aggregate_udf(loaded, function, options)
            .map(|function| (Some(Callable::Aggregate(function)), None)),
        Kind::Process => Ok((None, None)),
    };
    let (callable, table) = made.map_err(|error| at_component(plugin_error(&error)))?;
    let declared = DeclaredFunction {
        name: statement.name.text.clone(),
        temporary: statement.temporary,
        component: written.clone(),
        function: function.to_owned(),
        plugin,
        kind: signature.kind,
        table,
        scalar,
        process,
        grants,
        options: statement.options.clone(),
    };
    Ok((declared, callable))
}

fn unknown_option(key: &str, function: &str, parameters: &[&str]) -> EngineError {
    let known = parameters.iter().copied();
    let known = known.chain(host_keys().map(|key| -> &str { key }));
    let of_host = || host_keys().collect::<Vec<_>>().join(", ");
    let hint = match nearest(key, known) {
        Some(near) => format!("did you mean '{near}'?"),
        None if parameters.is_empty() => {
            format!(
                "the function has no parameters; the host knows {}",
                of_host()
            )
        }
        None => format!(
            "its parameters are {}; the host knows {}",
            parameters.join(", "),
            of_host()
        ),
    };
    EngineError::job(format!(
        "the function '{function}' has no parameter '{key}'"
    ))
    .with_hint(hint)
}

struct HostOptions {
    grants: Grants,
    limits: Limits,
    on_error: OnError,
}

fn host_options(
    shared: &Shared,
    host: &Host,
    statement: &CreateFunction,
    script: &Script,
) -> Result<HostOptions, EngineError> {
    let options = &statement.options;
    let located = |key: &str, error: EngineError| {
        error.at(|| options.span(key).and_then(|span| script.location(span)))
    };
    let limits = function_limits(shared, host, &statement.name.text, options, script)?;
    let on_error = match options.values.get("on-error").map(String::as_str) {
        None | Some("fail") => OnError::Fail,
        Some("null") => OnError::Null,
        Some("dead-letter") => OnError::DeadLetter,
        Some(other) => {
            let message = format!("'on-error' cannot be '{other}'");
            let hint = "it is 'fail', 'null' or 'dead-letter'".to_owned();
            return Err(located(
                "on-error",
                EngineError::job(message).with_hint(hint),
            ));
        }
    };
    Ok(HostOptions {
        grants: function_grants(shared, options, script)?,
        limits,
        on_error,
    })
}
