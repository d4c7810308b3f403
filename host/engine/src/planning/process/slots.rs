//! State by key as the contract has it, on what `wasmill-state` keeps.

use std::sync::Arc;

use datafusion::arrow::{array::ArrayRef, datatypes::Fields, error::ArrowError};
use parking_lot::Mutex;
use wasmill_plugin::{Clock, Function, KeyedState as StateOfCall, SlotKind, StateChange};
use wasmill_state::keyed::{
    CallKeys, Change, KeyedSpec, KeyedState, SlotKind as HeldKind, SlotSpec, TimerClock,
};

/// What a function keeps of each key, whose columns are `keys`.
pub fn state_spec(function: &Function, keys: Fields) -> Result<Arc<KeyedSpec>, ArrowError> {
    let slots = function.slots().iter().map(|slot| SlotSpec {
        name: slot.name.clone(),
        kind: match slot.kind {
            SlotKind::Value => HeldKind::Value,
            SlotKind::List => HeldKind::List,
            SlotKind::Map => HeldKind::Map,
        },
        columns: slot.columns.clone(),
        ttl: slot
            .ttl
            .map(|ttl| i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)),
    });
    Ok(Arc::new(KeyedSpec::new(keys, slots.collect())?))
}

/// The state as a call reads it.
pub(super) struct StateReader {
    pub state: Arc<Mutex<KeyedState>>,
    pub keys: Arc<CallKeys>,
    /// The machine's clock, in milliseconds since 1970.
    pub now: i64,
}

impl StateOfCall for StateReader {
    fn read(&mut self, slot: usize) -> Result<ArrayRef, String> {
        let read = self.state.lock().read(&self.keys, slot, self.now);
        read.map_err(|error| error.to_string())
    }

    fn lookup(
        &mut self,
        slot: usize,
        numbers: &[u32],
        entries: &ArrayRef,
    ) -> Result<ArrayRef, String> {
        let mut state = self.state.lock();
        let found = state.lookup(&self.keys, slot, numbers, entries, self.now);
        found.map_err(|error| error.to_string())
    }
}

/// A change as the state takes it.
pub(super) fn state_change(change: StateChange) -> Change {
    match change {
        StateChange::Write { slot, keys, values } => Change::Write { slot, keys, values },
        StateChange::Append { slot, keys, items } => Change::Append { slot, keys, items },
        StateChange::Put {
            slot,
            keys,
            entries,
            values,
        } => Change::Put {
            slot,
            keys,
            entries,
            values,
        },
        StateChange::SetTimers {
            clock,
            name,
            keys,
            at,
        } => Change::SetTimers {
            clock: match clock {
                Clock::Event => TimerClock::Event,
                Clock::Processing => TimerClock::Processing,
            },
            name,
            keys,
            at,
        },
        StateChange::ClearTimers { name, keys } => Change::ClearTimers { name, keys },
    }
}
