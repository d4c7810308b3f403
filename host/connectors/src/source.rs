//! What a source is: a table that can be read.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::Stream;

use crate::ConnectorError;

/// Batches of one partition, all of the projected schema.
pub type BatchStream = Pin<Box<dyn Stream<Item = Result<RecordBatch, ConnectorError>> + Send>>;

/// A table that can be read.
#[async_trait]
pub trait Source: Send + Sync + Debug {
    /// The columns of the definition, in order.
    fn schema(&self) -> SchemaRef;

    /// Whether the rows end.
    fn bounded(&self) -> bool;

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
