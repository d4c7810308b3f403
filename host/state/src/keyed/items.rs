//! Items of a slot, gathered out of its chunks.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, new_empty_array, new_null_array},
    buffer::OffsetBuffer,
    compute::interleave,
    datatypes::DataType,
    error::ArrowError,
};

use super::{invalid, keys::NONE, layout::Layout, slot::Slot};

/// The items of chunks, loaded as they are asked for, with a null in front.
pub(super) struct Items<'a> {
    slot: &'a Slot,
    layout: &'a Layout,
    /// Where a chunk's are, by the chunk's number.
    places: Vec<u32>,
    arrays: Vec<ArrayRef>,
    /// Of which array which item.
    picked: Vec<(usize, usize)>,
    /// Whether there are nulls among them.
    skips: bool,
    /// Whether the values of entries are wanted.
    values: bool,
}

impl<'a> Items<'a> {
    pub(super) fn new(slot: &'a Slot, layout: &'a Layout, capacity: usize) -> Self {
        Items {
            slot,
            layout,
            places: vec![NONE; slot.log.limit()],
            arrays: Vec::new(),
            picked: Vec::with_capacity(capacity),
            skips: false,
            values: false,
        }
    }

    pub(super) fn of_values(self) -> Self {
        Items {
            values: true,
            ..self
        }
    }

    #[inline]
    pub(super) fn pick(&mut self, chunk: u32, item: u32) -> Result<(), ArrowError> {
        let array = match self.places.get(chunk as usize) {
            Some(array) if *array != NONE => *array as usize,
            _ => self.load(chunk)?,
        };
        self.picked.push((array, item as usize));
        Ok(())
    }

    /// A null.
    pub(super) fn skip(&mut self) {
        self.skips = true;
        self.picked.push((usize::MAX, 0));
    }

    pub(super) fn len(&self) -> usize {
        self.picked.len()
    }

    fn load(&mut self, chunk: u32) -> Result<usize, ArrowError> {
        let batch = self.slot.log.load(chunk)?;
        let (_, mut items) = self.layout.items(self.slot.number, &batch)?;
        if self.values {
            items = entries(&items)?.1;
        }
        self.arrays.push(items);
        let place = self.arrays.len() - 1;
        if let Some(of_chunk) = self.places.get_mut(chunk as usize) {
            *of_chunk = place as u32;
        }
        Ok(place)
    }

    /// What was picked, of this type.
    pub(super) fn gather(mut self, of: &DataType) -> Result<ArrayRef, ArrowError> {
        if self.picked.is_empty() {
            return Ok(new_empty_array(of));
        }
        if self.arrays.is_empty() {
            return Ok(new_null_array(of, self.picked.len()));
        }
        if self.skips {
            let null = self.arrays.len();
            self.arrays.push(new_null_array(of, 1));
            let skipped = self.picked.iter_mut();
            skipped
                .filter(|(array, _)| *array == usize::MAX)
                .for_each(|(array, _)| *array = null);
        }
        let arrays: Vec<_> = self.arrays.iter().map(AsRef::as_ref).collect();
        interleave(&arrays, &self.picked)
    }
}

/// The offsets of lists that end there.
pub(super) fn offsets(ends: impl Iterator<Item = usize>) -> Result<OffsetBuffer<i32>, ArrowError> {
    let mut offsets = Vec::with_capacity(ends.size_hint().0 + 1);
    offsets.push(0);
    for end in ends {
        let end = i32::try_from(end);
        offsets.push(end.map_err(|_| invalid("there are too many items of state"))?);
    }
    if !offsets.is_sorted() {
        return Err(invalid("lists of state end before they begin"));
    }
    Ok(OffsetBuffer::new(offsets.into()))
}

/// The keys and the values of entries of maps.
pub(super) fn entries(items: &ArrayRef) -> Result<(ArrayRef, ArrayRef), ArrowError> {
    match items.as_struct_opt().map(|entries| entries.columns()) {
        Some([keys, values]) => Ok((Arc::clone(keys), Arc::clone(values))),
        _ => Err(invalid(
            "what is to be entries of maps has no keys and values",
        )),
    }
}
