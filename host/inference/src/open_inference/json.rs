//! Tensors' values as JSON: an array, flat or nested as the shape is.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type, UInt64Type};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde_json::value::{RawValue, to_raw_value};

use super::contents::narrow;
use super::tensor::{Tensor, known};
use crate::tensor::Element;
use crate::tensor::columns::convert;

/// Reads the values of a tensor; the error is a sentence that names it.
pub(super) fn read(
    name: &str,
    datatype: &str,
    shape: &[i64],
    data: &RawValue,
) -> Result<Tensor, String> {
    let element = known(name, datatype)?;
    let (values, _) = read_rows(element, &[data])
        .map_err(|error| format!("the data of the tensor '{name}' of {datatype}: {error}"))?;
    Tensor::new(name, element, shape, narrow(name, element, &values)?)
}

/// The values of rows, each a value or nested arrays of some, as the widest type of their kind, and how
/// many each row has; NULL is NaN, where there is a NaN.
pub(crate) fn read_rows(
    element: Element,
    rows: &[&RawValue],
) -> Result<(ArrayRef, Vec<usize>), serde_json::Error> {
    fn array<T: Scalar, A: Array + From<Vec<T>> + 'static>(
        rows: &[&RawValue],
    ) -> Result<(ArrayRef, Vec<usize>), serde_json::Error> {
        let (values, counts) = flatten::<T>(rows)?;
        Ok((Arc::new(A::from(values)), counts))
    }
    match element {
        Element::Bool => array::<bool, BooleanArray>(rows),
        Element::String => array::<String, StringArray>(rows),
        Element::F16 | Element::BF16 | Element::F32 | Element::F64 => {
            array::<f64, Float64Array>(rows)
        }
        Element::U64 => array::<u64, UInt64Array>(rows),
        _ => array::<i64, Int64Array>(rows),
    }
}

/// Writes the values of a tensor, flat; a number that JSON cannot say is NULL. The error is a sentence.
pub(super) fn write(tensor: &Tensor) -> Result<Box<RawValue>, String> {
    let values = tensor.values();
    let written = match tensor.element {
        Element::Bool => to_raw_value(&values.as_boolean().values().iter().collect::<Vec<_>>()),
        Element::String => to_raw_value(&values.as_string::<i32>().iter().collect::<Vec<_>>()),
        Element::F32 => to_raw_value(&Values(values.as_primitive::<Float32Type>().values())),
        Element::F16 | Element::BF16 | Element::F64 => {
            to_raw_value(&Values(doubles(values)?.values()))
        }
        Element::U64 => to_raw_value(&Values(values.as_primitive::<UInt64Type>().values())),
        _ => {
            let values = convert(values, &DataType::Int64)?;
            to_raw_value(&Values(values.as_primitive::<Int64Type>().values()))
        }
    };
    written.map_err(|error| format!("the tensor '{}': {error}", tensor.name))
}

/// Refuses what JSON has no number for.
pub(super) fn refuse_infinite(tensor: &Tensor) -> Result<(), String> {
    if !tensor.element.data_type().is_floating() {
        return Ok(());
    }
    let values = doubles(tensor.values())?;
    match values.values().iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!(
            "the tensor '{}' has the value {value}, which JSON cannot say",
            tensor.name
        )),
        None => Ok(()),
    }
}

fn doubles(values: &ArrayRef) -> Result<Float64Array, String> {
    let values = arrow::compute::cast(values, &DataType::Float64).map_err(|e| e.to_string())?;
    Ok(values.as_primitive::<Float64Type>().clone())
}

struct Values<'a, T>(&'a [T]);

impl<T: Serialize> Serialize for Values<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0)
    }
}

/// A value of a tensor, out of JSON.
trait Scalar: Sized {
    const EXPECTED: &'static str;
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_i64(_: i64) -> Option<Self> {
        None
    }
    fn from_u64(_: u64) -> Option<Self> {
        None
    }
    fn from_f64(_: f64) -> Option<Self> {
        None
    }
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    fn from_null() -> Option<Self> {
        None
    }
}

impl Scalar for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
    fn from_u64(value: u64) -> Option<Self> {
        (value < 2).then_some(value == 1)
    }
}

impl Scalar for i64 {
    const EXPECTED: &'static str = "a whole number";
    fn from_i64(value: i64) -> Option<Self> {
        Some(value)
    }
    fn from_u64(value: u64) -> Option<Self> {
        value.try_into().ok()
    }
}

impl Scalar for u64 {
    const EXPECTED: &'static str = "a whole number";
    fn from_i64(value: i64) -> Option<Self> {
        value.try_into().ok()
    }
    fn from_u64(value: u64) -> Option<Self> {
        Some(value)
    }
}

impl Scalar for f64 {
    const EXPECTED: &'static str = "a number";
    fn from_i64(value: i64) -> Option<Self> {
        Some(value as f64)
    }
    fn from_u64(value: u64) -> Option<Self> {
        Some(value as f64)
    }
    fn from_f64(value: f64) -> Option<Self> {
        Some(value)
    }
    fn from_null() -> Option<Self> {
        Some(f64::NAN)
    }
}

impl Scalar for String {
    const EXPECTED: &'static str = "a text";
    fn from_text(value: &str) -> Option<Self> {
        Some(value.to_owned())
    }
}

fn flatten<T: Scalar>(rows: &[&RawValue]) -> Result<(Vec<T>, Vec<usize>), serde_json::Error> {
    let mut values = Vec::new();
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        let before = values.len();
        Flatten(&mut values).deserialize(&mut serde_json::Deserializer::from_str(row.get()))?;
        counts.push(values.len() - before);
    }
    Ok((values, counts))
}

/// Appends the values of arrays in arrays.
struct Flatten<'a, T>(&'a mut Vec<T>);

impl<T: Scalar> Flatten<'_, T> {
    fn push<E: Error>(self, value: Option<T>, found: Unexpected<'_>) -> Result<(), E> {
        match value {
            Some(value) => {
                self.0.push(value);
                Ok(())
            }
            None => Err(E::invalid_type(found, &T::EXPECTED)),
        }
    }
}

impl<'de, T: Scalar> DeserializeSeed<'de> for Flatten<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Scalar> Visitor<'de> for Flatten<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Flatten(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(T::from_bool(value), Unexpected::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(T::from_i64(value), Unexpected::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(T::from_u64(value), Unexpected::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(T::from_f64(value), Unexpected::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(T::from_text(value), Unexpected::Other("a text"))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(T::from_null(), Unexpected::Unit)
    }
}
