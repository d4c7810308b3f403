//! The broadcast table of a call: the same rows for all partitions.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use datafusion::{
    arrow::{
        array::{ArrayRef, BooleanArray, RecordBatch},
        compute::concat_batches,
        datatypes::SchemaRef,
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::{EquivalenceProperties, Partitioning},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, collect,
        execution_plan::{Boundedness, EmissionType, reset_plan_states},
    },
};
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use wasmill_state::{Chunk, Chunks, Keeper, StateStore};

use super::guest_state::BroadcastRows;
use crate::planning::{
    given,
    holding::{Holding, Released},
    newest::Newest,
    node::plan_node,
};

/// The time of a broadcast table's rows: they are asked for in every epoch.
const ALWAYS: i64 = i64::MIN;

/// What a node has of its broadcast table: it is asked once in an epoch.
#[derive(Debug)]
pub(super) struct BroadcastInput {
    asked: Mutex<Arc<OnceCell<Arc<BroadcastRows>>>>,
    last: Mutex<Option<(Vec<RecordBatch>, Arc<BroadcastRows>)>>,
    versions: AtomicU64,
}

impl BroadcastInput {
    pub(super) fn new() -> Self {
        BroadcastInput {
            asked: Mutex::default(),
            last: Mutex::default(),
            versions: AtomicU64::new(0),
        }
    }

    /// An epoch begins: the table may have other rows.
    pub(super) fn begin(&self) {
        *self.asked.lock() = Arc::default();
    }

    /// The table's rows in this epoch.
    pub(super) async fn current(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Arc<BroadcastRows>> {
        let asked = Arc::clone(&self.asked.lock());
        let current = asked.get_or_try_init(|| async {
            let plan = reset_plan_states(Arc::clone(plan))?;
            let schema = plan.schema();
            let batches = collect(plan, context).await?;
            self.known(schema, batches)
        });
        current.await.cloned()
    }

    /// The same as before where the rows are.
    fn known(&self, schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Arc<BroadcastRows>> {
        let mut last = self.last.lock();
        if let Some((before, current)) = &*last
            && are_same(before, &batches)
        {
            return Ok(Arc::clone(current));
        }
        let rows = concat_batches(&schema, &batches)?;
        let Ok(count) = u32::try_from(rows.num_rows()) else {
            return internal_err!("a broadcast table of {} rows", rows.num_rows());
        };
        let current = Arc::new(BroadcastRows {
            columns: rows.columns().to_vec(),
            fields: schema.fields().clone(),
            rows: count,
            version: self.versions.fetch_add(1, Ordering::Relaxed) + 1,
        });
        *last = Some((batches, Arc::clone(&current)));
        Ok(current)
    }
}

/// Whether these are the very same rows, not equal ones.
fn are_same(one: &[RecordBatch], other: &[RecordBatch]) -> bool {
    let columns = |batches: &[RecordBatch]| -> Vec<ArrayRef> {
        let columns = batches.iter().flat_map(|batch| batch.columns());
        columns.cloned().collect()
    };
    let (one, other) = (columns(one), columns(other));
    let mut pairs = one.iter().zip(&other);
    one.len() == other.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
}

/// A broadcast table without end: gives in each epoch the rows that had come before it; of a table of
/// changes the last one of each key.
pub(in crate::planning) struct BroadcastTable {
    input: Arc<dyn ExecutionPlan>,
    /// Of a table of changes: the key's columns. The input has a column more, which is true of a row that
    /// is taken back.
    keys: Option<Vec<usize>>,
    keeper: Keeper,
    held: Arc<Mutex<Chunks>>,
    properties: Arc<PlanProperties>,
}

impl BroadcastTable {
    pub(in crate::planning) fn new(
        input: Arc<dyn ExecutionPlan>,
        keys: Option<Vec<usize>>,
        store: &Arc<StateStore>,
    ) -> Result<Self> {
        let mut schema = input.schema();
        if keys.is_some() {
            let given: Vec<_> = (0..schema.fields().len().saturating_sub(1)).collect();
            schema = Arc::new(schema.project(&given)?);
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(BroadcastTable {
            keeper: Keeper::new(store, schema),
            input,
            keys,
            held: Arc::default(),
            properties: Arc::new(properties),
        })
    }

    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(BroadcastTable {
            input,
            keys: self.keys.clone(),
            keeper: self.keeper.clone(),
            held: Arc::clone(&self.held),
            properties: Arc::clone(&self.properties),
        })
    }

    fn add(&self, rows: RecordBatch) -> Result<()> {
        Ok(self.held.lock().push(rows, ALWAYS, &self.keeper)?)
    }

    /// The changes of an epoch, applied to what is held.
    async fn apply(
        &self,
        keys: &[usize],
        mut changes: SendableRecordBatchStream,
        context: &TaskContext,
    ) -> Result<()> {
        let mut newest: Option<Newest> = None;
        while let Some(batch) = changes.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let newest = match &mut newest {
                Some(newest) => newest,
                none => none.insert(self.newest(keys, &batch.schema(), context)?),
            };
            newest.push(batch)?;
        }
        let Some(newest) = newest else {
            return Ok(());
        };
        let mut held = Chunks::default();
        for batch in newest.finish()? {
            held.push(given(batch, &self.schema())?, ALWAYS, &self.keeper)?;
        }
        *self.held.lock() = held;
        Ok(())
    }

    /// What is held, as changes.
    fn newest(&self, keys: &[usize], changes: &SchemaRef, context: &TaskContext) -> Result<Newest> {
        let memory = MemoryConsumer::new("a broadcast table").register(context.memory_pool());
        let mut newest = Newest::new(changes, keys, memory)?;
        let held = self.held.lock().clone();
        for chunk in held {
            let rows = chunk.load()?;
            let none_taken_back: ArrayRef =
                Arc::new(BooleanArray::from(vec![false; rows.num_rows()]));
            let columns = rows.columns().iter().cloned().chain([none_taken_back]);
            let rows = RecordBatch::try_new(Arc::clone(changes), columns.collect())?;
            newest.push(rows)?;
        }
        Ok(newest)
    }
}

#[async_trait]
impl Holding for BroadcastTable {
    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    async fn take(
        &self,
        _: usize,
        mut rows: SendableRecordBatchStream,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        if let Some(keys) = &self.keys {
            return self.apply(keys, rows, &context).await;
        }
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                self.add(batch)?;
            }
        }
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        let chunks = self.held.lock().clone().into_iter();
        Ok(vec![Box::new(chunks.map(|chunk| Ok(chunk.load()?)))])
    }

    /// Its rows change what others give, and are none of the result.
    fn is_due(&self) -> bool {
        false
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        Ok(self.held.lock().to_vec())
    }

    fn clear(&self) -> Result<()> {
        *self.held.lock() = Chunks::default();
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        self.add(saved)
    }

    fn schema_held(&self) -> SchemaRef {
        self.schema()
    }
}

impl fmt::Debug for BroadcastTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastTable").finish_non_exhaustive()
    }
}

impl DisplayAs for BroadcastTable {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("BroadcastTable")
    }
}

impl ExecutionPlan for BroadcastTable {
    plan_node!("BroadcastTable", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what holds rows back is not executed as a part of a plan")
    }
}
