//! Messages on their way from the thread that polls to the readers that decode them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rdkafka::Timestamp;
use tokio::sync::Notify;

use super::headers::{self, Header};
use super::received::Received;
use crate::{ConnectorError, SplitId};

/// More memory than this is not kept for the next chunk: some message was huge.
const SPARE_BYTES: usize = 8 << 20;

/// One partition of a topic, from its assignment on until it is taken away.
#[derive(Debug)]
pub(super) struct Split {
    /// `topic-partition`
    pub id: SplitId,
    pub topic: String,
    pub partition: i32,
    /// Whether another process of the group has it now.
    pub revoked: AtomicBool,
    /// Whether the last of its messages is polled.
    pub finished: AtomicBool,
    /// The first offset that is not polled; negative until it is known.
    pub next: AtomicI64,
    /// Chunks with messages of it that nobody has decoded yet.
    pub waiting: AtomicUsize,
}

impl Split {
    pub(super) fn new(topic: &str, partition: i32) -> Self {
        Split {
            id: SplitId::from(format!("{topic}-{partition}")),
            topic: topic.to_owned(),
            partition,
            revoked: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            next: AtomicI64::new(-1),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Whether rows may still come from it.
    pub(super) fn is_open(&self) -> bool {
        let finished =
            self.finished.load(Ordering::Acquire) && self.waiting.load(Ordering::Acquire) == 0;
        !finished && !self.revoked.load(Ordering::Acquire)
    }
}

/// One message; ranges are of the chunk's bytes.
pub(super) struct Record {
    pub offset: i64,
    pub timestamp: Timestamp,
    pub key: Option<Range<usize>>,
    pub value: Option<Range<usize>>,
    /// Of the chunk's headers.
    pub headers: Range<usize>,
}

/// Messages, in the order in which they were polled.
#[derive(Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    pub records: Vec<Record>,
    pub headers: Vec<Header>,
    /// Whose they are: splits with the places behind their last records.
    pub runs: Vec<(Arc<Split>, usize)>,
}

impl Chunk {
    pub(super) fn push(&mut self, split: &Arc<Split>, message: &Received<'_>, with_headers: bool) {
        let first = self.headers.len();
        if with_headers {
            headers::read(message, &mut self.bytes, &mut self.headers);
        }
        let record = Record {
            offset: message.offset(),
            timestamp: message.timestamp(),
            key: message.key().map(|key| append(&mut self.bytes, key)),
            value: message.value().map(|value| append(&mut self.bytes, value)),
            headers: first..self.headers.len(),
        };
        self.records.push(record);
        match self.runs.last_mut() {
            Some((last, end)) if Arc::ptr_eq(last, split) => *end = self.records.len(),
            _ => {
                split.waiting.fetch_add(1, Ordering::AcqRel);
                self.runs.push((Arc::clone(split), self.records.len()));
            }
        }
    }

    /// Whose a message is.
    pub(super) fn split(&self, record: usize) -> Option<&Arc<Split>> {
        let run = self.runs.partition_point(|(_, end)| *end <= record);
        self.runs.get(run).map(|(split, _)| split)
    }

    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.records.clear();
        self.headers.clear();
        self.runs.clear();
    }
}

pub(super) fn append(bytes: &mut Vec<u8>, part: &[u8]) -> Range<usize> {
    let start = bytes.len();
    bytes.extend_from_slice(part);
    start..bytes.len()
}

/// Chunks that wait for a reader; holds a few.
pub(super) struct Queue {
    state: Mutex<State>,
    capacity: usize,
    arrived: Notify,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    chunks: VecDeque<Chunk>,
    /// Empty ones, whose memory is used again.
    spare: Vec<Chunk>,
    ended: bool,
    /// Why it ended, until a reader has heard it.
    error: Option<ConnectorError>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Queue {
            state: Mutex::default(),
            capacity,
            arrived: Notify::new(),
            taken: Condvar::new(),
        }
    }

    /// Puts the chunk in and leaves an empty one, if there is room or some comes in time.
    pub(super) fn offer(&self, chunk: &mut Chunk, timeout: Duration) -> bool {
        let mut state = self.state.lock();
        if state.chunks.len() >= self.capacity {
            self.taken.wait_for(&mut state, timeout);
        }
        if state.chunks.len() >= self.capacity {
            return false;
        }
        let next = state.spare.pop().unwrap_or_default();
        state.chunks.push_back(std::mem::replace(chunk, next));
        drop(state);
        self.arrived.notify_one();
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().chunks.is_empty()
    }

    /// Takes back a chunk that has been read.
    pub(super) fn give_back(&self, mut chunk: Chunk) {
        if chunk.bytes.capacity() > SPARE_BYTES {
            return;
        }
        chunk.clear();
        let mut state = self.state.lock();
        if state.spare.len() < self.capacity {
            state.spare.push(chunk);
        }
    }

    /// No more chunks come. The first call counts.
    pub(super) fn end(&self, error: Option<ConnectorError>) {
        let mut state = self.state.lock();
        if !state.ended {
            state.ended = true;
            state.error = error;
        }
        drop(state);
        self.arrived.notify_waiters();
    }

    /// Waits for a chunk; none once the queue has ended. A call that is dropped loses nothing.
    pub(super) async fn take(&self) -> Result<Option<Chunk>, ConnectorError> {
        loop {
            let arrival = self.arrived.notified();
            tokio::pin!(arrival);
            arrival.as_mut().enable();
            {
                let mut state = self.state.lock();
                if let Some(error) = state.error.take() {
                    return Err(error);
                }
                if let Some(chunk) = state.chunks.pop_front() {
                    self.taken.notify_one();
                    return Ok(Some(chunk));
                }
                if state.ended {
                    return Ok(None);
                }
            }
            arrival.await;
        }
    }
}
