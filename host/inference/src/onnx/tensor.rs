//! Columns into tensors, and tensors into columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field};
use ort::value::{DynValue, Tensor};

use super::element::{Element, with_numeric};
use super::signature::Binding;
use crate::array::{list_item, list_of, matrix};

/// A column of one tensor: its values, row after row, as the tensor's element.
struct Flat {
    values: ArrayRef,
    width: usize,
}

/// Makes the tensor of a binding, of at most `memory` bytes where the model alone says how many; the
/// error is a sentence that names row and column.
pub(super) fn to_tensor(
    binding: &Binding,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
    memory: usize,
) -> Result<DynValue, String> {
    let element = binding.tensor.element;
    let flats = binding
        .columns
        .iter()
        .map(|column| {
            flatten(&columns[*column], binding, memory)
                .and_then(|flat| refuse_nulls(flat, element))
                .map_err(|message| format!("the column '{}': {message}", fields[*column].name()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let width: usize = flats.iter().map(|flat| flat.width).sum();
    let shape = shape(&binding.tensor.shape, rows, width);
    let tensor = with_numeric!(element,
        T => Tensor::from_array((shape, interleave::<T>(&flats, rows))).map(|tensor| tensor.into_dyn()),
        else => match element {
            Element::Bool => {
                let values: Vec<bool> = flats[0].values.as_boolean().values().iter().collect();
                Tensor::from_array((shape, values)).map(|tensor| tensor.into_dyn())
            }
            _ => {
                let text = flats[0].values.as_string::<i32>();
                let values: Vec<String> = text.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
                Tensor::from_string_array((shape, values.as_slice())).map(|tensor| tensor.into_dyn())
            }
        }
    );
    tensor.map_err(|error| error.to_string())
}

/// The tensor's shape for so many rows.
fn shape(declared: &[i64], rows: usize, width: usize) -> Vec<i64> {
    let mut shape = declared.to_vec();
    if let Some(first) = shape.first_mut() {
        *first = rows as i64;
    }
    shape
        .iter_mut()
        .filter(|size| **size < 0)
        .for_each(|size| *size = width as i64);
    shape
}

fn flatten(column: &ArrayRef, binding: &Binding, memory: usize) -> Result<Flat, String> {
    let element = binding.tensor.element;
    if list_item(column.data_type()).is_none() {
        return Ok(Flat {
            values: convert(column, element)?,
            width: 1,
        });
    }
    let width = match binding.width {
        Some(width) => width,
        None => first_width(column),
    };
    refuse_wide_nulls(column, width, memory)?;
    Ok(Flat {
        values: convert(&matrix(column, width)?, element)?,
        width,
    })
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

fn convert(column: &ArrayRef, element: Element) -> Result<ArrayRef, String> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, &element.data_type(), &options).map_err(|error| error.to_string())
}

/// NULL is NaN where there is a NaN, and an error where there is none.
fn refuse_nulls(flat: Flat, element: Element) -> Result<Flat, String> {
    let null = match element {
        Element::F32 | Element::F64 => None,
        _ => (0..flat.values.len()).find(|place| flat.values.is_null(*place)),
    };
    match null {
        Some(place) => {
            let row = place / flat.width.max(1);
            Err(format!(
                "row {row} is NULL, and a tensor of {element} has no value for it"
            ))
        }
        None => Ok(flat),
    }
}

trait NullValue: ArrowPrimitiveType {
    fn null() -> Self::Native;
}

macro_rules! null_values {
    ($($arrow:ident $null:expr),*) => {
        $(impl NullValue for arrow::datatypes::$arrow {
            fn null() -> Self::Native {
                $null
            }
        })*
    };
}

// Only the floating-point ones are ever seen: `refuse_nulls` comes first.
null_values!(Float32Type f32::NAN, Float64Type f64::NAN, Int8Type 0, Int16Type 0, Int32Type 0,
    Int64Type 0, UInt8Type 0, UInt16Type 0, UInt32Type 0, UInt64Type 0);

/// Lays columns out row after row.
fn interleave<T: NullValue>(flats: &[Flat], rows: usize) -> Vec<T::Native> {
    let width: usize = flats.iter().map(|flat| flat.width).sum();
    let mut out = vec![T::null(); rows * width];
    let mut first = 0;
    for flat in flats {
        let values = flat.values.as_primitive::<T>();
        for row in 0..rows {
            for item in 0..flat.width {
                let place = row * flat.width + item;
                if values.is_valid(place) {
                    out[row * width + first + item] = values.value(place);
                }
            }
        }
        first += flat.width;
    }
    out
}

/// Makes the column of a binding from the tensor that the model gave; the error is a sentence.
pub(super) fn to_column(
    binding: &Binding,
    field: &Field,
    value: &DynValue,
    rows: usize,
) -> Result<ArrayRef, String> {
    let (shape, values) = extract(binding.tensor.element, value)?;
    let wrong_shape = || {
        format!(
            "the model gave '{}' the shape {shape:?} for {rows} rows",
            binding.tensor.name
        )
    };
    if shape.first() != Some(&(rows as i64)) || rows == 0 {
        return Err(wrong_shape());
    }
    let width = values.len() / rows;
    if binding.width.is_some_and(|expected| expected != width) || width * rows != values.len() {
        return Err(wrong_shape());
    }
    if list_item(field.data_type()).is_some() {
        return list_of(field.data_type(), &values, rows, width);
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(&values, field.data_type(), &options).map_err(|error| error.to_string())
}

fn extract(element: Element, value: &DynValue) -> Result<(Vec<i64>, ArrayRef), String> {
    let failed = |error: ort::Error| error.to_string();
    Ok(with_numeric!(element,
        T => {
            let (shape, values) = value.try_extract_tensor::<<T as ArrowPrimitiveType>::Native>().map_err(failed)?;
            (shape.to_vec(), Arc::new(PrimitiveArray::<T>::from_iter_values(values.iter().copied())) as ArrayRef)
        },
        else => match element {
            Element::Bool => {
                let (shape, values) = value.try_extract_tensor::<bool>().map_err(failed)?;
                (shape.to_vec(), Arc::new(BooleanArray::from(values.to_vec())) as ArrayRef)
            }
            _ => {
                let (shape, values) = value.try_extract_strings().map_err(failed)?;
                (shape.to_vec(), Arc::new(StringArray::from(values)) as ArrayRef)
            }
        }
    ))
}
