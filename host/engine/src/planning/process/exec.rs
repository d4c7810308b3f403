//! Process functions in a physical plan.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::array::RecordBatch,
    common::{DataFusionError, Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        Distribution, EquivalenceProperties, Partitioning, PhysicalExpr, expressions::Column,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        ReplaceChildrenOptions,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use wasmill_state::StateStore;

use super::{
    broadcast::BroadcastInput, guest_state::Moment, rule::ProcessRule, state::Partition,
    work::Worker,
};
use crate::{
    job::{Clock, machine_time},
    planning::{letters::FailedRows, node::plan_node, windows::is_rowtime},
};

/// The part of a plan without end.
#[derive(Debug, Clone)]
struct Endless {
    level: usize,
    clock: Arc<Clock>,
}

/// See the module.
#[derive(Clone)]
pub(in crate::planning) struct ProcessRows {
    input: Arc<dyn ExecutionPlan>,
    broadcast: Option<Arc<dyn ExecutionPlan>>,
    rule: Arc<ProcessRule>,
    endless: Option<Endless>,
    pub(super) parts: Arc<Parts>,
    properties: Arc<PlanProperties>,
}

/// What lives as long as the job.
pub(super) struct Parts {
    pub partitions: Vec<Partition>,
    /// What was given for the rows of an epoch, by partition.
    pub given: Vec<Mutex<Vec<RecordBatch>>>,
    pub broadcast: BroadcastInput,
    failed: Arc<FailedRows>,
}

impl Parts {
    fn new(
        rule: &Arc<ProcessRule>,
        input: &Arc<dyn ExecutionPlan>,
        store: &Arc<StateStore>,
    ) -> Result<Arc<Self>> {
        let count = input.output_partitioning().partition_count();
        let partitions = (0..count).map(|_| Partition::new(rule, store));
        Ok(Arc::new(Parts {
            partitions: partitions.collect::<Result<_>>()?,
            given: (0..count).map(|_| Mutex::default()).collect(),
            broadcast: BroadcastInput::new(),
            failed: Arc::new(FailedRows::new(input)),
        }))
    }
}

impl ProcessRows {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        broadcast: Option<Arc<dyn ExecutionPlan>>,
        rule: Arc<ProcessRule>,
    ) -> Result<Self> {
        let store = Arc::new(StateStore::new(usize::MAX));
        let parts = Parts::new(&rule, &input, &store)?;
        Ok(ProcessRows::of_parts(input, broadcast, rule, None, parts))
    }

    fn of_parts(
        input: Arc<dyn ExecutionPlan>,
        broadcast: Option<Arc<dyn ExecutionPlan>>,
        rule: Arc<ProcessRule>,
        endless: Option<Endless>,
        parts: Arc<Parts>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&rule.schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Both,
            Boundedness::Bounded,
        );
        ProcessRows {
            input,
            broadcast,
            rule,
            endless,
            parts,
            properties: Arc::new(properties),
        }
    }

    /// Where it reads, and its broadcast table.
    pub(in crate::planning) fn inputs(
        &self,
    ) -> (&Arc<dyn ExecutionPlan>, Option<&Arc<dyn ExecutionPlan>>) {
        (&self.input, self.broadcast.as_ref())
    }

    pub(in crate::planning) fn rule(&self) -> &Arc<ProcessRule> {
        &self.rule
    }

    /// Whether it has a time that no watermark tells of.
    pub(in crate::planning) fn needs_rowtime(&self) -> bool {
        let time = self.rule.schema.fields().last();
        self.rule.time.is_some() && !time.is_some_and(|time| is_rowtime(time))
    }

    /// Where rows go on which the function fails, if they are to be left out.
    pub(in crate::planning) fn failed(&self) -> Option<&Arc<FailedRows>> {
        self.rule.leaves_out().then_some(&self.parts.failed)
    }

    /// The same over inputs without end, or a broadcast table that is given anew in each epoch.
    pub(in crate::planning) fn without_end(
        &self,
        input: Arc<dyn ExecutionPlan>,
        broadcast: Option<Arc<dyn ExecutionPlan>>,
        level: usize,
        clock: Arc<Clock>,
        store: &Arc<StateStore>,
    ) -> Result<Self> {
        let parts = Parts::new(&self.rule, &input, store)?;
        if let Some(letters) = self.parts.failed.sent_to() {
            parts.failed.send_to(letters);
        }
        let endless = Some(Endless { level, clock });
        let rule = Arc::clone(&self.rule);
        Ok(ProcessRows::of_parts(
            input, broadcast, rule, endless, parts,
        ))
    }

    pub(super) fn moment(&self) -> Moment {
        Moment {
            watermark: match &self.endless {
                Some(endless) if self.rule.time.is_some() => endless.clock.watermark(endless.level),
                _ => Moment::BEGINNING,
            },
            now: machine_time(),
        }
    }

    pub(super) fn worker(&self, partition: usize, context: Arc<TaskContext>) -> Result<Worker> {
        if partition >= self.parts.partitions.len() {
            return internal_err!("partition {partition} of {}", self.parts.partitions.len());
        }
        Ok(Worker {
            node: self.clone(),
            partition,
            context,
        })
    }

    /// How held rows are spread over the partitions: as the input is, by the keys that they have.
    pub(super) fn partitioning_held(&self) -> Result<Partitioning> {
        let Partitioning::Hash(exprs, count) = self.input.output_partitioning() else {
            return Ok(Partitioning::UnknownPartitioning(1));
        };
        let keys = self.keys();
        let held = exprs.iter().map(|expr| {
            let place = keys.iter().position(|key| key == expr);
            match place.and_then(|place| keys.get(place)) {
                Some(key) => Ok(Arc::clone(key)),
                None => internal_err!("rows are spread by {expr}, which is no key of theirs"),
            }
        });
        Ok(Partitioning::Hash(held.collect::<Result<_>>()?, *count))
    }

    /// The columns of keys, which are the first of the input as of what is held.
    fn keys(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        let schema = self.input.schema();
        let fields = schema.fields().iter().take(self.rule.keys).enumerate();
        fields
            .map(|(index, field)| Arc::new(Column::new(field.name(), index)) as _)
            .collect()
    }
}

impl ProcessRows {
    pub(super) fn part(&self, partition: usize) -> &Partition {
        &self.parts.partitions[partition]
    }

    pub(super) fn failed_rows(&self) -> &FailedRows {
        &self.parts.failed
    }

    pub(super) fn broadcast_input(&self) -> Option<(&BroadcastInput, &Arc<dyn ExecutionPlan>)> {
        let plan = self.broadcast.as_ref()?;
        Some((&self.parts.broadcast, plan))
    }
}

impl fmt::Debug for ProcessRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessRows").finish_non_exhaustive()
    }
}

impl DisplayAs for ProcessRows {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let keys: Vec<_> = self.keys().iter().map(ToString::to_string).collect();
        write!(
            f,
            "ProcessRows: function={}, keys=[{}]",
            self.rule.name,
            keys.join(", ")
        )
    }
}

impl ExecutionPlan for ProcessRows {
    plan_node!(@ "ProcessRows");

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        [Some(&self.input), self.broadcast.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut children = children.into_iter();
        let (Some(input), broadcast, None) = (children.next(), children.next(), children.next())
        else {
            return internal_err!("ProcessRows has one input, and maybe a broadcast table");
        };
        if broadcast.is_some() != self.broadcast.is_some() {
            return internal_err!("ProcessRows has another number of inputs");
        }
        let rule = Arc::clone(&self.rule);
        if self.endless.is_none() {
            // A plan that is executed again begins without state.
            let anew = ProcessRows::new(input, broadcast, rule)?;
            if let Some(letters) = self.parts.failed.sent_to() {
                anew.parts.failed.send_to(letters);
            }
            return Ok(Arc::new(anew));
        }
        if input.output_partitioning().partition_count() != self.parts.partitions.len() {
            return internal_err!("ProcessRows has another number of partitions");
        }
        let (endless, parts) = (self.endless.clone(), Arc::clone(&self.parts));
        Ok(Arc::new(ProcessRows::of_parts(
            input, broadcast, rule, endless, parts,
        )))
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        let rows = match self.rule.keys {
            0 => Distribution::SinglePartition,
            _ => Distribution::KeyPartitioned(self.keys()),
        };
        let broadcast = self
            .broadcast
            .as_ref()
            .map(|_| Distribution::SinglePartition);
        [Some(rows), broadcast].into_iter().flatten().collect()
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if self.endless.is_some() {
            return internal_err!("what holds rows back is not executed as a part of a plan");
        }
        let worker = self.worker(partition, Arc::clone(&context))?;
        let input = self.input.execute(partition, context)?;
        let rows = stream::try_unfold((worker, Some(input)), |(mut worker, input)| async move {
            let Some(mut input) = input else {
                return Ok::<_, DataFusionError>(None);
            };
            let moment = Moment {
                watermark: Moment::BEGINNING,
                now: machine_time(),
            };
            match input.next().await {
                Some(batch) => {
                    // Those of the machine's clock.
                    let mut given = worker.fire(moment).await?;
                    given.extend(worker.rows(batch?, moment).await?);
                    Ok(Some((
                        stream::iter(given.into_iter().map(Ok)),
                        (worker, Some(input)),
                    )))
                }
                None => {
                    let last = Moment {
                        watermark: Moment::END,
                        ..moment
                    };
                    let given = worker.fire(last).await?;
                    Ok(Some((
                        stream::iter(given.into_iter().map(Ok)),
                        (worker, None),
                    )))
                }
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.rule.schema),
            rows.try_flatten(),
        )))
    }
}
