//! Process functions: what a call is given beside its rows, and what it gives and changes.

mod call;
mod keyed;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use crate::contract::{Clock, GuestSideOutput, GuestSlot, Schema, SlotKind};
use crate::error::PluginError;
use crate::signature::{broadcast_columns, side_outputs, slots};

pub use call::{KeyedCall, StateCharge};
pub(crate) use keyed::{Keyed, check_rows};

/// What a process function keeps of each key.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    pub name: String,
    pub kind: SlotKind,
    /// Of a value or a list one column, of a map its key and its value.
    pub columns: Fields,
    /// After this, by the machine's clock, what was written is gone.
    pub ttl: Option<Duration>,
    /// Of what is read and written of a key.
    field: FieldRef,
}

impl Slot {
    pub(crate) fn new(name: String, kind: SlotKind, columns: Fields, ttl: Option<u64>) -> Self {
        let item = columns
            .last()
            .map_or(DataType::Null, |column| column.data_type().clone());
        let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
        let data_type = match kind {
            SlotKind::Value => item,
            SlotKind::List => list(item),
            SlotKind::Map => {
                let names = ["key", "value"].into_iter().zip(&columns);
                let fields = names.map(|(name, column)| {
                    Field::new(name, column.data_type().clone(), name == "value")
                });
                list(DataType::Struct(fields.collect()))
            }
        };
        Self {
            field: Arc::new(Field::new(&name, data_type, true)),
            name,
            kind,
            columns,
            ttl: ttl.map(Duration::from_millis),
        }
    }

    /// The type of what a key has in it: a value, a list, or a list of structs of `key` and `value`.
    pub fn data_type(&self) -> &DataType {
        self.field.data_type()
    }
}

/// Rows that a process function gives beside its result.
#[derive(Clone, Debug, PartialEq)]
pub struct SideOutput {
    pub name: String,
    pub columns: Fields,
}

/// What a process function says of itself beyond what all functions do.
pub(crate) struct Process {
    pub slots: Arc<[Slot]>,
    pub side_outputs: Vec<SideOutput>,
    pub broadcast: Option<Fields>,
}

impl Process {
    pub fn new(
        guest_slots: Vec<GuestSlot>,
        guest_outputs: Vec<GuestSideOutput>,
        broadcast: Option<Schema>,
    ) -> Result<Self, String> {
        let broadcast = broadcast.as_ref().map(broadcast_columns);
        Ok(Self {
            slots: slots(guest_slots)?.into(),
            side_outputs: side_outputs(guest_outputs)?,
            broadcast: broadcast.transpose()?,
        })
    }
}

/// The state of a call's keys, which are numbered from 0. An error says why it cannot be read.
pub trait KeyedState: Send {
    /// What each key has in a slot, of [`Slot::data_type`]: a row a key.
    fn read(&mut self, slot: usize) -> Result<ArrayRef, String>;

    /// Of a map slot: for each row what the key of this number has under the entry, or null.
    fn lookup(
        &mut self,
        slot: usize,
        numbers: &[u32],
        entries: &ArrayRef,
    ) -> Result<ArrayRef, String>;
}

/// What a call has changed, checked: keys are numbers of the call's, columns of the slot's types.
#[derive(Clone, Debug)]
pub enum StateChange {
    /// Replaces what these keys have; null, or an empty list, is nothing.
    Write {
        slot: usize,
        keys: Vec<u32>,
        values: ArrayRef,
    },
    /// Appends an item each to a list.
    Append {
        slot: usize,
        keys: Vec<u32>,
        items: ArrayRef,
    },
    /// Puts an entry each into a map; one whose value is null is removed.
    Put {
        slot: usize,
        keys: Vec<u32>,
        entries: ArrayRef,
        values: ArrayRef,
    },
    /// `at` are milliseconds since 1970.
    SetTimers {
        clock: Clock,
        name: String,
        keys: Vec<u32>,
        at: Vec<i64>,
    },
    ClearTimers {
        name: String,
        keys: Vec<u32>,
    },
}

/// Rows that a call has given.
#[derive(Clone, Debug)]
pub struct ProcessRows {
    /// Which of [`Function::side_outputs`](crate::Function::side_outputs); none: the result.
    pub side: Option<usize>,
    pub columns: Vec<ArrayRef>,
    /// Of each the row or the timer of the call that it comes of.
    pub origins: UInt32Array,
}

/// What a call has given and changed.
#[derive(Clone, Debug, Default)]
pub struct Processed {
    pub rows: Vec<ProcessRows>,
    pub changes: Vec<StateChange>,
}

/// A call that failed.
#[derive(Debug)]
pub enum ProcessError {
    /// The function has.
    Plugin(PluginError),
    /// The state could not be read: [`KeyedState`] said why.
    State(String),
}

impl From<PluginError> for ProcessError {
    fn from(error: PluginError) -> Self {
        ProcessError::Plugin(error)
    }
}
