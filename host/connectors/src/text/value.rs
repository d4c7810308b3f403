//! Writes the values of Arrow columns of plain (not nested) types as text.

use arrow::array::{
    Array, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::calendar::{Clock, ticks_per_second, write_date, write_time, write_timestamp};
use super::decimal::{strip_zeros, write_decimal_plain, write_decimal_scientific};
use super::float::{write_f32, write_f64};

/// How values that can be spelled in several ways are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) timestamp: Clock,
    /// Of TIMESTAMP_LTZ, before the `Z`.
    pub(crate) instant: Clock,
    pub(crate) time: Clock,
    pub(crate) decimal: DecimalStyle,
    pub(crate) bytes: BytesStyle,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum DecimalStyle {
    /// All digits of the scale, an exponent where Java writes one.
    Exact,
    /// Without trailing zeros, an exponent where Java writes one: 100000 is `1E+5`.
    Scientific,
    /// Without trailing zeros behind the point, never an exponent.
    Plain,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum BytesStyle {
    Base64,
    /// `[1, -2]`
    Numbers,
}

/// A column of a plain type.
pub(crate) enum Plain<'a> {
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Utf8(&'a StringArray),
    Binary(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    /// Ticks, and nanoseconds a tick.
    Time(Ticks<'a>, i64),
    Timestamp(Ticks<'a>, TimeUnit, bool),
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8),
}

/// Ticks of 32 or 64 bits.
pub(crate) enum Ticks<'a> {
    Short(&'a [i32]),
    Long(&'a [i64]),
}

impl Ticks<'_> {
    fn get(&self, row: usize) -> i64 {
        match self {
            Self::Short(values) => values[row].into(),
            Self::Long(values) => values[row],
        }
    }
}

fn long<T: ArrowPrimitiveType<Native = i64>>(array: &dyn Array) -> Ticks<'_> {
    Ticks::Long(array.as_primitive::<T>().values())
}

fn short<T: ArrowPrimitiveType<Native = i32>>(array: &dyn Array) -> Ticks<'_> {
    Ticks::Short(array.as_primitive::<T>().values())
}

impl<'a> Plain<'a> {
    /// `None` for nested types and those that no declaration yields.
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        use DataType as D;
        use TimeUnit as U;
        let nanos = |unit: &TimeUnit| 1_000_000_000 / ticks_per_second(*unit);
        Some(match array.data_type() {
            D::Boolean => Self::Boolean(array.as_boolean()),
            D::Int8 => Self::Int8(array.as_primitive()),
            D::Int16 => Self::Int16(array.as_primitive()),
            D::Int32 => Self::Int32(array.as_primitive()),
            D::Int64 => Self::Int64(array.as_primitive()),
            D::Float32 => Self::Float32(array.as_primitive()),
            D::Float64 => Self::Float64(array.as_primitive()),
            D::Utf8 => Self::Utf8(array.as_string()),
            D::Binary => Self::Binary(array.as_binary()),
            D::Date32 => Self::Date(array.as_primitive()),
            D::Time32(unit) => Self::Time(
                match unit {
                    U::Second => short::<Time32SecondType>(array),
                    _ => short::<Time32MillisecondType>(array),
                },
                nanos(unit),
            ),
            D::Time64(unit) => Self::Time(
                match unit {
                    U::Microsecond => long::<Time64MicrosecondType>(array),
                    _ => long::<Time64NanosecondType>(array),
                },
                nanos(unit),
            ),
            D::Timestamp(unit, zone) => Self::Timestamp(
                match unit {
                    U::Second => long::<TimestampSecondType>(array),
                    U::Millisecond => long::<TimestampMillisecondType>(array),
                    U::Microsecond => long::<TimestampMicrosecondType>(array),
                    U::Nanosecond => long::<TimestampNanosecondType>(array),
                },
                *unit,
                zone.is_some(),
            ),
            D::Decimal128(_, scale) => Self::Decimal(array.as_primitive(), *scale),
            _ => return None,
        })
    }

    /// Appends the value of a row that is not null.
    #[inline]
    pub(crate) fn write(&self, row: usize, style: &Style, out: &mut Vec<u8>) {
        fn integer(out: &mut Vec<u8>, value: impl itoa::Integer) {
            out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
        match self {
            Self::Boolean(array) => out.extend_from_slice(match array.value(row) {
                true => b"true",
                false => b"false",
            }),
            Self::Int8(array) => integer(out, array.value(row)),
            Self::Int16(array) => integer(out, array.value(row)),
            Self::Int32(array) => integer(out, array.value(row)),
            Self::Int64(array) => integer(out, array.value(row)),
            Self::Float32(array) => write_f32(out, array.value(row)),
            Self::Float64(array) => write_f64(out, array.value(row)),
            Self::Utf8(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Binary(array) => match style.bytes {
                BytesStyle::Base64 => {
                    out.extend_from_slice(STANDARD.encode(array.value(row)).as_bytes());
                }
                BytesStyle::Numbers => {
                    out.push(b'[');
                    for (at, byte) in array.value(row).iter().enumerate() {
                        if at > 0 {
                            out.extend_from_slice(b", ");
                        }
                        integer(out, *byte as i8);
                    }
                    out.push(b']');
                }
            },
            Self::Date(array) => write_date(out, array.value(row).into()),
            Self::Time(ticks, nanos) => {
                write_time(out, ticks.get(row).wrapping_mul(*nanos), style.time);
            }
            Self::Timestamp(ticks, unit, false) => {
                write_timestamp(out, ticks.get(row), *unit, style.timestamp);
            }
            Self::Timestamp(ticks, unit, true) => {
                write_timestamp(out, ticks.get(row), *unit, style.instant);
                out.push(b'Z');
            }
            Self::Decimal(array, scale) => {
                let stripped = strip_zeros(array.value(row), *scale);
                match style.decimal {
                    DecimalStyle::Exact => write_decimal_scientific(out, array.value(row), *scale),
                    DecimalStyle::Scientific => {
                        write_decimal_scientific(out, stripped.0, stripped.1);
                    }
                    DecimalStyle::Plain => write_decimal_plain(out, stripped.0, stripped.1),
                }
            }
        }
    }

    /// Whether the text may hold characters that a format has to quote or escape.
    pub(crate) fn is_free_text(&self) -> bool {
        matches!(self, Self::Utf8(_))
    }
}
