//! `WATERMARK FOR column AS expression`, planned over what the connector reads.

use std::{sync::Arc, time::Duration};

use datafusion::{
    arrow::datatypes::{DataType, Field, Schema},
    catalog::Session,
    common::{
        Column, DFSchema, Result,
        tree_node::{Transformed, TreeNode},
    },
    execution::SessionState,
    logical_expr::{Expr, ExprSchemable, cast},
    physical_expr::utils::{collect_columns, reassign_expr_columns},
    sql::sqlparser::ast::ExprWithAlias,
};

use super::{calls, casts::in_zone, context::Shared, external};
use crate::{
    catalog::{Table, Watermark},
    declare::DeclareError,
    error::EngineError,
    job::WatermarkRule,
    sql::flink_type,
};

/// Plans the watermark of a table whose computed columns are planned.
pub(crate) fn planned_watermark(
    state: &SessionState,
    table: &Table,
    watermark: &Watermark,
) -> std::result::Result<Expr, DeclareError> {
    let zone = state.config_options().execution.time_zone.as_deref();
    let fields = table.columns.iter().filter_map(|column| {
        let (data_type, nullable) = match (&column.computed, column.declared()) {
            (Some(computed), _) => (computed.data_type.clone(), computed.nullable),
            (None, Some(declared)) => (in_zone(&declared.data_type, zone), declared.nullable),
            (None, None) => return None,
        };
        Some(Field::new(&column.name, data_type, nullable))
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    if let Ok(field) = schema.field_with_name(&watermark.column) {
        check_time(&watermark.column, field.data_type())?;
    }
    let schema = DFSchema::try_from(schema).map_err(DeclareError::Planning)?;
    let expr = ExprWithAlias {
        expr: calls::of_flink(watermark.sql.as_ref()),
        alias: None,
    };
    let expr = state.create_logical_expr_from_sql_expr(expr, &schema);
    let expr = expr.map_err(DeclareError::Planning)?;
    let (_, field) = expr.to_field(&schema).map_err(DeclareError::Planning)?;
    let what = format!("the watermark {}", watermark.text);
    check_time(&what, field.data_type())?;
    // What is computed is computed again; instants are read in UTC.
    let over_read = expr.transform_up(|expr| {
        let Expr::Column(Column { name, .. }) = &expr else {
            return Ok(Transformed::no(expr));
        };
        let found = table.columns.iter().find(|column| column.name == *name);
        let Some(found) = found else {
            return Ok(Transformed::no(expr));
        };
        match (&found.computed, found.declared()) {
            (Some(computed), _) => Ok(Transformed::yes(computed.expr.clone())),
            (None, Some(declared)) => {
                let local = in_zone(&declared.data_type, zone);
                match local == declared.data_type {
                    true => Ok(Transformed::no(expr)),
                    false => Ok(Transformed::yes(cast(expr, local))),
                }
            }
            (None, None) => Ok(Transformed::no(expr)),
        }
    });
    Ok(over_read.map_err(DeclareError::Planning)?.data)
}

fn check_time(what: &str, data_type: &DataType) -> std::result::Result<(), EngineError> {
    match data_type {
        DataType::Timestamp(..) => Ok(()),
        other => Err(EngineError::job(format!(
            "a watermark is FOR a TIMESTAMP, but {what} is {}",
            flink_type(other)
        ))
        .with_hint(
            "add a computed column, for example ts AS TO_TIMESTAMP_LTZ(ms, 3), \
             and declare WATERMARK FOR ts AS ts - INTERVAL '5' SECOND"
                .to_owned(),
        )),
    }
}

/// The rule of a table, and the columns that it needs besides the projected ones, all of them read in
/// the order `projection`, then those.
pub(super) fn rule(
    shared: &Shared,
    state: &dyn Session,
    table: &Table,
    options: &std::collections::BTreeMap<String, String>,
    projection: &mut Vec<usize>,
) -> Result<Option<WatermarkRule>> {
    let Some(expr) = table
        .watermark
        .as_ref()
        .and_then(|found| found.expr.clone())
    else {
        return Ok(None);
    };
    let schema = table.read_schema();
    let fields = DFSchema::try_from(schema.as_ref().clone())?;
    let expr = state.create_physical_expr(expr, &fields)?;
    let mut needed: Vec<_> = collect_columns(&expr)
        .iter()
        .map(|found| found.index())
        .collect();
    needed.sort_unstable();
    for index in needed {
        if !projection.contains(&index) {
            projection.push(index);
        }
    }
    let read = Arc::new(schema.project(projection)?);
    let key = "scan.watermark.idle-timeout";
    let idle = match options.get(key) {
        Some(text) => Some(crate::sql::parse_duration(text).ok_or_else(|| {
            let message = format!(
                "table {}: option '{key}' must be a duration such as '30 s', not '{text}'",
                table.name
            );
            external(EngineError::job(message).at(|| table.location.clone()))
        })?),
        None => shared.settings.read().idle_timeout(),
    };
    Ok(Some(WatermarkRule {
        expr: reassign_expr_columns(expr, &read)?,
        idle: idle.filter(|idle: &Duration| !idle.is_zero()),
    }))
}
