//! Columns as the values of a tensor, row after row.

use std::fmt::Display;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};

use super::element::Element;
use crate::array::{list_item, matrix};

/// A column of one tensor: its values, row after row, as the tensor's element.
pub(crate) struct Flat {
    pub values: ArrayRef,
    /// Of one row.
    pub width: usize,
}

/// The values of a column, NULL among them, of at most `memory` bytes where the model alone says how
/// many.
///
/// A row has `width` of them, or as many as the first list where that is `None`. The error is a sentence
/// that names the row.
pub(crate) fn flat(
    column: &ArrayRef,
    element: Element,
    width: Option<usize>,
    memory: usize,
) -> Result<Flat, String> {
    let data_type = element.data_type();
    if list_item(column.data_type()).is_none() {
        let values = convert(column, &data_type)?;
        return Ok(Flat { values, width: 1 });
    }
    let width = width.unwrap_or_else(|| first_width(column));
    refuse_wide_nulls(column, width, memory)?;
    let values = convert(&matrix(column, width)?, &data_type)?;
    Ok(Flat { values, width })
}

/// A list that is there has as many items as the tensor wants; one that is NULL becomes as many.
fn refuse_wide_nulls(column: &ArrayRef, width: usize, memory: usize) -> Result<(), String> {
    // Where they are taken from, and what they are: 8 bytes an item at most.
    let bytes = column
        .len()
        .checked_mul(width)
        .and_then(|items| items.checked_mul(size_of::<u64>()));
    if column.null_count() == 0 || bytes.is_some_and(|bytes| bytes <= memory) {
        return Ok(());
    }
    Err(format!(
        "a tensor of {} rows of {width} items, some of them NULL, is more than the model's \
         memory.limit of {} MiB",
        column.len(),
        memory.div_ceil(1 << 20)
    ))
}

fn first_width(column: &ArrayRef) -> usize {
    let valid = (0..column.len()).find(|row| column.is_valid(*row));
    match (column.data_type(), valid) {
        (DataType::List(_), Some(row)) => column.as_list::<i32>().value(row).len(),
        (DataType::LargeList(_), Some(row)) => column.as_list::<i64>().value(row).len(),
        (DataType::FixedSizeList(_, size), _) => usize::try_from(*size).unwrap_or(0),
        _ => 0,
    }
}

/// Casts; what the type cannot say is an error, not NULL.
pub(crate) fn convert(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, String> {
    if column.data_type() == data_type {
        return Ok(Arc::clone(column));
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, data_type, &options).map_err(|error| error.to_string())
}

/// NULL becomes NaN where there is a NaN, and is an error where there is none; `name` is the element's
/// where the model comes from.
pub(crate) fn without_nulls(
    values: ArrayRef,
    width: usize,
    element: Element,
    name: impl Display,
) -> Result<ArrayRef, String> {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    if values.null_count() == 0 {
        return Ok(values);
    }
    match element {
        Element::F16 => Ok(filled::<Float16Type>(&values, Half::NAN)),
        Element::F32 | Element::BF16 => Ok(filled::<Float32Type>(&values, f32::NAN)),
        Element::F64 => Ok(filled::<Float64Type>(&values, f64::NAN)),
        _ => {
            let place = (0..values.len()).find(|place| values.is_null(*place));
            let row = place.unwrap_or_default() / width.max(1);
            Err(format!(
                "row {row} is NULL, and a tensor of {name} has no value for it"
            ))
        }
    }
}

fn filled<T: ArrowPrimitiveType>(values: &ArrayRef, nan: T::Native) -> ArrayRef {
    let values = values.as_primitive::<T>();
    let filled = values.iter().map(|value| value.unwrap_or(nan));
    Arc::new(PrimitiveArray::<T>::from_iter_values(filled))
}
