//! What a partition must come to, worked out key by key.

use std::collections::{BTreeMap, HashMap};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    util::display::array_value_to_string,
};

use crate::keyed::{Change, KeyedSpec, SlotKind, TimerClock};

/// The columns of a key, as text.
pub(super) type Key = Vec<Option<String>>;

/// What is kept in the place of the keys of maps: they compare as numbers or as text.
type EntryKey = (i64, String);

pub(super) type Timer = (i64, bool);

#[derive(Clone, Default)]
pub(super) struct OfKey {
    values: HashMap<usize, (String, i64)>,
    lists: HashMap<usize, Vec<(String, i64)>>,
    maps: HashMap<usize, BTreeMap<EntryKey, (String, i64)>>,
    pub timers: BTreeMap<String, Timer>,
}

#[derive(Clone, Default)]
pub(super) struct Model {
    pub keys: HashMap<Key, OfKey>,
}

impl Model {
    pub(super) fn apply(&mut self, spec: &KeyedSpec, keys: &[Key], change: &Change, now: i64) {
        match change {
            Change::Write {
                slot,
                keys: numbers,
                values,
            } => {
                for (row, number) in numbers.iter().enumerate() {
                    let of_key = self.of(keys, *number);
                    match spec.slots()[*slot].kind {
                        SlotKind::Value if values.is_null(row) => {
                            of_key.values.remove(slot);
                        }
                        SlotKind::Value => {
                            of_key.values.insert(*slot, (show(values, row), now));
                        }
                        SlotKind::List => {
                            let items = elements(values, row);
                            let items = items.into_iter().flat_map(|items| texts(&items));
                            let items = items.map(|item| (item, now)).collect();
                            of_key.lists.insert(*slot, items);
                        }
                        SlotKind::Map => {
                            of_key.maps.remove(slot);
                            if let Some(entries) = elements(values, row) {
                                let entries = entries.as_struct();
                                let (entries, values) = (entries.column(0), entries.column(1));
                                for entry in 0..entries.len() {
                                    of_key.put(*slot, entries, values, entry, now);
                                }
                            }
                        }
                    }
                }
            }
            Change::Append {
                slot,
                keys: numbers,
                items,
            } => {
                for (row, number) in numbers.iter().enumerate() {
                    let list = self.of(keys, *number).lists.entry(*slot).or_default();
                    list.push((show(items, row), now));
                }
            }
            Change::Put {
                slot,
                keys: numbers,
                entries,
                values,
            } => {
                for (row, number) in numbers.iter().enumerate() {
                    self.of(keys, *number).put(*slot, entries, values, row, now);
                }
            }
            Change::SetTimers {
                clock,
                name,
                keys: numbers,
                at,
            } => {
                for (number, at) in numbers.iter().zip(at) {
                    let timer = (*at, *clock == TimerClock::Processing);
                    self.of(keys, *number).timers.insert(name.clone(), timer);
                }
            }
            Change::ClearTimers {
                name,
                keys: numbers,
            } => {
                for number in numbers {
                    self.of(keys, *number).timers.remove(name);
                }
            }
        }
    }

    fn of(&mut self, keys: &[Key], number: u32) -> &mut OfKey {
        self.keys.entry(keys[number as usize].clone()).or_default()
    }

    /// All timers, in the order of their times.
    pub(super) fn timers(&self) -> Vec<(i64, Key, String, bool)> {
        let keys = self.keys.iter();
        let timers = keys.flat_map(|(key, of_key)| {
            let timers = of_key.timers.iter();
            timers.map(|(name, (at, clock))| (*at, key.clone(), name.clone(), *clock))
        });
        let mut timers: Vec<_> = timers.collect();
        timers.sort();
        timers
    }

    /// How many keys have anything that is not too old.
    pub(super) fn count(&self, spec: &KeyedSpec, now: i64) -> usize {
        let keys = self.keys.keys();
        let has = |key: &&Key| {
            !self.keys[*key].timers.is_empty()
                || (0..spec.slots().len()).any(|slot| !self.read(spec, key, slot, now).is_empty())
        };
        keys.filter(has).count()
    }

    /// What a key has in a slot, as [`read`] shows it.
    pub(super) fn read(&self, spec: &KeyedSpec, key: &Key, slot: usize, now: i64) -> Vec<String> {
        let ttl = spec.slots()[slot].ttl;
        let stays = |written: i64| ttl.is_none_or(|ttl| written + ttl > now);
        let Some(of_key) = self.keys.get(key) else {
            return Vec::new();
        };
        let values = of_key.values.get(&slot).into_iter();
        let lists = of_key.lists.get(&slot).into_iter().flatten();
        let maps = of_key.maps.get(&slot).into_iter().flatten();
        values
            .chain(lists)
            .filter(|(_, written)| stays(*written))
            .map(|(value, _)| value.clone())
            .chain(maps.filter(|(_, (_, written))| stays(*written)).map(
                |((number, text), (value, _))| match text.is_empty() {
                    true => format!("{number}={value}"),
                    false => format!("{text}={value}"),
                },
            ))
            .collect()
    }
}

impl OfKey {
    fn put(&mut self, slot: usize, entries: &ArrayRef, values: &ArrayRef, row: usize, now: i64) {
        let map = self.maps.entry(slot).or_default();
        let text = show(entries, row);
        let key = match text.parse() {
            Ok(number) => (number, String::new()),
            Err(_) => (0, text),
        };
        match values.is_null(row) {
            true => map.remove(&key),
            false => map.insert(key, (show(values, row), now)),
        };
    }
}

/// What a row of what was read has.
pub(super) fn read(kind: SlotKind, values: &ArrayRef, row: usize) -> Vec<String> {
    match kind {
        SlotKind::Value if values.is_null(row) => Vec::new(),
        SlotKind::Value => vec![show(values, row)],
        SlotKind::List => elements(values, row).map_or(Vec::new(), |items| texts(&items)),
        SlotKind::Map => {
            let entries = elements(values, row).unwrap();
            let entries = entries.as_struct();
            let keys = texts(entries.column(0)).into_iter();
            let both = keys.zip(texts(entries.column(1)));
            both.map(|(key, value)| format!("{key}={value}")).collect()
        }
    }
}

fn elements(lists: &ArrayRef, row: usize) -> Option<ArrayRef> {
    let lists = lists.as_list::<i32>();
    lists.is_valid(row).then(|| lists.value(row))
}

fn texts(values: &ArrayRef) -> Vec<String> {
    (0..values.len()).map(|row| show(values, row)).collect()
}

fn show(values: &ArrayRef, row: usize) -> String {
    array_value_to_string(values, row).unwrap()
}

/// The keys of rows.
pub(super) fn keys(columns: &[ArrayRef], rows: usize) -> Vec<Key> {
    let cell = |column: &ArrayRef, row| column.is_valid(row).then(|| show(column, row));
    let keys = (0..rows).map(|row| columns.iter().map(|column| cell(column, row)).collect());
    keys.collect()
}
