//! A tensor on its way, and its form as raw bytes.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray, StringArray, StringBuilder,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::datatypes::Field;
use bytes::Bytes;

use super::datatype::{datatype, element};
use super::signature::{Binding, value_type};
use crate::array::{list_item, list_of};
use crate::tensor::columns::{Flat, convert, flat, without_nulls};
use crate::tensor::interleave::{Scratch, interleave};
use crate::tensor::{Element, with_native};

// Raw tensors are little-endian, and so are the arrays that they become.
const _: () = assert!(cfg!(target_endian = "little"));

/// A named tensor: a shape, and as many values as it says, row after row.
#[derive(Debug, Clone)]
pub struct Tensor {
    pub name: String,
    pub element: Element,
    /// Its first dimension counts rows.
    pub shape: Vec<i64>,
    /// Without NULL.
    values: ArrayRef,
}

impl Tensor {
    /// A tensor of a shape that a message says; the error is a sentence that names the tensor.
    pub(super) fn new(
        name: &str,
        element: Element,
        shape: &[i64],
        values: ArrayRef,
    ) -> Result<Self, String> {
        let count = count(name, shape)?;
        if count != values.len() {
            return Err(format!(
                "the tensor '{name}' of the shape {shape:?} has {} values instead of {count}",
                values.len()
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            element,
            shape: shape.to_vec(),
            values,
        })
    }

    /// Makes the tensor of a binding, of at most `memory` bytes where the model alone says how many; the
    /// error is a sentence that names row and column.
    pub(crate) fn from_columns(
        binding: &Binding,
        fields: &[Field],
        columns: &[ArrayRef],
        rows: usize,
        memory: usize,
    ) -> Result<Self, String> {
        let signature = &binding.tensor;
        let element = signature.element;
        let flats = binding
            .columns
            .iter()
            .map(|column| {
                flat(&columns[*column], element, binding.width, memory)
                    .and_then(|Flat { values, width }| {
                        let values = without_nulls(values, width, element, signature.type_name)?;
                        Ok(Flat { values, width })
                    })
                    .map_err(|message| {
                        format!("the column '{}': {message}", fields[*column].name())
                    })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let width = flats.iter().map(|flat| flat.width).sum();
        let values = interleave(element, flats, rows, &mut Scratch::default());
        let shape = shape(&signature.shape, rows, width);
        Self::new(&signature.name, element, &shape, values)
    }

    /// Makes the column of a binding; the error is a sentence.
    pub(crate) fn to_column(
        &self,
        binding: &Binding,
        field: &Field,
        rows: usize,
    ) -> Result<ArrayRef, String> {
        if !self.element.fits(value_type(field)) {
            return Err(format!(
                "the column '{}' does not fit the tensor '{}' of {}",
                field.name(),
                self.name,
                datatype(self.element)
            ));
        }
        let (shape, values) = (&self.shape, &self.values);
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
        match list_item(field.data_type()) {
            Some(item) => {
                let items = convert(values, item.data_type())?;
                list_of(field.data_type(), &items, rows, width)
            }
            None => convert(values, field.data_type()),
        }
    }

    /// Its values, of the Arrow type of its element.
    pub(super) fn values(&self) -> &ArrayRef {
        &self.values
    }

    /// Reads a tensor's little-endian values; the error is a sentence that names the tensor.
    pub fn from_raw(
        name: &str,
        datatype: &str,
        shape: &[i64],
        bytes: Bytes,
    ) -> Result<Self, String> {
        let element = known(name, datatype)?;
        let count = count(name, shape)?;
        let size = match element {
            Element::String => return Self::new(name, element, shape, texts(name, &bytes, count)?),
            Element::Bool => 1,
            _ => element.data_type().primitive_width().unwrap_or(1),
        };
        if count.checked_mul(size) != Some(bytes.len()) {
            return Err(format!(
                "the tensor '{name}' of {datatype} and the shape {shape:?} has {} bytes instead of \
                 {count} × {size}",
                bytes.len()
            ));
        }
        let values: ArrayRef = with_native!(element,
            T => Arc::new(PrimitiveArray::<T>::new(aligned(bytes, count), None)),
            else => Arc::new(BooleanArray::from_iter(bytes.iter().map(|byte| Some(*byte != 0))))
        );
        Self::new(name, element, shape, values)
    }

    /// Its values as raw bytes.
    pub fn to_raw(&self) -> Bytes {
        let values = &self.values;
        match self.element {
            Element::String => {
                let texts = values.as_string::<i32>();
                let mut bytes = Vec::with_capacity(texts.values().len() + 4 * texts.len());
                for text in texts.iter().map(Option::unwrap_or_default) {
                    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
                bytes.into()
            }
            Element::Bool => values.as_boolean().values().iter().map(u8::from).collect(),
            element => {
                let data = values.to_data();
                let size = element.data_type().primitive_width().unwrap_or(1);
                let buffer = &data.buffers()[0];
                let values = buffer.slice_with_length(data.offset() * size, data.len() * size);
                Bytes::from_owner(Owned(values))
            }
        }
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

/// A buffer that bytes are made of without a copy.
struct Owned(Buffer);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// The element of a datatype that a message names. So the name is looked at too, before a message of
/// ours shows it.
pub(crate) fn known(name: &str, datatype: &str) -> Result<Element, String> {
    if name.len() > 1000 || name.chars().any(char::is_control) {
        return Err("a tensor has a name of control characters, or of more than 1000".into());
    }
    element(datatype).ok_or_else(|| {
        let datatype = datatype.escape_debug().to_string();
        let datatype = datatype.get(..40).unwrap_or(&datatype);
        format!("the tensor '{name}' is of {datatype}, which no column can carry")
    })
}

/// How many values a shape has.
pub(super) fn count(name: &str, shape: &[i64]) -> Result<usize, String> {
    shape
        .iter()
        .try_fold(1_usize, |count, size| {
            count.checked_mul(usize::try_from(*size).ok()?)
        })
        .filter(|_| shape.len() <= 16)
        .ok_or_else(|| {
            let shown = &shape[..shape.len().min(16)];
            format!("the tensor '{name}' has the impossible shape {shown:?}")
        })
}

/// Copies only what does not lie as the numbers must.
fn aligned<T: arrow::datatypes::ArrowNativeType>(bytes: Bytes, count: usize) -> ScalarBuffer<T> {
    let buffer = Buffer::from(bytes);
    if buffer.as_ptr().align_offset(align_of::<T>()) == 0 {
        return ScalarBuffer::new(buffer, 0, count);
    }
    ScalarBuffer::new(Buffer::from_slice_ref(buffer.as_slice()), 0, count)
}

/// `BYTES`: of each value its length, and so many bytes.
fn texts(name: &str, bytes: &[u8], count: usize) -> Result<ArrayRef, String> {
    let cut = || format!("the tensor '{name}' of BYTES ends in the middle of a value");
    if bytes.len() / 4 < count {
        return Err(cut());
    }
    if i32::try_from(bytes.len()).is_err() {
        return Err(format!(
            "the tensor '{name}' of BYTES has more than a column can hold"
        ));
    }
    let mut texts = StringBuilder::with_capacity(count, bytes.len() - 4 * count);
    let mut rest = bytes;
    for place in 0..count {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, behind) = behind.split_at_checked(length).ok_or_else(cut)?;
        texts.append_value(utf8(name, place, text)?);
        rest = behind;
    }
    match rest.is_empty() {
        true => Ok(Arc::new(texts.finish())),
        false => Err(format!(
            "the tensor '{name}' of BYTES has {} bytes more than its values",
            rest.len()
        )),
    }
}

/// Texts that a list of byte strings must be.
pub(super) fn utf8_texts(name: &str, values: &[Bytes]) -> Result<ArrayRef, String> {
    let texts = values
        .iter()
        .enumerate()
        .map(|(place, value)| utf8(name, place, value))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(StringArray::from(texts)))
}

fn utf8<'a>(name: &str, place: usize, value: &'a [u8]) -> Result<&'a str, String> {
    std::str::from_utf8(value)
        .map_err(|_| format!("the value {place} of the tensor '{name}' of BYTES is not UTF-8"))
}
