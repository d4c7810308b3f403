//! Calls of table functions in FROM, planned.

use std::{any::Any, sync::Arc};

use datafusion::{
    common::{
        Column, DataFusionError, Diagnostic, Result, SchemaError, Span as PlanSpan, TableReference,
        plan_err, tree_node::TreeNode,
    },
    logical_expr::{
        Expr, ExprSchemable, Extension, LogicalPlan, LogicalPlanBuilder, ScalarUDF,
        planner::RelationPlannerContext,
    },
    sql::sqlparser::{
        ast::{
            Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Join,
            JoinConstraint, JoinOperator, Spanned, TableAlias, TableFactor, Value,
        },
        tokenizer::Span,
    },
};
use wasmill_plugin::Kind;
use wasmill_udf::WasmFunction;

use super::node::{ExpandNode, item_columns};
use crate::{
    error::EngineError,
    planning::{context::Shared, external_at, relations::free_name},
};

/// `f(…) AS a(c, …)`.
pub(in crate::planning) struct TableCall {
    pub name: Ident,
    pub arguments: Vec<FunctionArg>,
    pub alias: Option<TableAlias>,
}

impl TableCall {
    /// The call in `LATERAL TABLE(f(…))`.
    pub(in crate::planning) fn of(relation: TableFactor, span: Span) -> Result<Self> {
        let wrong = || {
            let error = EngineError::job("LATERAL TABLE takes a call of a table function");
            external_at(error, span)
        };
        let TableFactor::Function { args, alias, .. } = relation else {
            return Err(wrong());
        };
        let Ok([FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Function(call)))]) =
            <[_; 1]>::try_from(args)
        else {
            return Err(wrong());
        };
        let name = call.name.0.last().and_then(|part| part.as_ident());
        Ok(TableCall {
            name: name.cloned().ok_or_else(wrong)?,
            arguments: match call.args {
                FunctionArguments::List(list) => list.args,
                _ => Vec::new(),
            },
            alias,
        })
    }
}

/// What is done with a row for which the function gives no rows.
#[derive(Clone, Copy)]
enum Empty {
    LeftOut,
    GivesNulls,
}

/// Plans a join with LATERAL TABLE on its right.
pub(in crate::planning) fn plan_join(
    shared: &Shared,
    left: TableFactor,
    join: Join,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let span = join.relation.span();
    let call = TableCall::of(join.relation, span)?;
    let (empty, on) = joined(join.join_operator, span)?;
    let left = context.plan(left)?;
    let plan = plan_call(shared, call, left, empty, context)?;
    let Some(on) = on else {
        return Ok(plan);
    };
    let condition = context.sql_to_expr(on, plan.schema())?;
    LogicalPlanBuilder::from(plan).filter(condition)?.build()
}

/// Plans a call by itself: its arguments have no columns to use.
pub(in crate::planning) fn plan_alone(
    shared: &Shared,
    call: TableCall,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let nothing = LogicalPlanBuilder::empty(true).build()?;
    plan_call(shared, call, nothing, Empty::LeftOut, context)
}

/// What a join does with rows without any on the right, and what it asks of the others.
fn joined(operator: JoinOperator, span: Span) -> Result<(Empty, Option<SqlExpr>)> {
    let (empty, constraint) = match operator {
        JoinOperator::CrossJoin(constraint)
        | JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint) => (Empty::LeftOut, constraint),
        JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
            (Empty::GivesNulls, constraint)
        }
        _ => {
            let message = "LATERAL TABLE can only be joined by CROSS JOIN, JOIN or LEFT JOIN: each \
                           of its rows belongs to one on the left";
            return Err(external_at(EngineError::job(message), span));
        }
    };
    match (empty, constraint) {
        (_, JoinConstraint::On(on)) if is_true(&on) => Ok((empty, None)),
        (Empty::LeftOut, JoinConstraint::None) => Ok((empty, None)),
        (Empty::LeftOut, JoinConstraint::On(on)) => Ok((empty, Some(on))),
        (Empty::LeftOut, _) => {
            let message = "a join with LATERAL TABLE can have ON, but not USING or NATURAL";
            Err(external_at(EngineError::job(message), span))
        }
        (Empty::GivesNulls, _) => {
            let error = EngineError::job("a LEFT JOIN with LATERAL TABLE can only be ON TRUE")
                .with_hint("filter the rows in a query around it, or in the function".to_owned());
            Err(external_at(error, span))
        }
    }
}

fn is_true(condition: &SqlExpr) -> bool {
    match condition {
        SqlExpr::Value(value) => value.value == Value::Boolean(true),
        SqlExpr::Nested(inner) => is_true(inner),
        _ => false,
    }
}

/// The table function of this name, and how it is declared; an error says what else it is.
fn table_function(
    shared: &Shared,
    name: &Ident,
    context: &dyn RelationPlannerContext,
) -> Result<(String, Arc<ScalarUDF>)> {
    let lower = name.value.to_lowercase();
    let declared = shared.catalog.read().functions.get(&lower).cloned();
    if let Some(found) = &declared
        && let Some(function) = &found.table
    {
        return Ok((found.name.clone(), Arc::clone(function)));
    }
    let provider = context.context_provider();
    if declared
        .as_ref()
        .is_some_and(|declared| declared.process.is_some())
    {
        let error = EngineError::job(format!(
            "'{}' is a process function: it takes a table, not the values of a row",
            name.value
        ))
        .with_hint(format!(
            "write FROM {}(input => TABLE t PARTITION BY k)",
            name.value
        ));
        return Err(external_at(error, name.span));
    }
    let of_aggregate = declared
        .as_ref()
        .is_some_and(|declared| declared.kind == Kind::Aggregate);
    let what = if of_aggregate || provider.get_aggregate_meta(&lower).is_some() {
        "an aggregate function: it gives a value for many rows"
    } else if declared.is_some() || provider.get_function_meta(&lower).is_some() {
        "a scalar function: it gives a value, not rows"
    } else {
        return plan_err!("Invalid function '{}'", name.value);
    };
    let error = EngineError::job(format!("'{}' is {what}", name.value)).with_hint(format!(
        "call it as an expression: SELECT {}(…) FROM …",
        name.value
    ));
    Err(external_at(error, name.span))
}

/// Plans a call over the rows of `left`, whose columns its arguments may use.
fn plan_call(
    shared: &Shared,
    call: TableCall,
    left: LogicalPlan,
    empty: Empty,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let TableCall {
        name,
        arguments,
        alias,
    } = call;
    let (declared, function) = table_function(shared, &name, context)?;
    let list = arguments
        .into_iter()
        .map(|argument| planned_argument(argument, &name, &left, context));
    let list = function.call(list.collect::<Result<_>>()?);
    let data_type = list.get_type(left.schema().as_ref());
    let columns = data_type
        .and_then(|data_type| item_columns(&data_type))
        .map_err(|error| at(error, name.span))?;
    let (relation, names) = match alias {
        None => (declared, Vec::new()),
        Some(alias) => {
            let columns = alias.columns.into_iter();
            let columns = columns.map(|column| column.name.value).collect();
            (alias.name.value, columns)
        }
    };
    let own: Vec<_> = columns.iter().map(|column| column.name().clone()).collect();
    let names = match names.len() {
        0 => own,
        given if given == own.len() => names,
        given => {
            let plural = |count: usize| if count == 1 { "" } else { "s" };
            let error = EngineError::job(format!(
                "'{}' gives {} column{}, AS {relation}(…) names {given}",
                name.value,
                own.len(),
                plural(own.len())
            ))
            .with_hint(format!("its columns are {}", own.join(", ")));
            return Err(external_at(error, name.span));
        }
    };
    let relation = TableReference::bare(relation);
    let outer = matches!(empty, Empty::GivesNulls);
    let (input, list) = match is_same_for_all(&list) {
        true => (left, list),
        false => with_column(left, list, &name.value)?,
    };
    let node = ExpandNode::new(input, list, outer, relation, names)?;
    Ok(LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    }))
}

fn planned_argument(
    argument: FunctionArg,
    function: &Ident,
    left: &LogicalPlan,
    context: &mut dyn RelationPlannerContext,
) -> Result<Expr> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
        let message = format!("'{}' takes its arguments by their place", function.value);
        return Err(external_at(EngineError::job(message), function.span));
    };
    let alone = left.schema().fields().is_empty();
    let text = argument.to_string();
    context
        .sql_to_expr(argument, left.schema())
        .map_err(|error| match error.find_root() {
            DataFusionError::SchemaError(found, _)
                if alone && matches!(found.as_ref(), SchemaError::FieldNotFound { .. }) =>
            {
                let error = EngineError::job(format!(
                    "the argument {text} of '{}' has a column, and only LATERAL TABLE has those of \
                     what stands on its left",
                    function.value
                ))
                .with_hint(format!(
                    "write FROM t, LATERAL TABLE({}({text}))",
                    function.value
                ));
                external_at(error, function.span)
            }
            _ => error,
        })
}

/// Whether a call gives the same list for each row: then it is made once.
fn is_same_for_all(call: &Expr) -> bool {
    let Expr::ScalarFunction(call) = call else {
        return false;
    };
    let function = call.func.inner().as_ref() as &dyn Any;
    let deterministic = function
        .downcast_ref::<WasmFunction>()
        .is_some_and(|function| function.kind() == Kind::Table && function.is_deterministic());
    let plain = |argument: &Expr| {
        let reads = argument.exists(|part| {
            Ok(matches!(
                part,
                Expr::Column(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::ScalarSubquery(_)
                    | Expr::InSubquery(_)
                    | Expr::Exists(_)
                    | Expr::SetComparison(_)
            ))
        });
        matches!(reads, Ok(false)) && !argument.is_volatile()
    };
    deterministic && call.args.iter().all(plain)
}

/// The same rows with the lists in a column behind them, and that column.
fn with_column(left: LogicalPlan, list: Expr, function: &str) -> Result<(LogicalPlan, Expr)> {
    let schema = left.schema();
    let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let name = free_name(&names, &format!("rows of {function}"));
    let own = schema.columns().into_iter().map(Expr::Column);
    let columns: Vec<_> = own.chain([list.alias(&name)]).collect();
    let plan = LogicalPlanBuilder::from(left).project(columns)?.build()?;
    Ok((plan, Expr::Column(Column::new_unqualified(name))))
}

/// An error with this place, unless it has one.
fn at(error: DataFusionError, span: Span) -> DataFusionError {
    if error.diagnostic().is_some() {
        return error;
    }
    let message = error.to_string();
    let place = PlanSpan::try_from_sqlparser_span(span);
    error.with_diagnostic(Diagnostic::new_error(message, place))
}
