//! Columns into tensors, and tensors into columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::datatypes::Field;
use ort::value::{DynValue, Tensor};

use crate::tensor::{Binding, Element, columns, with_numeric};

/// Makes the tensor of a binding, of at most `memory` bytes where the model alone says how many; the
/// error is a sentence that names row and column.
pub(super) fn to_tensor(
    binding: &Binding,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
    memory: usize,
) -> Result<DynValue, String> {
    let gathered = columns::gather(binding, fields, columns, rows, memory)?;
    let shape = gathered.shape.clone();
    let element = binding.tensor.element;
    let tensor = with_numeric!(element,
        T => Tensor::from_array((shape, gathered.numbers::<T>())).map(|tensor| tensor.into_dyn()),
        else => match element {
            Element::Bool => {
                let values: Vec<bool> = gathered.only().as_boolean().values().iter().collect();
                Tensor::from_array((shape, values)).map(|tensor| tensor.into_dyn())
            }
            _ => {
                let text = gathered.only().as_string::<i32>();
                let values: Vec<String> = text.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
                Tensor::from_string_array((shape, values.as_slice())).map(|tensor| tensor.into_dyn())
            }
        }
    );
    tensor.map_err(|error| error.to_string())
}

/// Makes the column of a binding from the tensor that the model gave; the error is a sentence.
pub(super) fn to_column(
    binding: &Binding,
    field: &Field,
    value: &DynValue,
    rows: usize,
) -> Result<ArrayRef, String> {
    let (shape, values) = extract(binding.tensor.element, value)?;
    columns::to_column(binding, field, &shape, &values, rows)
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
