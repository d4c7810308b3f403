//! Slots of one value.

use arrow::{
    array::{Array, ArrayRef, BooleanArray},
    buffer::{BooleanBuffer, OffsetBuffer},
    compute::{filter, interleave, take},
    error::ArrowError,
};

use super::{
    invalid,
    items::{Items, offsets},
    keys::{Keys, NONE},
    log::Log,
    rewriting::{Kept, Run},
    slot::{Appended, Index, NewRows, is_over},
};

/// Where the values are, by the ids of the keys.
#[derive(Default)]
pub(super) struct Values(Vec<Value>);

#[derive(Clone, Copy)]
struct Value {
    written: i64,
    /// [`NONE`] if there is none.
    chunk: u32,
    item: u32,
}

const NO_VALUE: Value = Value {
    written: 0,
    chunk: NONE,
    item: 0,
};

impl Values {
    fn get(&self, id: u32) -> Option<&Value> {
        self.0.get(id as usize).filter(|value| value.chunk != NONE)
    }

    /// What a call writes: keys by their numbers, and a value each.
    pub(super) fn fold(
        &self,
        ids: &[u32],
        mut writes: Vec<(Vec<u32>, ArrayRef)>,
    ) -> Result<Option<NewRows>, ArrowError> {
        let ascending = |numbers: &[u32]| numbers.is_sorted_by(|a, b| a < b);
        let (mut numbers, mut values) = match writes.pop() {
            None => return Ok(None),
            Some((numbers, values)) if writes.is_empty() && ascending(&numbers) => {
                (numbers, values)
            }
            Some(last) => {
                writes.push(last);
                last_of_each(ids.len(), &writes)?
            }
        };
        let mut ends: OffsetBuffer<i32> = offsets(1..=numbers.len())?;
        if let Some(nulls) = values
            .logical_nulls()
            .filter(|nulls| nulls.null_count() > 0)
        {
            let stays = |row: usize, number: u32| {
                nulls.is_valid(row) || self.get(ids[number as usize]).is_some()
            };
            let rows = numbers.iter().enumerate();
            let rows = rows.filter(|(row, number)| stays(*row, **number));
            let (rows, kept): (Vec<_>, Vec<_>) = rows.map(|(row, number)| (row, *number)).unzip();
            let mut count = 0;
            let counts = rows.iter().map(|row| {
                count += usize::from(nulls.is_valid(*row));
                count
            });
            ends = offsets(counts)?;
            values = filter(&values, &BooleanArray::new(nulls.inner().clone(), None))?;
            numbers = kept;
        }
        let replaces = BooleanArray::new(BooleanBuffer::new_set(numbers.len()), None);
        Ok((!numbers.is_empty()).then_some(NewRows {
            numbers,
            replaces,
            offsets: ends,
            items: values,
        }))
    }

    pub(super) fn read(
        &self,
        ids: &[u32],
        over: Option<i64>,
        items: &mut Items<'_>,
    ) -> Result<(), ArrowError> {
        for id in ids {
            match self.get(*id) {
                Some(value) if !is_over(value.written, over) => {
                    items.pick(value.chunk, value.item)?;
                }
                _ => items.skip(),
            }
        }
        Ok(())
    }
}

/// The last value of each key, in the order of the keys' numbers.
fn last_of_each(
    keys: usize,
    writes: &[(Vec<u32>, ArrayRef)],
) -> Result<(Vec<u32>, ArrayRef), ArrowError> {
    let mut last = vec![(usize::MAX, 0); keys];
    for (write, (numbers, _)) in writes.iter().enumerate() {
        for (row, number) in numbers.iter().enumerate() {
            last[*number as usize] = (write, row);
        }
    }
    let written = (0..)
        .zip(last)
        .filter(|(_, (write, _))| *write != usize::MAX);
    let (numbers, places): (Vec<u32>, Vec<_>) = written.unzip();
    let values = match writes {
        [(_, values)] => {
            let rows = places.iter().map(|(_, row)| *row as u32);
            take(
                values,
                &arrow::array::UInt32Array::from_iter_values(rows),
                None,
            )?
        }
        writes => {
            let values: Vec<_> = writes.iter().map(|(_, values)| values.as_ref()).collect();
            interleave(&values, &places)?
        }
    };
    Ok((numbers, values))
}

impl Index for Values {
    fn take(
        &mut self,
        new: &Appended<'_>,
        log: &mut Log,
        keys: &mut Keys,
    ) -> Result<(), ArrowError> {
        self.0.resize(keys.limit().max(self.0.len()), NO_VALUE);
        for (row, id) in new.ids.iter().enumerate() {
            let items = new.rows.range(row);
            if items.len() > 1 {
                return Err(invalid("a key has several values in one slot"));
            }
            let value = &mut self.0[*id as usize];
            let before = value.chunk;
            if before != NONE {
                log.leave(before, 1);
            }
            if items.is_empty() || new.is_over(row) {
                *value = NO_VALUE;
                log.leave(new.chunk, items.len());
                if before != NONE {
                    keys.release(*id);
                }
                continue;
            }
            if before == NONE {
                keys.hold(*id);
            }
            *value = Value {
                written: new.rows.written.value(row),
                chunk: new.chunk,
                item: items.start as u32,
            };
        }
        Ok(())
    }

    fn keep(&mut self, run: &Run, _: &Log, kept: &mut Kept) -> Result<(), ArrowError> {
        for (number, part) in run.parts.iter().enumerate() {
            for (row, id) in part.ids.iter().enumerate() {
                let items = part.rows.range(row);
                let written = part.rows.written.value(row);
                let value = self.0.get_mut(*id as usize);
                match value.filter(|value| value.chunk != NONE) {
                    Some(value)
                        if value.chunk == part.chunk
                            && value.item as usize == items.start
                            && !items.is_empty() =>
                    {
                        value.chunk = run.chunk;
                        value.item = kept.items.len() as u32;
                        kept.items.push((number, items.start));
                    }
                    None if items.is_empty() && run.removals => {}
                    _ => continue,
                }
                kept.row((number, row), *id, true, written);
            }
        }
        Ok(())
    }

    fn expire(&mut self, over: i64, log: &mut Log, keys: &mut Keys) {
        for (id, value) in (0..).zip(&mut self.0) {
            if value.chunk != NONE && value.written <= over {
                log.leave(value.chunk, 1);
                *value = NO_VALUE;
                keys.release(id);
            }
        }
    }

    fn clear(&mut self) {
        *self = Values::default();
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Value>()
    }
}
