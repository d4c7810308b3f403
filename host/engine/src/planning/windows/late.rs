//! Leaves out the rows whose window is over.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch, TimestampMillisecondArray},
        datatypes::TimestampMillisecondType,
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::TryStreamExt;

use super::bounds::in_utc;
use crate::{
    job::{BEGINNING, Clock},
    planning::{Latecomers, node::plan_node},
};

/// The ends of windows in a plan's rows.
#[derive(Debug, Clone)]
pub(in crate::planning) struct Ends {
    /// The column.
    pub index: usize,
    /// Whose clocks it is of.
    pub zone: Option<String>,
}

impl Ends {
    /// In milliseconds since 1970 in UTC.
    pub(super) fn of(&self, batch: &RecordBatch) -> Result<TimestampMillisecondArray> {
        let Some(ends) = batch
            .column(self.index)
            .as_primitive_opt::<TimestampMillisecondType>()
        else {
            return internal_err!("column {} has no ends of windows", self.index);
        };
        match self.zone.as_deref() {
            None | Some("UTC") => Ok(ends.clone()),
            Some(zone) => in_utc(ends, zone),
        }
    }
}

/// Lets the rows pass whose window is not over.
pub(in crate::planning) struct LateRows {
    input: Arc<dyn ExecutionPlan>,
    ends: Ends,
    level: usize,
    clock: Arc<Clock>,
    late: Arc<Latecomers>,
}

impl LateRows {
    /// `late` takes those that do not pass.
    pub(in crate::planning) fn new(
        input: Arc<dyn ExecutionPlan>,
        ends: Ends,
        level: usize,
        clock: Arc<Clock>,
        late: Arc<Latecomers>,
    ) -> Self {
        LateRows {
            input,
            ends,
            level,
            clock,
            late,
        }
    }
}

impl fmt::Debug for LateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LateRows").finish_non_exhaustive()
    }
}

impl DisplayAs for LateRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.input.schema();
        write!(f, "LateRows: by={}", schema.field(self.ends.index).name())
    }
}

impl LateRows {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(LateRows::new(
            input,
            self.ends.clone(),
            self.level,
            Arc::clone(&self.clock),
            Arc::clone(&self.late),
        ))
    }
}

impl ExecutionPlan for LateRows {
    plan_node!("LateRows", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let watermark = self.clock.watermark(self.level);
        if watermark == BEGINNING {
            return Ok(input);
        }
        let (ends, late) = (self.ends.clone(), Arc::clone(&self.late));
        let in_time = input.and_then(move |batch| {
            let (ends, late) = (ends.clone(), Arc::clone(&late));
            async move {
                // A window is over with its last millisecond.
                let last = ends.of(&batch)?.unary(|end| end.saturating_sub(1));
                late.leave_out(batch, &last, watermark).await
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.input.schema(),
            in_time,
        )))
    }
}
