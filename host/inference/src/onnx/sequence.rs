//! Sequences of tensors: a list in a row, whose items are tensors of one shape each.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use ort::session::Session;
use ort::value::{DynTensor, DynTensorValueType, DynValue, Sequence};

use super::binding::Layout;
use super::column::{Elements, elements};
use super::nested::{flatten, nest};
use super::runtime::environment;
use super::session::unpanicked;
use super::signature::TensorType;
use super::tensor::{TensorInput, without_nulls};
use crate::array::list_item;
use crate::tensor::Element;
use crate::tensor::columns::convert;

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
        return empty_sequence(tensor.element);
    }
    let item = |item: usize| -> Result<DynTensor, String> {
        let (dimensions, values) = flatten(&items.slice(item, 1), depth, &tensor.shape)?;
        let values = convert(&values, &tensor.element.data_type())?;
        let input = TensorInput {
            element: tensor.element,
            shape: dimensions.into_iter().map(|size| size as i64).collect(),
            values: without_nulls(values, usize::MAX, tensor.element)?,
            is_scratch: false,
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

/// A sequence of no tensors. The runtime makes none of a caller's list; a model of one operator does.
fn empty_sequence(element: Element) -> Result<DynValue, String> {
    let model = empty_sequence_model(element.number());
    let environment = environment().map_err(|error| error.to_string())?;
    let make = || -> Result<Option<DynValue>, ort::Error> {
        let mut session = Session::builder(environment)?.commit_from_memory(&model)?;
        let mut outputs = session.run(ort::session::SessionInputs::<0>::ValueMap(Vec::new()))?;
        Ok(outputs.remove("s"))
    };
    unpanicked(make)?.ok_or_else(|| "an empty sequence was not made".to_owned())
}

/// A `ModelProto` of one SequenceEmpty, whose elements have this number.
pub(super) fn empty_sequence_model(element: u8) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
    // name, i, and type: an integer.
    let dtype = [&field(1, b"dtype")[..], &[3 << 3, element, 0xa0, 1, 2]].concat();
    let node = [field(2, b"s"), field(4, b"SequenceEmpty"), field(5, &dtype)].concat();
    let tensor = field(1, &[1 << 3, element]);
    let sequence = field(4, &field(1, &tensor));
    let output = [field(1, b"s"), field(2, &sequence)].concat();
    let graph = [field(1, &node), field(2, b"g"), field(12, &output)].concat();
    // Version 7 of the format, and 11 of the operators.
    [
        &[1 << 3, 7][..],
        &field(8, &[2 << 3, 11]),
        &field(7, &graph),
    ]
    .concat()
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
