//! Rows of a job without end that are held for a moment and committed some at a time: at least
//! once, for what was not committed when the connection was lost is written anew.

use std::sync::Arc;
use std::time::Duration;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::failure::Failure;
use super::session::{Opening, Session};
use crate::{Committable, ConnectorError, SinkTransaction, SinkWriter};

/// Bytes of rows that are held at most.
const HELD_BYTES: usize = 32 << 20;
/// What the server calls the connection.
const APPLICATION: &str = "wasmill";

/// What is held for one table.
pub(super) struct Buffer {
    opening: Opening,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    session: Option<Session>,
    /// With whether they take rows back.
    batches: Vec<(RecordBatch, bool)>,
    rows: u64,
    bytes: usize,
    /// Why rows could not be written while nobody waited for it.
    failed: Option<ConnectorError>,
}

impl Buffer {
    pub(super) fn new(opening: Opening) -> Self {
        Self {
            opening,
            held: Mutex::default(),
        }
    }

    /// Connects, so that what is wrong with the table is known before there are rows.
    pub(super) async fn open(&self) -> Result<(), ConnectorError> {
        let mut held = self.held.lock().await;
        if held.session.is_none() {
            held.session = Some(self.opening.open(APPLICATION).await?);
        }
        Ok(())
    }

    async fn hold(&self, batch: RecordBatch, taken_back: bool) -> Result<(), ConnectorError> {
        let mut held = self.held.lock().await;
        held.rows += batch.num_rows() as u64;
        held.bytes += batch.get_array_memory_size();
        held.batches.push((batch, taken_back));
        match held.rows >= self.opening.settings.max_rows || held.bytes >= HELD_BYTES {
            true => self.flush(&mut held).await,
            false => Ok(()),
        }
    }

    /// Commits what is held; with a new connection, where the one there was is lost.
    async fn flush(&self, held: &mut Held) -> Result<(), ConnectorError> {
        if let Some(error) = held.failed.take() {
            return Err(error);
        }
        if held.batches.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        loop {
            match self.write(held).await {
                Ok(()) => break,
                Err(Failure::Lost(_)) if tries < self.opening.settings.retries => tries += 1,
                Err(failure) => return Err(failure.into()),
            }
        }
        held.batches.clear();
        (held.rows, held.bytes) = (0, 0);
        Ok(())
    }

    /// The session is put back only when all went well.
    async fn write(&self, held: &mut Held) -> Result<(), Failure> {
        let mut session = match held.session.take() {
            Some(session) => session,
            None => self.opening.open(APPLICATION).await?,
        };
        let mut first = 0;
        for (batch, taken_back) in &held.batches {
            let rows = session.target.encoder.encode(batch, first, *taken_back);
            session
                .copy(rows.map_err(Failure::Other)?, *taken_back)
                .await?;
            first += i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        }
        session.complete().await?;
        session.commit().await?;
        held.session = Some(session);
        Ok(())
    }

    async fn flush_in_time(self: Arc<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let mut held = self.held.lock().await;
            if held.failed.is_none()
                && let Err(error) = self.flush(&mut held).await
            {
                held.failed = Some(error);
            }
        }
    }
}

/// What is written between two checkpoints, or all that a job without checkpoints writes.
pub(super) struct Buffered {
    buffer: Arc<Buffer>,
    clock: Option<JoinHandle<()>>,
}

impl Buffered {
    pub(super) fn new(buffer: Arc<Buffer>) -> Self {
        let interval = buffer.opening.settings.interval;
        let clock = interval.map(|interval| tokio::spawn(buffer.clone().flush_in_time(interval)));
        Self { buffer, clock }
    }
}

impl Drop for Buffered {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            clock.abort();
        }
    }
}

#[async_trait]
impl SinkTransaction for Buffered {
    async fn writer(&self, _partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(Writer(self.buffer.clone())))
    }

    async fn prepare(&self, _: bool) -> Result<Committable, ConnectorError> {
        self.commit().await?;
        Ok(Committable::Null)
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        let mut held = self.buffer.held.lock().await;
        self.buffer.flush(&mut held).await
    }

    /// What is committed stays: it will be there twice when the job goes on.
    async fn abort(&self) {
        *self.buffer.held.lock().await = Held::default();
    }
}

struct Writer(Arc<Buffer>);

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        self.0.hold(batch, false).await
    }

    async fn take_back(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        self.0.hold(batch, true).await
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        Ok(())
    }
}
