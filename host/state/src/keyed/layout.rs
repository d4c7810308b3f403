//! Rows of one slot, and the columns that chunks have them in.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, RecordBatch, UInt32Array,
        new_empty_array,
    },
    buffer::OffsetBuffer,
    datatypes::{FieldRef, Int64Type, SchemaRef, UInt32Type},
    error::ArrowError,
};

use super::{
    invalid,
    spec::{KeyedSpec, PAYLOADS, REPLACES, SLOT, WRITTEN},
};

/// Rows of one slot: of a key and some items each.
pub(super) struct SlotRows {
    pub keys: Vec<ArrayRef>,
    /// Whether what the key had before is gone.
    pub replaces: BooleanArray,
    /// Milliseconds since 1970.
    pub written: Int64Array,
    /// Of the rows' items, from 0.
    pub offsets: OffsetBuffer<i32>,
    pub items: ArrayRef,
}

impl SlotRows {
    pub(super) fn len(&self) -> usize {
        self.written.len()
    }

    /// The items of a row.
    #[inline]
    pub(super) fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row] as usize..self.offsets[row + 1] as usize
    }
}

/// From rows of a slot to those of chunks and back.
pub(super) struct Layout {
    schema: SchemaRef,
    keys: usize,
    /// The items of the slots and of the timers, and columns without any.
    items: Vec<(FieldRef, ArrayRef)>,
}

impl Layout {
    pub(super) fn new(spec: &KeyedSpec) -> Result<Self, ArrowError> {
        let items = (0..=spec.timers()).map(|slot| {
            let item = spec.item(slot)?;
            let none = new_empty_array(item.data_type());
            Ok((item, none))
        });
        Ok(Layout {
            schema: spec.schema(),
            keys: spec.keys().len(),
            items: items.collect::<Result<_, ArrowError>>()?,
        })
    }

    pub(super) fn encode(&self, slot: usize, rows: &SlotRows) -> Result<RecordBatch, ArrowError> {
        let count = rows.len();
        let mut columns = rows.keys.clone();
        columns.push(Arc::new(UInt32Array::from_value(slot as u32, count)));
        columns.push(Arc::new(rows.replaces.clone()));
        columns.push(Arc::new(rows.written.clone()));
        let no_offsets = OffsetBuffer::new_zeroed(count);
        for (of_slot, (field, none)) in self.items.iter().enumerate() {
            let (offsets, items) = match of_slot == slot {
                true => (&rows.offsets, &rows.items),
                false => (&no_offsets, none),
            };
            let (offsets, items) = (offsets.clone(), Arc::clone(items));
            let lists = ListArray::try_new(Arc::clone(field), offsets, items, None)?;
            columns.push(Arc::new(lists));
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    pub(super) fn decode(&self, slot: usize, batch: &RecordBatch) -> Result<SlotRows, ArrowError> {
        let column = |index| self.column(batch, index);
        let (replaces, written) = (column(REPLACES)?, column(WRITTEN)?);
        let (Some(replaces), Some(written)) = (
            replaces.as_boolean_opt(),
            written.as_primitive_opt::<Int64Type>(),
        ) else {
            return Err(self.foreign());
        };
        let (offsets, items) = self.items(slot, batch)?;
        Ok(SlotRows {
            keys: batch.columns().iter().take(self.keys).cloned().collect(),
            replaces: replaces.clone(),
            written: written.clone(),
            offsets,
            items,
        })
    }

    /// Which slot each row is of.
    pub(super) fn slots<'a>(&self, batch: &'a RecordBatch) -> Result<&'a UInt32Array, ArrowError> {
        let slots = self.column(batch, SLOT)?;
        let slots = slots.as_primitive_opt::<UInt32Type>();
        slots.ok_or_else(|| self.foreign())
    }

    /// The items of all rows of a slot, with offsets from 0.
    pub(super) fn items(
        &self,
        slot: usize,
        batch: &RecordBatch,
    ) -> Result<(OffsetBuffer<i32>, ArrayRef), ArrowError> {
        let lists = self.column(batch, PAYLOADS + slot)?;
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| self.foreign())?;
        let (offsets, items) = (lists.offsets(), lists.values());
        let (first, last) = match (offsets.first(), offsets.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (0, 0),
        };
        if first == 0 && last as usize == items.len() {
            return Ok((offsets.clone(), Arc::clone(items)));
        }
        let items = items.slice(first as usize, (last - first) as usize);
        let offsets: Vec<_> = offsets.iter().map(|offset| offset - first).collect();
        Ok((OffsetBuffer::new(offsets.into()), items))
    }

    fn column<'a>(&self, batch: &'a RecordBatch, index: usize) -> Result<&'a ArrayRef, ArrowError> {
        let column = batch.columns().get(self.keys + index);
        column.ok_or_else(|| self.foreign())
    }

    fn foreign(&self) -> ArrowError {
        invalid("the rows are not those of the state of these keys")
    }
}
