//! Where rows lay in their source, as far as they still say so themselves.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::DataType,
    physical_expr::expressions::Column,
    physical_plan::{
        ExecutionPlan, coalesce_partitions::CoalescePartitionsExec, coop::CooperativeExec,
        filter::FilterExec, repartition::RepartitionExec,
    },
};

use crate::planning::{
    as_scan, concurrent_calls::as_projection, endless::as_node, guards::GuardedCalls,
};

/// Columns of a letter that are metadata of a message.
const PLACE: &[(&str, DataType)] = &[
    ("topic", DataType::Utf8),
    ("partition", DataType::Int32),
    ("offset", DataType::Int64),
];

/// The letter's column, and the column of a row that has it.
pub(super) type Places = Vec<(&'static str, usize)>;

/// Which columns of a plan's rows are a message's place, as the table's METADATA columns gave them.
pub(super) fn places(plan: &Arc<dyn ExecutionPlan>) -> Places {
    let schema = plan.schema();
    let fields = schema.fields().iter().enumerate();
    let found = fields.filter_map(|(index, field)| {
        let key = metadata(plan, index)?;
        let (name, _) = PLACE
            .iter()
            .find(|(name, data_type)| *name == key && data_type == field.data_type())?;
        Some((*name, index))
    });
    found.collect()
}

/// The metadata that a column of a plan is, where nothing has been computed of it.
fn metadata(plan: &Arc<dyn ExecutionPlan>, column: usize) -> Option<&str> {
    if let Some(scan) = as_scan(plan) {
        return scan.metadata(column);
    }
    if let Some(projection) = as_projection(plan) {
        let expr = &projection.expr().get(column)?.expr;
        let column = (expr.as_ref() as &dyn std::any::Any).downcast_ref::<Column>()?;
        return metadata(projection.input(), column.index());
    }
    if let Some(filter) = as_node::<FilterExec>(plan) {
        let column = match filter.projection() {
            Some(columns) => *columns.get(column)?,
            None => column,
        };
        return metadata(filter.input(), column);
    }
    let keeps_columns = as_node::<GuardedCalls>(plan).is_some()
        || as_node::<RepartitionExec>(plan).is_some()
        || as_node::<CooperativeExec>(plan).is_some()
        || as_node::<CoalescePartitionsExec>(plan).is_some();
    match plan.children().as_slice() {
        [input] if keeps_columns && column < input.schema().fields().len() => {
            metadata(input, column)
        }
        _ => None,
    }
}
