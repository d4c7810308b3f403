//! Errors of other crates as ours: whose fault, in Flink's words, at their place in the job file.

use std::ops::ControlFlow;

use datafusion::{
    common::{DataFusionError, SchemaError},
    execution::SessionState,
    sql::sqlparser::{
        ast::{Expr, Query, Visit, Visitor},
        tokenizer::{Location as Position, Span},
    },
};
use wasmill_connectors::ConnectorError;
use wasmill_inference::InferenceError;
use wasmill_plugin::PluginError;
use wasmill_udf::UdfError;

use crate::{
    catalog::{CATALOG, Catalog, DATABASE},
    error::{EngineError, did_you_mean},
    sql::{Script, flink_type, lower_first, split_hinted_name},
};

pub(crate) fn connector_error(error: &ConnectorError) -> EngineError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        ConnectorError::Job { .. } => EngineError::job(message).with_hint(hint),
        ConnectorError::Data { .. } => EngineError::Data { message, hint },
        ConnectorError::Environment { .. } => EngineError::Environment { message, hint },
        ConnectorError::OutputClosed => EngineError::OutputClosed,
        _ => EngineError::Bug { message },
    }
}

pub(crate) fn model_error(error: &InferenceError) -> EngineError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        InferenceError::Definition { .. } => EngineError::job(message).with_hint(hint),
        InferenceError::Data { .. } => EngineError::Data { message, hint },
        InferenceError::Environment { .. } => EngineError::Environment { message, hint },
        _ => EngineError::Model {
            message,
            hint,
            location: None,
        },
    }
}

pub(crate) fn plugin_error(error: &PluginError) -> EngineError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        PluginError::UnknownFunction { .. }
        | PluginError::UnknownParameter { .. }
        | PluginError::MissingParameter { .. }
        | PluginError::WrongArguments { .. }
        | PluginError::UnsupportedArgument { .. }
        | PluginError::UngrantedModel { .. }
        | PluginError::UngrantedHttp { .. }
        | PluginError::NoTimes { .. }
        | PluginError::Refused { .. }
        | PluginError::AboveCeiling { .. }
        | PluginError::TooManyInstances { .. }
        | PluginError::OtherBytes { .. }
        | PluginError::Read { .. } => EngineError::job(message).with_hint(hint),
        PluginError::Sum { sum, .. } if sum.is_outside_of_the_job() => {
            EngineError::Environment { message, hint }
        }
        PluginError::Sum { .. } => EngineError::job(message).with_hint(hint),
        PluginError::Rows { .. } => EngineError::Data { message, hint },
        PluginError::NoRoom { .. } | PluginError::Engine(_) => {
            EngineError::Environment { message, hint }
        }
        _ => EngineError::Plugin {
            message,
            hint,
            location: None,
        },
    }
}

fn udf_error(error: &UdfError) -> EngineError {
    match error {
        UdfError::Plugin(error) => plugin_error(error),
        UdfError::Rows { error, .. } => plugin_error(error),
        UdfError::Stopped { .. } => EngineError::Cancelled,
        error => EngineError::job(error.message(flink_type)).with_hint(error.hint(flink_type)),
    }
}

/// An error of ours that travelled through DataFusion, if it is one.
fn carried(error: &DataFusionError) -> Option<EngineError> {
    let error = match error {
        DataFusionError::External(error) => error,
        DataFusionError::ArrowError(error, _) => match error.as_ref() {
            arrow::error::ArrowError::ExternalError(error) => error,
            _ => return None,
        },
        _ => return None,
    };
    if let Some(error) = error.downcast_ref::<EngineError>() {
        Some(error.clone())
    } else if let Some(error) = error.downcast_ref::<ConnectorError>() {
        Some(connector_error(error))
    } else if let Some(error) = error.downcast_ref::<UdfError>() {
        Some(udf_error(error))
    } else if let Some(error) = error.downcast_ref::<PluginError>() {
        Some(plugin_error(error))
    } else if let Some(error) = error.downcast_ref::<InferenceError>() {
        Some(model_error(error))
    } else {
        error.downcast_ref::<DataFusionError>().and_then(carried)
    }
}

/// The error inside contexts, diagnostics and collections.
fn root(mut error: &DataFusionError) -> &DataFusionError {
    loop {
        error = match error {
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => inner,
            DataFusionError::Shared(inner) => inner,
            DataFusionError::Collection(errors) => match errors.first() {
                Some(first) => first,
                None => return error,
            },
            DataFusionError::External(inner) => match inner.downcast_ref::<DataFusionError>() {
                Some(inner) => inner,
                None => return error,
            },
            _ => return error,
        };
    }
}

/// An error while a statement ran.
pub(crate) fn execution_error(error: &DataFusionError) -> EngineError {
    let root = root(error);
    if let Some(error) = carried(root) {
        return error;
    }
    match root {
        DataFusionError::ResourcesExhausted(_) => EngineError::Environment {
            message: format!("the job ran out of memory: {}", text(root)),
            hint: Some("SET 'job.memory' = '4 gb' allows more".into()),
        },
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => EngineError::Environment {
            message: text(root),
            hint: None,
        },
        DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => {
            EngineError::bug(text(root))
        }
        _ => {
            let message = text(root);
            let hint = message
                .starts_with("cannot cast ")
                .then(|| "TRY_CAST gives NULL where CAST fails".to_owned());
            EngineError::Data { message, hint }
        }
    }
}

/// Where an error of planning is shown when it has no place of its own, and what it may name.
pub(crate) struct PlanningScope<'a> {
    pub script: &'a Script,
    pub statement: Span,
    pub query: Option<&'a Query>,
    pub catalog: &'a Catalog,
    pub state: &'a SessionState,
}

/// An error while a statement was planned.
pub(crate) fn planning_error(error: &DataFusionError, scope: &PlanningScope<'_>) -> EngineError {
    let span = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .map(|span| {
            let position = |location: datafusion::common::Location| Position {
                line: location.line,
                column: location.column,
            };
            Span::new(position(span.start), position(span.end))
        });
    let root = root(error);
    let location = |span: Option<Span>| scope.script.location(span.unwrap_or(scope.statement));
    if let Some(error) = carried(root) {
        return error.at(|| location(span));
    }
    match root {
        DataFusionError::SchemaError(error, _) => schema_error(error).at(|| location(span)),
        DataFusionError::Plan(message) if message.starts_with("Invalid function '") => {
            let name = between(message, "Invalid function '", "'").unwrap_or_default();
            let span = span.or_else(|| scope.query.and_then(|query| function_span(query, name)));
            unknown_function(name, scope).at(|| location(span))
        }
        DataFusionError::Plan(message) if message.starts_with("table function '") => {
            let name = between(message, "table function '", "'").unwrap_or_default();
            unknown_function(name, scope).at(|| location(span))
        }
        DataFusionError::Plan(message) if message.contains("' not found") => {
            let name = between(message, "table '", "'").unwrap_or(message);
            let name = name
                .strip_prefix(CATALOG)
                .and_then(|name| name.strip_prefix('.'))
                .unwrap_or(name);
            let name = name
                .strip_prefix(DATABASE)
                .and_then(|name| name.strip_prefix('.'))
                .unwrap_or(name);
            let (name, _) = split_hinted_name(name);
            scope.catalog.unknown_relation(name).at(|| location(span))
        }
        DataFusionError::NotImplemented(message) => EngineError::job(format!(
            "this SQL is not supported: {}",
            without_tree(first_line(message))
        ))
        .at(|| location(span)),
        DataFusionError::Internal(message) => EngineError::bug(message.clone()),
        DataFusionError::Plan(message) if message.contains("must appear in the GROUP BY") => {
            let column = between(message, "column \"", "\"").unwrap_or("a column");
            let column = column.rsplit('.').next().unwrap_or(column);
            EngineError::job(format!(
                "the column '{column}' is neither in GROUP BY nor in an aggregate function"
            ))
            .at(|| location(span))
        }
        DataFusionError::Plan(message) if message.contains(NO_SIGNATURE) => {
            no_signature(&flink_names(message), scope, span)
        }
        DataFusionError::Plan(message) if message.starts_with("Projections require unique") => {
            let name = between(message, "expression \"", "\"").unwrap_or_default();
            two_columns(name.rsplit('.').next().unwrap_or(name)).at(|| location(span))
        }
        root => EngineError::job(text(root)).at(|| location(span)),
    }
}

fn schema_error(error: &SchemaError) -> EngineError {
    match error {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let mut names: Vec<String> = Vec::new();
            for field in valid_fields {
                if !names.contains(&field.name) {
                    names.push(field.name.clone());
                }
            }
            let name = match &field.relation {
                Some(relation) => format!("{}.{}", relation.table(), field.name),
                None => field.name.clone(),
            };
            EngineError::job(format!("there is no column '{name}'")).with_hint(did_you_mean(
                &field.name,
                &names,
                "the columns are",
            ))
        }
        SchemaError::AmbiguousReference { field } => {
            EngineError::job(format!("the column '{}' is in several tables", field.name))
                .with_hint(format!("write table.{}", field.name))
        }
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => two_columns(name),
    }
}

fn two_columns(name: &str) -> EngineError {
    EngineError::job(format!("two columns are called '{name}'"))
        .with_hint("give one of them another name with AS".to_owned())
}

const NO_SIGNATURE: &str = "No function matches the given name and argument types '";

/// `Internal error: … No function matches the given name and argument types 'sum(STRING)'. …
/// Candidate functions:\n\tsum(DOUBLE)…`, shorter.
fn no_signature(message: &str, scope: &PlanningScope<'_>, span: Option<Span>) -> EngineError {
    let call = between(message, NO_SIGNATURE, "'.").unwrap_or_default();
    let name = call.split('(').next().unwrap_or(call);
    let candidates = message.split_once("Candidate functions:\n");
    let candidates: Vec<_> = candidates
        .map(|(_, list)| list.lines().map(str::trim).collect())
        .unwrap_or_default();
    let span = span.or_else(|| scope.query.and_then(|query| function_span(query, name)));
    EngineError::job(format!("no function matches {call}"))
        .with_hint(
            Some(format!("there is {}", candidates.join(", "))).filter(|_| !candidates.is_empty()),
        )
        .at(|| scope.script.location(span.unwrap_or(scope.statement)))
}

/// Messages about SQL that is not known end in the whole syntax tree.
fn without_tree(message: &str) -> &str {
    if !message.contains("Span(") {
        return message;
    }
    let end = message.find(['{', '[']).unwrap_or(message.len());
    let message = message[..end].trim_end();
    message.strip_suffix('(').unwrap_or(message)
}

fn unknown_function(name: &str, scope: &PlanningScope<'_>) -> EngineError {
    let declared = scope.catalog.functions.get(&name.to_lowercase());
    if let Some(function) = declared.filter(|function| function.table.is_some()) {
        let name = &function.name;
        return EngineError::job(format!(
            "'{name}' is a table function: it gives rows, not a value"
        ))
        .with_hint(format!("write FROM t, LATERAL TABLE({name}(…))"));
    }
    if let Some(function) = declared.filter(|function| function.process.is_some()) {
        let name = &function.name;
        return EngineError::job(format!(
            "'{name}' is a process function: it gives rows, not a value"
        ))
        .with_hint(format!(
            "write FROM {name}(input => TABLE t PARTITION BY k)"
        ));
    }
    let state = scope.state;
    let mut names: Vec<String> = scope
        .catalog
        .functions
        .values()
        .map(|f| f.name.clone())
        .collect();
    names.extend(state.scalar_functions().keys().cloned());
    names.extend(state.aggregate_functions().keys().cloned());
    names.extend(state.window_functions().keys().cloned());
    names.sort();
    let near = crate::error::nearest(name, names.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("CREATE FUNCTION {name} AS 'path.wasm#{name}' LANGUAGE WASM declares it"),
    };
    EngineError::job(format!("there is no function '{name}'")).with_hint(hint)
}

/// Where a query calls `name`.
fn function_span(query: &Query, name: &str) -> Option<Span> {
    struct Calls<'a>(&'a str);
    impl Visitor for Calls<'_> {
        type Break = Span;
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Span> {
            if let Expr::Function(function) = expr
                && let Some(ident) = function.name.0.first().and_then(|part| part.as_ident())
                && ident.value.eq_ignore_ascii_case(self.0)
            {
                return ControlFlow::Break(ident.span);
            }
            ControlFlow::Continue(())
        }
    }
    match query.visit(&mut Calls(name)) {
        ControlFlow::Break(span) => Some(span),
        ControlFlow::Continue(()) => None,
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(text, _)| text)
}

/// DataFusion's text without its prefix, type names as Flink has them.
fn text(error: &DataFusionError) -> String {
    let message = error.message();
    let message = message
        .split_once("\n\nThis issue was likely caused by a bug")
        .map_or(message.as_ref(), |(message, _)| message)
        .trim();
    let mut message = message.trim_end_matches('.');
    const KINDS: &[&str] = &[
        "Arithmetic overflow: ",
        "Arrow error: ",
        "Cast error: ",
        "Compute error: ",
        "Divide by zero error",
        "Execution error: ",
        "Invalid argument error: ",
        "Parser error: ",
    ];
    while let Some(rest) = KINDS.iter().find_map(|kind| message.strip_prefix(kind)) {
        if rest.is_empty() {
            return "division by zero".to_owned();
        }
        message = rest;
    }
    flink_names(&lower_first(without_tree(message)))
}

fn flink_names(message: &str) -> String {
    let mut message = message.to_owned();
    use arrow::datatypes::DataType::*;
    for data_type in [
        Boolean, UInt8, UInt16, UInt32, UInt64, Int8, Int16, Int32, Int64, Float32, Float64,
        Utf8View, Utf8, Date32,
    ] {
        message = replace_word(&message, &data_type.to_string(), &flink_type(&data_type));
    }
    message
}

fn replace_word(text: &str, word: &str, with: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(index) = rest.find(word) {
        let before = rest[..index].chars().next_back();
        let after = rest[index + word.len()..].chars().next();
        let whole = !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
            && !after.is_some_and(|c| c.is_alphanumeric() || c == '_');
        result.push_str(&rest[..index]);
        result.push_str(if whole { with } else { word });
        rest = &rest[index + word.len()..];
    }
    result + rest
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}
