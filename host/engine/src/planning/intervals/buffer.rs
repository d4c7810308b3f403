//! The rows of one side, as long as rows of the other may go with them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::{array::RecordBatch, compute::max},
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        ReplaceChildrenOptions, execution_plan::ChildrenPropertiesMode,
    },
};
use futures::StreamExt;
use parking_lot::Mutex;

use crate::{
    job::{BEGINNING, Clock},
    planning::{
        holding::{Holding, Released, spread},
        windows::milliseconds,
    },
    state::{Chunk, Keeper, StateStore},
};

/// What one partition holds.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Of this epoch; they are joined in the next.
    incoming: Vec<Dated>,
    /// Of the epoch before: they are joined in this one.
    new: Vec<Dated>,
    /// Joined before; rows may come that go with them.
    old: Vec<Dated>,
}

#[derive(Debug)]
struct Dated {
    chunk: Chunk,
    /// The latest time of its rows.
    last: i64,
}

impl Rows {
    /// Rows that are to be joined in this epoch.
    pub(super) fn new_chunks(&self) -> Vec<Chunk> {
        self.new.iter().map(|dated| dated.chunk.clone()).collect()
    }

    /// Rows that were joined before.
    pub(super) fn old_chunks(&self) -> Vec<Chunk> {
        self.old.iter().map(|dated| dated.chunk.clone()).collect()
    }
}

/// Rows of one side of a join, in a plan without end. What it releases is read by the join, not by
/// what is above it in the plan.
pub(in crate::planning) struct Waiting {
    input: Arc<dyn ExecutionPlan>,
    /// Of the input's rows.
    time: Arc<dyn PhysicalExpr>,
    /// How long a row waits: until the watermark is so many milliseconds behind it.
    wait: i64,
    level: usize,
    clock: Arc<Clock>,
    keeper: Keeper,
    /// The watermark of the epoch before.
    before: Arc<Mutex<i64>>,
    /// One a partition.
    rows: Arc<[Mutex<Rows>]>,
}

impl Waiting {
    pub(in crate::planning) fn new(
        input: Arc<dyn ExecutionPlan>,
        time: Arc<dyn PhysicalExpr>,
        wait: i64,
        (level, clock): (usize, Arc<Clock>),
        store: &Arc<StateStore>,
    ) -> Self {
        let partitions = input.output_partitioning().partition_count();
        Waiting {
            keeper: Keeper::new(store, input.schema()),
            input,
            time,
            wait,
            level,
            clock,
            before: Arc::new(Mutex::new(BEGINNING)),
            rows: (0..partitions).map(|_| Mutex::default()).collect(),
        }
    }

    pub(super) fn rows(&self) -> &Arc<[Mutex<Rows>]> {
        &self.rows
    }

    /// None if no row of the batch has a time: such rows go with none.
    fn dated(&self, batch: RecordBatch) -> Result<Option<Dated>> {
        let times = self.time.evaluate(&batch)?.into_array(batch.num_rows())?;
        let Some(last) = max(&milliseconds(&times)?) else {
            return Ok(None);
        };
        let chunk = self.keeper.chunk(batch, last)?;
        Ok(Some(Dated { chunk, last }))
    }

    fn with_rows<T>(&self, partition: usize, work: impl FnOnce(&mut Rows) -> T) -> Result<T> {
        match self.rows.get(partition) {
            Some(rows) => Ok(work(&mut rows.lock())),
            None => internal_err!("partition {partition} of {}", self.rows.len()),
        }
    }
}

#[async_trait]
impl Holding for Waiting {
    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    async fn take(
        &self,
        partition: usize,
        mut rows: SendableRecordBatchStream,
        _: Arc<TaskContext>,
    ) -> Result<()> {
        while let Some(batch) = rows.next().await {
            let dated = self.dated(batch?)?;
            self.with_rows(partition, |rows| rows.incoming.extend(dated))?;
        }
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        // As it was when those that are new now began to come: none of them is older.
        let watermark = self.clock.watermark(self.level);
        let watermark = std::mem::replace(&mut *self.before.lock(), watermark);
        let over = |dated: &Dated| dated.last.saturating_add(self.wait) <= watermark;
        let released = self.rows.iter().map(|rows| {
            let mut rows = rows.lock();
            let incoming = std::mem::take(&mut rows.incoming);
            let joined = std::mem::replace(&mut rows.new, incoming);
            rows.old.extend(joined);
            rows.old.retain(|dated| !over(dated));
            Box::new(std::iter::empty()) as Released
        });
        Ok(released.collect())
    }

    fn is_due(&self) -> bool {
        self.rows
            .iter()
            .any(|rows| !rows.lock().incoming.is_empty())
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let mut saved = Vec::new();
        for rows in self.rows.iter() {
            let rows = rows.lock();
            saved.extend(rows.old_chunks());
            saved.extend(rows.new_chunks());
        }
        Ok(saved)
    }

    fn clear(&self) -> Result<()> {
        *self.before.lock() = BEGINNING;
        self.rows
            .iter()
            .for_each(|rows| *rows.lock() = Rows::default());
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        spread(
            self.input.output_partitioning(),
            saved,
            |partition, batch| {
                let dated = self.dated(batch)?;
                self.with_rows(partition, |rows| rows.old.extend(dated))
            },
        )
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").finish_non_exhaustive()
    }
}

impl DisplayAs for Waiting {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "Waiting: time={}, wait={} ms", self.time, self.wait)
    }
}

impl ExecutionPlan for Waiting {
    fn name(&self) -> &'static str {
        "Waiting"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
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
            return internal_err!("Waiting has one child");
        };
        Ok(Arc::new(Waiting {
            input,
            time: Arc::clone(&self.time),
            wait: self.wait,
            level: self.level,
            clock: Arc::clone(&self.clock),
            keeper: self.keeper.clone(),
            before: Arc::clone(&self.before),
            rows: Arc::clone(&self.rows),
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, anew)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what holds rows back is not executed as a part of a plan")
    }
}
