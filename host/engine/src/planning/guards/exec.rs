//! Guarded expressions in a physical plan.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, RecordBatch},
        compute::filter_record_batch,
        datatypes::{DataType, Field, Schema, SchemaRef},
    },
    common::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;
use wasmill_udf::{FailedRow, Spared, spare};

use crate::planning::{endless::as_node, letters::FailedRows, node::plan_node};

/// An expression, and the column that has its values.
type Call = (Arc<dyn PhysicalExpr>, String);

/// All columns of its input, and behind them the values of its expressions; without the rows for which
/// a function in them fails.
pub(in crate::planning) struct GuardedCalls {
    input: Arc<dyn ExecutionPlan>,
    calls: Arc<[Call]>,
    failed: Arc<FailedRows>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl GuardedCalls {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, calls: Vec<Call>) -> Result<Self> {
        let failed = Arc::new(FailedRows::new(&input));
        GuardedCalls::with_failed(input, calls.into(), failed)
    }

    fn with_failed(
        input: Arc<dyn ExecutionPlan>,
        calls: Arc<[Call]>,
        failed: Arc<FailedRows>,
    ) -> Result<Self> {
        let own = input.schema();
        let mut fields: Vec<_> = own.fields().iter().cloned().collect();
        for (expr, name) in calls.iter() {
            fields.push(Arc::new(Field::new(name, expr.data_type(&own)?, true)));
        }
        let schema = Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Ok(GuardedCalls {
            input,
            calls,
            failed,
            schema,
            properties: Arc::new(properties),
        })
    }

    /// What becomes of the rows for which a function fails.
    pub(in crate::planning) fn failed(&self) -> &Arc<FailedRows> {
        &self.failed
    }

    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        GuardedCalls::with_failed(input, Arc::clone(&self.calls), Arc::clone(&self.failed))
    }
}

/// Those of a plan.
pub(in crate::planning) fn guards(plan: &Arc<dyn ExecutionPlan>) -> Vec<&GuardedCalls> {
    let below = plan.children().into_iter().flat_map(guards);
    as_node::<GuardedCalls>(plan)
        .into_iter()
        .chain(below)
        .collect()
}

/// The rows of a batch for which no function fails.
async fn guarded(
    batch: RecordBatch,
    calls: Arc<[Call]>,
    failed: Arc<FailedRows>,
    schema: SchemaRef,
) -> Result<RecordBatch> {
    if batch.num_rows() == 0 {
        return Ok(RecordBatch::new_empty(schema));
    }
    let own = batch.num_columns();
    let added = schema.fields().iter().skip(own);
    let types: Vec<DataType> = added.map(|field| field.data_type().clone()).collect();
    let Spared {
        columns,
        failed: wrong,
    } = spare(&batch, &types, |batch| values(batch, &calls))?;
    let batch = match wrong.is_empty() {
        true => batch,
        false => {
            let good = others(batch.num_rows(), &wrong);
            failed.take(&batch, wrong).await?;
            filter_record_batch(&batch, &good)?
        }
    };
    let columns = batch.columns().iter().cloned().chain(columns);
    Ok(RecordBatch::try_new(schema, columns.collect())?)
}

/// Which rows did not fail.
fn others(rows: usize, failed: &[FailedRow]) -> BooleanArray {
    let mut failed = failed.iter().map(|failed| failed.row).peekable();
    let rows = (0..rows).map(|row| Some(failed.next_if_eq(&row).is_none()));
    rows.collect()
}

fn values(batch: &RecordBatch, calls: &[Call]) -> Result<Vec<ArrayRef>> {
    let values = calls
        .iter()
        .map(|(expr, _)| expr.evaluate(batch)?.into_array(batch.num_rows()));
    values.collect()
}

impl fmt::Debug for GuardedCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedCalls").finish_non_exhaustive()
    }
}

impl DisplayAs for GuardedCalls {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let calls = self.calls.iter();
        let calls: Vec<_> = calls
            .map(|(expr, name)| format!("{expr} as {name}"))
            .collect();
        write!(f, "GuardedCalls: [{}]", calls.join(", "))
    }
}

impl ExecutionPlan for GuardedCalls {
    plan_node!("GuardedCalls", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (calls, failed) = (Arc::clone(&self.calls), Arc::clone(&self.failed));
        let schema = Arc::clone(&self.schema);
        let rows = input.and_then(move |batch| {
            let (calls, failed) = (Arc::clone(&calls), Arc::clone(&failed));
            guarded(batch, calls, failed, Arc::clone(&schema))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        )))
    }
}
