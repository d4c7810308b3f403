//! Values as JSON has them, to Arrow columns.
//!
//! NULL is `null`. Numbers are numbers; a float may be `"NaN"`, `"Infinity"` or `"-Infinity"`.
//! Bytes are pairs of hexadecimal digits, `"00ff"`. Dates, times and timestamps are texts,
//! `"2024-02-29"`, `"12:34:56.789"`, `"2024-02-29T12:34:56.789"`, with a `Z` behind where the type has a
//! time zone; so are decimals, `"-1.50"`. A list is an array, a struct an object, or an array of all
//! its fields. What is no text may be one with the same content, as files of CSV have it.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeListArray, ListArray,
    PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, FieldRef, Fields, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use serde_json::Value;

use super::types;

/// Items that the lists of a column may have together where NULLs have items too.
const MOST_ITEMS: usize = 1 << 26;

/// A value that is not of its column's type.
#[derive(Debug, PartialEq)]
pub struct WrongValue {
    /// Counted from 0.
    pub row: usize,
    pub message: String,
}

/// A column of these values, a row each.
pub fn column(data_type: &DataType, values: &[&Value]) -> Result<ArrayRef, WrongValue> {
    Ok(match data_type {
        DataType::Boolean => {
            let bits = each(data_type, values, |value| match value {
                Value::Bool(bit) => Some(*bit),
                text => text.as_str()?.parse().ok(),
            })?;
            Arc::new(BooleanArray::from(bits))
        }
        DataType::Int8 => numbers::<Int8Type>(data_type, values, integer)?,
        DataType::Int16 => numbers::<Int16Type>(data_type, values, integer)?,
        DataType::Int32 => numbers::<Int32Type>(data_type, values, integer)?,
        DataType::Int64 => numbers::<Int64Type>(data_type, values, integer)?,
        DataType::UInt8 => numbers::<UInt8Type>(data_type, values, integer)?,
        DataType::UInt16 => numbers::<UInt16Type>(data_type, values, integer)?,
        DataType::UInt32 => numbers::<UInt32Type>(data_type, values, integer)?,
        DataType::UInt64 => numbers::<UInt64Type>(data_type, values, integer)?,
        DataType::Float32 => numbers::<Float32Type>(data_type, values, parsed)?,
        DataType::Float64 => numbers::<Float64Type>(data_type, values, parsed)?,
        DataType::Utf8 => {
            let texts = each(data_type, values, Value::as_str)?;
            Arc::new(StringArray::from(texts))
        }
        DataType::Binary => {
            let bytes = each(data_type, values, |value| bytes(value.as_str()?))?;
            Arc::new(bytes.into_iter().collect::<BinaryArray>())
        }
        DataType::Date32 => numbers::<Date32Type>(data_type, values, |value| {
            let date = NaiveDate::from_str(value.as_str()?).ok()?;
            i32::try_from((date - NaiveDate::default()).num_days()).ok()
        })?,
        DataType::Time64(TimeUnit::Microsecond) => {
            numbers::<Time64MicrosecondType>(data_type, values, |value| {
                let time = NaiveTime::from_str(value.as_str()?).ok()?;
                let micros = time
                    .nanosecond()
                    .is_multiple_of(1_000)
                    .then(|| time.nanosecond() / 1_000)?;
                Some(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + i64::from(micros))
            })?
        }
        DataType::Timestamp(unit, zone) => timestamps(data_type, *unit, zone.as_ref(), values)?,
        DataType::Decimal128(precision, scale) => {
            let items = each(data_type, values, |value| {
                decimal(value, *precision, *scale)
            })?;
            let array = PrimitiveArray::<Decimal128Type>::from_iter(items);
            Arc::new(array.with_data_type(data_type.clone()))
        }
        DataType::List(item) => lists(data_type, item, values)?,
        DataType::FixedSizeList(item, size) => fixed_size_lists(data_type, item, *size, values)?,
        DataType::Struct(fields) => structs(data_type, fields, values)?,
        other => {
            let message = format!("a column of {other} cannot be made of JSON");
            return Err(WrongValue { row: 0, message });
        }
    })
}

fn wrong(data_type: &DataType, row: usize, value: &Value) -> WrongValue {
    const SHOWN: usize = 60;
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    let message = format!("{text} is no {}", types::name(data_type));
    WrongValue { row, message }
}

/// What is read of each value but NULL.
fn each<'a, T>(
    data_type: &DataType,
    values: &[&'a Value],
    read: impl Fn(&'a Value) -> Option<T>,
) -> Result<Vec<Option<T>>, WrongValue> {
    let values = values.iter().enumerate();
    values
        .map(|(row, value)| match value {
            Value::Null => Ok(None),
            value => match read(value) {
                None => Err(wrong(data_type, row, value)),
                read => Ok(read),
            },
        })
        .collect()
}

fn numbers<T: ArrowPrimitiveType>(
    data_type: &DataType,
    values: &[&Value],
    read: impl Fn(&Value) -> Option<T::Native>,
) -> Result<ArrayRef, WrongValue> {
    let items = each(data_type, values, read)?;
    Ok(Arc::new(PrimitiveArray::<T>::from_iter(items)))
}

fn integer<T: FromStr + TryFrom<i64> + TryFrom<u64>>(value: &Value) -> Option<T> {
    match (value.as_i64(), value.as_u64()) {
        (Some(number), _) => T::try_from(number).ok(),
        (_, Some(number)) => T::try_from(number).ok(),
        _ => value.as_str()?.parse().ok(),
    }
}

/// A float: Rust reads `NaN` and `Infinity` too. What was written is read again, so that a `float32` is
/// the nearest to it.
fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::Number(number) => number.to_string().parse().ok(),
        text => text.as_str()?.parse().ok(),
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text
        .chars()
        .map(|digit| digit.to_digit(16))
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| {
        pairs
            .iter()
            .map(|[high, low]| (high * 16 + low) as u8)
            .collect()
    })
}

fn timestamps(
    data_type: &DataType,
    unit: TimeUnit,
    zone: Option<&Arc<str>>,
    values: &[&Value],
) -> Result<ArrayRef, WrongValue> {
    let read = |value: &Value| {
        if let Some(ticks) = value.as_i64() {
            return Some(ticks);
        }
        let text = value.as_str()?;
        if let Ok(ticks) = text.parse() {
            return Some(ticks);
        }
        let text = match zone {
            Some(_) => text.strip_suffix('Z')?,
            None => text,
        };
        // SQL has a space.
        let time = NaiveDateTime::from_str(&text.replacen(' ', "T", 1)).ok()?;
        ticks(time.and_utc(), unit)
    };
    let items = each(data_type, values, read)?;
    fn array<T: arrow::datatypes::ArrowTimestampType>(
        items: Vec<Option<i64>>,
        zone: Option<&Arc<str>>,
    ) -> ArrayRef {
        let array: PrimitiveArray<T> = items.into_iter().collect();
        Arc::new(array.with_timezone_opt(zone.cloned()))
    }
    Ok(match unit {
        TimeUnit::Second => array::<TimestampSecondType>(items, zone),
        TimeUnit::Millisecond => array::<TimestampMillisecondType>(items, zone),
        TimeUnit::Microsecond => array::<TimestampMicrosecondType>(items, zone),
        TimeUnit::Nanosecond => array::<TimestampNanosecondType>(items, zone),
    })
}

/// None where the unit is too coarse for the time, or the time too far away.
fn ticks(time: DateTime<chrono::Utc>, unit: TimeUnit) -> Option<i64> {
    let a_second: i64 = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let nanos = i64::from(time.timestamp_subsec_nanos());
    let nanos_a_tick = 1_000_000_000 / a_second;
    if nanos % nanos_a_tick != 0 {
        return None;
    }
    let ticks =
        i128::from(time.timestamp()) * i128::from(a_second) + i128::from(nanos / nanos_a_tick);
    i64::try_from(ticks).ok()
}

/// The digits without the point: `"-1.50"` with scale 2 is -150, `"1200"` with scale -2 is 12.
fn decimal(value: &Value, precision: u8, scale: i8) -> Option<i128> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        value => value.as_str()?.to_owned(),
    };
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let mut digits = format!("{whole}{fraction}");
    if whole.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let places = i32::try_from(fraction.len()).ok()?;
    for _ in places..i32::from(scale) {
        digits.push('0');
    }
    for _ in i32::from(scale)..places {
        // What the scale has no room for must be nothing.
        if digits.pop().is_some_and(|digit| digit != '0') {
            return None;
        }
    }
    let digits = digits.trim_start_matches('0');
    if digits.len() > usize::from(precision) {
        return None;
    }
    let number: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    Some(if negative { -number } else { number })
}

/// The items of an array, also of one in a text.
fn items<'a>(value: &'a Value) -> Option<std::borrow::Cow<'a, [Value]>> {
    use std::borrow::Cow;
    match value {
        Value::Array(items) => Some(Cow::Borrowed(items)),
        text => match serde_json::from_str(text.as_str()?).ok()? {
            Value::Array(items) => Some(Cow::Owned(items)),
            _ => None,
        },
    }
}

/// The items below are told by the row of the list that they are of.
fn below(
    data_type: &DataType,
    children: &[Value],
    row_of: impl Fn(usize) -> usize,
) -> Result<ArrayRef, WrongValue> {
    let children: Vec<_> = children.iter().collect();
    column(data_type, &children).map_err(|wrong| WrongValue {
        row: row_of(wrong.row),
        message: wrong.message,
    })
}

fn validity(values: &[&Value]) -> NullBuffer {
    values.iter().map(|value| !value.is_null()).collect()
}

fn lists(data_type: &DataType, item: &FieldRef, values: &[&Value]) -> Result<ArrayRef, WrongValue> {
    let lists = each(data_type, values, items)?;
    let lengths = lists
        .iter()
        .map(|list| list.as_ref().map_or(0, |list| list.len()));
    let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
    let children: Vec<Value> = lists
        .iter()
        .flatten()
        .flat_map(|list| list.iter().cloned())
        .collect();
    let row_of = |child: usize| offsets.partition_point(|offset| *offset as usize <= child) - 1;
    let children = below(item.data_type(), &children, row_of)?;
    made(ListArray::try_new(
        item.clone(),
        offsets,
        children,
        Some(validity(values)),
    ))
}

fn fixed_size_lists(
    data_type: &DataType,
    item: &FieldRef,
    size: i32,
    values: &[&Value],
) -> Result<ArrayRef, WrongValue> {
    let size_in_items = usize::try_from(size).unwrap_or_default();
    let lists = each(data_type, values, |value| {
        items(value).filter(|list| list.len() == size_in_items)
    })?;
    let most = lists.len().saturating_mul(size_in_items);
    if most > MOST_ITEMS {
        let message = format!("{most} items are more than a column may have here: {MOST_ITEMS}");
        return Err(WrongValue { row: 0, message });
    }
    let mut children = Vec::with_capacity(most);
    for list in lists {
        match list {
            Some(list) => children.extend(list.iter().cloned()),
            None => children.extend(std::iter::repeat_n(Value::Null, size_in_items)),
        }
    }
    let children = below(item.data_type(), &children, |child| {
        child / size_in_items.max(1)
    })?;
    made(FixedSizeListArray::try_new(
        item.clone(),
        size,
        children,
        Some(validity(values)),
    ))
}

fn structs(
    data_type: &DataType,
    fields: &Fields,
    values: &[&Value],
) -> Result<ArrayRef, WrongValue> {
    let mut columns = vec![Vec::with_capacity(values.len()); fields.len()];
    for (row, value) in values.iter().enumerate() {
        let parsed;
        let value = match value {
            Value::String(text) => {
                parsed = serde_json::from_str(text).map_err(|_| wrong(data_type, row, value))?;
                &parsed
            }
            value => *value,
        };
        let whole = match value {
            Value::Null => true,
            Value::Array(items) => items.len() == fields.len(),
            Value::Object(object) => {
                object.len() == fields.len()
                    && fields.iter().all(|field| object.contains_key(field.name()))
            }
            _ => false,
        };
        if !whole {
            return Err(wrong(data_type, row, value));
        }
        for (place, (field, column)) in fields.iter().zip(&mut columns).enumerate() {
            column.push(match value {
                Value::Array(items) => items[place].clone(),
                Value::Object(object) => object[field.name()].clone(),
                _ => Value::Null,
            });
        }
    }
    let children = fields.iter().zip(&columns);
    let children = children
        .map(|(field, values)| below(field.data_type(), values, |row| row))
        .collect::<Result<Vec<_>, _>>()?;
    made(StructArray::try_new_with_length(
        fields.clone(),
        children,
        Some(validity(values)),
        values.len(),
    ))
}

fn made<A: arrow::array::Array + 'static>(
    array: Result<A, arrow::error::ArrowError>,
) -> Result<ArrayRef, WrongValue> {
    match array {
        Ok(array) => Ok(Arc::new(array)),
        Err(error) => Err(WrongValue {
            row: 0,
            message: error.to_string(),
        }),
    }
}
