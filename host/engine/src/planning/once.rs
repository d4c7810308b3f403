//! A query over tables with an end, in a job without one: all that it gives comes in one epoch.

use std::{fmt, sync::Arc, task::Poll};

use datafusion::{
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        DisplayAs, DisplayFormatType, EmptyRecordBatchStream, ExecutionPlan,
        ExecutionPlanProperties, PlanProperties, execution_plan::reset_plan_states,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, stream};
use parking_lot::Mutex;

use super::{endless::as_node, node::plan_node};

/// Executes its plan in the job's first epoch, and gives nothing from then on; in a job that goes on from
/// a checkpoint behind that epoch, nothing at all.
#[derive(Clone)]
pub(crate) struct Once {
    /// No child to others, which would make it anew for every epoch.
    plan: Arc<dyn ExecutionPlan>,
    round: Arc<Mutex<Round>>,
}

struct Round {
    plan: Arc<dyn ExecutionPlan>,
    /// One a partition: whether its execution has begun.
    given: Vec<bool>,
    /// Every execution that is not through has it.
    running: Arc<()>,
}

impl Once {
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = plan.output_partitioning().partition_count();
        let round = Round {
            plan: Arc::clone(&plan),
            given: vec![false; partitions],
            running: Arc::default(),
        };
        Once {
            plan,
            round: Arc::new(Mutex::new(round)),
        }
    }

    pub(super) fn plan(&self) -> &Arc<dyn ExecutionPlan> {
        &self.plan
    }

    /// Those of a plan.
    pub(crate) fn all(plan: &Arc<dyn ExecutionPlan>) -> Vec<Self> {
        match as_node::<Once>(plan) {
            Some(once) => vec![once.clone()],
            None => plan.children().into_iter().flat_map(Once::all).collect(),
        }
    }

    /// Whether all of its rows have been given.
    pub(crate) fn is_through(&self) -> bool {
        let round = self.round.lock();
        round.given.iter().all(|given| *given) && Arc::strong_count(&round.running) == 1
    }

    /// The job begins, once more maybe, before or behind the epoch of its rows.
    pub(crate) fn begin(&self, given: bool) -> Result<()> {
        let plan = reset_plan_states(Arc::clone(&self.plan))?;
        let mut round = self.round.lock();
        round.plan = plan;
        round.given.fill(given);
        Ok(())
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.plan).finish()
    }
}

impl DisplayAs for Once {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Once: {}", self.plan.name())
    }
}

impl ExecutionPlan for Once {
    plan_node!("Once");

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut round = self.round.lock();
        let partitions = round.given.len();
        let Some(given) = round.given.get_mut(partition) else {
            return internal_err!("partition {partition} of {partitions}");
        };
        if std::mem::replace(given, true) {
            return Ok(Box::pin(EmptyRecordBatchStream::new(self.plan.schema())));
        }
        let mut running = Some(Arc::clone(&round.running));
        let end = stream::poll_fn(move |_| {
            drop(running.take());
            Poll::Ready(None)
        });
        let rows = round.plan.execute(partition, context)?.chain(end);
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.plan.schema(),
            rows,
        )))
    }
}
