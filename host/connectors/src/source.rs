//! What a source is: a table that can be read.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::Stream;

use crate::{ConnectorError, DeadLetter};

/// The rows of one partition, batch by batch.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<SourceRows, ConnectorError>> + Send>>;

/// A table that can be read.
#[async_trait]
pub trait Source: Send + Sync + Debug {
    /// The columns of the definition, in order; see [`Source::changes_by`] for one more.
    fn schema(&self) -> SchemaRef;

    /// Whether the rows end.
    fn bounded(&self) -> bool;

    /// Of a table of changes: its key. A row replaces the one before it of the same key. The last
    /// column of [`Source::schema`], a BOOLEAN, is true of a row that takes the row of its key back,
    /// and has NULL in all other columns. Changes of one key keep their order in one partition only.
    fn changes_by(&self) -> Option<&[String]> {
        None
    }

    /// Whether a record that is wrong becomes a [`DeadLetter`] instead of failing the job.
    fn gives_dead_letters(&self) -> bool {
        false
    }

    /// Finds the data: lists files, fails if there are none, reads headers.
    async fn discover(&self) -> Result<SourceStatistics, ConnectorError>;

    /// Opens `partitions` streams (at least one) that share one queue of work, so that a slow
    /// partition never holds work that another could do.
    ///
    /// `projection` holds indices into [`Source::schema`]; the other columns are not decoded. An
    /// empty projection yields batches without columns that still have their number of rows.
    async fn open(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        progress: Arc<SourceProgress>,
    ) -> Result<Vec<BatchStream>, ConnectorError>;

    /// Opens `partitions` readers for a job that takes checkpoints. They begin behind the rows that
    /// led to the position `from`, or with the first row.
    async fn subscribe(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        from: Option<&Position>,
        progress: Arc<SourceProgress>,
    ) -> Result<Subscription, ConnectorError>;
}

/// Where a source is: what it needs in order to go on behind the rows that it has given. Only the
/// source knows what it means; it is kept as JSON.
pub type Position = serde_json::Value;

/// A source that is being read between checkpoints.
pub struct Subscription {
    /// One a partition; they share the source's work.
    pub readers: Vec<Box<dyn SourceReader>>,
    pub positions: Arc<dyn Positions>,
}

impl Subscription {
    /// The rows of all readers to their ends, for a job that takes no checkpoints.
    pub(crate) fn into_streams(self) -> Vec<BatchStream> {
        let readers = self.readers.into_iter();
        let streams = readers.map(|reader| {
            // What feeds the readers lives as long as the positions do.
            let begin = (reader, self.positions.clone());
            let stream = futures::stream::try_unfold(begin, |(mut reader, positions)| async {
                let rows = reader.next().await?;
                Ok(rows.map(|rows| (rows, (reader, positions))))
            });
            Box::pin(stream) as BatchStream
        });
        streams.collect()
    }
}

/// Reads one partition.
#[async_trait]
pub trait SourceReader: Send {
    /// Waits for the next rows or letters; none once the table has ended. A call that is dropped
    /// loses none.
    async fn next(&mut self) -> Result<Option<SourceRows>, ConnectorError>;

    /// The next of the rows that it holds already, none once it holds none. A position stands
    /// between rows only then.
    async fn rest(&mut self) -> Result<Option<SourceRows>, ConnectorError>;
}

/// Rows that a reader gives at a time.
#[derive(Debug, Clone)]
pub struct SourceRows {
    /// Of the projected schema; without a row where there are only letters.
    pub batch: RecordBatch,
    /// Whose the rows are, in their order: together as many as the batch has. Empty where the source
    /// is all one split.
    pub runs: Vec<SplitRun>,
    /// The records among them that are no rows: see [`Source::gives_dead_letters`].
    pub letters: Vec<DeadLetter>,
}

/// Rows of one split that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitRun {
    pub split: SplitId,
    pub rows: usize,
}

/// Names what a source reads by itself, such as a partition of a topic: time passes in each split on
/// its own, so that each has its own watermark. A source of one split calls it "".
pub type SplitId = Arc<str>;

impl From<RecordBatch> for SourceRows {
    fn from(batch: RecordBatch) -> Self {
        SourceRows {
            batch,
            runs: Vec::new(),
            letters: Vec::new(),
        }
    }
}

/// Tells the position of a [`Subscription`].
#[async_trait]
pub trait Positions: Send + Sync {
    /// Behind all rows that the readers have given, when none of them holds any.
    fn position(&self) -> Position;

    /// The splits that rows may still come from.
    fn splits(&self) -> Vec<SplitId> {
        vec![SplitId::from("")]
    }

    /// Hears that the sinks have the rows before a position for good.
    async fn stored(&self, _position: &Position) -> Result<(), ConnectorError> {
        Ok(())
    }

    /// How often it wants to hear that from a job that takes no checkpoints.
    fn wants_stored(&self) -> Option<Duration> {
        None
    }
}

/// How much there is to read, as far as it is known beforehand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceStatistics {
    /// Bytes as stored (compressed, if they are).
    pub bytes: Option<u64>,
    pub rows: Option<u64>,
    pub files: u64,
}

/// How much has been read.
#[derive(Debug, Default)]
pub struct SourceProgress {
    /// Rows yielded.
    pub rows: AtomicU64,
    /// Bytes of the stored (compressed) input consumed: over [`SourceStatistics::bytes`] this is the
    /// share done.
    pub bytes: AtomicU64,
    /// Values and rows that `ignore-parse-errors` turned into NULL or left out.
    pub ignored: AtomicU64,
}

impl SourceProgress {
    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_ignored(&self, count: u64) {
        self.ignored.fetch_add(count, Ordering::Relaxed);
    }
}
