//! Holds the rows of a window back until its time is over: above it, every epoch has whole windows,
//! so that any operator that works window by window need not know that the table has no end.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    datasource::memory::MemorySourceConfig,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, Partitioning, PhysicalExpr, aggregate::AggregateFunctionExpr,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy},
        collect,
        execution_plan::{Boundedness, ChildrenPropertiesMode, EmissionType},
        metrics::Time,
        repartition::BatchPartitioner,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use super::{held::Held, late::Ends};
use crate::job::Clock;

/// How the rows of a window that it holds become fewer: partial aggregates of the same group are put
/// together.
#[derive(Debug, Clone)]
pub(in crate::planning) struct Reduction {
    /// Over the partial aggregates.
    pub group_by: PhysicalGroupBy,
    pub aggregates: Vec<Arc<AggregateFunctionExpr>>,
    /// Of what was aggregated.
    pub input_schema: SchemaRef,
}

impl Reduction {
    async fn reduce(
        &self,
        batches: Vec<RecordBatch>,
        schema: &SchemaRef,
        context: Arc<TaskContext>,
    ) -> Result<Vec<RecordBatch>> {
        let input = MemorySourceConfig::try_new_exec(&[batches], Arc::clone(schema), None)?;
        let filters = vec![None; self.aggregates.len()];
        let plan = AggregateExec::try_new(
            AggregateMode::PartialReduce,
            self.group_by.clone(),
            self.aggregates.clone(),
            filters,
            input,
            Arc::clone(&self.input_schema),
        )?;
        let reduced = collect(Arc::new(plan), context).await?.into_iter();
        let named = reduced.map(|batch| {
            Ok(RecordBatch::try_new(
                Arc::clone(schema),
                batch.columns().to_vec(),
            )?)
        });
        named.collect()
    }
}

/// See the module.
pub(crate) struct Hold {
    input: Arc<dyn ExecutionPlan>,
    ends: Ends,
    level: usize,
    clock: Arc<Clock>,
    reduction: Option<Reduction>,
    /// One a partition; shared by the plans of all epochs.
    held: Arc<[Mutex<Held>]>,
    properties: Arc<PlanProperties>,
}

impl Hold {
    pub(in crate::planning) fn new(
        input: Arc<dyn ExecutionPlan>,
        ends: Ends,
        level: usize,
        clock: Arc<Clock>,
        reduction: Option<Reduction>,
    ) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let held = (0..partitions).map(|_| Mutex::default()).collect();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Hold {
            input,
            ends,
            level,
            clock,
            reduction,
            held,
            properties: Arc::new(properties),
        }
    }

    /// Whether a window is over that it still holds.
    pub(crate) fn is_due(&self) -> bool {
        let watermark = self.clock.watermark(self.level);
        self.held.iter().any(|held| held.lock().is_due(watermark))
    }

    /// All that it holds, for a checkpoint.
    pub(crate) fn save(&self) -> Vec<RecordBatch> {
        let mut saved = Vec::new();
        for held in self.held.iter() {
            saved.extend(held.lock().batches().cloned());
        }
        saved
    }

    /// Holds what a checkpoint has, and nothing else. The job may have another number of partitions
    /// now.
    pub(crate) fn restore(&self, saved: Vec<RecordBatch>) -> Result<()> {
        self.held.iter().for_each(|held| held.lock().clear());
        let mut add = |partition: usize, batch: RecordBatch| {
            let ends = self.ends.of(&batch)?;
            match self.held.get(partition) {
                Some(held) => held.lock().add(&batch, &ends),
                None => internal_err!("partition {partition} of {}", self.held.len()),
            }
        };
        match self.properties.output_partitioning() {
            Partitioning::Hash(exprs, partitions) => {
                let mut spread = BatchPartitioner::new_hash_partitioner(
                    exprs.clone(),
                    *partitions,
                    Time::default(),
                )?;
                let mut saved = saved.into_iter();
                saved.try_for_each(|batch| spread.partition(batch, &mut add))
            }
            _ => saved.into_iter().try_for_each(|batch| add(0, batch)),
        }
    }

    /// Says what the rows are, so that those of another query are not taken for them.
    pub(crate) fn describe(&self) -> String {
        let schema = self.input.schema();
        let columns = schema.fields().iter();
        let columns: Vec<_> = columns
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        columns.join(", ")
    }

    pub(crate) fn schema_held(&self) -> SchemaRef {
        self.input.schema()
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").finish_non_exhaustive()
    }
}

impl DisplayAs for Hold {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let schema = self.input.schema();
        write!(f, "Hold: until={}", schema.field(self.ends.index).name())
    }
}

impl ExecutionPlan for Hold {
    fn name(&self) -> &'static str {
        "Hold"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), true) = (children.pop(), children.is_empty()) else {
            return internal_err!("Hold has one child");
        };
        Ok(Arc::new(Hold {
            input,
            ends: self.ends.clone(),
            level: self.level,
            clock: Arc::clone(&self.clock),
            reduction: self.reduction.clone(),
            held: Arc::clone(&self.held),
            properties: Arc::clone(&self.properties),
        }))
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

    /// Gives the rows of the windows that are over, then takes those of the epoch.
    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(held) = self.held.get(partition) else {
            return internal_err!("partition {partition} of {}", self.held.len());
        };
        let over = held.lock().release(self.clock.watermark(self.level));
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let taking = Taking {
            held: Arc::clone(&self.held),
            partition,
            ends: self.ends.clone(),
            reduction: self.reduction.clone(),
            schema: self.input.schema(),
        };
        let taken =
            stream::once(taking.take(input, context)).try_filter_map(|()| async { Ok(None) });
        let rows = stream::iter(over).map(Ok).chain(taken);
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.input.schema(),
            rows,
        )))
    }
}

/// One partition in one epoch.
struct Taking {
    held: Arc<[Mutex<Held>]>,
    partition: usize,
    ends: Ends,
    reduction: Option<Reduction>,
    schema: SchemaRef,
}

impl Taking {
    async fn take(
        self,
        mut input: SendableRecordBatchStream,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        let Some(held) = self.held.get(self.partition) else {
            return internal_err!("partition {} of {}", self.partition, self.held.len());
        };
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let ends = self.ends.of(&batch)?;
                held.lock().add(&batch, &ends)?;
            }
        }
        let Some(reduction) = &self.reduction else {
            return Ok(());
        };
        let grown = held.lock().grown();
        for (end, batches) in grown {
            let context = Arc::clone(&context);
            let reduced = reduction.reduce(batches, &self.schema, context).await?;
            held.lock().put_reduced(end, reduced);
        }
        Ok(())
    }
}
