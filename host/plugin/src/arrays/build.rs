//! What a guest hands in, made an Arrow array: everything is checked before it is used.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, Decimal128Array,
    FixedSizeListArray, ListArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Field, FieldRef, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::contract::{self, Values};
use crate::items::Items;
use crate::types::{contract_name, from_contract, within_bounds};

/// Makes an Arrow array out of what a guest hands in. Everything is checked before it is used; the
/// error says what is wrong.
pub(crate) fn build(
    data_type: &contract::DataType,
    array: contract::Array,
    children: Vec<ArrayRef>,
) -> Result<ArrayRef, String> {
    let type_name = || contract_name(data_type);
    let fields = children
        .iter()
        .enumerate()
        .map(|(index, child)| child_field(data_type, index, child))
        .collect();
    let arrow_type = from_contract(data_type, fields)?;
    if !within_bounds(&arrow_type) {
        return Err(format!(
            "the type of a {} column is nested too deep",
            type_name()
        ));
    }

    let rows = array.length as usize;
    let nulls = match array.validity {
        Some(validity) => nulls(validity, rows)?,
        None => None,
    };
    let build = Build {
        data_type: arrow_type,
        rows,
        nulls,
    };
    match (data_type, array.values) {
        (contract::DataType::Boolean, Values::Boolean(bits)) => {
            need("bytes of values", rows, rows.div_ceil(8), bits.len())?;
            let values = BooleanBuffer::new(bits.0.into_inner(), 0, rows);
            Ok(Arc::new(BooleanArray::new(values, build.nulls)))
        }
        (contract::DataType::Int8, Values::Int8(items)) => build.numbers::<Int8Type>(items),
        (contract::DataType::Int16, Values::Int16(items)) => build.numbers::<Int16Type>(items),
        (contract::DataType::Int32, Values::Int32(items)) => build.numbers::<Int32Type>(items),
        (contract::DataType::Int64, Values::Int64(items)) => build.numbers::<Int64Type>(items),
        (contract::DataType::UInt8, Values::UInt8(items)) => build.numbers::<UInt8Type>(items),
        (contract::DataType::UInt16, Values::UInt16(items)) => build.numbers::<UInt16Type>(items),
        (contract::DataType::UInt32, Values::UInt32(items)) => build.numbers::<UInt32Type>(items),
        (contract::DataType::UInt64, Values::UInt64(items)) => build.numbers::<UInt64Type>(items),
        (contract::DataType::Float32, Values::Float32(items)) => {
            build.numbers::<Float32Type>(items)
        }
        (contract::DataType::Float64, Values::Float64(items)) => {
            build.numbers::<Float64Type>(items)
        }
        (contract::DataType::Date32, Values::Int32(items)) => build.numbers::<Date32Type>(items),
        (contract::DataType::Time64, Values::Int64(items)) => build.times(items),
        (contract::DataType::Timestamp(timestamp), Values::Int64(items)) => match timestamp.unit {
            contract::TimeUnit::Second => build.numbers::<TimestampSecondType>(items),
            contract::TimeUnit::Millisecond => build.numbers::<TimestampMillisecondType>(items),
            contract::TimeUnit::Microsecond => build.numbers::<TimestampMicrosecondType>(items),
            contract::TimeUnit::Nanosecond => build.numbers::<TimestampNanosecondType>(items),
        },
        (contract::DataType::Decimal128(decimal), Values::Int128(pairs)) => {
            build.decimals(*decimal, &pairs)
        }
        (contract::DataType::Utf8, Values::Bytes((offsets, bytes))) => {
            let offsets = checked_offsets(offsets, rows, bytes.len(), "bytes")?;
            build.texts(offsets, bytes.0.into_inner())
        }
        (contract::DataType::Binary, Values::Bytes((offsets, bytes))) => {
            let offsets = checked_offsets(offsets, rows, bytes.len(), "bytes")?;
            BinaryArray::try_new(offsets, bytes.0.into_inner(), build.nulls)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(reason)
        }
        (contract::DataType::List, Values::Offsets(offsets)) => build.list(offsets, children),
        (contract::DataType::FixedSizeList(_), Values::None) => build.fixed_size_list(children),
        (contract::DataType::Struct, Values::None) => build.structure(children),
        (_, values) => Err(format!(
            "a {} column cannot be made of {} values",
            type_name(),
            values_name(&values)
        )),
    }
}

fn child_field(parent: &contract::DataType, index: usize, child: &ArrayRef) -> FieldRef {
    let name = match parent {
        contract::DataType::Struct => format!("f{index}"),
        _ => "item".to_owned(),
    };
    Arc::new(Field::new(name, child.data_type().clone(), true))
}

/// Microseconds since midnight.
const DAY: Range<i64> = 0..24 * 60 * 60 * 1_000_000;

struct Build {
    data_type: DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
}

impl Build {
    fn numbers<T: ArrowPrimitiveType>(self, items: Items<T::Native>) -> Result<ArrayRef, String> {
        need("values", self.rows, self.rows, items.len())?;
        let array = PrimitiveArray::<T>::try_new(items.0, self.nulls).map_err(reason)?;
        // Of these types only timestamps have a part that `T` does not say: the zone.
        Ok(match self.data_type {
            DataType::Timestamp(_, timezone @ Some(_)) => {
                Arc::new(array.with_data_type(match T::DATA_TYPE {
                    DataType::Timestamp(unit, _) => DataType::Timestamp(unit, timezone),
                    other => other,
                }))
            }
            _ => Arc::new(array),
        })
    }

    /// Texts between checked offsets. Arrow checks the same with the standard library, which reads 16
    /// bytes a step; it says what is wrong.
    fn texts(self, offsets: OffsetBuffer<i32>, bytes: Buffer) -> Result<ArrayRef, String> {
        if are_texts(&offsets, &bytes) {
            // SAFETY: the bytes are UTF-8, no offset is past them or within a character, and there is
            // a bit of validity for each row.
            let texts = unsafe { StringArray::new_unchecked(offsets, bytes, self.nulls) };
            return Ok(Arc::new(texts));
        }
        StringArray::try_new(offsets, bytes, self.nulls)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(|error| format!("a utf8 column is not UTF-8: {}", reason(error)))
    }

    /// Times of day; what stands under a null may be anything.
    fn times(self, items: Items<i64>) -> Result<ArrayRef, String> {
        let array = self.numbers::<Time64MicrosecondType>(items)?;
        let times = array.as_primitive::<Time64MicrosecondType>();
        match times.iter().flatten().find(|time| !DAY.contains(time)) {
            Some(time) => Err(format!("{time} µs is no time of day")),
            None => Ok(array),
        }
    }

    fn decimals(
        self,
        decimal: contract::DecimalType,
        pairs: &Items<u64>,
    ) -> Result<ArrayRef, String> {
        need("values", self.rows, self.rows * 2, pairs.len())?;
        let values: ScalarBuffer<i128> = pairs
            .0
            .chunks_exact(2)
            .map(|pair| ((u128::from(pair[1]) << 64) | u128::from(pair[0])).cast_signed())
            .collect();
        let array = Decimal128Array::try_new(values, self.nulls)
            .and_then(|array| array.with_precision_and_scale(decimal.precision, decimal.scale))
            .map_err(reason)?;
        // Arrow's own check of precision refuses every negative scale.
        let limit = 10_i128.pow(u32::from(decimal.precision));
        let too_large = (0..array.len()).find(|&row| {
            array.is_valid(row) && array.value(row).unsigned_abs() >= limit.unsigned_abs()
        });
        if let Some(row) = too_large {
            return Err(format!(
                "{} does not fit decimal128({}, {})",
                array.value(row),
                decimal.precision,
                decimal.scale
            ));
        }
        Ok(Arc::new(array))
    }

    fn list(self, offsets: Items<i32>, children: Vec<ArrayRef>) -> Result<ArrayRef, String> {
        let (DataType::List(field), Some(items)) = (self.data_type, children.into_iter().next())
        else {
            return Err("a list column needs one child".to_owned());
        };
        let offsets = checked_offsets(offsets, self.rows, items.len(), "items")?;
        ListArray::try_new(field, offsets, items, self.nulls)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(reason)
    }

    fn fixed_size_list(self, children: Vec<ArrayRef>) -> Result<ArrayRef, String> {
        let (DataType::FixedSizeList(field, size), Some(items)) =
            (self.data_type, children.into_iter().next())
        else {
            return Err("a fixed-size-list column needs one child".to_owned());
        };
        let needed = (self.rows as u64).saturating_mul(u64::try_from(size).unwrap_or(0));
        if items.len() as u64 != needed {
            return Err(format!(
                "a fixed-size-list({size}) of {} rows needs {needed} items, its child has {}",
                self.rows,
                items.len()
            ));
        }
        FixedSizeListArray::try_new_with_length(field, size, items, self.nulls, self.rows)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(reason)
    }

    fn structure(self, children: Vec<ArrayRef>) -> Result<ArrayRef, String> {
        let DataType::Struct(fields) = self.data_type else {
            return Err("not a struct".to_owned());
        };
        if let Some(child) = children.iter().find(|child| child.len() != self.rows) {
            return Err(format!(
                "a struct of {} rows has a field of {} rows",
                self.rows,
                child.len()
            ));
        }
        StructArray::try_new_with_length(fields, children, self.nulls, self.rows)
            .map(|array| Arc::new(array) as ArrayRef)
            .map_err(reason)
    }
}

pub(super) fn reason(error: ArrowError) -> String {
    match error {
        ArrowError::InvalidArgumentError(reason) => reason,
        other => other.to_string(),
    }
}

fn need(what: &str, rows: usize, needed: usize, got: usize) -> Result<(), String> {
    if needed == got {
        Ok(())
    } else {
        Err(format!(
            "a column of {rows} rows needs {needed} {what}, not {got}"
        ))
    }
}

fn nulls(validity: Items<u8>, rows: usize) -> Result<Option<NullBuffer>, String> {
    need("bytes of validity", rows, rows.div_ceil(8), validity.len())?;
    let nulls = NullBuffer::new(BooleanBuffer::new(validity.0.into_inner(), 0, rows));
    Ok(Some(nulls).filter(|nulls| nulls.null_count() > 0))
}

fn checked_offsets(
    offsets: Items<i32>,
    rows: usize,
    values: usize,
    what: &str,
) -> Result<OffsetBuffer<i32>, String> {
    need("offsets", rows, rows + 1, offsets.len())?;
    let first = offsets.0[0];
    let last = offsets.0[rows];
    if first < 0 {
        return Err(format!("offsets start at {first}, below 0"));
    }
    // Without an early end, so that the compiler makes vector instructions of it.
    let pairs = offsets.0.iter().zip(&offsets.0[1..]);
    let goes_back = pairs.fold(false, |back, (one, next)| back | (one > next));
    if goes_back && let Some(row) = offsets.0.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(format!(
            "offsets go back at row {row}, from {} to {}",
            offsets.0[row],
            offsets.0[row + 1]
        ));
    }
    if last.as_usize() > values {
        return Err(format!("offsets end at {last}, past the {values} {what}"));
    }
    // SAFETY: there is at least one, none is below 0 or below the one before it.
    Ok(unsafe { OffsetBuffer::new_unchecked(offsets.0) })
}

/// Whether bytes are UTF-8, and no offset is within a character.
fn are_texts(offsets: &[i32], bytes: &[u8]) -> bool {
    let is_boundary = |offset: &i32| {
        let byte = bytes.get(offset.as_usize());
        byte.is_none_or(|byte| byte & 0b1100_0000 != 0b1000_0000)
    };
    bytes.is_ascii()
        || (simdutf8::basic::from_utf8(bytes).is_ok() && offsets.iter().all(is_boundary))
}

fn values_name(values: &Values) -> &'static str {
    match values {
        Values::Boolean(_) => "boolean",
        Values::Int8(_) => "int8",
        Values::Int16(_) => "int16",
        Values::Int32(_) => "int32",
        Values::Int64(_) => "int64",
        Values::UInt8(_) => "uint8",
        Values::UInt16(_) => "uint16",
        Values::UInt32(_) => "uint32",
        Values::UInt64(_) => "uint64",
        Values::Float32(_) => "float32",
        Values::Float64(_) => "float64",
        Values::Bytes(_) => "bytes",
        Values::Int128(_) => "int128",
        Values::Offsets(_) => "offsets",
        Values::None => "no",
    }
}
