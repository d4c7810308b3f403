//! INSERT: the query's columns are matched with the sink's, by position, under Flink's casts.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::{
    common::{Column as PlanColumn, ScalarValue},
    execution::SessionState,
    logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast},
    physical_plan::ExecutionPlan,
    sql::sqlparser::{
        ast::{Expr as SqlExpr, ExprWithAlias},
        tokenizer::Span,
    },
};
use wasmill_connectors::Sink;

use super::{
    PlanningScope, assignment::assigns, casts::in_zone, connector_error, context::Shared,
    planning_error, queries,
};
use crate::{
    catalog::{Column, Table},
    error::{EngineError, did_you_mean},
    job::Letters,
    sql::{Insert, Name, Script, flink_type, split_hinted_name},
};

/// A query and the sink that its rows go to.
#[derive(Debug, Clone)]
pub(crate) struct Pipeline {
    pub table: String,
    pub sink: Arc<dyn Sink>,
    pub overwrite: bool,
    /// Gives the columns of the sink.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The columns that must not be NULL but might be.
    pub not_null: Vec<usize>,
    /// Rows with such a NULL are left out instead of failing the job.
    pub drop_nulls: bool,
    /// The plan gives a column more, the last: whether a row takes back the one of its key.
    pub takes_back: bool,
    /// Of a table of letters: where its rows come from.
    pub letters: Option<Arc<Letters>>,
}

/// Where a statement stands.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub script: &'a Script,
    pub span: Span,
}

pub(crate) async fn plan_insert(
    shared: &Shared,
    state: &SessionState,
    insert: &Insert,
    script: &Script,
    span: Span,
) -> Result<Pipeline, EngineError> {
    let site = Site { script, span };
    let (name, hint) = split_hinted_name(&insert.table.text);
    let table = shared
        .catalog
        .read()
        .table(name)
        .map_err(|error| error.at(|| script.location(insert.table.span)))?;
    let definition = table.definition(&hint);
    let sink = wasmill_connectors::sink(&definition, &shared.connectors())
        .map_err(|error| connector_error(&error).at(|| table.location.clone()))?;
    let diagnose = |error: &datafusion::common::DataFusionError| {
        planning_error(
            error,
            &PlanningScope {
                script,
                statement: span,
                query: Some(&insert.query),
                catalog: &shared.catalog.read(),
                state,
            },
        )
    };
    let query = queries::query_plan(state, &insert.query)
        .await
        .map_err(|error| diagnose(&error))?;
    let targets = targets(&table, insert, site)?;
    let mut constants = Vec::new();
    for (name, expr) in &insert.partition {
        let value = constant(state, expr).map_err(|error| diagnose(&error))?;
        constants.push((name.text.clone(), value));
    }
    let zone = shared.settings.read().time_zone().map(str::to_owned);
    let exprs = assignments(&table, &query, &targets, &constants, zone.as_deref(), site)?;
    let plan = LogicalPlanBuilder::from(query)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| diagnose(&error))?;
    let not_null = table
        .written_columns()
        .iter()
        .enumerate()
        .filter(|(index, column)| {
            let nullable = column.declared().is_none_or(|declared| declared.nullable);
            !nullable && plan.schema().field(*index).is_nullable()
        })
        .map(|(index, _)| index)
        .collect();
    let plan = queries::physical_plan(state, &plan, sink.replaces_by().is_none())
        .await
        .map_err(|error| diagnose(&error))?;
    shared.note_written(&definition);
    Ok(Pipeline {
        table: table.name.clone(),
        sink,
        overwrite: insert.overwrite,
        plan,
        not_null,
        drop_nulls: shared.settings.read().drops_nulls(),
        takes_back: false,
        letters: None,
    })
}

/// The names of the columns that the query fills, in its order.
fn targets<'a>(
    table: &'a Table,
    insert: &Insert,
    site: Site<'_>,
) -> Result<Vec<&'a Column>, EngineError> {
    let written = table.written_columns();
    let find = |name: &Name| {
        written
            .iter()
            .find(|column| column.name == name.text)
            .copied()
            .ok_or_else(|| {
                let names: Vec<_> = written.iter().map(|column| column.name.clone()).collect();
                let message = format!(
                    "the table '{}' has no column '{}' to write",
                    table.name, name.text
                );
                EngineError::job(message)
                    .with_hint(did_you_mean(&name.text, &names, "its columns are"))
                    .at(|| site.script.location(name.span))
            })
    };
    for (name, _) in &insert.partition {
        find(name)?;
    }
    if !insert.columns.is_empty() {
        return insert.columns.iter().map(find).collect();
    }
    let is_constant = |column: &&Column| {
        let mut constants = insert.partition.iter();
        constants.any(|(name, _)| name.text == column.name)
    };
    Ok(written
        .iter()
        .copied()
        .filter(|column| !is_constant(column))
        .collect())
}

fn constant(state: &SessionState, expr: &SqlExpr) -> datafusion::common::Result<Expr> {
    let expr = ExprWithAlias {
        expr: expr.clone(),
        alias: None,
    };
    state.create_logical_expr_from_sql_expr(expr, &datafusion::common::DFSchema::empty())
}

/// One expression for each column of the sink.
fn assignments(
    table: &Table,
    query: &LogicalPlan,
    targets: &[&Column],
    constants: &[(String, Expr)],
    zone: Option<&str>,
    site: Site<'_>,
) -> Result<Vec<Expr>, EngineError> {
    let found = query.schema();
    if found.fields().len() != targets.len() {
        return Err(wrong_count(table, query, targets).at(|| site.script.location(site.span)));
    }
    table
        .written_columns()
        .into_iter()
        .map(|column| {
            let Some(declared) = column.declared() else {
                return Err(EngineError::bug("a computed column is written"));
            };
            let wanted = &declared.data_type;
            if let Some(index) = targets.iter().position(|target| target.name == column.name) {
                let (qualifier, field) = found.qualified_field(index);
                let expr = Expr::Column(PlanColumn::new(qualifier.cloned(), field.name()));
                let from = field.data_type();
                let fits = assigns(from, wanted)
                    || (*from == DataType::Float64
                        && matches!(wanted, DataType::Float32 | DataType::Decimal128(..))
                        && is_literal(query, index));
                if !fits {
                    return Err(wrong_type(table, column, field.name(), from)
                        .at(|| site.script.location(site.span)));
                }
                return Ok(as_type(expr, from, wanted, zone).alias(&column.name));
            }
            if let Some((_, value)) = constants.iter().find(|(name, _)| *name == column.name) {
                let value = cast(value.clone(), in_zone(wanted, zone));
                return Ok(cast(value, wanted.clone()).alias(&column.name));
            }
            if !declared.nullable {
                return Err(EngineError::job(format!(
                    "the column '{}' of '{}' is NOT NULL, but the INSERT gives it no value",
                    column.name, table.name
                ))
                .with_hint("add it to the list of columns".to_owned())
                .at(|| site.script.location(site.span)));
            }
            let null = ScalarValue::try_from(wanted)
                .map_err(|error| EngineError::bug(error.to_string()))?;
            Ok(Expr::Literal(null, None).alias(&column.name))
        })
        .collect()
}

/// A TIMESTAMP that becomes an instant is read in the session's time zone.
fn as_type(expr: Expr, from: &DataType, wanted: &DataType, zone: Option<&str>) -> Expr {
    if from == wanted {
        return expr;
    }
    let local = in_zone(wanted, zone);
    if local == *wanted || local == *from {
        cast(expr, wanted.clone())
    } else {
        cast(cast(expr, local), wanted.clone())
    }
}

fn wrong_count(table: &Table, query: &LogicalPlan, targets: &[&Column]) -> EngineError {
    const SHOWN: usize = 8;
    let plural = |count: usize| format!("{count} column{}", if count == 1 { "" } else { "s" });
    let list = |mut names: Vec<String>| {
        if names.len() > SHOWN {
            names.truncate(SHOWN);
            names.push("…".to_owned());
        }
        names.join(", ")
    };
    let fields = query.schema().fields();
    let sink = targets
        .iter()
        .filter_map(|column| Some(format!("{} {}", column.name, column.declared()?.text)))
        .collect();
    let given = fields
        .iter()
        .map(|field| format!("{} {}", field.name(), flink_type(field.data_type())))
        .collect();
    EngineError::job(format!(
        "INSERT INTO '{}' takes {} ({}), the query has {} ({})",
        table.name,
        plural(targets.len()),
        list(sink),
        plural(fields.len()),
        list(given)
    ))
}

fn wrong_type(table: &Table, column: &Column, query: &str, from: &DataType) -> EngineError {
    let text = column
        .declared()
        .map_or("", |declared| declared.text.as_str());
    EngineError::job(format!(
        "the column '{}' of '{}' is {text}, but the query gives '{query}', a {}",
        column.name,
        table.name,
        flink_type(from)
    ))
    .with_hint(format!("write CAST(… AS {text}) if that is what you mean"))
}

/// Whether all values of a query's column are literals of its text.
fn is_literal(plan: &LogicalPlan, index: usize) -> bool {
    let literal = |expr: &Expr| {
        let mut expr = expr;
        loop {
            expr = match expr {
                Expr::Alias(alias) => &alias.expr,
                Expr::Negative(inner) => inner,
                Expr::Cast(cast) => &cast.expr,
                other => return matches!(other, Expr::Literal(..)),
            };
        }
    };
    match plan {
        LogicalPlan::Projection(projection) => {
            projection.expr.get(index).is_some_and(|expr| match expr {
                Expr::Column(_) => is_literal(&projection.input, index),
                expr => literal(expr),
            })
        }
        LogicalPlan::Values(values) => values
            .values
            .iter()
            .all(|row| row.get(index).is_some_and(literal)),
        LogicalPlan::SubqueryAlias(alias) => is_literal(&alias.input, index),
        _ => false,
    }
}

impl Pipeline {
    /// What the sink takes.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.sink.schema()
    }
}
