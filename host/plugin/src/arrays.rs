//! Arrays over the border: `column.read` out of Arrow's buffers, and the `column` constructor's
//! checks of what a guest hands in.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, Decimal128Array,
    FixedSizeListArray, ListArray, PrimitiveArray, StringArray, StructArray, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowNativeType, DataType, Date32Type, Field, FieldRef, Fields, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;

use crate::contract::{self, Values};
use crate::items::Items;
use crate::state::Batch;
use crate::types::{contract_name, from_contract, within_bounds};

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
            StringArray::try_new(offsets, bytes.0.into_inner(), build.nulls)
                .map(|array| Arc::new(array) as ArrayRef)
                .map_err(|error| format!("a utf8 column is not UTF-8: {}", reason(error)))
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

fn reason(error: ArrowError) -> String {
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
    if let Some(row) = offsets.0.windows(2).position(|pair| pair[0] > pair[1]) {
        return Err(format!(
            "offsets go back at row {row}, from {} to {}",
            offsets.0[row],
            offsets.0[row + 1]
        ));
    }
    if last.as_usize() > values {
        return Err(format!("offsets end at {last}, past the {values} {what}"));
    }
    Ok(OffsetBuffer::new(offsets.0))
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

/// `array` as a column of `field`: the same type, but for the names and nullability of nested
/// fields, which the `column` constructor does not know and which are taken from `field`.
pub(crate) fn adopt(array: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    if !field.is_nullable() && array.null_count() > 0 {
        return Err(format!(
            "{} nulls in the column `{}`, which is NOT NULL",
            array.null_count(),
            field.name()
        ));
    }
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    let adopted: Result<ArrayRef, _> = match (array.data_type(), field.data_type()) {
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let items = adopt(list.values(), item)?;
            ListArray::try_new(
                item.clone(),
                list.offsets().clone(),
                items,
                list.nulls().cloned(),
            )
            .map(|array| Arc::new(array) as _)
        }
        (DataType::FixedSizeList(_, got), DataType::FixedSizeList(item, size)) if got == size => {
            let list = array.as_fixed_size_list();
            let items = retyped(list.values(), item)?;
            let nulls = list.nulls().cloned();
            FixedSizeListArray::try_new_with_length(item.clone(), *size, items, nulls, list.len())
                .map(|array| Arc::new(array) as _)
        }
        (DataType::Struct(got), DataType::Struct(fields)) if got.len() == fields.len() => {
            let structure = array.as_struct();
            let columns = structure
                .columns()
                .iter()
                .zip(fields)
                .map(|(column, field)| retyped(column, field))
                .collect::<Result<_, _>>()?;
            let nulls = structure.nulls().cloned();
            StructArray::try_new_with_length(fields.clone(), columns, nulls, structure.len())
                .map(|array| Arc::new(array) as _)
        }
        (got, expected) => {
            return Err(format!("expected {expected}, got {got}"));
        }
    };
    adopted.map_err(reason)
}

/// The columns of rows that a guest gave, as those of these fields, which must have their names.
pub(crate) fn adopt_rows(given: &Batch, columns: &Fields) -> Result<Vec<ArrayRef>, String> {
    if given.fields.len() != columns.len() {
        let (given, wanted) = (given.fields.len(), columns.len());
        return Err(format!("rows of {given} columns, not of {wanted}"));
    }
    let arrays = given.columns.iter().zip(&given.fields).zip(columns);
    arrays
        .enumerate()
        .map(|(index, ((array, given), column))| match given.name() {
            name if name != column.name() => Err(format!(
                "column {index} of its rows is called `{name}`, not `{}`",
                column.name()
            )),
            _ => adopt(array, column)
                .map_err(|reason| format!("column {index} of its rows: {reason}")),
        })
        .collect()
}

/// Numbers that a guest gave, of which none is null; `what` they are.
pub(crate) fn uint32<'a>(what: &str, numbers: &'a ArrayRef) -> Result<&'a UInt32Array, String> {
    match numbers.as_primitive_opt::<UInt32Type>() {
        None => Err(format!("{what} of {}, not of UInt32", numbers.data_type())),
        Some(found) if found.null_count() > 0 => {
            Err(format!("{} nulls among its {what}", found.null_count()))
        }
        Some(found) => Ok(found),
    }
}

/// [`adopt`] where nulls under a null parent are fine: the parent's constructor checks the rest.
fn retyped(array: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    adopt(array, &field.clone().with_nullable(true))
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, Int32Array, Int64Array, TimestampNanosecondArray, new_null_array,
    };
    use arrow::compute::concat;
    use arrow::datatypes::{Fields, Int32Type};

    use super::*;
    use crate::types::to_contract;

    /// Over the border and back, as a guest would do it that copies what it reads.
    fn there_and_back(array: &ArrayRef) -> ArrayRef {
        let data_type = to_contract(array.data_type()).unwrap();
        let children = (0..)
            .map_while(|index| child(array, index))
            .map(|child| there_and_back(&child))
            .collect();
        build(&data_type, read(array).unwrap(), children).unwrap()
    }

    fn check(array: ArrayRef) {
        let field = Field::new("c", array.data_type().clone(), true);
        let nulls = new_null_array(array.data_type(), 3);
        let array = concat(&[&array, &nulls, &array]).unwrap();
        for start in 0..array.len() {
            for length in 0..=array.len() - start {
                let slice = array.slice(start, length);
                let back = adopt(&there_and_back(&slice), &field).unwrap();
                assert_eq!(back.as_ref(), slice.as_ref());
                back.to_data().validate_full().unwrap();
            }
        }
    }

    #[test]
    fn numbers_and_bits_cross_sliced_or_not() {
        let rows = 11;
        check(Arc::new(
            (0..rows)
                .map(|row| Some(row % 3 == 0))
                .collect::<BooleanArray>(),
        ));
        check(Arc::new(
            (0..rows)
                .map(|row| (row % 4 > 0).then_some(row))
                .collect::<Int64Array>(),
        ));
        for data_type in [
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float32,
            DataType::Float64,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Second, None),
            DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into())),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Decimal128(20, 3),
        ] {
            let source: ArrayRef = match data_type {
                DataType::Date32 => Arc::new(Int32Array::from_iter_values(0..11)),
                _ => Arc::new(Int64Array::from_iter_values(0..rows)),
            };
            check(arrow::compute::cast(&source, &data_type).unwrap());
        }
        check(Arc::new(Date32Array::from(vec![Some(-1), None])));
        let zoned = TimestampNanosecondArray::from(vec![1, -1]).with_timezone("+02:00");
        check(Arc::new(zoned));
        let large = Decimal128Array::from(vec![Some(i128::MAX / 2), None, Some(-1)]);
        check(Arc::new(large.with_precision_and_scale(38, 2).unwrap()));
    }

    #[test]
    fn texts_and_nested_values_cross_sliced_or_not() {
        check(Arc::new(StringArray::from(vec![
            Some("é"),
            None,
            Some(""),
            Some("abc"),
        ])));
        check(Arc::new(BinaryArray::from(vec![
            Some(&b"\xff"[..]),
            None,
            Some(b""),
        ])));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(4)]),
        ]);
        check(Arc::new(list.clone()));
        let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            vec![
                Some(vec![Some(1), None]),
                None,
                Some(vec![Some(3), Some(4)]),
            ],
            2,
        );
        check(Arc::new(fixed.clone()));
        let fields = Fields::from(vec![
            Field::new("name", DataType::Utf8, true),
            Field::new("lists", list.data_type().clone(), true),
        ]);
        let names = StringArray::from(vec![Some("a"), None, Some("c"), Some("d")]);
        let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(list)];
        let nulls = Some(NullBuffer::from(vec![true, true, false, true]));
        check(Arc::new(StructArray::new(fields, columns, nulls)));
    }
}
