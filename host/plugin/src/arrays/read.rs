//! Out of Arrow's buffers into what the contract hands to a guest.

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};

use crate::contract::{self, Values};
use crate::items::Items;

/// The buffers of `array` as the contract lays them out, shared wherever the array is not sliced
/// in the middle of a byte or of its offsets. An error names the type that the contract cannot carry.
pub(crate) fn read(array: &dyn Array) -> Result<contract::Array, String> {
    let values = match array.data_type() {
        DataType::Boolean => Values::Boolean(bits(array.as_boolean().values())),
        DataType::Int8 => Values::Int8(numbers::<Int8Type>(array)),
        DataType::Int16 => Values::Int16(numbers::<Int16Type>(array)),
        DataType::Int32 => Values::Int32(numbers::<Int32Type>(array)),
        DataType::Int64 => Values::Int64(numbers::<Int64Type>(array)),
        DataType::UInt8 => Values::UInt8(numbers::<UInt8Type>(array)),
        DataType::UInt16 => Values::UInt16(numbers::<UInt16Type>(array)),
        DataType::UInt32 => Values::UInt32(numbers::<UInt32Type>(array)),
        DataType::UInt64 => Values::UInt64(numbers::<UInt64Type>(array)),
        DataType::Float32 => Values::Float32(numbers::<Float32Type>(array)),
        DataType::Float64 => Values::Float64(numbers::<Float64Type>(array)),
        DataType::Date32 => Values::Int32(numbers::<Date32Type>(array)),
        DataType::Time64(TimeUnit::Microsecond) => {
            Values::Int64(numbers::<Time64MicrosecondType>(array))
        }
        DataType::Timestamp(unit, _) => Values::Int64(match unit {
            TimeUnit::Second => numbers::<TimestampSecondType>(array),
            TimeUnit::Millisecond => numbers::<TimestampMillisecondType>(array),
            TimeUnit::Microsecond => numbers::<TimestampMicrosecondType>(array),
            TimeUnit::Nanosecond => numbers::<TimestampNanosecondType>(array),
        }),
        DataType::Decimal128(_, _) => {
            let values = array
                .as_primitive::<arrow::datatypes::Decimal128Type>()
                .values();
            let pairs = values.inner().clone();
            Values::Int128(Items(ScalarBuffer::new(pairs, 0, values.len() * 2)))
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            let (offsets, start, length) = rebased(array.offsets());
            Values::Bytes((offsets, bytes(array.values(), start, length)))
        }
        DataType::Binary => {
            let array = array.as_binary::<i32>();
            let (offsets, start, length) = rebased(array.offsets());
            Values::Bytes((offsets, bytes(array.values(), start, length)))
        }
        DataType::List(_) => Values::Offsets(rebased(array.as_list::<i32>().offsets()).0),
        DataType::FixedSizeList(_, _) | DataType::Struct(_) => Values::None,
        other => return Err(format!("{other} has no place in the contract")),
    };
    let length = u32::try_from(array.len()).map_err(|_| "more than 2³² rows".to_owned())?;
    let validity = array
        .nulls()
        .filter(|nulls| nulls.null_count() > 0)
        .map(|nulls| bits(nulls.inner()));
    Ok(contract::Array {
        length,
        validity,
        values,
    })
}

/// Bytes that an array copies over the border.
pub(crate) fn size(array: &contract::Array) -> usize {
    let values = match &array.values {
        Values::Boolean(items) | Values::UInt8(items) => items.bytes(),
        Values::Int8(items) => items.bytes(),
        Values::Int16(items) => items.bytes(),
        Values::Int32(items) | Values::Offsets(items) => items.bytes(),
        Values::Int64(items) => items.bytes(),
        Values::UInt16(items) => items.bytes(),
        Values::UInt32(items) => items.bytes(),
        Values::UInt64(items) | Values::Int128(items) => items.bytes(),
        Values::Float32(items) => items.bytes(),
        Values::Float64(items) => items.bytes(),
        Values::Bytes((offsets, bytes)) => offsets.bytes() + bytes.bytes(),
        Values::None => 0,
    };
    values + array.validity.as_ref().map_or(0, Items::bytes)
}

/// The child that `column.child(index)` gives: of a sliced list only the items that it uses.
pub(crate) fn child(array: &dyn Array, index: usize) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::List(_) if index == 0 => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets();
            let start = offsets.first().map_or(0, |offset| offset.as_usize());
            let end = offsets.last().map_or(0, |offset| offset.as_usize());
            Some(list.values().slice(start, end - start))
        }
        DataType::FixedSizeList(_, _) if index == 0 => {
            Some(array.as_fixed_size_list().values().clone())
        }
        DataType::Struct(_) => array.as_struct().columns().get(index).cloned(),
        _ => None,
    }
}

fn numbers<T: ArrowPrimitiveType>(array: &dyn Array) -> Items<T::Native> {
    Items(array.as_primitive::<T>().values().clone())
}

fn bits(bits: &BooleanBuffer) -> Items<u8> {
    bytes(&bits.sliced(), 0, bits.len().div_ceil(8))
}

fn bytes(buffer: &Buffer, start: usize, length: usize) -> Items<u8> {
    Items(ScalarBuffer::new(buffer.clone(), start, length))
}

/// Offsets that start at 0, and the range of the values that they mean.
fn rebased(offsets: &OffsetBuffer<i32>) -> (Items<i32>, usize, usize) {
    let first = offsets.first().copied().unwrap_or_default();
    let last = offsets.last().copied().unwrap_or_default();
    let items = if first == 0 {
        offsets.inner().clone()
    } else {
        offsets.iter().map(|offset| offset - first).collect()
    };
    (Items(items), first.as_usize(), (last - first).as_usize())
}
