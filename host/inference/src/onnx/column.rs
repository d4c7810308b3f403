//! What a model gave into columns.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, Float32Array, PrimitiveArray, StringArray,
};
use arrow::datatypes::Field;
use half::bf16;
use ort::value::DynValue;

use super::binding::{Binding, Layout, depth};
use super::map::{map_column, maps_of};
use super::nested::nest;
use super::sequence::sequence_column;
use super::signature::{BatchAxis, Kind, Misfit};
use crate::tensor::{Element, with_native};

/// A tensor's elements, of [`Element::data_type`].
pub(super) struct Elements {
    pub shape: Vec<usize>,
    pub values: ArrayRef,
}

/// Makes the column of a binding from what the model gave for `rows` rows; the error is a sentence.
pub(super) fn to_column(
    binding: &Binding,
    field: &Field,
    value: &DynValue,
    rows: usize,
    axis: BatchAxis,
) -> Result<ArrayRef, Misfit> {
    let name = &binding.signature.name;
    let data_type = field.data_type();
    let of_value = |message| Misfit::from(format!("'{name}': {message}"));
    let tensor = match &binding.signature.kind {
        Kind::Tensor(tensor) => tensor,
        Kind::Sequence(tensor) => {
            return sequence_column(tensor, binding.layout, data_type, value).map_err(of_value);
        }
        Kind::Map(map) => {
            return map_column(*map, binding.layout, data_type, std::slice::from_ref(value))
                .map_err(of_value);
        }
        Kind::Maps(map) => {
            let maps = maps_of(value)?;
            if maps.len() != rows {
                let count = maps.len();
                return Err(Misfit::of_rows(format!(
                    "the model gave '{name}' {count} maps for {rows} rows"
                )));
            }
            return map_column(*map, binding.layout, data_type, &maps).map_err(of_value);
        }
    };
    let Elements { shape, values } = elements(tensor.element, value)?;
    let wrong_shape = |misfit: fn(String) -> Misfit| {
        misfit(format!(
            "the model gave '{name}' the shape {shape:?} for {rows} rows"
        ))
    };
    let row = match (axis, shape.as_slice()) {
        (BatchAxis::First, [first, row @ ..]) if *first == rows && rows > 0 => row,
        (BatchAxis::First, _) => return Err(wrong_shape(Misfit::of_rows)),
        (BatchAxis::None, row) => row,
    };
    let of_column =
        |message: String| Misfit::from(format!("the column '{}': {message}", field.name()));
    let width = values.len() / rows;
    if let Layout::Nested(depth) = binding.layout {
        if row.len() != depth {
            return Err(wrong_shape(Misfit::from));
        }
        return nest(data_type, &values, rows, row).map_err(of_column);
    }
    if matches!(binding.layout, Layout::Flat(Some(expected)) if expected != width) {
        return Err(wrong_shape(Misfit::from));
    }
    let flat = [width];
    let (lists, _) = depth(data_type);
    nest(data_type, &values, rows, &flat[..lists.min(1)]).map_err(of_column)
}

/// The elements of a tensor that the model gave.
pub(super) fn elements(element: Element, value: &DynValue) -> Result<Elements, String> {
    let failed = |error: ort::Error| error.to_string();
    let (shape, values): (Vec<i64>, ArrayRef) = with_native!(element,
        T => {
            let tensor = value.try_extract_tensor::<<T as ArrowPrimitiveType>::Native>();
            let (shape, values) = tensor.map_err(failed)?;
            let values = PrimitiveArray::<T>::new(values.to_vec().into(), None);
            (shape.to_vec(), Arc::new(values))
        },
        else => match element {
            Element::BF16 => {
                let (shape, values) = value.try_extract_tensor::<bf16>().map_err(failed)?;
                let values = values.iter().map(|value| value.to_f32());
                (shape.to_vec(), Arc::new(Float32Array::from_iter_values(values)))
            }
            Element::Bool => {
                let (shape, values) = value.try_extract_tensor::<bool>().map_err(failed)?;
                (shape.to_vec(), Arc::new(BooleanArray::from(values.to_vec())))
            }
            _ => {
                let (shape, values) = value.try_extract_strings().map_err(failed)?;
                (shape.to_vec(), Arc::new(StringArray::from(values)))
            }
        }
    );
    let shape = shape.into_iter().map(|size| size.unsigned_abs() as usize);
    Ok(Elements {
        shape: shape.collect(),
        values,
    })
}
