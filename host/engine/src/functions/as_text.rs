//! Values as texts, as Flink's `CAST(… AS STRING)` writes them.

use std::sync::Arc;

use chrono::NaiveDateTime;
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, StringArray},
        compute::cast,
        datatypes::{
            DataType, Float32Type, Float64Type, TimeUnit, TimestampMicrosecondType,
            TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
        },
        temporal_conversions::as_datetime,
    },
    common::Result,
};
use wasmill_connectors::{double_text, float_text};

/// Whether Flink's texts of this type are others than Arrow's.
pub(crate) fn has_own_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Boolean
            | DataType::Float32
            | DataType::Float64
            | DataType::Timestamp(..)
            | DataType::List(_)
            | DataType::Map(..)
            | DataType::Struct(_)
    )
}

/// The values as texts. A TIMESTAMP_LTZ must have become a TIMESTAMP of the session's clock before.
pub(crate) fn as_text(array: &ArrayRef) -> Result<StringArray> {
    let texts = |text: &dyn Fn(usize) -> Option<String>| -> StringArray {
        let rows = (0..array.len()).map(|row| array.is_valid(row).then(|| text(row)).flatten());
        rows.collect()
    };
    Ok(match array.data_type() {
        DataType::Boolean => {
            let values = array.as_boolean();
            texts(&|row| Some(if values.value(row) { "TRUE" } else { "FALSE" }.to_owned()))
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>();
            texts(&|row| Some(float_text(values.value(row))))
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>();
            texts(&|row| Some(double_text(values.value(row))))
        }
        DataType::Timestamp(unit, _) => {
            let clock = |row| match unit {
                TimeUnit::Second => as_datetime::<TimestampSecondType>(
                    array.as_primitive::<TimestampSecondType>().value(row),
                ),
                TimeUnit::Millisecond => as_datetime::<TimestampMillisecondType>(
                    array.as_primitive::<TimestampMillisecondType>().value(row),
                ),
                TimeUnit::Microsecond => as_datetime::<TimestampMicrosecondType>(
                    array.as_primitive::<TimestampMicrosecondType>().value(row),
                ),
                TimeUnit::Nanosecond => as_datetime::<TimestampNanosecondType>(
                    array.as_primitive::<TimestampNanosecondType>().value(row),
                ),
            };
            texts(&|row| clock(row).map(|time| timestamp(time, *unit)))
        }
        DataType::List(_) => {
            let lists = array.as_list::<i32>();
            let items = as_text(lists.values())?;
            let offsets = lists.value_offsets();
            texts(&|row| {
                let (from, to) = (offset(offsets, row)?, offset(offsets, row + 1)?);
                let items: Vec<_> = (from..to).map(|place| shown(&items, place)).collect();
                Some(format!("[{}]", items.join(", ")))
            })
        }
        DataType::Map(..) => {
            let maps = array.as_map();
            let (keys, values) = (as_text(maps.keys())?, as_text(maps.values())?);
            let offsets = maps.value_offsets();
            texts(&|row| {
                let (from, to) = (offset(offsets, row)?, offset(offsets, row + 1)?);
                let entries = (from..to)
                    .map(|place| format!("{}={}", shown(&keys, place), shown(&values, place)));
                Some(format!("{{{}}}", entries.collect::<Vec<_>>().join(", ")))
            })
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter().map(as_text);
            let columns = columns.collect::<Result<Vec<_>>>()?;
            texts(&|row| {
                let fields: Vec<_> = columns.iter().map(|column| shown(column, row)).collect();
                Some(format!("({})", fields.join(", ")))
            })
        }
        _ => cast(array, &DataType::Utf8)?.as_string::<i32>().clone(),
    })
}

fn offset(offsets: &[i32], row: usize) -> Option<usize> {
    usize::try_from(*offsets.get(row)?).ok()
}

fn shown(texts: &StringArray, row: usize) -> &str {
    match texts.is_valid(row) {
        true => texts.value(row),
        false => "NULL",
    }
}

/// With as many digits of a second as the type has.
fn timestamp(time: NaiveDateTime, unit: TimeUnit) -> String {
    let pattern = match unit {
        TimeUnit::Second => "%Y-%m-%d %H:%M:%S",
        TimeUnit::Millisecond => "%Y-%m-%d %H:%M:%S%.3f",
        TimeUnit::Microsecond => "%Y-%m-%d %H:%M:%S%.6f",
        TimeUnit::Nanosecond => "%Y-%m-%d %H:%M:%S%.9f",
    };
    time.format(pattern).to_string()
}

/// Texts of numbers without what stands behind the point: '4.7' is the INT 4.
pub(crate) fn whole_texts(array: &ArrayRef) -> ArrayRef {
    let texts = array.as_string::<i32>().iter().map(|text| {
        text.map(|text| match text.trim().split_once('.') {
            Some((whole, fraction))
                if !whole.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit()) =>
            {
                whole
            }
            _ => text,
        })
    });
    Arc::new(texts.collect::<StringArray>())
}
