//! What a sink is: a table that can be written, whole or not at all.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use crate::ConnectorError;

/// A table that can be written.
#[async_trait]
pub trait Sink: Any + Send + Sync + Debug {
    /// The columns that are written, in order: those of the definition but the virtual ones.
    fn schema(&self) -> SchemaRef;

    /// The columns by which a row replaces the one written before it; none where a row stays as it is.
    fn replaces_by(&self) -> Option<&[String]> {
        None
    }

    /// Starts one statement's writing. `overwrite` replaces what the table holds at commit.
    async fn begin(&self, overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError>;

    /// Whether what a job without end writes is seen only behind a checkpoint. Of another sink a
    /// transaction is prepared and committed while the next one is written.
    fn shows_at_checkpoints(&self) -> bool {
        false
    }

    /// Whether the time has come to show rows of earlier checkpoints that it does not show yet, though
    /// no row has come since.
    fn is_due(&self) -> bool {
        false
    }

    /// Starts the writing between two checkpoints of a job. `run` names the job's run through all of
    /// its restarts, `checkpoint` is the one that will hold what is written.
    async fn begin_checkpoint(
        &self,
        _run: &str,
        _checkpoint: u64,
    ) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        self.begin(false).await
    }

    /// Whether only the sink itself knows up to which checkpoint its rows are shown: one that cannot
    /// commit after a crash what it had prepared before, so that the moment of its commit is the
    /// moment that counts. A job has one such sink at most; see [`Sink::joins`].
    fn decides(&self) -> bool {
        false
    }

    /// Has this sink, which decides, write into the transactions of another that does, if both can be
    /// committed as one; from then on only the other decides. It begins before this one does.
    fn joins(&self, _other: &Arc<dyn Sink>) -> bool {
        false
    }

    /// Of a sink that decides: the checkpoint up to which the rows of a run are shown, 0 if none are.
    /// The job goes on from that one. What the run had not committed is taken back first, and no
    /// other process can commit for the run from then on.
    async fn shown(&self, _run: &str) -> Result<u64, ConnectorError> {
        Ok(0)
    }

    /// Commits what a transaction of this run prepared for the last checkpoint, whether or not that
    /// happened before, and removes what the run left behind since.
    async fn recover(
        &self,
        _run: &str,
        _prepared: Option<&Committable>,
    ) -> Result<(), ConnectorError> {
        Ok(())
    }
}

/// What a sink needs in order to commit rows that it has stored. Only the sink knows what it means;
/// it is kept as JSON.
pub type Committable = serde_json::Value;

/// Rows on their way into a sink: visible after [`SinkTransaction::commit`] (a sink that can commit).
///
/// Dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait SinkTransaction: Send + Sync {
    /// A writer for one partition; a partition may have several, one after the other.
    async fn writer(&self, partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError>;

    /// Stores the rows of all finished writers so that a commit cannot fail for want of them, not
    /// even after a crash. What it gives goes to [`Sink::recover`] then. `last`: no transaction of
    /// the job follows, so that nothing may stay open for one.
    async fn prepare(&self, _last: bool) -> Result<Committable, ConnectorError> {
        Ok(Committable::Null)
    }

    /// Makes the rows of all finished writers visible at once.
    async fn commit(&self) -> Result<(), ConnectorError>;

    /// Takes everything back.
    async fn abort(&self);
}

/// Takes the batches of one partition.
#[async_trait]
pub trait SinkWriter: Send {
    /// Writes a batch of the sink's schema.
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError>;

    /// Takes back the rows of these keys: a batch of the sink's columns, of which only those of
    /// [`Sink::replaces_by`] count, and only those need a value.
    async fn take_back(&mut self, _batch: RecordBatch) -> Result<(), ConnectorError> {
        Err(ConnectorError::bug("rows of this sink stay as they are"))
    }

    /// Ends the partition; without it, its rows are not part of the commit.
    async fn finish(self: Box<Self>) -> Result<(), ConnectorError>;
}
