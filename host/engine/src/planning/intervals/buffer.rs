//! The rows of one side, as long as rows of the other may go with them.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{Array, RecordBatch, TimestampMillisecondArray},
        compute::{max, min},
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
    },
};
use futures::StreamExt;
use parking_lot::Mutex;
use wasmill_state::{Chunk, Keeper, StateStore};

use super::rows::{Dated, Rows};
use crate::{
    job::{BEGINNING, Clock},
    planning::{
        Latecomers,
        holding::{Holding, Released, spread},
        node::plan_node,
        windows::milliseconds,
    },
};

/// How the rows of a side wait, in milliseconds behind which the watermark comes.
#[derive(Debug, Clone)]
pub(in crate::planning) struct Wait {
    /// For partners: none comes later.
    pub partners: i64,
    /// Until they are no longer held.
    pub held: i64,
    /// Whether a row without a partner is given.
    pub outer: bool,
    /// Takes the rows that come behind the watermark; where there is none, they are joined with what
    /// is there.
    pub late: Option<Arc<Latecomers>>,
}

impl Wait {
    /// The time of the last rows for which no partner can come any more.
    fn closed(&self, watermark: i64) -> i64 {
        match watermark {
            // Before all times, and behind them.
            BEGINNING | i64::MAX => watermark,
            watermark => watermark.saturating_sub(self.partners),
        }
    }
}

/// Rows of one side of a join, in a plan without end. What it releases is read by the join, not by
/// what is above it in the plan.
pub(in crate::planning) struct Waiting {
    input: Arc<dyn ExecutionPlan>,
    /// Of the input's rows.
    time: Arc<dyn PhysicalExpr>,
    wait: Wait,
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
        wait: Wait,
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

    pub(super) fn time(&self) -> &Arc<dyn PhysicalExpr> {
        &self.time
    }

    pub(super) fn is_outer(&self) -> bool {
        self.wait.outer
    }

    fn times(&self, batch: &RecordBatch) -> Result<TimestampMillisecondArray> {
        milliseconds(&self.time.evaluate(batch)?.into_array(batch.num_rows())?)
    }

    /// None if the rows need not be held: rows without a time go with none.
    fn dated(&self, batch: RecordBatch) -> Result<Option<Dated>> {
        let times = self.times(&batch)?;
        let (first, last) = match (min(&times), max(&times)) {
            (Some(first), Some(last)) => (first, last),
            _ if self.wait.outer && batch.num_rows() > 0 => (i64::MIN, i64::MIN),
            _ => return Ok(None),
        };
        // Rows without a time do not wait.
        let first = match times.null_count() {
            0 => first,
            _ => i64::MIN,
        };
        let chunk = self.keeper.chunk(batch, last)?;
        Ok(Some(Dated { chunk, first, last }))
    }

    /// Where rows without a partner are given: up to which times none could come in the epoch before,
    /// and none can come now.
    fn closed(&self, before: i64, watermark: i64) -> Option<(i64, i64)> {
        let wait = &self.wait;
        wait.outer
            .then(|| (wait.closed(before), wait.closed(watermark)))
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
        let watermark = self.clock.watermark(self.level);
        while let Some(batch) = rows.next().await {
            let mut batch = batch?;
            if let Some(late) = &self.wait.late {
                let times = self.times(&batch)?;
                batch = late.leave_out(batch, &times, watermark).await?;
            }
            let dated = self.dated(batch)?;
            self.with_rows(partition, |rows| rows.add(dated))?;
        }
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        let watermark = self.clock.watermark(self.level);
        // As it was when those that are new now began to come: none of them is older.
        let before = std::mem::replace(&mut *self.before.lock(), watermark);
        let over = |dated: &Dated| dated.last.saturating_add(self.wait.held) <= before;
        let released = self.rows.iter().map(|rows| {
            rows.lock().turn(self.closed(before, watermark), over);
            Box::new(std::iter::empty()) as Released
        });
        Ok(released.collect())
    }

    fn is_due(&self) -> bool {
        let closed = self.closed(*self.before.lock(), self.clock.watermark(self.level));
        let due = |rows: &Rows| {
            rows.has_incoming() || closed.is_some_and(|closed| rows.has_between(closed))
        };
        self.rows.iter().any(|rows| due(&rows.lock()))
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let mut saved = Vec::new();
        for rows in self.rows.iter() {
            saved.extend(rows.lock().chunks());
        }
        Ok(saved)
    }

    fn clear(&self) -> Result<()> {
        // Between two epochs, all rows up to here that have found no partner have been given.
        *self.before.lock() = self.clock.watermark(self.level);
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
                self.with_rows(partition, |rows| rows.restore(dated))
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
        let Wait { held, outer, .. } = self.wait;
        write!(
            f,
            "Waiting: time={}, held={held} ms, outer={outer}",
            self.time
        )
    }
}

impl Waiting {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(Waiting {
            input,
            time: Arc::clone(&self.time),
            wait: self.wait.clone(),
            level: self.level,
            clock: Arc::clone(&self.clock),
            keeper: self.keeper.clone(),
            before: Arc::clone(&self.before),
            rows: Arc::clone(&self.rows),
        })
    }
}

impl ExecutionPlan for Waiting {
    plan_node!("Waiting", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what holds rows back is not executed as a part of a plan")
    }
}
