//! The leaf of every plan: reads a connector's source in partitions that share its work.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use datafusion::{
    arrow::{
        array::{RecordBatch, RecordBatchOptions},
        datatypes::SchemaRef,
    },
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        coop::make_cooperative,
        execution_plan::{Boundedness, EmissionType, SchedulingType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use tokio::sync::OnceCell;
use wasmill_connectors::{
    BatchStream, ConnectorError, Position, Source, SourceProgress, SourceRows, SourceStatistics,
    TableColumn,
};

use super::{deliver, external, node::plan_node};
use crate::job::{Following, Gate, LetterSender, Letters, TableTime, WatermarkRule};

/// Streams of one opening, each taken by its partition.
type Streams = Mutex<Vec<Option<BatchStream>>>;

/// Reads a source. All partitions are opened together, when the first of them is polled; a plan
/// that executes a partition again (a recursive query) reads the source anew.
pub(crate) struct SourceScan {
    table: String,
    source: Arc<dyn Source>,
    /// `None` until it runs, if an earlier statement of the job writes the data.
    statistics: Option<SourceStatistics>,
    /// The columns that are read.
    projection: Vec<usize>,
    /// The first of them, which are given.
    schema: SchemaRef,
    /// Of each column that is read, the key of the metadata that it is, if it is any.
    metadata: Vec<Option<String>>,
    time: Option<WatermarkRule>,
    reload: Option<Duration>,
    properties: Arc<PlanProperties>,
    progress: Arc<SourceProgress>,
    openings: Mutex<Vec<Arc<OnceCell<Streams>>>>,
    executions: Vec<AtomicUsize>,
    /// The table that takes its dead letters, and the way there.
    dead_letter_table: Option<String>,
    letters: Mutex<Option<Arc<Letters>>>,
    /// Set by a job that runs in epochs: every execution is one.
    following: Mutex<Option<Arc<Following>>>,
}

impl SourceScan {
    pub(crate) fn new(
        table: &str,
        source: Arc<dyn Source>,
        statistics: Option<SourceStatistics>,
        projection: Vec<usize>,
        partitions: usize,
    ) -> Result<Self> {
        let schema = Arc::new(source.schema().project(&projection)?);
        let properties = properties(&schema, partitions);
        Ok(SourceScan {
            table: table.to_owned(),
            source,
            statistics,
            projection,
            schema,
            metadata: Vec::new(),
            time: None,
            reload: None,
            properties: Arc::new(properties),
            progress: Arc::default(),
            openings: Mutex::default(),
            executions: (0..partitions).map(|_| AtomicUsize::new(0)).collect(),
            dead_letter_table: None,
            letters: Mutex::default(),
            following: Mutex::default(),
        })
    }

    /// Watches the time of the rows; only the first `given` columns that are read are given.
    pub(crate) fn with_time(mut self, rule: WatermarkRule, given: usize) -> Result<Self> {
        let columns: Vec<_> = (0..given).collect();
        self.schema = Arc::new(self.schema.project(&columns)?);
        self.properties = Arc::new(properties(&self.schema, self.executions.len()));
        self.time = Some(rule);
        Ok(self)
    }

    /// Has the table read again so long after it was, where it is joined to one without end.
    pub(crate) fn with_reload(mut self, reload: Option<Duration>) -> Self {
        if reload.is_some() {
            // What there is is looked for each time.
            self.statistics = None;
        }
        self.reload = reload;
        self
    }

    pub(crate) fn reload(&self) -> Option<Duration> {
        self.reload
    }

    pub(crate) fn table(&self) -> &str {
        &self.table
    }

    pub(crate) fn is_bounded(&self) -> bool {
        self.source.bounded()
    }

    /// Says which columns of the table are metadata.
    pub(crate) fn with_metadata(mut self, columns: &[TableColumn]) -> Self {
        let read = self.projection.iter();
        let read = read.map(|column| columns.get(*column)?.metadata.clone());
        self.metadata = read.collect();
        self
    }

    /// The key of the metadata that a column is, if it is any.
    pub(crate) fn metadata(&self, column: usize) -> Option<&str> {
        self.metadata.get(column)?.as_deref()
    }

    /// Its dead letters, if it has any, go to a table.
    pub(crate) fn with_dead_letter_table(mut self, table: Option<String>) -> Self {
        self.dead_letter_table = table;
        self
    }

    pub(crate) fn dead_letter_table(&self) -> Option<&str> {
        self.dead_letter_table.as_deref()
    }

    /// Whoever writes that table is at the other end of these.
    pub(crate) fn send_letters(&self, letters: Arc<Letters>) {
        *self.letters.lock() = Some(letters);
    }

    /// Opens the source behind a position, and lets every execution be an epoch from now on. `times`
    /// are the watermarks of its splits there; none where time does not matter.
    pub(crate) async fn follow(
        &self,
        from: Option<&Position>,
        times: Option<&BTreeMap<String, i64>>,
        gate: &Arc<Gate>,
    ) -> std::result::Result<(), ConnectorError> {
        if self.statistics.is_none() {
            self.source.discover().await?;
        }
        let (partitions, projection) = (self.executions.len(), Some(self.projection.clone()));
        let progress = Arc::clone(&self.progress);
        let source = &self.source;
        let subscription = source
            .subscribe(partitions, projection, from, progress)
            .await?;
        let time = times.zip(self.time.clone());
        let time = time.map(|(times, rule)| TableTime::new(rule, times));
        let following = Following::new(
            subscription,
            Arc::clone(gate),
            self.is_bounded(),
            time,
            self.letters.lock().clone(),
            Arc::clone(&self.schema),
        );
        *self.following.lock() = Some(Arc::new(following));
        Ok(())
    }

    pub(crate) fn following(&self) -> Option<Arc<Following>> {
        self.following.lock().clone()
    }

    pub(crate) fn progress(&self) -> &Arc<SourceProgress> {
        &self.progress
    }

    pub(crate) fn statistics(&self) -> Option<&SourceStatistics> {
        self.statistics.as_ref()
    }

    fn opening(&self, round: usize) -> Arc<OnceCell<Streams>> {
        let mut openings = self.openings.lock();
        while openings.len() <= round {
            openings.push(Arc::default());
        }
        Arc::clone(&openings[round])
    }
}

/// The batch, once the letters among its rows are sent.
async fn without_letters(
    rows: std::result::Result<SourceRows, ConnectorError>,
    sender: Option<LetterSender>,
) -> Result<RecordBatch> {
    let SourceRows { batch, letters, .. } = rows.map_err(external)?;
    let delivered = deliver(letters, sender.as_ref()).await;
    delivered.map_err(external).map(|()| batch)
}

/// The first columns of a batch, under the names of a scan.
pub(crate) fn given(batch: RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns();
    if columns.len() == schema.fields().len() {
        return Ok(batch);
    }
    let columns = columns
        .iter()
        .take(schema.fields().len())
        .cloned()
        .collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let schema = Arc::clone(schema);
    Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
}

/// A plan is one of tables with an end to DataFusion, whatever the table: what cannot be done without
/// an end is for `planning::endless` to say.
fn properties(schema: &SchemaRef, partitions: usize) -> PlanProperties {
    PlanProperties::new(
        EquivalenceProperties::new(Arc::clone(schema)),
        Partitioning::UnknownPartitioning(partitions),
        EmissionType::Incremental,
        Boundedness::Bounded,
    )
    .with_scheduling_type(SchedulingType::Cooperative)
}

impl fmt::Debug for SourceScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceScan")
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl DisplayAs for SourceScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<_> = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        write!(
            f,
            "SourceScan: table={}, partitions={}, columns=[{}]",
            self.table,
            self.executions.len(),
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for SourceScan {
    plan_node!("SourceScan");

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Some(executions) = self.executions.get(partition) else {
            return internal_err!("partition {partition} of {}", self.executions.len());
        };
        if let Some(epoch) = self.following().and_then(|found| found.epoch(partition)) {
            return Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(
                Arc::clone(&self.schema),
                epoch.map(Ok),
            ))));
        }
        let opening = self.opening(executions.fetch_add(1, Ordering::Relaxed));
        let source = Arc::clone(&self.source);
        let discovered = self.statistics.is_some();
        let partitions = self.executions.len();
        let projection = Some(self.projection.clone());
        let schema = Arc::clone(&self.schema);
        let progress = Arc::clone(&self.progress);
        let letters = self.letters.lock().clone();
        let letters = letters.and_then(|letters| letters.sender());
        let stream = futures::stream::once(async move {
            let streams = opening
                .get_or_try_init(|| async {
                    if !discovered {
                        source.discover().await?;
                    }
                    let streams = source.open(partitions, projection, progress).await?;
                    Ok::<_, ConnectorError>(Mutex::new(streams.into_iter().map(Some).collect()))
                })
                .await
                .map_err(external)?;
            let stream = streams.lock().get_mut(partition).and_then(Option::take);
            let stream = stream.unwrap_or_else(|| futures::stream::empty().boxed());
            let batches = stream.then(move |rows| without_letters(rows, letters.clone()));
            let given = batches.map(move |batch| given(batch?, &schema));
            Ok::<_, datafusion::common::DataFusionError>(given)
        })
        .try_flatten();
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            stream,
        ))))
    }
}
