//! Columns into tensors.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, StringArray, UInt64Array,
};
use arrow::buffer::{MutableBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::Field;
use half::bf16;
use ort::session::SessionInputValue;
use ort::value::{DynValue, Tensor, TensorRef};

use super::binding::{Binding, Layout};
use super::map::map_value;
use super::nested::flatten;
use super::sequence::sequence_value;
use super::signature::{BatchAxis, Kind, TensorType};
use crate::array::list_item;
use crate::tensor::columns::{self, Flat, convert};
use crate::tensor::interleave::{Scratch, interleave};
use crate::tensor::{Element, with_native};

/// What becomes a value of the model: the elements of a tensor in place, or a value of the runtime's.
pub(super) enum Input {
    Tensor(TensorInput),
    Value(DynValue),
}

/// A tensor's elements, of [`Element::data_type`].
pub(super) struct TensorInput {
    pub element: Element,
    pub shape: Vec<i64>,
    pub values: ArrayRef,
    /// Whether the values were laid out in [`Scratch`].
    pub is_scratch: bool,
}

/// Makes the value of a binding, of at most `memory` bytes where the model alone says how many; the
/// error is a sentence that names row and column.
pub(super) fn to_input(
    binding: &Binding,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
    axis: BatchAxis,
    memory: usize,
    scratch: &mut Scratch,
) -> Result<Input, String> {
    let of_column = |column: usize, message: String| {
        format!("the column '{}': {message}", fields[column].name())
    };
    let first = binding.columns.first().copied().unwrap_or_default();
    let tensor = match &binding.signature.kind {
        Kind::Tensor(tensor) => tensor,
        Kind::Sequence(tensor) => {
            let value = sequence_value(tensor, binding.layout, &columns[first]);
            return value.map(Input::Value).map_err(|m| of_column(first, m));
        }
        Kind::Map(map) | Kind::Maps(map) => {
            let value = map_value(*map, &columns[first]);
            return value.map(Input::Value).map_err(|m| of_column(first, m));
        }
    };
    let declared = match axis {
        BatchAxis::First => tensor.shape.get(1..).unwrap_or_default(),
        BatchAxis::None => tensor.shape.as_slice(),
    };
    let (dimensions, values) = if let Layout::Nested(depth) = binding.layout {
        nested(tensor, &columns[first], depth, declared).map_err(|m| of_column(first, m))?
    } else {
        let flats = binding
            .columns
            .iter()
            .map(|column| {
                flat(&columns[*column], tensor.element, binding.layout, memory)
                    .map_err(|message| of_column(*column, message))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let width = flats.iter().map(|flat| flat.width).sum();
        let is_list = list_item(columns[first].data_type()).is_some();
        let dimensions = dimensions(declared, width, is_list)
            .map_err(|m| of_column(first, format!("{m} of {}", binding.signature)))?;
        (dimensions, interleave(tensor.element, flats, rows, scratch))
    };
    let of_rows = (axis == BatchAxis::First).then_some(rows as i64);
    let mut input = TensorInput {
        element: tensor.element,
        shape: of_rows.into_iter().chain(dimensions).collect(),
        values,
        is_scratch: binding.columns.len() > 1,
    };
    with_native!(tensor.element,
        T => input.values = Arc::new(aligned(input.values.as_primitive::<T>())),
        else => return input.owned().map(Input::Value)
    );
    Ok(Input::Tensor(input))
}

/// The dimensions of a row of so many elements.
fn dimensions(declared: &[i64], width: usize, is_list: bool) -> Result<Vec<i64>, String> {
    if declared.is_empty() && is_list {
        // Of any rank; in a list it is one of rank 1.
        return Ok(vec![width as i64]);
    }
    let fixed = declared.iter().filter(|size| **size >= 0);
    let fixed = fixed.fold(1_i64, |product, size| product.saturating_mul(*size));
    let mut free = match width as i64 {
        0 if fixed == 0 => 0,
        width if fixed > 0 && width % fixed == 0 => width / fixed,
        width => return Err(format!("{width} items do not make a row")),
    };
    // The first free dimension is what the data have; others stand where there is one item only.
    let mut dimension = |size: i64| match size {
        -1 => std::mem::replace(&mut free, 1),
        size => size,
    };
    Ok(declared.iter().map(|size| dimension(*size)).collect())
}

fn nested(
    tensor: &TensorType,
    column: &ArrayRef,
    depth: usize,
    declared: &[i64],
) -> Result<(Vec<i64>, ArrayRef), String> {
    let (dimensions, values) = flatten(column, depth, declared)?;
    let width = values.len() / column.len().max(1);
    let values = convert(&values, &tensor.element.data_type())?;
    let values = without_nulls(values, width, tensor.element)?;
    Ok((dimensions.iter().map(|size| *size as i64).collect(), values))
}

fn flat(
    column: &ArrayRef,
    element: Element,
    layout: Layout,
    memory: usize,
) -> Result<Flat, String> {
    let width = match layout {
        Layout::Flat(width) => width,
        _ => None,
    };
    let Flat { values, width } = columns::flat(column, element, width, memory)?;
    let values = without_nulls(values, width, element)?;
    Ok(Flat { values, width })
}

/// NULL becomes NaN where there is a NaN, and is an error where there is none.
pub(super) fn without_nulls(
    values: ArrayRef,
    width: usize,
    element: Element,
) -> Result<ArrayRef, String> {
    if element == Element::String {
        refuse_nul(values.as_string(), width)?;
    }
    columns::without_nulls(values, width, element, element)
}

/// The runtime takes texts that end with a NUL.
fn refuse_nul(texts: &StringArray, width: usize) -> Result<(), String> {
    if !texts.value_data().contains(&0) {
        return Ok(());
    }
    let has_nul = |text: Option<&str>| text.is_some_and(|text| text.contains('\0'));
    match texts.iter().position(has_nul) {
        Some(place) => Err(format!(
            "row {} has a text with a NUL, which ONNX Runtime does not take",
            place / width.max(1)
        )),
        None => Ok(()),
    }
}

/// The runtime's kernels sum in an order that hangs on where the memory begins, up to the alignment of
/// the vectors that they are built for (SSE's, NEON's).
const ALIGNMENT: usize = 16;

/// The same values, in memory that is aligned.
fn aligned<T: ArrowPrimitiveType>(values: &PrimitiveArray<T>) -> PrimitiveArray<T> {
    let values = values.values();
    if values.as_ptr().addr().is_multiple_of(ALIGNMENT) {
        return PrimitiveArray::new(values.clone(), None);
    }
    // Arrow's own memory is aligned to more.
    let mut buffer = MutableBuffer::with_capacity(size_of_val(&values[..]));
    buffer.extend_from_slice(values);
    PrimitiveArray::new(ScalarBuffer::new(buffer.into(), 0, values.len()), None)
}

impl Input {
    /// What the session takes, over the memory of this, which must outlive what it gives.
    pub fn value(&self) -> Result<SessionInputValue<'_>, String> {
        match self {
            Self::Value(value) => Ok(SessionInputValue::from(value)),
            Self::Tensor(tensor) => tensor.value(),
        }
    }

    /// Gives back the memory of values that were laid out in [`Scratch`].
    pub fn keep_in(self, scratch: &mut Scratch) {
        if let Self::Tensor(tensor) = self
            && tensor.is_scratch
        {
            scratch.keep(tensor.values);
        }
    }
}

impl TensorInput {
    fn value(&self) -> Result<SessionInputValue<'_>, String> {
        let tensor = with_native!(self.element,
            T => {
                let values: &[<T as ArrowPrimitiveType>::Native] = self.values.as_primitive::<T>().values();
                TensorRef::from_array_view((self.shape.clone(), values)).map(SessionInputValue::from)
            },
            else => return Err(format!("a tensor of {} is not one in place", self.element))
        );
        tensor.map_err(|error| error.to_string())
    }

    /// The same as a value that stands for itself.
    pub fn owned(&self) -> Result<DynValue, String> {
        let shape = self.shape.clone();
        let tensor = with_native!(self.element,
            T => {
                let values = self.values.as_primitive::<T>().values().to_vec();
                Tensor::from_array((shape, values)).map(|tensor| tensor.into_dyn())
            },
            else => match self.element {
                Element::BF16 => {
                    let values = self.values.as_primitive::<arrow::datatypes::Float32Type>().values();
                    let values: Vec<bf16> = values.iter().copied().map(bf16::from_f32).collect();
                    Tensor::from_array((shape, values)).map(|tensor| tensor.into_dyn())
                }
                Element::Bool => {
                    let values: Vec<bool> = self.values.as_boolean().values().iter().collect();
                    Tensor::from_array((shape, values)).map(|tensor| tensor.into_dyn())
                }
                _ => {
                    let values = texts(&self.values);
                    Tensor::from_string_array((shape, values.as_slice())).map(|tensor| tensor.into_dyn())
                }
            }
        );
        tensor.map_err(|error| error.to_string())
    }
}

/// Texts as the runtime's bindings take them.
pub(super) fn texts(values: &ArrayRef) -> Vec<String> {
    let values = values.as_string::<i32>().iter();
    values
        .map(|text| text.unwrap_or_default().to_owned())
        .collect()
}

/// `rows` rows that are the column's, then the last one again and again; of at most `memory` bytes, as
/// the model alone says how many they are.
pub(super) fn padded(column: &ArrayRef, rows: usize, memory: usize) -> Result<ArrayRef, String> {
    let Some(last) = column.len().checked_sub(1) else {
        return Ok(Arc::clone(column));
    };
    let bytes = column.to_data().get_slice_memory_size().unwrap_or_default();
    // Of the column, and of the places that it is taken from.
    let bytes_of_a_row = bytes.div_ceil(column.len()) + size_of::<u64>();
    if bytes_of_a_row
        .checked_mul(rows)
        .is_none_or(|bytes| bytes > memory)
    {
        return Err(format!(
            "a call of {rows} rows, to which the model is fixed, is more than its memory.limit of {} \
             MiB",
            memory.div_ceil(1 << 20)
        ));
    }
    let places = (0..rows as u64).map(|row| row.min(last as u64));
    let places = UInt64Array::from_iter_values(places);
    take(column, &places, None).map_err(|error| error.to_string())
}
