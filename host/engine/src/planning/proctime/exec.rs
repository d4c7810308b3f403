//! A column of processing time in a physical plan.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        datatypes::{DataType, FieldRef, Schema, SchemaRef},
    },
    common::{Result, ScalarValue, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::StreamExt;

use crate::{
    job::{Clock, machine_time},
    planning::node::plan_node,
};

/// All columns of its input, and behind them when each row was worked on.
pub(in crate::planning) struct ProctimeColumn {
    input: Arc<dyn ExecutionPlan>,
    /// Of the column that it adds: TIMESTAMP_LTZ(3).
    field: FieldRef,
    /// In a plan without end: the time of its windows.
    clock: Option<Arc<Clock>>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl ProctimeColumn {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        field: FieldRef,
        clock: Option<Arc<Clock>>,
    ) -> Self {
        let own = input.schema();
        let fields = own.fields().iter().cloned().chain([Arc::clone(&field)]);
        let fields: Vec<_> = fields.collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        ProctimeColumn {
            input,
            field,
            clock,
            schema,
            properties: Arc::new(properties),
        }
    }

    /// The same over an input without end.
    pub(in crate::planning) fn without_end(
        &self,
        input: Arc<dyn ExecutionPlan>,
        clock: Arc<Clock>,
    ) -> Self {
        ProctimeColumn::new(input, Arc::clone(&self.field), Some(clock))
    }
}

/// Adds `now`, in milliseconds since 1970.
fn with_time(batch: &RecordBatch, schema: &SchemaRef, now: i64) -> Result<RecordBatch> {
    let zone = match schema.fields().last().map(|field| field.data_type()) {
        Some(DataType::Timestamp(_, zone)) => zone.clone(),
        _ => return internal_err!("a column of processing time without a type"),
    };
    let time = ScalarValue::TimestampMillisecond(Some(now), zone);
    let times: ArrayRef = time.to_array_of_size(batch.num_rows())?;
    let columns = batch.columns().iter().cloned().chain([times]);
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect())?)
}

impl fmt::Debug for ProctimeColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProctimeColumn").finish_non_exhaustive()
    }
}

impl DisplayAs for ProctimeColumn {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("ProctimeColumn")
    }
}

impl ProctimeColumn {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let (field, clock) = (Arc::clone(&self.field), self.clock.clone());
        Ok(ProctimeColumn::new(input, field, clock))
    }
}

impl ExecutionPlan for ProctimeColumn {
    plan_node!("ProctimeColumn", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (schema, clock) = (Arc::clone(&self.schema), self.clock.clone());
        let timed = input.map(move |batch| {
            let now = clock
                .as_ref()
                .map_or_else(machine_time, |clock| clock.now());
            with_time(&batch?, &schema, now)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            timed,
        )))
    }
}
