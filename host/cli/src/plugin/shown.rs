//! A row of a column as JSON, in the notation of [`values`](super::values).

use std::fmt::Write as _;

use arrow::array::{Array, ArrowPrimitiveType, AsArray, types::ArrowTimestampType};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use chrono::{DateTime, Days, NaiveDate, NaiveTime};

/// The value of a row. Two values are the same if their texts are: NaN is NaN, and -0.0 is not 0.0.
pub fn json(array: &dyn Array, row: usize) -> String {
    let mut text = String::new();
    write(&mut text, array, row);
    text
}

fn write(text: &mut String, array: &dyn Array, row: usize) {
    if array.is_null(row) {
        text.push_str("null");
        return;
    }
    match array.data_type() {
        DataType::Boolean => number(text, array.as_boolean().value(row)),
        DataType::Int8 => number(text, native::<Int8Type>(array, row)),
        DataType::Int16 => number(text, native::<Int16Type>(array, row)),
        DataType::Int32 => number(text, native::<Int32Type>(array, row)),
        DataType::Int64 => number(text, native::<Int64Type>(array, row)),
        DataType::UInt8 => number(text, native::<UInt8Type>(array, row)),
        DataType::UInt16 => number(text, native::<UInt16Type>(array, row)),
        DataType::UInt32 => number(text, native::<UInt32Type>(array, row)),
        DataType::UInt64 => number(text, native::<UInt64Type>(array, row)),
        DataType::Float32 => {
            let value = native::<Float32Type>(array, row);
            match not_finite(value.into()) {
                Some(name) => quoted(text, name),
                None => text.push_str(&serde_json::to_string(&value).unwrap_or_default()),
            }
        }
        DataType::Float64 => {
            let value = native::<Float64Type>(array, row);
            match not_finite(value) {
                Some(name) => quoted(text, name),
                None => text.push_str(&serde_json::to_string(&value).unwrap_or_default()),
            }
        }
        DataType::Utf8 => quoted(text, array.as_string::<i32>().value(row)),
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().value(row);
            text.push('"');
            for byte in bytes {
                number(text, format_args!("{byte:02x}"));
            }
            text.push('"');
        }
        DataType::Date32 => quoted(text, &date(native::<Date32Type>(array, row))),
        DataType::Time64(_) => {
            let micros = native::<Time64MicrosecondType>(array, row);
            quoted(text, &time(micros));
        }
        DataType::Timestamp(unit, zone) => {
            let behind = if zone.is_some() { "Z" } else { "" };
            let time = match unit {
                TimeUnit::Second => timestamp::<TimestampSecondType>(array, row, 1),
                TimeUnit::Millisecond => timestamp::<TimestampMillisecondType>(array, row, 1_000),
                TimeUnit::Microsecond => {
                    timestamp::<TimestampMicrosecondType>(array, row, 1_000_000)
                }
                TimeUnit::Nanosecond => {
                    timestamp::<TimestampNanosecondType>(array, row, 1_000_000_000)
                }
            };
            match time {
                Ok(time) => quoted(text, &format!("{time}{behind}")),
                Err(ticks) => number(text, ticks),
            }
        }
        DataType::Decimal128(_, scale) => {
            quoted(text, &decimal(native::<Decimal128Type>(array, row), *scale));
        }
        DataType::List(_) => items(text, array.as_list::<i32>().value(row).as_ref()),
        DataType::FixedSizeList(_, _) => {
            items(text, array.as_fixed_size_list().value(row).as_ref())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            for (place, (field, column)) in fields.iter().zip(columns).enumerate() {
                text.push_str(if place == 0 { "{" } else { "," });
                quoted(text, field.name());
                text.push(':');
                write(text, column.as_ref(), row);
            }
            text.push('}');
        }
        other => quoted(text, &other.to_string()),
    }
}

fn native<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> T::Native {
    array.as_primitive::<T>().value(row)
}

fn number(text: &mut String, value: impl std::fmt::Display) {
    // A String takes all that is written.
    write!(text, "{value}").ok();
}

fn quoted(text: &mut String, value: &str) {
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        value if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

fn items(text: &mut String, items: &dyn Array) {
    text.push('[');
    for row in 0..items.len() {
        if row > 0 {
            text.push(',');
        }
        write(text, items, row);
    }
    text.push(']');
}

fn date(days: i32) -> String {
    let epoch = NaiveDate::default();
    let distance = Days::new(days.unsigned_abs().into());
    let date = match days < 0 {
        true => epoch.checked_sub_days(distance),
        false => epoch.checked_add_days(distance),
    };
    date.map_or_else(|| days.to_string(), |date| date.to_string())
}

fn time(micros: i64) -> String {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok();
    let nanos = micros.rem_euclid(1_000_000) as u32 * 1_000;
    let time =
        seconds.and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos));
    time.map_or_else(
        || micros.to_string(),
        |time| time.format("%H:%M:%S%.f").to_string(),
    )
}

/// Ticks that no calendar has are told as they are.
fn timestamp<T: ArrowTimestampType>(
    array: &dyn Array,
    row: usize,
    a_second: i64,
) -> Result<String, i64> {
    let ticks = native::<T>(array, row);
    let nanos = ticks.rem_euclid(a_second) * (1_000_000_000 / a_second);
    let time = DateTime::from_timestamp(ticks.div_euclid(a_second), nanos as u32);
    let time = time.ok_or(ticks)?;
    Ok(time.format("%Y-%m-%dT%H:%M:%S%.f").to_string())
}

fn decimal(value: i128, scale: i8) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let mut digits = value.unsigned_abs().to_string();
    match usize::try_from(scale) {
        Ok(0) => {}
        Ok(scale) => {
            while digits.len() <= scale {
                digits.insert(0, '0');
            }
            digits.insert(digits.len() - scale, '.');
        }
        Err(_) if value == 0 => {}
        Err(_) => digits.push_str(&"0".repeat(scale.unsigned_abs().into())),
    }
    format!("{sign}{digits}")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{types, values};
    use super::*;

    #[test]
    fn values_come_back_as_they_were_written() {
        for (data_type, text) in [
            ("boolean", "true"),
            ("int64", "-9223372036854775808"),
            ("uint64", "18446744073709551615"),
            ("float32", "0.1"),
            ("float64", "-0.0"),
            ("float64", "\"NaN\""),
            ("float64", "\"-Infinity\""),
            ("utf8", "\"a \u{1f980} \\\"\""),
            ("binary", "\"00ff10\""),
            ("date32", "\"1969-12-31\""),
            ("date32", "\"2024-02-29\""),
            ("time64", "\"23:59:59.999999\""),
            ("timestamp(second)", "\"1969-12-31T23:59:59\""),
            (
                "timestamp(millisecond, UTC)",
                "\"2024-02-29T12:00:00.001Z\"",
            ),
            ("timestamp(nanosecond)", "\"1969-12-31T23:59:59.999999999\""),
            ("timestamp(second)", "9223372036854775807"),
            ("decimal128(4, 2)", "\"-0.05\""),
            ("decimal128(4, -2)", "\"120000\""),
            (
                "decimal128(38, 0)",
                "\"99999999999999999999999999999999999999\"",
            ),
            ("list<list<int8>>", "[[1,null],null,[]]"),
            ("fixed-size-list<float32, 2>", "[1.5,null]"),
            ("struct<b: int8, a: list<utf8>>", "{\"b\":1,\"a\":[\"x\"]}"),
        ] {
            let data_type = types::parse(data_type).unwrap();
            let value: Value = serde_json::from_str(text).unwrap();
            let values = [&Value::Null, &value];
            let column = values::column(&data_type, &values).unwrap();
            assert_eq!(
                (json(&column, 0).as_str(), json(&column, 1).as_str()),
                ("null", text)
            );
            assert_eq!(column.data_type(), &data_type);
            // As a cell of CSV.
            let cell = value
                .as_str()
                .map_or_else(|| Value::from(text), Value::from);
            let again = values::column(&data_type, &[&cell]).unwrap();
            assert_eq!(json(&again, 0), text);
        }
    }

    #[test]
    fn values_of_another_type_are_told() {
        let wrong = |data_type, text: &str| {
            let value: Value = serde_json::from_str(text).unwrap();
            let data_type = types::parse(data_type).unwrap();
            let wrong = values::column(&data_type, &[&Value::Null, &value]).unwrap_err();
            format!("row {}: {}", wrong.row, wrong.message)
        };
        let told = [
            wrong("int8", "128"),
            wrong("uint64", "-1"),
            wrong("utf8", "1"),
            wrong("binary", "\"0g\""),
            wrong("timestamp(second)", "\"2024-02-29T12:00:00.5\""),
            wrong("timestamp(second, UTC)", "\"2024-02-29T12:00:00\""),
            wrong("decimal128(3, 1)", "\"123.4\""),
            wrong("decimal128(4, -2)", "\"150\""),
            wrong("list<int8>", "[1, true]"),
            wrong("fixed-size-list<int8, 2>", "[1]"),
            wrong("struct<a: int8>", "{\"b\": 1}"),
        ];
        assert_eq!(
            told,
            [
                "row 1: 128 is no int8",
                "row 1: -1 is no uint64",
                "row 1: 1 is no utf8",
                "row 1: \"0g\" is no binary",
                "row 1: \"2024-02-29T12:00:00.5\" is no timestamp(second)",
                "row 1: \"2024-02-29T12:00:00\" is no timestamp(second, UTC)",
                "row 1: \"123.4\" is no decimal128(3, 1)",
                "row 1: \"150\" is no decimal128(4, -2)",
                "row 1: true is no int8",
                "row 1: [1] is no fixed-size-list<int8, 2>",
                "row 1: {\"b\":1} is no struct<a: int8>",
            ]
        );
    }
}
