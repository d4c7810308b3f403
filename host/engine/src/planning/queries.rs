//! Queries and expressions to plans.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{Field, Schema},
    catalog::Session,
    common::{DFSchema, Result},
    execution::{SessionState, context::QueryPlanner},
    logical_expr::{ExprSchemable, LogicalPlan},
    physical_plan::ExecutionPlan,
    physical_planner::{DefaultPhysicalPlanner, PhysicalPlanner},
    sql::{
        parser::Statement as DataFusionStatement,
        sqlparser::ast::{Expr, ExprWithAlias, Query, Statement},
    },
};

use super::{
    calls, casts::in_zone, concurrent_calls::with_concurrent_calls, endless::breaks, external,
    guards::GuardPlanner, process::ProcessPlanner, proctime::ProctimePlanner, rewrite,
    table_functions::ExpandPlanner, windows::SessionPlanner,
};
use crate::{
    catalog::{ComputedColumn, Table},
    error::EngineError,
};

/// Plans queries with our nodes.
#[derive(Debug)]
pub(super) struct FlinkQueries;

#[async_trait]
impl QueryPlanner for FlinkQueries {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let planner = DefaultPhysicalPlanner::with_extension_planners(vec![
            Arc::new(SessionPlanner),
            Arc::new(ProctimePlanner),
            Arc::new(GuardPlanner),
            Arc::new(ExpandPlanner),
            Arc::new(ProcessPlanner),
        ]);
        planner.create_physical_plan(plan, session).await
    }
}

pub(crate) async fn query_plan(state: &SessionState, query: &Query) -> Result<LogicalPlan> {
    let mut query = Box::new(query.clone());
    rewrite::rewrite(&mut query)?;
    let statement = Statement::Query(query);
    state
        .statement_to_plan(DataFusionStatement::Statement(Box::new(statement)))
        .await
}

/// Optimised and physical. Whose reader replaces earlier rows by later ones needs them in their order,
/// whatever its query allows.
pub(crate) async fn physical_plan(
    state: &SessionState,
    plan: &LogicalPlan,
    may_be_unordered: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = state.create_physical_plan(plan).await?;
    with_concurrent_calls(plan, may_be_unordered)
}

/// Refuses a query over tables without end that would never give a row.
pub(crate) fn check_gives_rows(plan: &Arc<dyn ExecutionPlan>) -> Result<()> {
    match breaks(plan) {
        Some(part) => Err(external(never_ends(&part))),
        None => Ok(()),
    }
}

fn never_ends(part: &str) -> EngineError {
    EngineError::job(format!(
        "this query needs all rows of a table that never ends, so it would never give a result: it \
         has {part}"
    ))
    .with_hint(
        "over an unbounded table write projections and filters; \
         a datagen table ends with 'number-of-rows'"
            .to_owned(),
    )
}

/// Plans `name AS expr` of a CREATE TABLE over the columns that the connector reads.
pub(crate) fn computed_column(
    state: &SessionState,
    table: &Table,
    expr: &Expr,
) -> Result<ComputedColumn> {
    let zone = state.config_options().execution.time_zone.as_deref();
    let fields = table.read_schema();
    let fields = fields.fields().iter().map(|field| {
        let data_type = in_zone(field.data_type(), zone);
        Field::clone(field).with_data_type(data_type)
    });
    let schema = DFSchema::try_from(Schema::new(fields.collect::<Vec<_>>()))?;
    let expr = state.create_logical_expr_from_sql_expr(
        ExprWithAlias {
            expr: calls::of_flink(expr),
            alias: None,
        },
        &schema,
    )?;
    let (_, field) = expr.to_field(&schema)?;
    Ok(ComputedColumn {
        data_type: field.data_type().clone(),
        nullable: field.is_nullable(),
        expr,
    })
}
