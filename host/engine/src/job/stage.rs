//! The parts of a plan below and above what holds rows back.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        Result, internal_err,
        tree_node::{Transformed, TreeNode},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        execution_plan::reset_plan_states, stream::RecordBatchStreamAdapter,
    },
};
use futures::stream;
use parking_lot::Mutex;

use crate::planning::{Holding, Released as Rows, as_holding, plan_node};

/// What is below a node that holds rows, with the node: executed by itself in every epoch.
pub(super) struct Stage {
    node: Arc<dyn ExecutionPlan>,
    /// Ends in [`Released`] where it has stages below.
    input: Arc<dyn ExecutionPlan>,
    released: Released,
}

impl Stage {
    /// Cuts a plan at the nodes that hold rows: the stages, each behind those below it, and what is
    /// above all of them.
    pub(super) fn cut(
        plan: &Arc<dyn ExecutionPlan>,
    ) -> Result<(Vec<Stage>, Arc<dyn ExecutionPlan>)> {
        let mut stages = Vec::new();
        let above = Arc::clone(plan).transform_up(|node| {
            let Some(holding) = as_holding(&node) else {
                return Ok(Transformed::no(node));
            };
            let released = Released::new(&node);
            stages.push(Stage {
                input: Arc::clone(holding.input()),
                released: released.clone(),
                node,
            });
            Ok(Transformed::yes(Arc::new(released) as _))
        })?;
        Ok((stages, above.data))
    }

    pub(super) fn node(&self) -> &Arc<dyn ExecutionPlan> {
        &self.node
    }

    pub(super) fn holding(&self) -> Result<&dyn Holding> {
        match as_holding(&self.node) {
            Some(holding) => Ok(holding),
            None => internal_err!("a stage of {}", self.node.name()),
        }
    }

    /// Begins an epoch: gives the rows of windows that are over.
    pub(super) fn release(&self) -> Result<()> {
        let released = self.holding()?.release()?;
        for (place, rows) in self.released.rows.iter().zip(released) {
            *place.lock() = Some(rows);
        }
        Ok(())
    }

    /// What takes the rows of an epoch, one future a partition.
    pub(super) fn takers(
        &self,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<impl Future<Output = Result<()>> + Send + use<>>> {
        let input = reset_plan_states(Arc::clone(&self.input))?;
        let partitions = 0..input.output_partitioning().partition_count();
        let takers = partitions.map(|partition| {
            let rows = input.execute(partition, Arc::clone(context))?;
            let (node, context) = (Arc::clone(&self.node), Arc::clone(context));
            Ok(async move {
                match as_holding(&node) {
                    Some(holding) => holding.take(partition, rows, context).await,
                    None => internal_err!("a stage of {}", node.name()),
                }
            })
        });
        takers.collect()
    }
}

/// In the place of a node that holds rows: gives those that it has released in this epoch.
#[derive(Clone)]
struct Released {
    properties: Arc<PlanProperties>,
    /// One a partition. What a plan does not ask for is replaced in the next epoch.
    rows: Arc<[Mutex<Option<Rows>>]>,
}

impl Released {
    fn new(node: &Arc<dyn ExecutionPlan>) -> Self {
        let partitions = node.output_partitioning().partition_count();
        Released {
            properties: Arc::clone(node.properties()),
            rows: (0..partitions).map(|_| Mutex::default()).collect(),
        }
    }
}

impl fmt::Debug for Released {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Released").finish_non_exhaustive()
    }
}

impl DisplayAs for Released {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Released")
    }
}

impl ExecutionPlan for Released {
    plan_node!("Released");

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let Some(rows) = self.rows.get(partition) else {
            return internal_err!("partition {partition} of {}", self.rows.len());
        };
        let rows = rows.lock().take();
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(self.properties.eq_properties.schema()),
            stream::iter(rows.into_iter().flatten()),
        )))
    }
}
