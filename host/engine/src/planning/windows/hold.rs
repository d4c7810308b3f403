//! Holds the rows of a window back until its time is over: above it, every epoch has whole windows,
//! so that any operator that works window by window need not know that the table has no end.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{Result, internal_err},
    datasource::memory::MemorySourceConfig,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, aggregate::AggregateFunctionExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy},
        collect,
        execution_plan::{Boundedness, EmissionType},
    },
};
use futures::StreamExt;
use parking_lot::Mutex;
use wasmill_state::{Chunk, Keeper, StateStore};

use super::{
    held::{Held, load},
    late::Ends,
};
use crate::{
    job::Clock,
    planning::{
        holding::{Holding, Released, spread},
        node::plan_node,
    },
};

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
pub(in crate::planning) struct Hold {
    input: Arc<dyn ExecutionPlan>,
    ends: Ends,
    level: usize,
    clock: Arc<Clock>,
    reduction: Option<Reduction>,
    keeper: Keeper,
    /// One a partition.
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
        store: &Arc<StateStore>,
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
            keeper: Keeper::new(store, input.schema()),
            input,
            ends,
            level,
            clock,
            reduction,
            held,
            properties: Arc::new(properties),
        }
    }

    fn partition(&self, partition: usize) -> Result<&Mutex<Held>> {
        match self.held.get(partition) {
            Some(held) => Ok(held),
            None => internal_err!("partition {partition} of {}", self.held.len()),
        }
    }
}

#[async_trait]
impl Holding for Hold {
    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    async fn take(
        &self,
        partition: usize,
        mut rows: SendableRecordBatchStream,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        let held = self.partition(partition)?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let ends = self.ends.of(&batch)?;
                held.lock().add(batch, &ends, &self.keeper)?;
            }
        }
        let Some(reduction) = &self.reduction else {
            return Ok(());
        };
        let grown = held.lock().grown();
        for (end, chunks) in grown {
            let context = Arc::clone(&context);
            let schema = self.input.schema();
            let reduced = reduction.reduce(load(&chunks)?, &schema, context).await?;
            held.lock().put_reduced(end, reduced, &self.keeper)?;
        }
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        let watermark = self.clock.watermark(self.level);
        let released = self.held.iter().map(|held| {
            let chunks = held.lock().release(watermark).into_iter();
            Box::new(chunks.map(|chunk| Ok(chunk.load()?))) as Released
        });
        Ok(released.collect())
    }

    fn is_due(&self) -> bool {
        let watermark = self.clock.watermark(self.level);
        self.held.iter().any(|held| held.lock().is_due(watermark))
    }

    fn next_due(&self) -> Option<i64> {
        let ends = self.held.iter().filter_map(|held| held.lock().first_end());
        self.clock.is_machine().then(|| ends.min())?
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let mut saved = Vec::new();
        for held in self.held.iter() {
            saved.extend(held.lock().chunks().cloned());
        }
        Ok(saved)
    }

    fn clear(&self) -> Result<()> {
        self.held.iter().for_each(|held| held.lock().clear());
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        spread(
            self.properties.output_partitioning(),
            saved,
            |partition, batch| {
                let ends = self.ends.of(&batch)?;
                self.partition(partition)?
                    .lock()
                    .add(batch, &ends, &self.keeper)
            },
        )
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

impl Hold {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(Hold {
            input,
            ends: self.ends.clone(),
            level: self.level,
            clock: Arc::clone(&self.clock),
            reduction: self.reduction.clone(),
            keeper: self.keeper.clone(),
            held: Arc::clone(&self.held),
            properties: Arc::clone(&self.properties),
        })
    }
}

impl ExecutionPlan for Hold {
    plan_node!("Hold", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what holds rows back is not executed as a part of a plan")
    }
}
