//! Columns as the values of a tensor, row after row, and a tensor's values as a column.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float16Type};

use super::element::Element;
use super::signature::Binding;
use crate::array::{list_item, list_of, matrix};

/// The columns of one tensor, each as the tensor's element.
pub(crate) struct Gathered {
    /// Of the tensor that they make.
    pub shape: Vec<i64>,
    rows: usize,
    flats: Vec<Flat>,
}

/// A column of a tensor: its values, row after row, as the tensor's element.
struct Flat {
    values: ArrayRef,
    width: usize,
}

/// Gathers the columns of a binding into a tensor of at most `memory` bytes where the model alone says
/// how many; the error is a sentence that names row and column.
pub(crate) fn gather(
    binding: &Binding,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
    memory: usize,
) -> Result<Gathered, String> {
    let flats = binding
        .columns
        .iter()
        .map(|column| {
            flatten(&columns[*column], binding, memory)
                .and_then(|flat| refuse_nulls(flat, binding))
                .map_err(|message| format!("the column '{}': {message}", fields[*column].name()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let width = flats.iter().map(|flat| flat.width).sum();
    Ok(Gathered {
        shape: shape(&binding.tensor.shape, rows, width),
        rows,
        flats,
    })
}

impl Gathered {
    /// The values of a tensor of numbers, row after row; NULL is NaN.
    pub fn numbers<T: NullValue>(&self) -> Vec<T::Native> {
        interleave::<T>(&self.flats, self.rows)
    }

    /// The values of a tensor of anything else, which one column makes.
    pub fn only(&self) -> &ArrayRef {
        &self.flats[0].values
    }
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
fn refuse_nulls(flat: Flat, binding: &Binding) -> Result<Flat, String> {
    let null = match binding.tensor.element {
        Element::F16 | Element::F32 | Element::F64 => None,
        _ => (0..flat.values.len()).find(|place| flat.values.is_null(*place)),
    };
    match null {
        Some(place) => {
            let row = place / flat.width.max(1);
            Err(format!(
                "row {row} is NULL, and a tensor of {} has no value for it",
                binding.tensor.type_name
            ))
        }
        None => Ok(flat),
    }
}

/// What a NULL of a column is in a tensor.
pub(crate) trait NullValue: ArrowPrimitiveType {
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

type Half = <Float16Type as ArrowPrimitiveType>::Native;

// Only the floating-point ones are ever seen: `refuse_nulls` comes first.
null_values!(Float16Type Half::NAN, Float32Type f32::NAN, Float64Type f64::NAN, Int8Type 0, Int16Type 0, Int32Type 0,
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

/// Makes the column of a binding from the values of its tensor, which are as many as its shape
/// says; the error is a sentence.
pub(crate) fn to_column(
    binding: &Binding,
    field: &Field,
    shape: &[i64],
    values: &ArrayRef,
    rows: usize,
) -> Result<ArrayRef, String> {
    let wrong_shape = || {
        format!(
            "the tensor '{}' has the shape {shape:?} for {rows} rows",
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
        return list_of(field.data_type(), values, rows, width);
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(values, field.data_type(), &options).map_err(|error| error.to_string())
}
