//! Sequences of tensors: a list in a row, whose items are tensors of one shape each.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use ort::value::{DynTensor, DynTensorValueType, DynValue, Sequence};

use super::binding::Layout;
use super::column::{Elements, elements};
use super::nested::{convert, flatten, nest};
use super::signature::TensorType;
use super::tensor::{TensorInput, without_nulls};
use crate::array::list_item;

/// The sequence of a column's one row.
pub(super) fn sequence_value(
    tensor: &TensorType,
    layout: Layout,
    column: &ArrayRef,
) -> Result<DynValue, String> {
    let Layout::Nested(depth) = layout else {
        return Err("it is not a list of tensors".to_owned());
    };
    let (_, items) = flatten(column, 1, &[])?;
    if items.is_empty() {
        return Err("an empty list is no sequence to ONNX Runtime".to_owned());
    }
    let item = |item: usize| -> Result<DynTensor, String> {
        let (dimensions, values) = flatten(&items.slice(item, 1), depth, &tensor.shape)?;
        let values = convert(&values, &tensor.element.data_type())?;
        let input = TensorInput {
            element: tensor.element,
            shape: dimensions.into_iter().map(|size| size as i64).collect(),
            values: without_nulls(values, usize::MAX, tensor.element)?,
        };
        let value = input.owned()?.downcast::<DynTensorValueType>();
        value.map_err(|error| error.to_string())
    };
    let tensors = (0..items.len()).map(|place| {
        item(place).map_err(|message| format!("the tensor {place} of the sequence: {message}"))
    });
    let tensors = tensors.collect::<Result<Vec<_>, _>>()?;
    let sequence = Sequence::new(tensors).map_err(|error| error.to_string())?;
    Ok(sequence.into_dyn())
}

/// The one row of a column, out of the sequence that the model gave.
pub(super) fn sequence_column(
    tensor: &TensorType,
    layout: Layout,
    data_type: &DataType,
    value: &DynValue,
) -> Result<ArrayRef, String> {
    let (Layout::Nested(depth), Some(item)) = (layout, list_item(data_type)) else {
        return Err("the column is not a list of tensors".to_owned());
    };
    let tensors = value
        .try_extract_sequence::<ort::value::DynValueTypeMarker>()
        .map_err(|error| error.to_string())?;
    let row = |value: &DynValue| -> Result<ArrayRef, String> {
        let Elements { shape, values } = elements(tensor.element, value)?;
        if shape.len() != depth {
            return Err(format!(
                "the model gave a tensor of the shape {shape:?}, and the column has lists {depth} \
                 deep for it"
            ));
        }
        nest(item.data_type(), &values, 1, &shape)
    };
    let rows = tensors.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<&dyn Array> = rows.iter().map(Arc::as_ref).collect();
    let items = match rows[..] {
        [] => new_empty_array(item.data_type()),
        _ => concat(&rows).map_err(|error| error.to_string())?,
    };
    nest(data_type, &items, 1, &[items.len()])
}
