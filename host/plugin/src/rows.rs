//! The row path: one row of Arrow columns to the contract's `value`s and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, PrimitiveArray,
    StringArray, new_null_array,
};
use arrow::datatypes::{
    DataType, Date32Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

use crate::contract::Value;

/// Whether values of this type travel as a `value` of their own; others take the batch path.
pub(crate) fn is_plain(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::Float32
            | DataType::Float64
            | DataType::Utf8
            | DataType::Binary
            | DataType::Date32
            | DataType::Timestamp(TimeUnit::Microsecond, _)
    )
}

/// The first row of a column of a plain type, and the bytes that it copies over the border.
pub(crate) fn first_value(array: &dyn Array) -> Option<(Value, usize)> {
    if array.is_empty() {
        return None;
    }
    if array.is_null(0) {
        return Some((Value::Null, 0));
    }
    Some(match array.data_type() {
        DataType::Boolean => (Value::Boolean(array.as_boolean().value(0)), 1),
        DataType::Int8 => (Value::Int64(first::<Int8Type>(array).into()), 8),
        DataType::Int16 => (Value::Int64(first::<Int16Type>(array).into()), 8),
        DataType::Int32 => (Value::Int64(first::<Int32Type>(array).into()), 8),
        DataType::Int64 => (Value::Int64(first::<Int64Type>(array)), 8),
        DataType::UInt8 => (Value::UInt64(first::<UInt8Type>(array).into()), 8),
        DataType::UInt16 => (Value::UInt64(first::<UInt16Type>(array).into()), 8),
        DataType::UInt32 => (Value::UInt64(first::<UInt32Type>(array).into()), 8),
        DataType::UInt64 => (Value::UInt64(first::<UInt64Type>(array)), 8),
        DataType::Float32 => (Value::Float32(first::<Float32Type>(array)), 4),
        DataType::Float64 => (Value::Float64(first::<Float64Type>(array)), 8),
        DataType::Date32 => (Value::Date32(first::<Date32Type>(array)), 4),
        DataType::Timestamp(TimeUnit::Microsecond, _) => (
            Value::TimestampMicros(first::<TimestampMicrosecondType>(array)),
            8,
        ),
        DataType::Utf8 => {
            let text = array.as_string::<i32>().value(0);
            (Value::Utf8(text.to_owned()), text.len())
        }
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(0);
            (Value::Binary(bytes.to_owned()), bytes.len())
        }
        _ => return None,
    })
}

fn first<T: ArrowPrimitiveType>(array: &dyn Array) -> T::Native {
    array.as_primitive::<T>().value(0)
}

/// A column of one row and of the type of `field`; an error says why the value is none.
pub(crate) fn column_of_one(value: Value, field: &Field) -> Result<ArrayRef, String> {
    let data_type = field.data_type();
    if matches!(value, Value::Null) {
        return if field.is_nullable() {
            Ok(new_null_array(data_type, 1))
        } else {
            Err(format!(
                "a null in the column `{}`, which is NOT NULL",
                field.name()
            ))
        };
    }
    let wrong = || Err(format!("expected {data_type}, got {}", value_name(&value)));
    Ok(match (data_type, &value) {
        (DataType::Boolean, Value::Boolean(value)) => Arc::new(BooleanArray::from(vec![*value])),
        (DataType::Int8, Value::Int64(value)) => one::<Int8Type>(narrow(*value)?),
        (DataType::Int16, Value::Int64(value)) => one::<Int16Type>(narrow(*value)?),
        (DataType::Int32, Value::Int64(value)) => one::<Int32Type>(narrow(*value)?),
        (DataType::Int64, Value::Int64(value)) => one::<Int64Type>(*value),
        (DataType::UInt8, Value::UInt64(value)) => one::<UInt8Type>(narrow(*value)?),
        (DataType::UInt16, Value::UInt64(value)) => one::<UInt16Type>(narrow(*value)?),
        (DataType::UInt32, Value::UInt64(value)) => one::<UInt32Type>(narrow(*value)?),
        (DataType::UInt64, Value::UInt64(value)) => one::<UInt64Type>(*value),
        (DataType::Float32, Value::Float32(value)) => one::<Float32Type>(*value),
        (DataType::Float64, Value::Float64(value)) => one::<Float64Type>(*value),
        (DataType::Date32, Value::Date32(value)) => one::<Date32Type>(*value),
        (DataType::Timestamp(TimeUnit::Microsecond, timezone), Value::TimestampMicros(value)) => {
            Arc::new(
                PrimitiveArray::<TimestampMicrosecondType>::new(vec![*value].into(), None)
                    .with_timezone_opt(timezone.clone()),
            )
        }
        (DataType::Utf8, Value::Utf8(value)) => Arc::new(StringArray::from(vec![value.as_str()])),
        (DataType::Binary, Value::Binary(value)) => {
            Arc::new(BinaryArray::from(vec![value.as_slice()]))
        }
        _ => return wrong(),
    })
}

fn one<T: ArrowPrimitiveType>(value: T::Native) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(vec![value].into(), None))
}

fn narrow<W: Copy + std::fmt::Display, N: TryFrom<W>>(wide: W) -> Result<N, String> {
    N::try_from(wide).map_err(|_| format!("{wide} does not fit in {}", std::any::type_name::<N>()))
}

fn value_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Int64(_) => "int64",
        Value::UInt64(_) => "uint64",
        Value::Float32(_) => "float32",
        Value::Float64(_) => "float64",
        Value::Utf8(_) => "utf8",
        Value::Binary(_) => "binary",
        Value::TimestampMicros(_) => "timestamp-micros",
        Value::Date32(_) => "date32",
        Value::Nested(_) => "nested",
    }
}
