//! State by key of one partition of a process function, log-structured in [`Chunk`]s.
//!
//! A *slot* is what a function keeps of each key: a value, a list or a map. Each slot, and the timers,
//! has a log of its own (`log.rs`): chunks of rows, each of which says what has become of one key in one
//! call. Where in the log is what a key has now is known to an index in memory, one a kind (`values.rs`,
//! `lists.rs`, `maps.rs`, `timers.rs`), by the key's *id* (`keys.rs`).
//!
//! **All chunks, read again in their order, give the same state.** So whatever is left out or put
//! together of a log must not change what its rows come to.

mod calls;
mod changes;
mod encoding;
mod items;
mod keys;
mod layout;
mod lists;
mod log;
mod maps;
mod numbers;
mod rewriting;
mod slot;
mod spec;
#[cfg(test)]
mod tests;
mod timers;
mod values;

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray},
    compute::filter_record_batch,
    error::ArrowError,
};

use crate::{Chunk, Keeper};
use changes::Changes;
use items::{Items, offsets};
use keys::Keys;
use layout::Layout;
use lists::Lists;
use maps::Maps;
use slot::{Held, Shared, Slot};
use timers::Timers;
use values::Values;

pub use calls::{CallKeys, Change, DueTimers, Fired};
pub use spec::{KeyedSpec, SlotKind, SlotSpec, TimerClock};

/// What one partition keeps of its keys. Errors are of arguments that do not fit, which change nothing,
/// and of files that cannot be read, after which it is of no use any more.
pub struct KeyedState {
    spec: Arc<KeyedSpec>,
    shared: Shared,
    /// Those of the function, and the timers.
    slots: Vec<Slot>,
    /// What is written is never older than what was written before.
    now: i64,
}

impl KeyedState {
    /// Fails if `keeper` has other columns than `spec`, or if there are keys of types that cannot be
    /// compared.
    pub fn new(spec: Arc<KeyedSpec>, keeper: Keeper) -> Result<Self, ArrowError> {
        if keeper.schema() != spec.schema() {
            return Err(invalid("chunks would have other columns than the state"));
        }
        let shared = Shared {
            keys: Keys::new(spec.keys())?,
            layout: Layout::new(&spec)?,
            keeper,
        };
        Ok(KeyedState {
            slots: slots(&spec)?,
            spec,
            shared,
            now: i64::MIN,
        })
    }

    /// The keys of a batch of so many rows: key columns, one row a row of the batch.
    pub fn begin(&mut self, columns: &[ArrayRef], rows: usize) -> Result<CallKeys, ArrowError> {
        self.shared.keys.begin(columns, rows)
    }

    /// Timers that are due when time has come to `watermark` and the machine's clock to `now`, at most
    /// `most`. They stay until they are applied as `fired`.
    pub fn due(
        &mut self,
        watermark: i64,
        now: i64,
        most: usize,
    ) -> Result<Option<DueTimers>, ArrowError> {
        let due = self.timers()?.due(watermark, now, most);
        if due.is_empty() {
            return Ok(None);
        }
        let ids: Vec<_> = due.iter().map(|due| due.id).collect();
        Ok(Some(DueTimers {
            keys: self.shared.keys.begin_again(&ids)?,
            names: StringArray::from_iter_values(due.iter().map(|due| &due.name)),
            at: Int64Array::from_iter_values(due.iter().map(|due| due.at())),
            fired: Fired(due),
        }))
    }

    /// Whether `due` has timers to give.
    pub fn is_due(&self, watermark: i64, now: i64) -> bool {
        self.timers()
            .is_ok_and(|timers| timers.is_due(watermark, now))
    }

    /// When the first timer of the machine's clock is due.
    pub fn next_processing(&self) -> Option<i64> {
        self.timers().ok()?.next(TimerClock::Processing)
    }

    /// When the first timer of the watermark is due.
    pub fn next_event(&self) -> Option<i64> {
        self.timers().ok()?.next(TimerClock::Event)
    }

    /// How many timers keys have.
    pub fn timers_waiting(&self) -> usize {
        self.timers().map_or(0, Timers::len)
    }

    fn timers(&self) -> Result<&Timers, ArrowError> {
        match self.slots.last().map(|slot| &slot.held) {
            Some(Held::Timers(timers)) => Ok(timers),
            _ => Err(invalid("there are no timers")),
        }
    }

    /// What each key of a call has in a slot, one row a key, of the slot's type.
    pub fn read(&mut self, keys: &CallKeys, slot: usize, now: i64) -> Result<ArrayRef, ArrowError> {
        let over = self.slot(slot)?.over(self.now.max(now));
        let slot = self.slot(slot)?;
        let mut items = Items::new(slot, &self.shared.layout, keys.count);
        let ends = match &slot.held {
            Held::Value(values) => {
                values.read(&keys.ids, over, &mut items)?;
                return items.gather(self.spec.slot_type(slot.number));
            }
            Held::List(lists) => lists.read(&keys.ids, over, &mut items)?,
            Held::Map(maps) => maps.read(&keys.ids, over, &mut items)?,
            Held::Timers(_) => return Err(no_slot(slot.number)),
        };
        let item = self.spec.item(slot.number)?;
        let items = items.gather(item.data_type())?;
        let lists = ListArray::try_new(item, offsets(ends.into_iter())?, items, None)?;
        Ok(Arc::new(lists))
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
        let slot = self.slot(slot)?;
        let over = slot.over(self.now.max(now));
        changes::check(keys, numbers, entries.len())?;
        let item = self.spec.item(slot.number)?;
        let (Held::Map(maps), Some((key, value))) = (&slot.held, changes::entry(&item)) else {
            return Err(no_slot(slot.number));
        };
        changes::check_type(entries, key)?;
        let mut items = Items::new(slot, &self.shared.layout, numbers.len()).of_values();
        let ids = numbers.iter().map(|number| keys.ids[*number as usize]);
        maps.lookup(ids, entries, over, &mut items)?;
        items.gather(value)
    }

    fn slot(&self, slot: usize) -> Result<&Slot, ArrowError> {
        self.slots.get(slot).ok_or_else(|| no_slot(slot))
    }

    /// Applies what a call has changed, in order. `fired`: the timers that the call was for, which are
    /// gone before.
    pub fn apply(
        &mut self,
        keys: CallKeys,
        fired: Option<Fired>,
        changes: Vec<Change>,
        now: i64,
    ) -> Result<(), ArrowError> {
        let applied = self.apply_to(&keys, fired, changes, now);
        self.shared.keys.end(&keys);
        applied
    }

    fn apply_to(
        &mut self,
        keys: &CallKeys,
        fired: Option<Fired>,
        changes: Vec<Change>,
        now: i64,
    ) -> Result<(), ArrowError> {
        let now = self.now.max(now);
        let mut by_slot = Changes::new(&self.spec, keys, changes)?;
        by_slot.fired = fired;
        let mut prepared = Vec::new();
        for slot in &self.slots {
            if let Some(rows) = by_slot.fold(slot, keys)? {
                prepared.push((slot.number, slot.prepare(rows, keys, now, &self.shared)?));
            }
        }
        self.now = now;
        for (slot, rows) in prepared {
            if let Some(slot) = self.slots.get_mut(slot) {
                slot.append(rows, now, &mut self.shared)?;
            }
        }
        Ok(())
    }

    /// The call has failed: nothing changes, and keys that were new are forgotten.
    pub fn cancel(&mut self, keys: CallKeys) {
        self.shared.keys.end(&keys);
    }

    /// Forgets what is older than its time to live. Cheap when it is called often.
    pub fn expire(&mut self, now: i64) -> Result<(), ArrowError> {
        let now = self.now.max(now);
        self.now = now;
        let mut slots = self.slots.iter_mut();
        slots.try_for_each(|slot| slot.expire(now, &mut self.shared))
    }

    /// Bytes of the chunks, wherever they are, and about those of what is known of their rows.
    pub fn bytes(&self) -> usize {
        let slots: usize = self.slots.iter().map(Slot::bytes).sum();
        slots + self.shared.keys.bytes()
    }

    /// All that there is, in the order in which `restore` must get it.
    pub fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.slots.iter().flat_map(|slot| slot.log.chunks())
    }

    /// Takes rows of a chunk, in their order: all, or those of some keys.
    pub fn restore(&mut self, saved: &RecordBatch, now: i64) -> Result<(), ArrowError> {
        let slots = self.shared.layout.slots(saved)?;
        let Some(first) = slots.values().first().copied() else {
            return Ok(());
        };
        if slots.values().iter().all(|slot| *slot == first) {
            return self.restore_to(first as usize, saved, now);
        }
        for slot in 0..self.slots.len() {
            let of_slot = slots.values().iter().map(|found| *found as usize == slot);
            let of_slot = BooleanArray::from(of_slot.collect::<Vec<_>>());
            let rows = filter_record_batch(saved, &of_slot)?;
            if rows.num_rows() > 0 {
                self.restore_to(slot, &rows, now)?;
            }
        }
        Ok(())
    }

    fn restore_to(&mut self, slot: usize, saved: &RecordBatch, now: i64) -> Result<(), ArrowError> {
        let now = self.now.max(now);
        let rows = self.shared.layout.decode(slot, saved)?;
        let slot = self.slots.get_mut(slot).ok_or_else(|| no_slot(slot))?;
        let keys = self.shared.keys.begin(&rows.keys, rows.len())?;
        let written = rows.written.values().iter().copied().max();
        let numbers = keys.numbers.iter();
        let ids = numbers.map(|number| keys.ids[*number as usize]).collect();
        let prepared = slot.prepare_rows(rows, ids, &self.shared);
        let restored = prepared.and_then(|rows| slot.append(rows, now, &mut self.shared));
        self.shared.keys.end(&keys);
        self.now = self.now.max(written.unwrap_or(self.now));
        restored
    }

    /// Forgets all, while no call is under way.
    pub fn clear(&mut self) {
        self.slots.iter_mut().for_each(Slot::clear);
        self.shared.keys.clear();
    }

    #[cfg(test)]
    fn spare(&mut self, items: usize) {
        self.slots.iter_mut().for_each(|slot| slot.log.spare(items));
    }

    /// How many keys have anything, or are of a call that is under way.
    pub fn keys(&self) -> usize {
        self.shared.keys.count()
    }

    /// Whether no key has anything.
    pub fn is_empty(&self) -> bool {
        self.keys() == 0
    }
}

/// Without anything in them.
fn slots(spec: &KeyedSpec) -> Result<Vec<Slot>, ArrowError> {
    let of_function = spec.slots().iter().enumerate().map(|(number, slot)| {
        let held = match slot.kind {
            SlotKind::Value => Held::Value(Values::default()),
            SlotKind::List => Held::List(Lists::default()),
            SlotKind::Map => Held::Map(Maps::new(spec.item(number)?.data_type())?),
        };
        Ok(Slot::new(number, held, slot.ttl))
    });
    let timers = || {
        let item = spec.item(spec.timers())?;
        let held = Held::Timers(Timers::new(item.data_type())?);
        Ok(Slot::new(spec.timers(), held, None))
    };
    of_function.chain(std::iter::once_with(timers)).collect()
}

fn no_slot(slot: usize) -> ArrowError {
    invalid(format!("there is no such slot {slot}"))
}

fn invalid(message: impl Into<String>) -> ArrowError {
    ArrowError::InvalidArgumentError(message.into())
}
