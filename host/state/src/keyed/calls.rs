//! What a call of a function is about, and what it changes.

use arrow::array::{ArrayRef, Int64Array, StringArray};

use super::{spec::TimerClock, timers::Due};

/// The keys of a call. They are held until the call is applied or cancelled.
#[derive(Debug)]
pub struct CallKeys {
    /// Of each row or timer of the call the number of its key, from 0 by first appearance.
    pub numbers: Vec<u32>,
    /// How many keys there are.
    pub count: usize,
    /// The columns of the keys, one row a key.
    pub columns: Vec<ArrayRef>,
    /// One a key.
    pub(super) ids: Vec<u32>,
}

/// Timers whose time has come, earliest first, those of one time in the order in which they were set
/// (those that one call has set, by its keys).
#[derive(Debug)]
pub struct DueTimers {
    /// Its numbers: one a timer.
    pub keys: CallKeys,
    pub names: StringArray,
    /// Milliseconds since 1970.
    pub at: Int64Array,
    pub fired: Fired,
}

/// The timers that a call is for.
#[derive(Debug)]
pub struct Fired(pub(super) Vec<Due>);

/// A change of what keys have, which are named by their numbers in the call.
#[derive(Debug)]
pub enum Change {
    /// Replaces all that a key has in a slot. `values` are of the type that `read` gives; null, or an
    /// empty list, is nothing.
    Write {
        slot: usize,
        keys: Vec<u32>,
        values: ArrayRef,
    },
    /// Appends an item each to lists.
    Append {
        slot: usize,
        keys: Vec<u32>,
        items: ArrayRef,
    },
    /// Puts an entry each into maps; one whose value is null is removed.
    Put {
        slot: usize,
        keys: Vec<u32>,
        entries: ArrayRef,
        values: ArrayRef,
    },
    /// Sets a timer each, in milliseconds since 1970, in the place of the key's timer of that name, of
    /// whichever clock.
    SetTimers {
        clock: TimerClock,
        name: String,
        keys: Vec<u32>,
        at: Vec<i64>,
    },
    ClearTimers {
        name: String,
        keys: Vec<u32>,
    },
}
