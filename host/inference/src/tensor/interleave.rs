//! Columns side by side, as the rows of one tensor.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::buffer::{MutableBuffer, ScalarBuffer};

use super::columns::Flat;
use super::element::{Element, with_native};

/// Lays columns without NULL out row after row.
pub(crate) fn interleave(
    element: Element,
    mut flats: Vec<Flat>,
    rows: usize,
    scratch: &mut Scratch,
) -> ArrayRef {
    if let [_] = flats[..]
        && let Some(flat) = flats.pop()
    {
        return flat.values;
    }
    let at = |row: usize| {
        let places = move |flat: &Flat| row * flat.width..(row + 1) * flat.width;
        flats
            .iter()
            .flat_map(move |flat| places(flat).map(|place| (&flat.values, place)))
    };
    with_native!(element,
        T => interleave_native::<T>(&flats, rows, scratch),
        else => match element {
            Element::BF16 => interleave_native::<arrow::datatypes::Float32Type>(&flats, rows, scratch),
            Element::Bool => {
                let values = (0..rows).flat_map(at);
                let values = values.map(|(values, place)| Some(values.as_boolean().value(place)));
                Arc::new(values.collect::<BooleanArray>())
            }
            _ => {
                let values = (0..rows).flat_map(at);
                let values = values.map(|(values, place)| Some(values.as_string::<i32>().value(place)));
                Arc::new(values.collect::<StringArray>())
            }
        }
    )
}

fn interleave_native<T: ArrowPrimitiveType>(
    flats: &[Flat],
    rows: usize,
    scratch: &mut Scratch,
) -> ArrayRef {
    let width: usize = flats.iter().map(|flat| flat.width).sum();
    let count = rows * width;
    let mut buffer = scratch.take(count * size_of::<T::Native>());
    let out = buffer.typed_data_mut::<T::Native>();
    let mut first = 0;
    let mut rest = flats;
    while let [flat, others @ ..] = rest {
        if let Some(others) = interleave_first::<T, 16>(rest, out, width, first) {
            (rest, first) = (others, first + 16);
            continue;
        }
        if let Some(others) = interleave_first::<T, 4>(rest, out, width, first) {
            (rest, first) = (others, first + 4);
            continue;
        }
        let values = flat.native::<T>();
        if flat.width == 1 {
            interleave_columns([values], out, width, first);
        } else if flat.width > 0 {
            for (row, items) in out
                .chunks_exact_mut(width)
                .zip(values.chunks_exact(flat.width))
            {
                row[first..first + flat.width].copy_from_slice(items);
            }
        }
        (rest, first) = (others, first + flat.width);
    }
    let values = ScalarBuffer::new(buffer.into(), 0, count);
    Arc::new(PrimitiveArray::<T>::new(values, None))
}

/// Writes the first columns side by side into rows, where there are so many of one value a row.
/// Returns the others. A line of the processor's cache is written at once that way.
fn interleave_first<'a, T: ArrowPrimitiveType, const COLUMNS: usize>(
    flats: &'a [Flat],
    out: &mut [T::Native],
    width: usize,
    first: usize,
) -> Option<&'a [Flat]> {
    let (columns, others) = flats.split_first_chunk::<COLUMNS>()?;
    if columns.iter().any(|flat| flat.width != 1) {
        return None;
    }
    let columns = columns.each_ref().map(Flat::native::<T>);
    interleave_columns(columns, out, width, first);
    Some(others)
}

/// Writes columns side by side into rows, from the place `first` on.
fn interleave_columns<T: Copy + Default, const COLUMNS: usize>(
    columns: [&[T]; COLUMNS],
    out: &mut [T],
    width: usize,
    first: usize,
) {
    let rows = out.len() / width;
    // Of one length, so that one check does for all.
    let columns = columns.map(|column| &column[..rows]);
    for (row, out) in out.chunks_exact_mut(width).enumerate().take(rows) {
        if let Some(out) = out[first..].first_chunk_mut::<COLUMNS>() {
            let mut values = [T::default(); COLUMNS];
            for (value, column) in values.iter_mut().zip(&columns) {
                *value = column[row];
            }
            *out = values;
        }
    }
}

impl Flat {
    fn native<T: ArrowPrimitiveType>(&self) -> &[T::Native] {
        self.values.as_primitive::<T>().values()
    }
}

/// Memory for tensors that are made of several columns, from one call for the next.
#[derive(Default)]
pub(crate) struct Scratch(Vec<MutableBuffer>);

impl Scratch {
    /// So many bytes, whatever they are.
    fn take(&mut self, bytes: usize) -> MutableBuffer {
        let mut buffer = self.0.pop().unwrap_or_default();
        buffer.resize(bytes, 0);
        buffer
    }

    /// Keeps the memory of values that were laid out in it, where nobody else has them.
    #[cfg_attr(
        not(feature = "onnx"),
        expect(dead_code, reason = "a server's tensors go away with their messages")
    )]
    pub fn keep(&mut self, values: ArrayRef) {
        let data = values.to_data();
        drop(values);
        let [buffer] = data.buffers() else {
            return;
        };
        let buffer = buffer.clone();
        drop(data);
        if let Ok(buffer) = buffer.into_mutable() {
            self.0.push(buffer);
        }
    }
}
