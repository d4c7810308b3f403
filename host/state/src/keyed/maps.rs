//! Slots of maps.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, BooleanArray, StructArray, new_null_array},
    buffer::NullBuffer,
    compute::interleave,
    datatypes::{DataType, Fields},
    error::ArrowError,
};

use super::{
    encoding::{Encoded, Encoding},
    invalid,
    items::{Items, entries, offsets},
    keys::Keys,
    lists::{as_lists, list},
    log::Log,
    rewriting::{Kept, Run},
    slot::{Appended, Index, NewRows, Place, is_over},
};

/// Bytes of an entry in the index, beside those of its key; nodes of a tree are not full.
const ENTRY: usize = 2 * (size_of::<Box<[u8]>>() + size_of::<Entry>());

/// Where the entries of the maps are, by the ids of the keys and the bytes of the entries' own.
pub(super) struct Maps {
    encoding: Encoding,
    fields: Fields,
    of_keys: Vec<BTreeMap<Box<[u8]>, Entry>>,
    count: usize,
    /// Of the entries' keys.
    key_bytes: usize,
}

#[derive(Clone, Copy)]
struct Entry {
    written: i64,
    place: Place,
}

/// A change of maps, of keys by their numbers.
pub(super) enum MapChange {
    /// One map each, or null.
    Write(Vec<u32>, ArrayRef),
    /// An entry each.
    Put(Vec<u32>, ArrayRef, ArrayRef),
}

/// What a call makes of an entry.
struct NewEntry {
    number: u32,
    /// How often the map had been written.
    writes: u32,
    source: usize,
    item: usize,
    /// Whether it is removed.
    removed: bool,
}

/// Where entries come from.
struct Source {
    keys: ArrayRef,
    encoded: Encoded,
    values: ArrayRef,
    nulls: Option<NullBuffer>,
}

impl Maps {
    /// `entry`: the type of its items.
    pub(super) fn new(entry: &DataType) -> Result<Self, ArrowError> {
        let DataType::Struct(fields) = entry else {
            return Err(invalid("entries of maps are structs"));
        };
        let keys = fields.first().map(|key| key.data_type().clone());
        Ok(Maps {
            encoding: Encoding::new(keys.into_iter().collect())?,
            fields: fields.clone(),
            of_keys: Vec::new(),
            count: 0,
            key_bytes: 0,
        })
    }

    /// How many items remove an entry.
    pub(super) fn removals(items: &ArrayRef) -> usize {
        let values = entries(items).map(|(_, values)| values.logical_null_count());
        values.unwrap_or(0)
    }

    fn source(&self, keys: ArrayRef, values: ArrayRef) -> Result<Source, ArrowError> {
        if keys.logical_null_count() > 0 {
            return Err(invalid("a key of a map is null"));
        }
        Ok(Source {
            encoded: self.encoding.encode(&[Arc::clone(&keys)])?,
            nulls: values.logical_nulls(),
            keys,
            values,
        })
    }

    /// What the changes of a call come to.
    pub(super) fn fold(
        &self,
        ids: &[u32],
        changes: Vec<MapChange>,
    ) -> Result<Option<NewRows>, ArrowError> {
        let mut writes = vec![0_u32; ids.len()];
        let (mut sources, mut of_rows) = (Vec::new(), Vec::new());
        for change in changes {
            let mut rows = Vec::new();
            match change {
                MapChange::Write(numbers, maps) => {
                    let maps = as_lists(&maps)?;
                    for (row, number) in numbers.into_iter().enumerate() {
                        let writes = &mut writes[number as usize];
                        *writes += 1;
                        rows.extend(list(maps, row).map(|item| (number, *writes, item)));
                    }
                    let (keys, values) = entries(maps.values())?;
                    if rows.iter().any(|(_, _, item)| maps.values().is_null(*item)) {
                        return Err(invalid("an entry of a map is null"));
                    }
                    sources.push(self.source(keys, values)?);
                }
                MapChange::Put(numbers, keys, values) => {
                    let numbers = numbers.into_iter().enumerate();
                    rows.extend(
                        numbers.map(|(row, number)| (number, writes[number as usize], row)),
                    );
                    sources.push(self.source(keys, values)?);
                }
            }
            of_rows.push(rows);
        }
        let mut found: HashMap<(u32, &[u8]), NewEntry, _> =
            HashMap::with_hasher(hashbrown::DefaultHashBuilder::default());
        for (source, rows) in of_rows.into_iter().enumerate() {
            let from = &sources[source];
            for (number, writes, item) in rows {
                let removed = from.nulls.as_ref().is_some_and(|nulls| nulls.is_null(item));
                let entry = NewEntry {
                    number,
                    writes,
                    source,
                    item,
                    removed,
                };
                found.insert((number, from.encoded.row(item)), entry);
            }
        }
        // Entries that were there, of maps that have been written whole since.
        let mut gone = Vec::new();
        for (number, _) in (0..).zip(&writes).filter(|(_, writes)| **writes > 0) {
            let had = self.get(ids[number as usize]).into_iter().flatten();
            let had = had.filter(|(key, _)| !found.contains_key(&(number, &***key)));
            gone.extend(had.map(|(key, _)| (number, &**key)));
        }
        let gone_keys = self.encoding.decode(gone.iter().map(|(_, key)| *key))?;
        let gone_source = sources.len();
        let mut new: Vec<_> = found
            .into_iter()
            .filter_map(|((number, key), mut entry)| {
                entry.removed |= entry.writes < writes[number as usize];
                let had = self.get(ids[number as usize]);
                let had = had.is_some_and(|map| map.contains_key(key));
                (!entry.removed || had).then_some(entry)
            })
            .collect();
        new.extend(gone.iter().enumerate().map(|(item, (number, _))| NewEntry {
            number: *number,
            writes: 0,
            source: gone_source,
            item,
            removed: true,
        }));
        if new.is_empty() {
            return Ok(None);
        }
        new.sort_unstable_by_key(|entry| (entry.number, entry.source, entry.item));
        let items = self.items(&new, &sources, &gone_keys)?;
        let (mut numbers, mut ends) = (Vec::new(), Vec::new());
        for of_key in new.chunk_by(|one, other| one.number == other.number) {
            numbers.extend(of_key.first().map(|entry| entry.number));
            ends.push(ends.last().copied().unwrap_or(0) + of_key.len());
        }
        Ok(Some(NewRows {
            replaces: BooleanArray::from(vec![false; numbers.len()]),
            numbers,
            offsets: offsets(ends.into_iter())?,
            items,
        }))
    }

    fn items(
        &self,
        new: &[NewEntry],
        sources: &[Source],
        gone: &[ArrayRef],
    ) -> Result<ArrayRef, ArrowError> {
        let keys = sources.iter().map(|source| &source.keys).chain(gone);
        let keys: Vec<_> = keys.map(AsRef::as_ref).collect();
        let places: Vec<_> = new.iter().map(|entry| (entry.source, entry.item)).collect();
        let keys = interleave(&keys, &places)?;
        let value = self.fields.last().map(|value| value.data_type());
        let null = new_null_array(value.unwrap_or(&DataType::Null), 1);
        let values = sources.iter().map(|source| &source.values);
        let mut values: Vec<_> = values.map(AsRef::as_ref).collect();
        values.push(null.as_ref());
        let places = new.iter().map(|entry| match entry.removed {
            true => (sources.len(), 0),
            false => (entry.source, entry.item),
        });
        let values = interleave(&values, &places.collect::<Vec<_>>())?;
        let items = StructArray::try_new(self.fields.clone(), vec![keys, values], None)?;
        Ok(Arc::new(items))
    }

    fn get(&self, id: u32) -> Option<&BTreeMap<Box<[u8]>, Entry>> {
        self.of_keys.get(id as usize)
    }

    /// Picks the entries of maps, and says where the maps end.
    pub(super) fn read(
        &self,
        ids: &[u32],
        over: Option<i64>,
        items: &mut Items<'_>,
    ) -> Result<Vec<usize>, ArrowError> {
        let mut ends = Vec::with_capacity(ids.len());
        for id in ids {
            let entries = self.get(*id).into_iter().flat_map(BTreeMap::values);
            for entry in entries.filter(|entry| !is_over(entry.written, over)) {
                items.pick(entry.place.chunk, entry.place.item)?;
            }
            ends.push(items.len());
        }
        Ok(ends)
    }

    /// Picks the values under `keys`, one a row.
    pub(super) fn lookup(
        &self,
        ids: impl Iterator<Item = u32>,
        keys: &ArrayRef,
        over: Option<i64>,
        items: &mut Items<'_>,
    ) -> Result<(), ArrowError> {
        let encoded = self.encoding.encode(&[Arc::clone(keys)])?;
        for (row, id) in ids.enumerate() {
            let entry = self.get(id).and_then(|map| map.get(encoded.row(row)));
            match entry.filter(|entry| !is_over(entry.written, over)) {
                Some(entry) => items.pick(entry.place.chunk, entry.place.item)?,
                None => items.skip(),
            }
        }
        Ok(())
    }
}

/// Of entries: the encoded keys, and which values are null.
fn read_entries(
    encoding: &Encoding,
    items: &ArrayRef,
) -> Result<(Encoded, Option<NullBuffer>), ArrowError> {
    let (keys, values) = entries(items)?;
    Ok((encoding.encode(&[keys])?, values.logical_nulls()))
}

impl Index for Maps {
    fn take(
        &mut self,
        new: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError> {
        let limit = keys.limit().max(self.of_keys.len());
        self.of_keys.resize_with(limit, BTreeMap::new);
        let (encoded, nulls) = read_entries(&self.encoding, &new.rows.items)?;
        for (row, id) in new.ids.iter().enumerate() {
            let map = &mut self.of_keys[*id as usize];
            let had = !map.is_empty();
            let over = new.is_over(row);
            for item in new.rows.range(row) {
                let key = encoded.row(item);
                let removes = nulls.as_ref().is_some_and(|nulls| nulls.is_null(item));
                if over && !removes {
                    log.leave(new.chunk, 1);
                }
                if over || removes {
                    if let Some(before) = map.remove(key) {
                        log.leave(before.place.chunk, 1);
                        self.count -= 1;
                        self.key_bytes -= key.len();
                    }
                    continue;
                }
                let entry = Entry {
                    written: new.rows.written.value(row),
                    place: Place {
                        chunk: new.chunk,
                        item: item as u32,
                    },
                };
                match map.get_mut(key) {
                    Some(before) => log.leave(std::mem::replace(before, entry).place.chunk, 1),
                    None => {
                        map.insert(key.into(), entry);
                        self.count += 1;
                        self.key_bytes += key.len();
                    }
                }
            }
            keys.note(*id, had, !map.is_empty());
        }
        Ok(())
    }

    fn keep(&mut self, run: &Run, _: &Log, kept: &mut Kept) -> Result<(), ArrowError> {
        for (number, part) in run.parts.iter().enumerate() {
            let (encoded, nulls) = read_entries(&self.encoding, &part.rows.items)?;
            for (row, id) in part.ids.iter().enumerate() {
                let mut map = self.of_keys.get_mut(*id as usize);
                for item in part.rows.range(row) {
                    let removes = nulls.as_ref().is_some_and(|nulls| nulls.is_null(item));
                    let entry = map.as_mut().and_then(|map| map.get_mut(encoded.row(item)));
                    let place = entry.map(|entry| &mut entry.place);
                    kept.item(run, (number, item), place, removes);
                }
                kept.row_of_items((number, row), *id, part.rows.written.value(row));
            }
        }
        Ok(())
    }

    fn expire(&mut self, over: i64, log: &mut Log, keys: &mut Keys) {
        let (mut count, mut key_bytes) = (0, 0);
        for (id, map) in (0..).zip(&mut self.of_keys) {
            let had = !map.is_empty();
            map.retain(|key, entry| {
                let stays = entry.written > over;
                if !stays {
                    log.leave(entry.place.chunk, 1);
                    count += 1;
                    key_bytes += key.len();
                }
                stays
            });
            if had && map.is_empty() {
                keys.release(id);
            }
        }
        self.count -= count;
        self.key_bytes -= key_bytes;
    }

    fn clear(&mut self) {
        self.of_keys = Vec::new();
        (self.count, self.key_bytes) = (0, 0);
    }

    fn bytes(&self) -> usize {
        let maps = self.of_keys.capacity() * size_of::<BTreeMap<Box<[u8]>, Entry>>();
        maps + self.count * ENTRY + self.key_bytes
    }
}
