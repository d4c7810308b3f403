//! A table with an end beside one without: read once, or now and then, and given again in every epoch.

use std::{fmt, sync::Arc, time::Duration};

use datafusion::{
    arrow::record_batch::RecordBatch,
    common::{DataFusionError, Result, exec_datafusion_err, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
        common::collect, execution_plan::reset_plan_states, stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use parking_lot::Mutex;
use tokio::{sync::OnceCell, task::JoinHandle, time::Instant};

use super::node::plan_node;

/// Executes its plan once, and gives the same rows at each execution; or reads them anew now and then.
pub(super) struct Replay {
    /// No child to others, which would make it anew for every epoch.
    plan: Arc<dyn ExecutionPlan>,
    reload: Option<Duration>,
    first: Arc<OnceCell<()>>,
    loaded: Arc<Mutex<Loaded>>,
}

/// Rows by partition.
type Rows = Vec<Vec<RecordBatch>>;

#[derive(Default)]
struct Loaded {
    rows: Arc<Rows>,
    /// When it is to be read again.
    due: Option<Instant>,
    reading: Option<JoinHandle<Result<Rows>>>,
}

impl Replay {
    /// `reload`: how long after one reading the next begins.
    pub(super) fn new(plan: Arc<dyn ExecutionPlan>, reload: Option<Duration>) -> Self {
        Replay {
            plan,
            reload,
            first: Arc::default(),
            loaded: Arc::default(),
        }
    }

    fn due(&self) -> Option<Instant> {
        Instant::now().checked_add(self.reload?)
    }

    /// Takes what was read again meanwhile, or begins to read again if it is time.
    async fn refresh(&self, context: Arc<TaskContext>) -> Result<()> {
        let finished = {
            let mut loaded = self.loaded.lock();
            match &loaded.reading {
                Some(reading) if reading.is_finished() => loaded.reading.take(),
                None if loaded.due.is_some_and(|due| due <= Instant::now()) => {
                    let plan = Arc::clone(&self.plan);
                    loaded.reading = Some(tokio::spawn(load(plan, context)));
                    None
                }
                _ => None,
            }
        };
        if let Some(finished) = finished {
            let rows = finished
                .await
                .map_err(|error| exec_datafusion_err!("{error}"))??;
            let mut loaded = self.loaded.lock();
            (loaded.rows, loaded.due) = (Arc::new(rows), self.due());
        }
        Ok(())
    }

    async fn rows(&self, partition: usize, context: Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
        let first = self.first.get_or_try_init(|| async {
            let rows = load(Arc::clone(&self.plan), Arc::clone(&context)).await?;
            let mut loaded = self.loaded.lock();
            (loaded.rows, loaded.due) = (Arc::new(rows), self.due());
            Ok::<_, DataFusionError>(())
        });
        first.await?;
        self.refresh(context).await?;
        let rows = Arc::clone(&self.loaded.lock().rows);
        match rows.get(partition) {
            Some(rows) => Ok(rows.clone()),
            None => internal_err!("partition {partition} of {}", rows.len()),
        }
    }
}

async fn load(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Rows> {
    let plan = reset_plan_states(plan)?;
    let partitions = 0..plan.output_partitioning().partition_count();
    let streams = partitions.map(|partition| plan.execute(partition, Arc::clone(&context)));
    let streams = streams.collect::<Result<Vec<_>>>()?;
    // All at once: partitions of a plan may wait for each other.
    try_join_all(streams.into_iter().map(collect)).await
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
    plan_node!("Replay");

    fn properties(&self) -> &Arc<PlanProperties> {
        self.plan.properties()
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let replay = Replay {
            plan: Arc::clone(&self.plan),
            reload: self.reload,
            first: Arc::clone(&self.first),
            loaded: Arc::clone(&self.loaded),
        };
        let batches = stream::once(async move {
            let rows = replay.rows(partition, context).await?;
            Ok::<_, DataFusionError>(stream::iter(rows).map(Ok))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.plan.schema(),
            batches.try_flatten(),
        )))
    }
}
