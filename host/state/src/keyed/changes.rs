//! The changes of a call, by the slots that they are of.

use arrow::{
    array::{Array, ArrayRef},
    datatypes::{DataType, FieldRef},
    error::ArrowError,
};

use super::{
    calls::{CallKeys, Change, Fired},
    invalid,
    lists::{ListChange, as_lists},
    maps::MapChange,
    no_slot,
    slot::{Held, NewRows, Slot},
    spec::{KeyedSpec, SlotKind},
    timers::TimerChange,
};

/// Changes that have been checked.
pub(super) struct Changes {
    /// One a slot.
    slots: Vec<OfSlot>,
    timers: Vec<TimerChange>,
    /// The timers that the call is for.
    pub fired: Option<Fired>,
}

enum OfSlot {
    Value(Vec<(Vec<u32>, ArrayRef)>),
    List(Vec<ListChange>),
    Map(Vec<MapChange>),
}

impl Changes {
    pub(super) fn new(
        spec: &KeyedSpec,
        keys: &CallKeys,
        changes: Vec<Change>,
    ) -> Result<Self, ArrowError> {
        let slots = spec.slots().iter().map(|slot| match slot.kind {
            SlotKind::Value => OfSlot::Value(Vec::new()),
            SlotKind::List => OfSlot::List(Vec::new()),
            SlotKind::Map => OfSlot::Map(Vec::new()),
        });
        let mut of_call = Changes {
            slots: slots.collect(),
            timers: Vec::new(),
            fired: None,
        };
        for change in changes {
            of_call.add(spec, keys, change)?;
        }
        Ok(of_call)
    }

    fn add(&mut self, spec: &KeyedSpec, call: &CallKeys, change: Change) -> Result<(), ArrowError> {
        match change {
            Change::Write { slot, keys, values } => {
                check(call, &keys, values.len())?;
                let item = spec.item(slot)?;
                match self.slots.get_mut(slot) {
                    Some(OfSlot::Value(writes)) => {
                        check_type(&values, item.data_type())?;
                        writes.push((keys, values));
                    }
                    Some(OfSlot::List(changes)) => {
                        check_type(as_lists(&values)?.values(), item.data_type())?;
                        changes.push(ListChange::Write(keys, values));
                    }
                    Some(OfSlot::Map(changes)) => {
                        check_entries(as_lists(&values)?.values(), &item)?;
                        changes.push(MapChange::Write(keys, values));
                    }
                    None => return Err(no_slot(slot)),
                }
            }
            Change::Append { slot, keys, items } => {
                check(call, &keys, items.len())?;
                let Some(OfSlot::List(changes)) = self.slots.get_mut(slot) else {
                    return Err(no_slot(slot));
                };
                check_type(&items, spec.item(slot)?.data_type())?;
                changes.push(ListChange::Append(keys, items));
            }
            Change::Put {
                slot,
                keys,
                entries,
                values,
            } => {
                check(call, &keys, entries.len())?;
                check(call, &keys, values.len())?;
                let item = spec.item(slot)?;
                let (Some(OfSlot::Map(changes)), Some((key, value))) =
                    (self.slots.get_mut(slot), entry(&item))
                else {
                    return Err(no_slot(slot));
                };
                check_type(&entries, key)?;
                check_type(&values, value)?;
                changes.push(MapChange::Put(keys, entries, values));
            }
            Change::SetTimers {
                clock,
                name,
                keys,
                at,
            } => {
                check(call, &keys, at.len())?;
                self.timers.push(TimerChange::Set(clock, name, keys, at));
            }
            Change::ClearTimers { name, keys } => {
                check(call, &keys, keys.len())?;
                self.timers.push(TimerChange::Clear(name, keys));
            }
        }
        Ok(())
    }

    /// The rows that the changes of a slot, or of the timers, come to; none if nothing changes.
    pub(super) fn fold(
        &mut self,
        slot: &Slot,
        keys: &CallKeys,
    ) -> Result<Option<NewRows>, ArrowError> {
        let ids = &keys.ids;
        match (&slot.held, self.slots.get_mut(slot.number)) {
            (Held::Value(values), Some(OfSlot::Value(writes))) => {
                values.fold(ids, std::mem::take(writes))
            }
            (Held::List(lists), Some(OfSlot::List(changes))) => {
                lists.fold(ids, std::mem::take(changes))
            }
            (Held::Map(maps), Some(OfSlot::Map(changes))) => {
                maps.fold(ids, std::mem::take(changes))
            }
            (Held::Timers(timers), _) => {
                let changes = std::mem::take(&mut self.timers);
                timers.fold(ids, &keys.numbers, self.fired.take(), changes)
            }
            _ => Err(no_slot(slot.number)),
        }
    }
}

/// Whether there is a number a row, and a key of each number.
pub(super) fn check(call: &CallKeys, numbers: &[u32], rows: usize) -> Result<(), ArrowError> {
    if numbers.len() != rows {
        let keys = numbers.len();
        return Err(invalid(format!("there are {rows} rows of {keys} keys")));
    }
    let count = call.ids.len();
    let most = numbers.iter().copied().fold(0, u32::max);
    match numbers.is_empty() || (most as usize) < count {
        true => Ok(()),
        false => Err(invalid(format!("there is no key {most} among {count}"))),
    }
}

pub(super) fn check_type(column: &ArrayRef, wanted: &DataType) -> Result<(), ArrowError> {
    match column.data_type() {
        found if found == wanted => Ok(()),
        found => Err(invalid(format!("{found} is not {wanted}"))),
    }
}

fn check_entries(entries: &ArrayRef, item: &FieldRef) -> Result<(), ArrowError> {
    let types = match entries.data_type() {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        _ => Vec::new(),
    };
    match (types.as_slice(), entry(item)) {
        ([of_key, of_value], Some((key, value))) if *of_key == key && *of_value == value => Ok(()),
        _ => Err(invalid(format!(
            "{} are no entries of this map",
            entries.data_type()
        ))),
    }
}

/// The types of the key and the value of an entry.
pub(super) fn entry(item: &FieldRef) -> Option<(&DataType, &DataType)> {
    match item.data_type() {
        DataType::Struct(fields) => match fields.as_ref() {
            [key, value] => Some((key.data_type(), value.data_type())),
            _ => None,
        },
        _ => None,
    }
}
