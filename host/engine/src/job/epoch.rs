//! An epoch: what a job without end does at a time.
//!
//! The sources of the job share a [`Gate`]. While it is open they give rows; when it closes each gives
//! what it holds already, and ends. So a plan that is executed anew for every epoch runs to its end
//! every time, and between two epochs no row is on its way.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use datafusion::arrow::{datatypes::SchemaRef, record_batch::RecordBatch};
use futures::{Stream, stream};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use wasmill_connectors::{
    ConnectorError, DeadLetter, Position, Positions, SourceReader, SourceRows, Subscription,
};

use super::{
    clock::BEGINNING,
    letters::{LetterSender, Letters},
    watermark::TableTime,
};
use crate::planning::{deliver, given};

/// When an epoch closes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EpochLimits {
    pub rows: u64,
    /// Of Arrow buffers.
    pub bytes: u64,
    /// After the first row.
    pub linger: Duration,
}

/// Ends the epochs of all sources of a job at once.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: EpochLimits,
    closed: watch::Sender<bool>,
    rows: AtomicU64,
    bytes: AtomicU64,
    first: Notify,
}

impl Gate {
    pub(crate) fn new(limits: EpochLimits) -> Self {
        Gate {
            limits,
            closed: watch::Sender::new(true),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            first: Notify::new(),
        }
    }

    pub(crate) fn open(&self) {
        self.rows.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
        self.closed.send_replace(false);
    }

    /// Closes it when the epoch has lasted: its first row is old enough, it is time to `wake`, there are
    /// news of a model, or the job is to stop.
    pub(crate) async fn close_in_time(
        &self,
        wake: Option<Instant>,
        news: &Notify,
        stop: &CancellationToken,
    ) {
        let lingered = async {
            self.first.notified().await;
            sleep(self.limits.linger).await;
        };
        let due = async {
            match wake {
                Some(instant) => sleep_until(instant).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = lingered => {}
            () = due => {}
            () = news.notified() => {}
            () = stop.cancelled() => {}
        }
        self.closed.send_replace(true);
    }

    async fn closes(&self) {
        // Fails only without a sender, and that is in `self`.
        self.closed
            .subscribe()
            .wait_for(|closed| *closed)
            .await
            .ok();
    }

    fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// Dead letters are rows as others are.
    fn count(&self, found: &SourceRows) {
        let letters: usize = found.letters.iter().map(DeadLetter::size).sum();
        let rows = found.batch.num_rows() + found.letters.len();
        let bytes = found.batch.get_array_memory_size() + letters;
        let rows = self.rows.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        let bytes = self.bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        self.first.notify_one();
        if rows >= self.limits.rows || bytes >= self.limits.bytes {
            self.closed.send_replace(true);
        }
    }
}

/// A source that is read epoch by epoch.
pub(crate) struct Following {
    gate: Arc<Gate>,
    partitions: Vec<Partition>,
    positions: Arc<dyn Positions>,
    bounded: bool,
    /// Where windows need it.
    time: Option<Arc<TableTime>>,
    /// Where its dead letters go.
    letters: Option<Arc<Letters>>,
    /// The first of the columns that are read.
    schema: SchemaRef,
}

type SharedReader = Arc<tokio::sync::Mutex<Box<dyn SourceReader>>>;

struct Partition {
    reader: SharedReader,
    ended: Arc<AtomicBool>,
    /// Batches of this epoch, until the plan takes them.
    epoch: parking_lot::Mutex<Option<mpsc::UnboundedReceiver<RecordBatch>>>,
}

impl Following {
    pub(crate) fn new(
        subscription: Subscription,
        gate: Arc<Gate>,
        bounded: bool,
        time: Option<TableTime>,
        letters: Option<Arc<Letters>>,
        schema: SchemaRef,
    ) -> Self {
        let readers = subscription.readers.into_iter();
        Following {
            gate,
            partitions: readers
                .map(|reader| Partition {
                    reader: Arc::new(tokio::sync::Mutex::new(reader)),
                    ended: Arc::default(),
                    epoch: parking_lot::Mutex::default(),
                })
                .collect(),
            positions: subscription.positions,
            bounded,
            time: time.map(Arc::new),
            letters,
            schema,
        }
    }

    /// The time up to which the rows have come.
    pub(crate) fn watermark(&self) -> i64 {
        match &self.time {
            _ if self.has_ended() => i64::MAX,
            Some(time) => time.watermark(&self.positions.splits()),
            // Its rows come before all others.
            None if self.bounded => BEGINNING,
            None => i64::MAX,
        }
    }

    /// When the watermark may move without a row.
    pub(crate) fn next_idle(&self) -> Option<std::time::Instant> {
        self.time.as_ref()?.next_idle()
    }

    /// The watermarks of the splits, for a checkpoint.
    pub(crate) fn times(&self) -> Option<BTreeMap<String, i64>> {
        Some(self.time.as_ref()?.save())
    }

    /// Whether the table has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let mut partitions = self.partitions.iter();
        partitions.all(|partition| partition.ended.load(Ordering::Acquire))
    }

    /// Behind all rows of the epochs so far; to be asked between two of them.
    pub(crate) fn position(&self) -> Position {
        self.positions.position()
    }

    /// Tells the source that the sinks have the rows before a position for good.
    pub(crate) async fn stored(&self, position: &Position) -> Result<(), ConnectorError> {
        self.positions.stored(position).await
    }

    /// How often the source wants to hear that from a job that takes no checkpoints.
    pub(crate) fn wants_stored(&self) -> Option<Duration> {
        self.positions.wants_stored()
    }

    /// Begins an epoch: what reads the partitions, all at once, whatever the order in which the plan
    /// asks for their rows, and whether or not it does. What waits for the plan is bounded by the gate.
    pub(crate) fn begin(
        &self,
    ) -> impl Iterator<Item = impl Future<Output = Result<(), ConnectorError>> + Send + use<>> {
        self.partitions.iter().map(|partition| {
            let mut reading = Reading {
                gate: Arc::clone(&self.gate),
                ended: Arc::clone(&partition.ended),
                time: self.time.clone(),
                letters: self.letters.as_ref().and_then(|letters| letters.sender()),
                schema: Arc::clone(&self.schema),
            };
            let reader = Arc::clone(&partition.reader);
            let (sender, receiver) = mpsc::unbounded_channel();
            *partition.epoch.lock() = Some(receiver);
            async move {
                let mut reader = reader.lock_owned().await;
                while let Some(batch) = reading.next(reader.as_mut()).await? {
                    // A plan that has ended wants no more of them.
                    sender.send(batch).ok();
                }
                Ok(())
            }
        })
    }

    /// One partition's batches of this epoch.
    pub(crate) fn epoch(
        &self,
        partition: usize,
    ) -> Option<impl Stream<Item = RecordBatch> + Send + use<>> {
        let begun = self.partitions.get(partition)?.epoch.lock().take();
        Some(stream::unfold(begun, |begun| async {
            let mut receiver = begun?;
            let batch = receiver.recv().await?;
            Some((batch, Some(receiver)))
        }))
    }
}

/// One partition within an epoch.
struct Reading {
    gate: Arc<Gate>,
    ended: Arc<AtomicBool>,
    time: Option<Arc<TableTime>>,
    letters: Option<LetterSender>,
    schema: SchemaRef,
}

impl Reading {
    async fn next(
        &mut self,
        reader: &mut dyn SourceReader,
    ) -> Result<Option<RecordBatch>, ConnectorError> {
        if self.ended.load(Ordering::Acquire) {
            return Ok(None);
        }
        if !self.gate.is_closed() {
            let batch = tokio::select! {
                biased;
                () = self.gate.closes() => None,
                batch = reader.next() => Some(batch?),
            };
            match batch {
                Some(Some(rows)) => {
                    self.gate.count(&rows);
                    return self.given(rows).await.map(Some);
                }
                Some(None) => {
                    self.ended.store(true, Ordering::Release);
                    return Ok(None);
                }
                None => {}
            }
        }
        match reader.rest().await? {
            Some(rows) => self.given(rows).await.map(Some),
            None => Ok(None),
        }
    }

    async fn given(&self, mut rows: SourceRows) -> Result<RecordBatch, ConnectorError> {
        if let (Some(time), 1..) = (&self.time, rows.batch.num_rows()) {
            time.observe(&rows)?;
        }
        deliver(std::mem::take(&mut rows.letters), self.letters.as_ref()).await?;
        given(rows.batch, &self.schema).map_err(|error| ConnectorError::Bug {
            message: format!("columns of a batch: {error}"),
        })
    }
}
