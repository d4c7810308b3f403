//! Ranks in a physical plan without end.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch},
        compute::SortOptions,
        datatypes::{DataType, Field, Schema, SchemaRef},
        row::{RowConverter, SortField},
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
    },
};
use futures::StreamExt;
use parking_lot::Mutex;
use wasmill_state::{Chunk, Keeper, StateStore};

use super::top::{Converters, TopOfKeys, Values};
use crate::{
    job::Clock,
    planning::{
        Latecomers,
        holding::{Holding, Released, spread},
        node::plan_node,
        windows::milliseconds,
    },
};

/// Rows without a time come before all others.
const NO_TIME: i64 = i64::MIN;

/// When rows are given.
#[derive(Debug, Clone)]
pub(in crate::planning) enum Emission {
    /// Whenever those of a key have changed: all whose place has, so that they replace what was there.
    Changes,
    /// Once, when time has come to them: none that comes before them can come any more.
    AtWatermark { time: Arc<dyn PhysicalExpr> },
}

/// Which rows are the first of a key.
#[derive(Debug, Clone)]
pub(in crate::planning) struct RankRule {
    pub keys: Vec<Arc<dyn PhysicalExpr>>,
    /// After this, rows are ordered as they came.
    pub order: Vec<PhysicalSortExpr>,
    /// Whether it is those that came last that are the first.
    pub latest: bool,
    /// How many.
    pub count: usize,
    pub emission: Emission,
    /// A key without a row for so long is forgotten.
    pub ttl: Option<Duration>,
}

impl RankRule {
    fn top(&self, schema: &SchemaRef) -> Result<TopOfKeys> {
        let keys = self
            .keys
            .iter()
            .map(|key| Ok(SortField::new(key.data_type(schema)?)));
        let order = self.order.iter().map(|by| {
            let data_type = by.expr.data_type(schema)?;
            Ok(SortField::new_with_options(data_type, by.options))
        });
        let converters = Converters {
            keys: converter(keys.collect::<Result<_>>()?)?,
            order: converter(order.collect::<Result<_>>()?)?,
        };
        Ok(TopOfKeys::new(self.count, self.latest, converters))
    }

    fn values(&self, batch: &RecordBatch) -> Result<Values> {
        let array = |expr: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
            expr.evaluate(batch)?.into_array(batch.num_rows())
        };
        let times = match &self.emission {
            Emission::Changes => None,
            Emission::AtWatermark { time } => {
                let times = milliseconds(&array(time)?)?;
                Some(times.iter().map(|time| time.unwrap_or(NO_TIME)).collect())
            }
        };
        Ok(Values {
            keys: self.keys.iter().map(array).collect::<Result<_>>()?,
            order: self
                .order
                .iter()
                .map(|by| array(&by.expr))
                .collect::<Result<_>>()?,
            times,
        })
    }
}

fn converter(fields: Vec<SortField>) -> Result<Option<RowConverter>> {
    match fields.is_empty() {
        true => Ok(None),
        false => Ok(Some(RowConverter::new(fields)?)),
    }
}

/// See the module.
pub(in crate::planning) struct TopRows {
    input: Arc<dyn ExecutionPlan>,
    rule: RankRule,
    level: usize,
    clock: Arc<Clock>,
    late: Arc<Latecomers>,
    keeper: Keeper,
    /// One a partition, made when it is first needed.
    top: Arc<[Mutex<Option<TopOfKeys>>]>,
    /// When keys were last forgotten, in microseconds since 1970.
    expired: Arc<Mutex<i64>>,
    properties: Arc<PlanProperties>,
}

impl TopRows {
    /// `schema`: the input's columns, and the rank.
    pub(in crate::planning) fn new(
        input: Arc<dyn ExecutionPlan>,
        rule: RankRule,
        schema: SchemaRef,
        (level, clock, late): (usize, Arc<Clock>, Arc<Latecomers>),
        store: &Arc<StateStore>,
    ) -> Self {
        let mut stored = input.schema().fields().to_vec();
        stored.push(Arc::new(Field::new("arrived", DataType::Int64, false)));
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        TopRows {
            input,
            rule,
            level,
            clock,
            late,
            keeper: Keeper::new(store, Arc::new(Schema::new(stored))),
            top: (0..partitions).map(|_| Mutex::default()).collect(),
            expired: Arc::default(),
            properties: Arc::new(properties),
        }
    }

    /// Has work done by what a partition holds.
    fn with_top<T>(
        &self,
        partition: usize,
        work: impl FnOnce(&mut TopOfKeys) -> Result<T>,
    ) -> Result<T> {
        let Some(top) = self.top.get(partition) else {
            return internal_err!("partition {partition} of {}", self.top.len());
        };
        match &mut *top.lock() {
            Some(top) => work(top),
            none => work(none.insert(self.rule.top(&self.input.schema())?)),
        }
    }

    fn watermark(&self) -> i64 {
        self.clock.watermark(self.level)
    }

    /// Forgets keys now and then.
    fn expire(&self) -> Result<()> {
        let Some(ttl) = self
            .rule
            .ttl
            .and_then(|ttl| i64::try_from(ttl.as_micros()).ok())
        else {
            return Ok(());
        };
        let now = now();
        let mut expired = self.expired.lock();
        if now.saturating_sub(*expired) < ttl / 8 {
            return Ok(());
        }
        *expired = now;
        (0..self.top.len()).try_for_each(|partition| {
            self.with_top(partition, |top| {
                top.expire(now.saturating_sub(ttl));
                Ok(())
            })
        })
    }
}

/// In microseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Holding for TopRows {
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
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let values = self.rule.values(&batch)?;
            let watermark = self.watermark();
            let late = self.with_top(partition, |top| {
                top.add(&batch, &values, now(), watermark, &self.keeper)
            })?;
            if !late.is_empty() {
                let times = values.times.into_iter().flatten();
                let times = times.map(|time| Some(time).filter(|time| *time != NO_TIME));
                let times = times.collect();
                self.late.take(&batch, late, &times, watermark).await?;
            }
        }
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        self.expire()?;
        let watermark = self.watermark();
        let schema = &self.properties.eq_properties.schema();
        let partitions = (0..self.top.len()).map(|partition| {
            let given = self.with_top(partition, |top| top.give(watermark))?;
            let batch = given.map(|(mut columns, places)| {
                columns.push(Arc::new(places));
                RecordBatch::try_new(Arc::clone(schema), columns)
            });
            Ok(Box::new(batch.transpose()?.into_iter().map(Ok)) as Released)
        });
        partitions.collect()
    }

    fn is_due(&self) -> bool {
        let watermark = self.watermark();
        let due = |top: &Option<TopOfKeys>| top.as_ref().is_some_and(|top| top.is_due(watermark));
        self.top.iter().any(|top| due(&top.lock()))
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let mut saved = Vec::new();
        for top in self.top.iter() {
            saved.extend(top.lock().iter().flat_map(TopOfKeys::chunks).cloned());
        }
        Ok(saved)
    }

    fn clear(&self) -> Result<()> {
        self.top.iter().for_each(|top| *top.lock() = None);
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        spread(
            self.properties.output_partitioning(),
            saved,
            |partition, batch| {
                let values = self.rule.values(&batch)?;
                self.with_top(partition, |top| {
                    top.restore(&batch, &values, self.watermark(), &self.keeper)
                })
            },
        )
    }

    fn schema_held(&self) -> SchemaRef {
        self.keeper.schema()
    }
}

impl fmt::Debug for TopRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopRows").finish_non_exhaustive()
    }
}

impl DisplayAs for TopRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let keys: Vec<_> = self.rule.keys.iter().map(ToString::to_string).collect();
        let order = self.rule.order.iter().map(|by| {
            let SortOptions { descending, .. } = by.options;
            format!("{}{}", by.expr, if descending { " DESC" } else { "" })
        });
        let order: Vec<_> = order.collect();
        write!(
            f,
            "TopRows: {} of each [{}], order=[{}]",
            self.rule.count,
            keys.join(", "),
            order.join(", ")
        )
    }
}

impl TopRows {
    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(TopRows {
            input,
            rule: self.rule.clone(),
            level: self.level,
            clock: Arc::clone(&self.clock),
            late: Arc::clone(&self.late),
            keeper: self.keeper.clone(),
            top: Arc::clone(&self.top),
            expired: Arc::clone(&self.expired),
            properties: Arc::clone(&self.properties),
        })
    }
}

impl ExecutionPlan for TopRows {
    plan_node!("TopRows", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what holds rows back is not executed as a part of a plan")
    }
}
