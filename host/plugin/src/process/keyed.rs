//! `keyed` of the contract: a call's keys, their state, and what the call changes of it.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::{Field, FieldRef};

use super::{KeyedCall, KeyedState, Slot, StateChange};
use crate::arrays::adopt;
use crate::contract::{Clock, SlotKind};
use crate::items::Items;
use crate::state::{Batch, Refusal};

/// Bytes of a timer's name.
const TIMER_NAME_BYTES: usize = 200;

/// See the module.
pub(crate) struct Keyed {
    slots: Arc<[Slot]>,
    pub keys: Batch,
    pub numbers: Items<u32>,
    pub times: Option<ArrayRef>,
    pub watermark: Option<i64>,
    pub now: i64,
    /// Its rows and its version.
    pub broadcast: (Batch, u64),
    pub changes: Vec<StateChange>,
    state: Box<dyn KeyedState>,
    /// Slots that were read.
    read: Vec<Option<ArrayRef>>,
    /// Why the state could not be read.
    pub failed: Option<String>,
}

impl Keyed {
    pub fn new(slots: &Arc<[Slot]>, call: KeyedCall) -> Self {
        Self {
            read: vec![None; slots.len()],
            slots: slots.clone(),
            keys: call.keys,
            numbers: Items(call.numbers),
            times: call.times,
            watermark: call.watermark,
            now: call.now,
            broadcast: call.broadcast,
            changes: Vec::new(),
            state: call.state,
            failed: None,
        }
    }

    pub fn slot(&self, index: u32) -> Result<&Slot, Refusal> {
        let slots = self.slots.len();
        let found = self.slots.get(index as usize);
        found.ok_or_else(|| Refusal::Data(format!("there is no slot {index} of {slots}")))
    }

    pub fn slot_of(&self, index: u32, kind: SlotKind) -> Result<&Slot, Refusal> {
        let slot = self.slot(index)?;
        match slot.kind == kind {
            true => Ok(slot),
            false => Err(slot.refusal(match kind {
                SlotKind::Value => "it is no value",
                SlotKind::List => "it is no list",
                SlotKind::Map => "it is no map",
            })),
        }
    }

    /// Fails if one is no key of the call.
    pub fn check_keys(&self, keys: &[u32]) -> Result<(), Refusal> {
        // Faster than `max`, which the compiler does not make vector instructions of.
        let key = keys.iter().copied().fold(0, u32::max);
        match key < self.keys.rows || keys.is_empty() {
            true => Ok(()),
            false => Err(Refusal::Data(format!(
                "there is no key {key} among {}",
                self.keys.rows
            ))),
        }
    }

    pub fn check_timers(&self, clock: Clock, name: &str) -> Result<(), Refusal> {
        if name.len() > TIMER_NAME_BYTES {
            return Err(Refusal::Data(format!(
                "the name of a timer has {} bytes, more than {TIMER_NAME_BYTES}",
                name.len()
            )));
        }
        if clock == Clock::Event && self.times.is_none() {
            return Err(Refusal::NoTimes);
        }
        Ok(())
    }

    pub fn read(&mut self, index: u32) -> Result<ArrayRef, Refusal> {
        self.slot(index)?;
        let index = index as usize;
        if let Some(Some(column)) = self.read.get(index) {
            return Ok(column.clone());
        }
        let column = self.state.read(index);
        let column = column.map_err(|reason| self.fail(reason))?;
        if let Some(read) = self.read.get_mut(index) {
            *read = Some(column.clone());
        }
        Ok(column)
    }

    pub fn lookup(
        &mut self,
        index: u32,
        keys: &[u32],
        entries: &ArrayRef,
    ) -> Result<ArrayRef, Refusal> {
        self.check_keys(keys)?;
        let entries = self.slot_of(index, SlotKind::Map)?.entries(entries)?;
        check_rows("entries", &entries, keys)?;
        let found = self.state.lookup(index as usize, keys, &entries);
        found.map_err(|reason| self.fail(reason))
    }

    /// The guest is not at fault.
    fn fail(&mut self, reason: String) -> Refusal {
        self.failed = Some(reason);
        Refusal::Data("the state cannot be read".to_owned())
    }
}

pub(crate) fn check_rows(what: &str, column: &ArrayRef, keys: &[u32]) -> Result<(), Refusal> {
    match column.len() == keys.len() {
        true => Ok(()),
        false => Err(Refusal::Data(format!(
            "{} {what} for {} keys",
            column.len(),
            keys.len()
        ))),
    }
}

impl Slot {
    fn refusal(&self, reason: &str) -> Refusal {
        Refusal::Data(format!("slot `{}`: {reason}", self.name))
    }

    fn adopted(&self, column: &ArrayRef, field: &Field) -> Result<ArrayRef, Refusal> {
        adopt(column, field).map_err(|reason| self.refusal(&reason))
    }

    fn column(&self, place: Option<&FieldRef>) -> Result<FieldRef, Refusal> {
        place
            .cloned()
            .ok_or_else(|| self.refusal("it has no columns"))
    }

    /// An item of a list, or the value of an entry.
    pub(crate) fn value(&self, column: &ArrayRef) -> Result<ArrayRef, Refusal> {
        let field = self.column(self.columns.last())?;
        self.adopted(column, &field)
    }

    /// The keys of entries.
    pub(crate) fn entries(&self, column: &ArrayRef) -> Result<ArrayRef, Refusal> {
        let field = self.column(self.columns.first())?;
        let entries = self.adopted(column, &field)?;
        match entries.null_count() {
            0 => Ok(entries),
            nulls => Err(self.refusal(&format!("{nulls} nulls among the keys of entries"))),
        }
    }

    /// What keys have in it.
    pub(crate) fn written(&self, column: &ArrayRef) -> Result<ArrayRef, Refusal> {
        let written = self.adopted(column, &self.field)?;
        if self.kind != SlotKind::Map {
            return Ok(written);
        }
        let lists = written.as_list::<i32>();
        let offsets = lists.value_offsets();
        let (first, last) = (offsets.first().copied(), offsets.last().copied());
        let first = usize::try_from(first.unwrap_or(0)).unwrap_or(0);
        let last = usize::try_from(last.unwrap_or(0)).unwrap_or(0);
        let entries = lists.values().slice(first, last.saturating_sub(first));
        let nulls = entries
            .null_count()
            .max(entries.as_struct().column(0).null_count());
        match nulls {
            0 => Ok(written),
            nulls => Err(self.refusal(&format!("{nulls} nulls among its entries or their keys"))),
        }
    }
}
