//! A table with an end beside one without: read once, given again in every epoch.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::record_batch::RecordBatch,
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        ReplaceChildrenOptions, common::collect, execution_plan::ChildrenPropertiesMode,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

/// Executes its plan once a partition, and gives the same rows at each execution.
pub(super) struct Replay {
    /// No child to others, which would make it anew for every epoch.
    plan: Arc<dyn ExecutionPlan>,
    rows: Arc<[OnceCell<Vec<RecordBatch>>]>,
}

impl Replay {
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>) -> Self {
        let partitions = plan.output_partitioning().partition_count();
        Replay {
            plan,
            rows: (0..partitions).map(|_| OnceCell::new()).collect(),
        }
    }
}

impl fmt::Debug for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Replay").field(&self.plan).finish()
    }
}

impl DisplayAs for Replay {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Replay: {}", self.plan.name())
    }
}

impl ExecutionPlan for Replay {
    fn name(&self) -> &'static str {
        "Replay"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.is_empty() {
            true => Ok(self),
            false => internal_err!("Replay has no children"),
        }
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (plan, rows) = (Arc::clone(&self.plan), Arc::clone(&self.rows));
        let batches = stream::once(async move {
            let Some(rows) = rows.get(partition) else {
                return internal_err!("partition {partition} of {}", rows.len());
            };
            let rows = rows.get_or_try_init(|| async {
                let rows = plan.execute(partition, context)?;
                collect(rows).await
            });
            let rows = rows.await?.clone();
            Ok(stream::iter(rows).map(Ok))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.plan.schema(),
            batches.try_flatten(),
        )))
    }
}
