//! Slots of lists.
//!
//! What is appended to a list in one call is a *fragment* of it: items that lie side by side.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray},
    compute::{interleave, take},
    error::ArrowError,
};

use super::{
    invalid,
    items::{Items, offsets},
    keys::Keys,
    log::Log,
    rewriting::{Kept, Run},
    slot::{Appended, Index, NewRows, is_over},
};

/// The fragments of the lists, by the ids of the keys, in the order in which they were appended, which
/// is also that of their chunks.
#[derive(Default)]
pub(super) struct Lists {
    of_keys: Vec<Vec<Fragment>>,
    /// Room for fragments.
    room: usize,
}

#[derive(Clone, Copy)]
struct Fragment {
    written: i64,
    chunk: u32,
    start: u32,
    length: u32,
}

/// A change of lists, of keys by their numbers.
pub(super) enum ListChange {
    /// One list each, or null.
    Write(Vec<u32>, ArrayRef),
    /// One item each.
    Append(Vec<u32>, ArrayRef),
}

/// An item that a call leaves behind, if its key's list has not been written later.
struct NewItem {
    number: u32,
    /// How often the list had been written.
    writes: u32,
    source: usize,
    item: usize,
}

impl Lists {
    fn get(&self, id: u32) -> &[Fragment] {
        self.of_keys.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// What the changes of a call come to.
    pub(super) fn fold(
        &self,
        ids: &[u32],
        changes: Vec<ListChange>,
    ) -> Result<Option<NewRows>, ArrowError> {
        let mut writes = vec![0_u32; ids.len()];
        let mut touched = vec![false; ids.len()];
        let (mut sources, mut items) = (Vec::new(), Vec::new());
        for change in changes {
            let source = sources.len();
            match change {
                ListChange::Write(numbers, lists) => {
                    let lists = as_lists(&lists)?;
                    for (row, number) in numbers.into_iter().enumerate() {
                        let writes = &mut writes[number as usize];
                        *writes += 1;
                        touched[number as usize] = true;
                        let range = list(lists, row);
                        items.extend(range.map(|item| NewItem {
                            number,
                            writes: *writes,
                            source,
                            item,
                        }));
                    }
                    sources.push(ArrayRef::clone(lists.values()));
                }
                ListChange::Append(numbers, values) => {
                    for (item, number) in numbers.into_iter().enumerate() {
                        touched[number as usize] = true;
                        items.push(NewItem {
                            number,
                            writes: writes[number as usize],
                            source,
                            item,
                        });
                    }
                    sources.push(values);
                }
            }
        }
        items.retain(|item| item.writes == writes[item.number as usize]);
        // Stable: those of a key stay in their order.
        items.sort_by_key(|item| item.number);
        let mut numbers = Vec::new();
        let (mut ends, mut replaces) = (Vec::new(), Vec::new());
        let mut end = 0;
        for number in (0..)
            .zip(&touched)
            .filter_map(|(number, touched)| touched.then_some(number))
        {
            let of_key = &items[end..];
            let count = of_key.partition_point(|item| item.number == number);
            // Nothing is to be removed of a key that has nothing.
            if count == 0 && self.get(ids[number as usize]).is_empty() {
                continue;
            }
            end += count;
            numbers.push(number);
            replaces.push(writes[number as usize] > 0);
            ends.push(end);
        }
        if numbers.is_empty() {
            return Ok(None);
        }
        let items = match sources.as_slice() {
            [values] => take(values, &indices(&items), None)?,
            sources => {
                let places: Vec<_> = items.iter().map(|item| (item.source, item.item)).collect();
                let sources: Vec<_> = sources.iter().map(AsRef::as_ref).collect();
                interleave(&sources, &places)?
            }
        };
        Ok(Some(NewRows {
            numbers,
            replaces: BooleanArray::from(replaces),
            offsets: offsets(ends.into_iter())?,
            items,
        }))
    }

    /// Picks the items of lists, and says where the lists end.
    pub(super) fn read(
        &self,
        ids: &[u32],
        over: Option<i64>,
        items: &mut Items<'_>,
    ) -> Result<Vec<usize>, ArrowError> {
        let mut ends = Vec::with_capacity(ids.len());
        for id in ids {
            let fragments = self.get(*id).iter();
            for fragment in fragments.filter(|fragment| !is_over(fragment.written, over)) {
                for item in fragment.start..fragment.start + fragment.length {
                    items.pick(fragment.chunk, item)?;
                }
            }
            ends.push(items.len());
        }
        Ok(ends)
    }

    /// Has no fragments of a key any more, if that is so.
    fn tidy(&mut self, id: u32) {
        if let Some(fragments) = self.of_keys.get_mut(id as usize)
            && fragments.is_empty()
        {
            self.room -= fragments.capacity();
            *fragments = Vec::new();
        }
    }
}

fn indices(items: &[NewItem]) -> arrow::array::UInt64Array {
    items.iter().map(|item| item.item as u64).collect()
}

pub(super) fn as_lists(lists: &ArrayRef) -> Result<&arrow::array::ListArray, ArrowError> {
    let as_lists = lists.as_list_opt::<i32>();
    as_lists.ok_or_else(|| invalid(format!("{} is no list", lists.data_type())))
}

/// The items of a row; none if it is null.
pub(super) fn list(lists: &arrow::array::ListArray, row: usize) -> Range<usize> {
    match lists.is_null(row) {
        true => 0..0,
        false => lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize,
    }
}

impl Index for Lists {
    fn take(
        &mut self,
        new: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError> {
        let limit = keys.limit().max(self.of_keys.len());
        self.of_keys.resize_with(limit, Vec::new);
        for (row, id) in new.ids.iter().enumerate() {
            let fragments = &mut self.of_keys[*id as usize];
            let had = !fragments.is_empty();
            if new.rows.replaces.value(row) {
                for fragment in fragments.drain(..) {
                    log.leave(fragment.chunk, fragment.length as usize);
                }
            }
            let items = new.rows.range(row);
            if new.is_over(row) {
                log.leave(new.chunk, items.len());
            } else if !items.is_empty() {
                let room = fragments.capacity();
                fragments.push(Fragment {
                    written: new.rows.written.value(row),
                    chunk: new.chunk,
                    start: items.start as u32,
                    length: items.len() as u32,
                });
                self.room += fragments.capacity() - room;
            }
            keys.note(*id, had, !fragments.is_empty());
            self.tidy(*id);
        }
        Ok(())
    }

    /// What lies side by side of a list becomes one fragment, as far as it was written at one time or
    /// that does not matter.
    fn keep(&mut self, run: &Run, log: &Log, kept: &mut Kept) -> Result<(), ArrowError> {
        let mut parts = vec![usize::MAX; log.limit()];
        for (number, part) in run.parts.iter().enumerate() {
            parts[part.chunk as usize] = number;
        }
        let place = |fragment: &Fragment| log.place(fragment.chunk);
        let places = |part: Option<&super::rewriting::Part>| part.map(|part| log.place(part.chunk));
        let (Some(first), Some(last)) = (places(run.parts.first()), places(run.parts.last()))
        else {
            return Ok(());
        };
        for (number, part) in run.parts.iter().enumerate() {
            for (row, id) in part.ids.iter().enumerate() {
                let fragments = self.of_keys.get_mut(*id as usize);
                let Some(fragments) = fragments.filter(|fragments| !fragments.is_empty()) else {
                    if part.rows.range(row).is_empty() && run.removals {
                        let written = part.rows.written.value(row);
                        kept.row((number, row), *id, true, written);
                    }
                    continue;
                };
                let start = fragments.partition_point(|fragment| place(fragment) < first);
                let end = fragments.partition_point(|fragment| place(fragment) <= last);
                // The first that is left brings the others.
                let items = part.rows.range(row);
                let is_first = |first: &Fragment| {
                    first.chunk == part.chunk && first.start as usize == items.start
                };
                if start == end || items.is_empty() || !is_first(&fragments[start]) {
                    continue;
                }
                let mut merged: Vec<Fragment> = Vec::new();
                for fragment in &fragments[start..end] {
                    let items = fragment.start..fragment.start + fragment.length;
                    let of_part = parts[fragment.chunk as usize];
                    let begins = kept.items.len() as u32;
                    kept.items
                        .extend(items.map(|item| (of_part, item as usize)));
                    match merged.last_mut() {
                        Some(last) if !run.times || last.written == fragment.written => {
                            last.length += fragment.length;
                            last.written = fragment.written;
                        }
                        _ => merged.push(Fragment {
                            chunk: run.chunk,
                            start: begins,
                            ..*fragment
                        }),
                    }
                }
                for (index, fragment) in merged.iter().enumerate() {
                    // Whatever was there before the first is gone.
                    let replaces = start + index == 0;
                    let end = (fragment.start + fragment.length) as usize;
                    kept.row_to(end, (number, row), *id, replaces, fragment.written);
                }
                fragments.splice(start..end, merged);
            }
        }
        Ok(())
    }

    fn expire(&mut self, over: i64, log: &mut Log, keys: &mut Keys) {
        for id in 0..self.of_keys.len() {
            let fragments = &mut self.of_keys[id];
            let old = fragments.iter().filter(|fragment| fragment.written <= over);
            let mut count = 0;
            for fragment in old {
                log.leave(fragment.chunk, fragment.length as usize);
                count += 1;
            }
            if count > 0 {
                fragments.retain(|fragment| fragment.written > over);
                if fragments.is_empty() {
                    keys.release(id as u32);
                }
                self.tidy(id as u32);
            }
        }
    }

    fn clear(&mut self) {
        *self = Lists::default();
    }

    fn bytes(&self) -> usize {
        let lists = self.of_keys.capacity() * size_of::<Vec<Fragment>>();
        lists + self.room * size_of::<Fragment>()
    }
}
