//! Rows of state that do not change.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parking_lot::Mutex;

use crate::segment::{Place, Segment};

/// Bytes of chunks.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub in_memory: AtomicUsize,
    /// In memory only.
    pub unwritten: AtomicUsize,
}

/// Rows of state that do not change: a record batch in memory, in a segment, or in both. A clone is
/// the same chunk. What is dropped is no longer needed.
#[derive(Debug, Clone)]
pub struct Chunk(pub(crate) Arc<Rows>);

#[derive(Debug)]
pub(crate) struct Rows {
    pub count: usize,
    /// Of Arrow buffers.
    pub bytes: usize,
    pub schema: SchemaRef,
    /// What needs the rows earlier needs a lower one.
    pub needed: i64,
    kept: Mutex<Kept>,
    account: Arc<Account>,
}

/// One of the two is there at least.
#[derive(Debug, Default)]
struct Kept {
    batch: Option<RecordBatch>,
    place: Option<(Arc<Segment>, u32)>,
}

impl Rows {
    pub(crate) fn new(batch: RecordBatch, needed: i64, account: Arc<Account>) -> Self {
        let bytes = batch.get_array_memory_size();
        account.in_memory.fetch_add(bytes, Ordering::Relaxed);
        account.unwritten.fetch_add(bytes, Ordering::Relaxed);
        Rows {
            count: batch.num_rows(),
            bytes,
            schema: batch.schema(),
            needed,
            kept: Mutex::new(Kept {
                batch: Some(batch),
                place: None,
            }),
            account,
        }
    }

    pub(crate) fn is_written(&self) -> bool {
        self.kept.lock().place.is_some()
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.kept.lock().batch.is_some()
    }

    /// Notes where it was written; the place that it had before is no longer its own.
    pub(crate) fn written(self: &Arc<Self>, segment: &Arc<Segment>, index: u32) {
        let mut kept = self.kept.lock();
        segment.add(self);
        match kept.place.replace((Arc::clone(segment), index)) {
            Some((before, _)) => before.leave(self.bytes),
            None => {
                let unwritten = &self.account.unwritten;
                unwritten.fetch_sub(self.bytes, Ordering::Relaxed);
            }
        }
    }

    /// Leaves it to its file, if it is in one.
    pub(crate) fn forget(&self) {
        let mut kept = self.kept.lock();
        if kept.place.is_some() && kept.batch.take().is_some() {
            let in_memory = &self.account.in_memory;
            in_memory.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }

    pub(crate) fn load(&self) -> io::Result<RecordBatch> {
        let kept = self.kept.lock();
        match (&kept.batch, &kept.place) {
            (Some(batch), _) => Ok(batch.clone()),
            (None, Some((segment, index))) => segment.read(*index),
            (None, None) => Err(io::Error::other("a chunk of state that is nowhere")),
        }
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let kept = self.kept.get_mut();
        let account = &self.account;
        if kept.batch.is_some() {
            account.in_memory.fetch_sub(self.bytes, Ordering::Relaxed);
        }
        match &kept.place {
            Some((segment, _)) => segment.leave(self.bytes),
            None => {
                account.unwritten.fetch_sub(self.bytes, Ordering::Relaxed);
            }
        }
    }
}

impl Chunk {
    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.0.count
    }

    #[cfg(test)]
    pub(crate) fn is_in_memory(&self) -> bool {
        self.0.is_in_memory()
    }

    /// The rows, out of memory or of the file, which is read whole each time. Fails if that cannot be
    /// read.
    pub fn load(&self) -> io::Result<RecordBatch> {
        self.0.load()
    }
}

/// Where chunks are written, in their order; none if one of them is not.
pub fn places(chunks: &[Chunk]) -> Option<Vec<Place>> {
    let mut places: Vec<Place> = Vec::new();
    for Chunk(rows) in chunks {
        let kept = rows.kept.lock();
        let (segment, index) = kept.place.as_ref()?;
        match places.last_mut() {
            Some(last) if last.segment == segment.name() => last.batches.push(*index),
            _ => places.push(Place {
                segment: segment.name().to_owned(),
                batches: vec![*index],
            }),
        }
    }
    Some(places)
}
