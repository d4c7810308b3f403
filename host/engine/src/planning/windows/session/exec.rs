//! SESSION in a physical plan: rows wait for the end of their session.
//!
//! In a plan with an end they wait for the last row. In a plan without, for the watermark, from one
//! epoch to the next.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, RecordBatch, TimestampMillisecondArray},
        datatypes::SchemaRef,
        row::SortField,
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{Distribution, EquivalenceProperties, Partitioning, PhysicalExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use wasmill_state::{Chunk, Keeper, StateStore};

use super::open::{ClosedRows, OpenSessions};
use crate::{
    job::{BEGINNING, Clock},
    planning::{
        Latecomers,
        holding::{Holding, Released, spread},
        node::plan_node,
        windows::{
            bounds::{milliseconds, without_time},
            tags::WindowEnd,
        },
    },
};

/// What sessions are.
#[derive(Debug, Clone)]
pub(in crate::planning::windows) struct SessionRule {
    pub time: Arc<dyn PhysicalExpr>,
    pub keys: Vec<Arc<dyn PhysicalExpr>>,
    /// In milliseconds.
    pub gap: i64,
    pub end: WindowEnd,
    /// The time's column, for messages.
    pub column: String,
}

impl SessionRule {
    fn open(&self, schema: &SchemaRef) -> Result<OpenSessions> {
        let fields = self.keys.iter().map(|key| {
            let data_type = key.data_type(schema)?;
            Ok(SortField::new(data_type))
        });
        OpenSessions::new(self.gap, fields.collect::<Result<_>>()?)
    }

    /// Answers which rows came too late, and the times by which they did: the last milliseconds of
    /// sessions of their own.
    fn add(
        &self,
        open: &mut OpenSessions,
        batch: RecordBatch,
        watermark: i64,
    ) -> Result<(Vec<u32>, TimestampMillisecondArray)> {
        let rows = batch.num_rows();
        let times = milliseconds(&self.time.evaluate(&batch)?.into_array(rows)?)?;
        if times.null_count() > 0 {
            return Err(without_time(&self.column, &times));
        }
        let keys = self
            .keys
            .iter()
            .map(|key| key.evaluate(&batch)?.into_array(rows));
        let keys = keys.collect::<Result<Vec<ArrayRef>>>()?;
        let late = open.add(batch, &keys, &times, watermark)?;
        let last = |time: i64| time.saturating_add(self.gap).saturating_sub(1);
        Ok((late, times.unary(last)))
    }
}

/// The part of a plan without end.
#[derive(Debug, Clone)]
struct Endless {
    level: usize,
    clock: Arc<Clock>,
    late: Arc<Latecomers>,
    keeper: Keeper,
}

/// See the module.
pub(in crate::planning) struct Sessions {
    input: Arc<dyn ExecutionPlan>,
    rule: SessionRule,
    schema: SchemaRef,
    endless: Option<Endless>,
    /// One a partition, made when it is first needed.
    open: Arc<[Mutex<Option<OpenSessions>>]>,
    properties: Arc<PlanProperties>,
}

impl Sessions {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, rule: SessionRule, schema: SchemaRef) -> Self {
        let partitioning = match input.output_partitioning() {
            hash @ Partitioning::Hash(..) => hash.clone(),
            other => Partitioning::UnknownPartitioning(other.partition_count()),
        };
        let open = (0..partitioning.partition_count()).map(|_| Mutex::default());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            partitioning,
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Sessions {
            open: open.collect(),
            input,
            rule,
            schema,
            endless: None,
            properties: Arc::new(properties),
        }
    }

    pub(in crate::planning) fn end(&self) -> &WindowEnd {
        &self.rule.end
    }

    /// The same over an input without end.
    pub(in crate::planning) fn without_end(
        &self,
        input: Arc<dyn ExecutionPlan>,
        level: usize,
        clock: Arc<Clock>,
        late: Arc<Latecomers>,
        store: &Arc<StateStore>,
    ) -> Self {
        Sessions {
            endless: Some(Endless {
                level,
                clock,
                late,
                keeper: Keeper::new(store, input.schema()),
            }),
            ..Sessions::new(input, self.rule.clone(), Arc::clone(&self.schema))
        }
    }

    fn partition(&self, partition: usize) -> Result<SessionsOfPartition> {
        if partition >= self.open.len() {
            return internal_err!("partition {partition} of {}", self.open.len());
        }
        Ok(SessionsOfPartition {
            open: Arc::clone(&self.open),
            partition,
            rule: self.rule.clone(),
            input: self.input.schema(),
            schema: Arc::clone(&self.schema),
        })
    }

    fn watermark(&self) -> i64 {
        match &self.endless {
            Some(endless) => endless.clock.watermark(endless.level),
            None => BEGINNING,
        }
    }
}

#[async_trait]
impl Holding for Sessions {
    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    async fn take(
        &self,
        partition: usize,
        rows: SendableRecordBatchStream,
        _: Arc<TaskContext>,
    ) -> Result<()> {
        let late = self.endless.as_ref().map(|endless| &*endless.late);
        let sessions = self.partition(partition)?;
        sessions.take(rows, self.watermark(), late).await
    }

    fn release(&self) -> Result<Vec<Released>> {
        let partitions = (0..self.open.len()).map(|partition| {
            let closed = self.partition(partition)?.close(self.watermark())?;
            Ok(Box::new(closed.into_iter().map(Ok)) as Released)
        });
        partitions.collect()
    }

    fn is_due(&self) -> bool {
        let watermark = self.watermark();
        let due =
            |open: &Option<OpenSessions>| open.as_ref().is_some_and(|open| open.is_due(watermark));
        self.open.iter().any(|open| due(&open.lock()))
    }

    fn next_due(&self) -> Option<i64> {
        let endless = self.endless.as_ref()?;
        let ends = self
            .open
            .iter()
            .filter_map(|open| open.lock().as_ref()?.first_end());
        endless.clock.is_machine().then(|| ends.min())?
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let Some(endless) = &self.endless else {
            return Ok(Vec::new());
        };
        let mut saved = Vec::new();
        for open in self.open.iter() {
            if let Some(open) = &*open.lock()
                && let Some(rows) = open.rows()?
            {
                saved.push(endless.keeper.chunk(rows, i64::MAX)?);
            }
        }
        Ok(saved)
    }

    fn clear(&self) -> Result<()> {
        for open in self.open.iter() {
            *open.lock() = Some(self.rule.open(&self.input.schema())?);
        }
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        spread(
            self.properties.output_partitioning(),
            saved,
            |partition, batch| {
                let Some(open) = self.open.get(partition) else {
                    return internal_err!("partition {partition} of {}", self.open.len());
                };
                if let Some(open) = &mut *open.lock() {
                    // What was in time stays so.
                    self.rule.add(open, batch, BEGINNING)?;
                }
                Ok(())
            },
        )
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

impl DisplayAs for Sessions {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let keys = self.rule.keys.iter().map(ToString::to_string);
        let keys: Vec<_> = keys.collect();
        write!(
            f,
            "Sessions: gap={} ms, time={}, keys=[{}]",
            self.rule.gap,
            self.rule.time,
            keys.join(", ")
        )
    }
}

impl Sessions {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let anew = Sessions::new(input, self.rule.clone(), Arc::clone(&self.schema));
        let kept = match (&self.endless, anew.open.len() == self.open.len()) {
            (Some(_), true) => Arc::clone(&self.open),
            _ => Arc::clone(&anew.open),
        };
        Ok(Sessions {
            endless: self.endless.clone(),
            open: kept,
            ..anew
        })
    }
}

impl ExecutionPlan for Sessions {
    plan_node!("Sessions", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![match self.rule.keys.is_empty() {
            true => Distribution::SinglePartition,
            false => Distribution::KeyPartitioned(self.rule.keys.clone()),
        }]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let sessions = self.partition(partition)?;
        let input = self.input.execute(partition, context)?;
        let rows = stream::once(async move {
            sessions.take(input, BEGINNING, None).await?;
            sessions.close(i64::MAX)
        });
        let rows = rows.try_filter_map(|rows| async { Ok(rows) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        )))
    }
}

struct SessionsOfPartition {
    open: Arc<[Mutex<Option<OpenSessions>>]>,
    partition: usize,
    rule: SessionRule,
    input: SchemaRef,
    /// Of the rows with their bounds.
    schema: SchemaRef,
}

impl SessionsOfPartition {
    /// The rows of sessions that are over, with their bounds.
    fn close(&self, watermark: i64) -> Result<Option<RecordBatch>> {
        let closed = match &mut *self.open[self.partition].lock() {
            Some(open) => open.close(watermark)?,
            None => None,
        };
        let Some(ClosedRows { rows, starts, ends }) = closed else {
            return Ok(None);
        };
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(starts));
        columns.push(Arc::new(ends));
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns,
        )?))
    }

    /// Takes rows; those that come too late are for `late`.
    async fn take(
        &self,
        mut rows: SendableRecordBatchStream,
        watermark: i64,
        late: Option<&Latecomers>,
    ) -> Result<()> {
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let (over, times) = match &mut *self.open[self.partition].lock() {
                Some(open) => self.rule.add(open, batch.clone(), watermark)?,
                none => {
                    let open = none.insert(self.rule.open(&self.input)?);
                    self.rule.add(open, batch.clone(), watermark)?
                }
            };
            if let Some(late) = late {
                late.take(&batch, over, &times, watermark).await?;
            }
        }
        Ok(())
    }
}
