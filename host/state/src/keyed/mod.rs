//! State by key of one partition of a process function.

mod calls;
mod spec;
mod timers;

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    error::ArrowError,
};

pub use calls::{CallKeys, Change, DueTimers, Fired};
pub use spec::{KeyedSpec, SlotKind, SlotSpec, TimerClock};

use crate::{Chunk, Keeper};

/// See the module.
pub struct KeyedState {
    spec: Arc<KeyedSpec>,
    keeper: Keeper,
    chunks: Vec<Chunk>,
}

impl KeyedState {
    /// `keeper` has the columns of `spec`. Fails if keys of these types cannot be compared.
    pub fn new(spec: Arc<KeyedSpec>, keeper: Keeper) -> Result<Self, ArrowError> {
        Ok(KeyedState {
            spec,
            keeper,
            chunks: Vec::new(),
        })
    }

    /// The keys of a batch of so many rows: key columns, one row a row of the batch.
    pub fn begin(&mut self, columns: &[ArrayRef], rows: usize) -> Result<CallKeys, ArrowError> {
        let _ = (columns, rows, &self.spec, &self.keeper);
        Err(not_yet())
    }

    /// Timers that are due when time has come to `watermark` and the machine's clock to `now`, at most
    /// `most`. They stay until they are applied as `fired`.
    pub fn due(
        &mut self,
        watermark: i64,
        now: i64,
        most: usize,
    ) -> Result<Option<DueTimers>, ArrowError> {
        let _ = (watermark, now, most);
        Err(not_yet())
    }

    /// Whether `due` has timers to give.
    pub fn is_due(&self, watermark: i64, now: i64) -> bool {
        let _ = (watermark, now);
        false
    }

    /// When the first timer of the machine's clock is due.
    pub fn next_processing(&self) -> Option<i64> {
        None
    }

    /// When the first timer of the watermark is due.
    pub fn next_event(&self) -> Option<i64> {
        None
    }

    /// What each key of a call has in a slot, one row a key, of the slot's type.
    pub fn read(&mut self, keys: &CallKeys, slot: usize, now: i64) -> Result<ArrayRef, ArrowError> {
        let _ = (keys, slot, now);
        Err(not_yet())
    }

    /// Of a map slot: for each row the value under `entries[row]` of the key numbered `numbers[row]`,
    /// or null.
    pub fn lookup(
        &mut self,
        keys: &CallKeys,
        slot: usize,
        numbers: &[u32],
        entries: &ArrayRef,
        now: i64,
    ) -> Result<ArrayRef, ArrowError> {
        let _ = (keys, slot, numbers, entries, now);
        Err(not_yet())
    }

    /// Applies what a call has changed, in order. `fired`: the timers that the call was for, which are
    /// gone before. After an error of what the call gave nothing has changed.
    pub fn apply(
        &mut self,
        keys: CallKeys,
        fired: Option<Fired>,
        changes: Vec<Change>,
        now: i64,
    ) -> Result<(), ArrowError> {
        let _ = (keys, fired, changes, now);
        Err(not_yet())
    }

    /// The call has failed: nothing changes, and keys that were new are forgotten.
    pub fn cancel(&mut self, keys: CallKeys) {
        let _ = keys;
    }

    /// Forgets what is older than its time to live. Cheap when it is called often.
    pub fn expire(&mut self, now: i64) -> Result<(), ArrowError> {
        let _ = now;
        Err(not_yet())
    }

    /// Bytes of the chunks, wherever they are, and of what is known of their rows.
    pub fn bytes(&self) -> usize {
        0
    }

    /// All that there is, in the order in which `restore` must get it.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter()
    }

    /// Takes rows of a chunk, in their order: all, or those of some keys.
    pub fn restore(&mut self, saved: &RecordBatch, now: i64) -> Result<(), ArrowError> {
        let _ = (saved, now);
        Err(not_yet())
    }

    /// Forgets all.
    pub fn clear(&mut self) {}

    /// How many keys have anything.
    pub fn keys(&self) -> usize {
        0
    }

    /// Whether no key has anything.
    pub fn is_empty(&self) -> bool {
        self.keys() == 0
    }
}

fn not_yet() -> ArrowError {
    ArrowError::NotYetImplemented("state by key".to_owned())
}

fn invalid(message: impl Into<String>) -> ArrowError {
    ArrowError::InvalidArgumentError(message.into())
}
