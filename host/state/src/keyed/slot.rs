//! One slot: its log, and where in it is what each key has.

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Int64Array, UInt32Array},
    buffer::OffsetBuffer,
    compute::take,
    error::ArrowError,
};

use super::{
    calls::CallKeys,
    keys::Keys,
    layout::{Layout, SlotRows},
    lists::Lists,
    log::{Contents, Log},
    maps::Maps,
    rewriting::{Kept, Run},
    timers::Timers,
    values::Values,
};
use crate::{Chunk, Keeper};

/// What the slots of a partition share.
pub(super) struct Shared {
    pub keys: Keys,
    pub layout: Layout,
    pub keeper: Keeper,
}

/// A slot, or the timers.
pub(super) struct Slot {
    pub number: usize,
    pub log: Log,
    pub held: Held,
    pub ttl: Option<i64>,
    /// When it is looked for what is too old.
    next_look: i64,
}

/// Where in the log is what each key has.
pub(super) enum Held {
    Value(Values),
    List(Lists),
    Map(Maps),
    Timers(Timers),
}

/// What each kind of slot does in its own way.
pub(super) trait Index {
    /// Takes the rows of a chunk that was appended, all of whose items count as live.
    fn take(
        &mut self,
        rows: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError>;

    /// Finds what is live of a run of chunks, and the removals if they are of use; it lies in the new
    /// chunk from now on.
    fn keep(&mut self, run: &Run, log: &Log, kept: &mut Kept) -> Result<(), ArrowError>;

    /// Forgets what was written up to `over`.
    fn expire(&mut self, over: i64, log: &mut Log, keys: &mut Keys);

    /// Forgets all.
    fn clear(&mut self);

    fn bytes(&self) -> usize;
}

impl Held {
    pub(super) fn index(&mut self) -> &mut dyn Index {
        match self {
            Held::Value(index) => index,
            Held::List(index) => index,
            Held::Map(index) => index,
            Held::Timers(index) => index,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Held::Value(index) => index.bytes(),
            Held::List(index) => index.bytes(),
            Held::Map(index) => index.bytes(),
            Held::Timers(index) => index.bytes(),
        }
    }
}

/// Where an item is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub chunk: u32,
    pub item: u32,
}

/// Rows of a chunk that was appended.
pub(super) struct Appended<'a> {
    pub chunk: u32,
    /// One a row.
    pub ids: &'a [u32],
    pub rows: &'a SlotRows,
    /// What was written up to then is too old.
    pub over: Option<i64>,
}

impl Appended<'_> {
    #[inline]
    pub(super) fn is_over(&self, row: usize) -> bool {
        is_over(self.rows.written.value(row), self.over)
    }
}

#[inline]
pub(super) fn is_over(written: i64, over: Option<i64>) -> bool {
    over.is_some_and(|over| written <= over)
}

/// What a call makes of a slot: rows of keys, which are named by their numbers, each once and in
/// their order.
pub(super) struct NewRows {
    pub numbers: Vec<u32>,
    pub replaces: BooleanArray,
    pub offsets: OffsetBuffer<i32>,
    pub items: ArrayRef,
}

/// Rows that wait to be appended.
pub(super) struct Prepared {
    chunk: Chunk,
    rows: SlotRows,
    ids: Vec<u32>,
}

impl Slot {
    pub(super) fn new(number: usize, held: Held, ttl: Option<i64>) -> Self {
        Slot {
            number,
            log: Log::new(),
            held,
            ttl,
            next_look: i64::MIN,
        }
    }

    pub(super) fn clear(&mut self) {
        self.log.clear();
        self.held.index().clear();
    }

    /// What was written up to then is too old now.
    pub(super) fn over(&self, now: i64) -> Option<i64> {
        self.ttl.map(|ttl| now.saturating_sub(ttl))
    }

    pub(super) fn bytes(&self) -> usize {
        self.log.bytes() + self.held.bytes()
    }

    pub(super) fn prepare(
        &self,
        new: NewRows,
        keys: &CallKeys,
        now: i64,
        shared: &Shared,
    ) -> Result<Prepared, ArrowError> {
        let count = new.numbers.len();
        // They are in order, so these are all.
        let (ids, columns) = match count == keys.ids.len() {
            true => (keys.ids.clone(), keys.columns.clone()),
            false => {
                let ids = new.numbers.iter().map(|number| keys.ids[*number as usize]);
                let (ids, numbers) = (ids.collect(), UInt32Array::from(new.numbers));
                let columns = keys.columns.iter();
                let columns = columns.map(|column| take(column, &numbers, None));
                (ids, columns.collect::<Result<_, _>>()?)
            }
        };
        let rows = SlotRows {
            keys: columns,
            replaces: new.replaces,
            written: Int64Array::from_value(now, count),
            offsets: new.offsets,
            items: new.items,
        };
        self.prepare_rows(rows, ids, shared)
    }

    /// Rows that were saved, of the keys with these ids.
    pub(super) fn prepare_rows(
        &self,
        rows: SlotRows,
        ids: Vec<u32>,
        shared: &Shared,
    ) -> Result<Prepared, ArrowError> {
        let batch = shared.layout.encode(self.number, &rows)?;
        // None is needed before another.
        let chunk = shared.keeper.chunk(batch, 0)?;
        Ok(Prepared { chunk, rows, ids })
    }

    pub(super) fn append(
        &mut self,
        prepared: Prepared,
        now: i64,
        shared: &mut Shared,
    ) -> Result<(), ArrowError> {
        let Prepared { chunk, rows, ids } = prepared;
        let over = self.over(now);
        let contents = self.contents(&rows, ids.clone());
        let chunk = self.log.push(chunk, contents);
        let appended = Appended {
            chunk,
            ids: &ids,
            rows: &rows,
            over,
        };
        let index = self.held.index();
        index.take(&appended, &mut self.log, &mut shared.keys)?;
        self.settle(shared)
    }

    pub(super) fn contents(&self, rows: &SlotRows, ids: Vec<u32>) -> Contents {
        let offsets = rows.offsets.windows(2);
        let empty = offsets.filter(|ends| ends[0] == ends[1]).count();
        let removed = match &self.held {
            Held::Value(_) | Held::List(_) => 0,
            Held::Map(_) => Maps::removals(&rows.items),
            Held::Timers(_) => Timers::removals(&rows.items),
        };
        Contents {
            ids,
            items: rows.items.len() + empty,
            removals: removed + empty,
            live: rows.items.len() - removed,
        }
    }

    pub(super) fn expire(&mut self, now: i64, shared: &mut Shared) -> Result<(), ArrowError> {
        let (Some(ttl), Some(over)) = (self.ttl, self.over(now)) else {
            return Ok(());
        };
        if now < self.next_look {
            return Ok(());
        }
        self.next_look = now.saturating_add((ttl / 4).max(1));
        let index = self.held.index();
        index.expire(over, &mut self.log, &mut shared.keys);
        self.settle(shared)
    }

    /// Drops and puts together chunks.
    fn settle(&mut self, shared: &mut Shared) -> Result<(), ArrowError> {
        self.log.sweep();
        while let Some(run) = self.log.tail() {
            self.rewrite(&[run], shared)?;
        }
        if self.log.is_sparse() {
            self.rewrite(&self.log.sparse(), shared)?;
        }
        // Removals were of use because of chunks that were left as they are.
        if self.log.is_sparse() {
            self.rewrite(&self.log.all_sparse(), shared)?;
        }
        Ok(())
    }
}
