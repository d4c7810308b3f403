//! `ML_PREDICT`: all columns of its input and, behind them, what a model predicts.

use datafusion::{
    arrow::datatypes::{DataType, Fields},
    common::{Column, Result},
    logical_expr::{
        Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, planner::RelationPlannerContext,
    },
    sql::sqlparser::{
        ast::{
            Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query,
            Spanned, TableFactor,
        },
        tokenizer::Span,
    },
};

use wasmill_inference::Model as _;

use super::{
    assignment::feeds,
    context::Shared,
    external_at,
    limits::model_time,
    model_function::{ModelFunction, ModelOutput},
    predict_config::Config,
    relations::{descriptor, free_name},
};
use crate::{
    catalog::DeclaredModel,
    error::{EngineError, did_you_mean},
    sql::{MODEL_ARGUMENT, flink_type},
};

/// The arguments of a call, by name.
#[derive(Default)]
struct Arguments {
    input: Option<Box<Query>>,
    model: Option<Ident>,
    columns: Option<(Vec<Ident>, Span)>,
    config: Config,
}

const USAGE: &str = "ML_PREDICT(TABLE t, MODEL m, DESCRIPTOR(column, …) [, MAP['key', 'value']])";

fn usage(message: impl Into<String>, span: Span) -> datafusion::common::DataFusionError {
    external_at(
        EngineError::job(message).with_hint(format!("write {USAGE}")),
        span,
    )
}

fn arguments(shared: &Shared, given: Vec<FunctionArg>, span: Span) -> Result<Arguments> {
    const NAMES: [&str; 4] = ["INPUT", "MODEL", "ARGS", "CONFIG"];
    let mut arguments = Arguments {
        config: Config::of_settings(&shared.settings.read()),
        ..Arguments::default()
    };
    for (index, argument) in given.into_iter().enumerate() {
        let (name, value) = match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => match NAMES.get(index) {
                Some(name) => ((*name).to_owned(), value),
                None => {
                    return Err(usage(
                        "ML_PREDICT takes at most four arguments",
                        value.span(),
                    ));
                }
            },
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                ..
            } => (name.value.to_uppercase(), value),
            other => return Err(usage(format!("ML_PREDICT cannot take {other}"), span)),
        };
        let value_span = value.span();
        match (name.as_str(), value) {
            ("INPUT", SqlExpr::Subquery(query)) => arguments.input = Some(query),
            ("MODEL", value) => arguments.model = Some(model_name(value, span)?),
            ("ARGS", value) => match descriptor(value) {
                Some(columns) => arguments.columns = Some((columns, value_span)),
                None => {
                    let message = "the columns of ML_PREDICT must be DESCRIPTOR(column, …)";
                    return Err(usage(message, span));
                }
            },
            ("CONFIG", value) => arguments.config = arguments.config.with(shared, &value)?,
            ("INPUT", _) => {
                return Err(usage(
                    "the input of ML_PREDICT must be TABLE t or a query in parentheses",
                    value_span,
                ));
            }
            (name, _) => {
                return Err(usage(
                    format!("ML_PREDICT has no argument '{name}'"),
                    value_span,
                ));
            }
        }
    }
    Ok(arguments)
}

fn model_name(value: SqlExpr, span: Span) -> Result<Ident> {
    if let SqlExpr::Function(function) = &value
        && function.name.to_string() == MODEL_ARGUMENT
        && let FunctionArguments::List(list) = &function.args
        && let [FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::CompoundIdentifier(parts)))] =
            list.args.as_slice()
        && let Some(name) = parts.last()
    {
        return Ok(name.clone());
    }
    let at = if value.span() == Span::empty() {
        span
    } else {
        value.span()
    };
    Err(usage("the model of ML_PREDICT must be MODEL m", at))
}

/// Plans a call of ML_PREDICT.
pub(super) fn plan_predict(
    shared: &Shared,
    given: Vec<FunctionArg>,
    span: Span,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let arguments = arguments(shared, given, span)?;
    let input = arguments
        .input
        .ok_or_else(|| usage("ML_PREDICT has no input", span))?;
    let model_name = arguments
        .model
        .ok_or_else(|| usage("ML_PREDICT has no model", span))?;
    let (columns, columns_span) = arguments
        .columns
        .ok_or_else(|| usage("ML_PREDICT has no DESCRIPTOR of columns", span))?;
    let input = context.plan(TableFactor::Derived {
        lateral: false,
        subquery: input,
        alias: None,
        sample: None,
    })?;
    let declared = shared
        .catalog
        .read()
        .model(&model_name.value)
        .map_err(|error| external_at(error, model_name.span))?;
    let mut features = features(&input, &declared, &columns, columns_span)?;
    let model = declared
        .load(shared)
        .map_err(|error| external_at(error, model_name.span))?;
    let key = match model.canary_key() {
        Some(key) if model.inputs().iter().all(|field| *field.name() != key) => {
            let (column, data_type) = column(&input, &key).map_err(|error| {
                let hint = format!(
                    "'canary.key' = '{key}' of the model '{}' is a column of its input; {}",
                    declared.name,
                    error.hint().unwrap_or_default()
                );
                external_at(error.with_hint(hint), model_name.span)
            })?;
            features.push(column);
            Some(data_type)
        }
        _ => None,
    };

    let mut names: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    for (qualifier, field) in input.schema().iter() {
        let name = free_name(&names, field.name());
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        kept.push(if name == *field.name() {
            column
        } else {
            column.alias(&name)
        });
        names.push(name);
    }
    let limit = model_time(shared).map_err(|error| external_at(error, span))?;
    let mut config = arguments.config;
    config.timeout = Some(config.timeout.map_or(limit, |own| own.min(limit)));
    let fields: Fields = model.outputs().iter().cloned().collect();
    let function = ScalarUDF::new_from_impl(ModelFunction::new(&declared.name, model, key, config));
    let call = function.call(features);
    let outputs: Vec<&str> = declared
        .outputs
        .iter()
        .map(|output| output.name.text.as_str())
        .collect();
    if let [output] = outputs.as_slice() {
        kept.push(call.alias(free_name(&names, output)));
        return LogicalPlanBuilder::from(input).project(kept)?.build();
    }
    // A row of all outputs, taken apart in a second step: the model is called once.
    let row = free_name(&names, "prediction row");
    kept.push(call.alias(&row));
    let rows = LogicalPlanBuilder::from(input).project(kept)?.build()?;
    let mut columns: Vec<Expr> = rows
        .schema()
        .columns()
        .into_iter()
        .take(names.len())
        .map(Expr::Column)
        .collect();
    for (place, output) in outputs.iter().enumerate() {
        let name = free_name(&names, output);
        let row = Expr::Column(Column::new_unqualified(&row));
        let output = ScalarUDF::new_from_impl(ModelOutput::new(place, &fields));
        columns.push(output.call(vec![row]).alias(&name));
        names.push(name);
    }
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

/// A column of the input, with its type.
fn column(input: &LogicalPlan, name: &str) -> Result<(Expr, DataType), EngineError> {
    let schema = input.schema();
    let found = schema.iter().find(|(_, field)| field.name() == name);
    let Some((qualifier, field)) = found else {
        let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let message = format!("the input of ML_PREDICT has no column '{name}'");
        return Err(EngineError::job(message).with_hint(did_you_mean(
            name,
            &names,
            "its columns are",
        )));
    };
    let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
    Ok((column, field.data_type().clone()))
}

/// The named columns, cast to the model's inputs.
fn features(
    input: &LogicalPlan,
    model: &DeclaredModel,
    columns: &[Ident],
    span: Span,
) -> Result<Vec<Expr>> {
    if columns.len() != model.inputs.len() {
        let count = |count: usize| format!("{count} column{}", if count == 1 { "" } else { "s" });
        let first = model.inputs.get(columns.len());
        let hint = match (first, columns.get(model.inputs.len())) {
            (Some(missing), _) => {
                format!(
                    "the first input without a column is '{}'",
                    missing.name.text
                )
            }
            (None, Some(extra)) => {
                format!("the first column without an input is '{}'", extra.value)
            }
            (None, None) => USAGE.to_owned(),
        };
        return Err(external_at(
            EngineError::job(format!(
                "the model '{}' takes {}, DESCRIPTOR names {}",
                model.name,
                count(model.inputs.len()),
                columns.len()
            ))
            .with_hint(hint),
            span,
        ));
    }
    columns
        .iter()
        .zip(&model.inputs)
        .map(|(ident, expected)| {
            let (column, found) =
                column(input, &ident.value).map_err(|error| external_at(error, ident.span))?;
            let wanted = &expected.declared.data_type;
            if found == *wanted {
                return Ok(column);
            }
            if !feeds(&found, wanted) {
                return Err(external_at(
                    EngineError::job(format!(
                        "the column '{}' is {}, but the input '{}' of the model '{}' is {}",
                        ident.value,
                        flink_type(&found),
                        expected.name.text,
                        model.name,
                        expected.declared.text,
                    ))
                    .with_hint(format!(
                        "select CAST(`{}` AS {}) in a query as the input of ML_PREDICT",
                        ident.value, expected.declared.text
                    )),
                    ident.span,
                ));
            }
            Ok(datafusion::logical_expr::cast(column, wanted.clone()))
        })
        .collect()
}
