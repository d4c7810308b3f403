//! Rows that go straight into one transaction, and are shown by its commit: all of a job with an
//! end, or all between two checkpoints.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use tokio::sync::Mutex;

use super::session::Session;
use super::target::Target;
use crate::{Committable, ConnectorError, SinkTransaction, SinkWriter};

/// The connection of a sink; none once it is lost or given up. Partitions take turns.
pub(super) type Shared = Arc<Mutex<Option<Session>>>;

pub(super) struct Streamed {
    session: Shared,
    target: Arc<Target>,
    /// Of a job that takes checkpoints.
    checkpoint: Option<i64>,
    progress: Arc<Progress>,
}

#[derive(Default)]
struct Progress {
    /// Numbers of rows that were given out.
    rows: AtomicI64,
    /// Writers that have not finished.
    writers: AtomicUsize,
}

impl Streamed {
    pub(super) fn new(session: Shared, target: Arc<Target>, checkpoint: Option<i64>) -> Self {
        Self {
            session,
            target,
            checkpoint,
            progress: Arc::default(),
        }
    }

    /// Does all but the commit.
    async fn complete(&self, session: &mut Session) -> Result<(), ConnectorError> {
        if self.progress.writers.load(Ordering::Acquire) > 0 {
            return Err(ConnectorError::bug("a commit before all writers finished"));
        }
        if self.checkpoint.is_some() {
            session.begin().await?;
        }
        session.complete().await?;
        if let Some(checkpoint) = self.checkpoint {
            session.note(checkpoint).await?;
        }
        Ok(())
    }
}

fn ended() -> ConnectorError {
    ConnectorError::bug("a sink is used after its commit")
}

#[async_trait]
impl SinkTransaction for Streamed {
    async fn writer(&self, _partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        self.progress.writers.fetch_add(1, Ordering::AcqRel);
        Ok(Box::new(Writer {
            session: self.session.clone(),
            target: self.target.clone(),
            progress: self.progress.clone(),
        }))
    }

    async fn prepare(&self, _: bool) -> Result<Committable, ConnectorError> {
        let mut session = self.session.lock().await;
        self.complete(session.as_mut().ok_or_else(ended)?).await?;
        Ok(Committable::Null)
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        let mut shared = self.session.lock().await;
        let mut session = shared.take().ok_or_else(ended)?;
        match self.checkpoint {
            // It was prepared, and others follow.
            Some(_) => {
                session.commit().await?;
                *shared = Some(session);
            }
            None => {
                self.complete(&mut session).await?;
                session.commit().await?;
            }
        }
        Ok(())
    }

    async fn abort(&self) {
        self.session.lock().await.take();
    }
}

struct Writer {
    session: Shared,
    target: Arc<Target>,
    progress: Arc<Progress>,
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        self.copy(&batch, false).await
    }

    async fn take_back(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        self.copy(&batch, true).await
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        let mut session = self.session.lock().await;
        session.as_mut().ok_or_else(ended)?.end_copy().await?;
        self.progress.writers.fetch_sub(1, Ordering::AcqRel);
        Ok(())
    }
}

impl Writer {
    async fn copy(&self, batch: &RecordBatch, taken_back: bool) -> Result<(), ConnectorError> {
        let count = i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        let first = self.progress.rows.fetch_add(count, Ordering::Relaxed);
        let rows = self.target.encoder.encode(batch, first, taken_back)?;
        let mut session = self.session.lock().await;
        Ok(session
            .as_mut()
            .ok_or_else(ended)?
            .copy(rows, taken_back)
            .await?)
    }
}
