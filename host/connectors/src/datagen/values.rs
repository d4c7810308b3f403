//! Values of one column.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
    ListArray, MapArray, StringArray, StructArray, make_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use rand::rngs::SmallRng;
use rand::{RngExt, make_rng};

use crate::ConnectorError;
use crate::options::Options;
use crate::text::{parse_decimal, type_name};

/// The longest random value.
const MAX_LENGTH: u64 = 1 << 20;

/// Makes the values of one column.
#[derive(Debug, Clone)]
pub(super) struct Generator {
    field: Field,
    kind: Kind,
    null_rate: f64,
}

#[derive(Debug, Clone)]
enum Kind {
    /// First and last value; an i128 in units of a decimal's scale.
    Sequence(i128, i128),
    Boolean,
    Integer(i64, i64),
    Float(f64, f64),
    Decimal(i128, i128),
    /// Hexadecimal digits.
    Text(Length),
    Bytes(Length),
    /// Now, or up to so long ago.
    Now(Duration),
    List(Box<Generator>, Length),
    Row(Vec<Generator>),
    Map(Box<Generator>, Box<Generator>, Length),
}

#[derive(Debug, Clone, Copy)]
struct Length {
    most: usize,
    varies: bool,
}

impl Length {
    fn pick(self, rng: &mut SmallRng) -> usize {
        match self.varies {
            true => rng.random_range(1.min(self.most)..=self.most),
            false => self.most,
        }
    }
}

impl Generator {
    pub(super) fn new(field: &Field, options: &Options<'_>) -> Result<Self, ConnectorError> {
        let key = |option: &str| format!("fields.{}.{option}", field.name());
        let text = |option: &str| options.text(&key(option));
        let null_rate = match text("null-rate").map(str::parse::<f64>) {
            None => 0.0,
            Some(Ok(rate)) if (0.0..=1.0).contains(&rate) => rate,
            Some(_) => return Err(options.invalid(&key("null-rate"), "a number from 0 to 1")),
        };
        if null_rate > 0.0 && !field.is_nullable() {
            return Err(options.invalid(&key("null-rate"), "0 for a column that is NOT NULL"));
        }
        let sequence = options.choice(&key("kind"), &["random", "sequence"])? == Some("sequence");
        let kind = match sequence {
            true => sequence_of(field, options)?,
            false => {
                for option in ["start", "end"] {
                    if text(option).is_some() {
                        let needs = "left out, or the option 'kind' be 'sequence'";
                        return Err(options.invalid(&key(option), needs));
                    }
                }
                Kind::random(field, options)?
            }
        };
        Ok(Self {
            field: field.clone(),
            kind,
            null_rate,
        })
    }

    /// How many rows there are, of a sequence.
    pub(super) fn rows(&self) -> Option<u64> {
        match self.kind {
            Kind::Sequence(first, last) => {
                let rows = last.saturating_sub(first).saturating_add(1).max(0);
                Some(u64::try_from(rows).unwrap_or(u64::MAX))
            }
            _ => None,
        }
    }

    /// The values of `rows` rows, from the row number `first` (from 0) on.
    pub(super) fn array(&self, first: u64, rows: usize) -> Result<ArrayRef, ConnectorError> {
        self.build(first, rows, &mut make_rng())
    }

    fn build(
        &self,
        first: u64,
        rows: usize,
        rng: &mut SmallRng,
    ) -> Result<ArrayRef, ConnectorError> {
        let wrong = |error| ConnectorError::unexpected("making up values", error);
        let values: ArrayRef = match &self.kind {
            Kind::Sequence(start, _) => {
                let numbers = (0..rows).map(|row| start + i128::from(first) + row as i128);
                return self.sequence(numbers.collect());
            }
            Kind::Boolean => {
                let values: Vec<bool> = (0..rows).map(|_| rng.random_bool(0.5)).collect();
                Arc::new(BooleanArray::from(values))
            }
            Kind::Integer(min, max) => {
                let values = (0..rows).map(|_| rng.random_range(*min..=*max));
                Arc::new(Int64Array::from_iter_values(values))
            }
            Kind::Float(min, max) => {
                let values = (0..rows).map(|_| {
                    let share: f64 = rng.random_range(0.0..1.0);
                    min * (1.0 - share) + max * share
                });
                Arc::new(Float64Array::from_iter_values(values))
            }
            Kind::Decimal(min, max) => {
                let values = (0..rows).map(|_| rng.random_range(*min..=*max));
                let values = Decimal128Array::from_iter_values(values);
                Arc::new(values.with_data_type(self.field.data_type().clone()))
            }
            Kind::Text(length) => {
                let values = (0..rows).map(|_| {
                    let digits = (0..length.pick(rng)).map(|_| {
                        let digit: u32 = rng.random_range(0..16);
                        char::from_digit(digit, 16).unwrap_or('0')
                    });
                    digits.collect::<String>()
                });
                Arc::new(StringArray::from_iter_values(values))
            }
            Kind::Bytes(length) => {
                let values = (0..rows).map(|_| {
                    let mut bytes = vec![0_u8; length.pick(rng)];
                    rng.fill(&mut bytes[..]);
                    bytes
                });
                Arc::new(BinaryArray::from_iter_values(values))
            }
            Kind::Now(past) => self.times(*past, rows, rng)?,
            Kind::List(item, length) => {
                let lengths: Vec<_> = (0..rows).map(|_| length.pick(rng)).collect();
                let items = item.build(0, lengths.iter().sum(), rng)?;
                let offsets = OffsetBuffer::from_lengths(lengths);
                let array = ListArray::try_new(Arc::new(item.field.clone()), offsets, items, None);
                Arc::new(array.map_err(wrong)?)
            }
            Kind::Row(fields) => {
                let columns = fields.iter().map(|field| field.build(0, rows, rng));
                let columns = columns.collect::<Result<_, _>>()?;
                let fields: Vec<_> = fields.iter().map(|field| field.field.clone()).collect();
                Arc::new(StructArray::try_new(fields.into(), columns, None).map_err(wrong)?)
            }
            Kind::Map(key, value, length) => {
                let lengths: Vec<_> = (0..rows).map(|_| length.pick(rng)).collect();
                let entries = lengths.iter().sum();
                let columns = vec![key.build(0, entries, rng)?, value.build(0, entries, rng)?];
                let DataType::Map(entries, sorted) = self.field.data_type() else {
                    return Err(ConnectorError::bug("a map of another type"));
                };
                let fields = vec![key.field.clone(), value.field.clone()];
                let pairs = StructArray::try_new(fields.into(), columns, None).map_err(wrong)?;
                let offsets = OffsetBuffer::from_lengths(lengths);
                let map = MapArray::try_new(entries.clone(), offsets, pairs, None, *sorted);
                Arc::new(map.map_err(wrong)?)
            }
        };
        let values = cast(&values, self.field.data_type()).map_err(wrong)?;
        if self.null_rate == 0.0 {
            return Ok(values);
        }
        let valid: Vec<bool> = (0..rows)
            .map(|_| !rng.random_bool(self.null_rate))
            .collect();
        let data = values
            .to_data()
            .into_builder()
            .nulls(Some(NullBuffer::from(valid)));
        Ok(make_array(data.build().map_err(wrong)?))
    }

    fn sequence(&self, numbers: Vec<i128>) -> Result<ArrayRef, ConnectorError> {
        let kind = self.field.data_type();
        let array: ArrayRef = match kind {
            DataType::Decimal128(_, _) => {
                Arc::new(Decimal128Array::from(numbers).with_data_type(kind.clone()))
            }
            _ => Arc::new(Int64Array::from_iter_values(
                numbers.iter().map(|number| *number as i64),
            )),
        };
        cast(&array, kind).map_err(|error| ConnectorError::unexpected("making up values", error))
    }

    fn times(
        &self,
        past: Duration,
        rows: usize,
        rng: &mut SmallRng,
    ) -> Result<ArrayRef, ConnectorError> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_millis()).unwrap_or(0);
        let past = i64::try_from(past.as_millis()).unwrap_or(0);
        let values = (0..rows).map(|_| now.saturating_sub(rng.random_range(0..=past)));
        let values = arrow::array::TimestampMillisecondArray::from_iter_values(values);
        let target = self.field.data_type();
        let values: ArrayRef = match target {
            DataType::Timestamp(_, Some(zone)) => Arc::new(values.with_timezone(zone.clone())),
            _ => Arc::new(values),
        };
        cast(&values, target).map_err(|error| ConnectorError::unexpected("making up times", error))
    }
}

impl Kind {
    fn random(field: &Field, options: &Options<'_>) -> Result<Self, ConnectorError> {
        let key = |option: &str| format!("fields.{}.{option}", field.name());
        let length = |default: u64| {
            let length = options.number(&key("length"))?.unwrap_or(default);
            if length > MAX_LENGTH {
                return Err(options.invalid(&key("length"), "at most 1048576"));
            }
            Ok(Length {
                most: length as usize,
                varies: options.flag(&key("var-len"), false)?,
            })
        };
        let inner = |field: &Field| {
            Self::random(field, options).map(|kind| Generator {
                field: field.clone(),
                kind,
                null_rate: 0.0,
            })
        };
        let integer = |min: i64, max: i64| {
            let parse = |option: &str, default: i64| match options.text(&key(option)) {
                None => Ok(default),
                Some(text) => match text.trim().parse::<i64>() {
                    Ok(number) if (min..=max).contains(&number) => Ok(number),
                    _ => {
                        let wanted = type_name(field.data_type());
                        Err(options.invalid(&key(option), &format!("a number of type {wanted}")))
                    }
                },
            };
            ordered(parse("min", min)?, parse("max", max)?, field, options)
                .map(|(min, max)| Self::Integer(min, max))
        };
        let float = |limit: f64| {
            let parse = |option: &str, default: f64| match options.text(&key(option)) {
                None => Ok(default),
                Some(text) => match text.trim().parse::<f64>() {
                    Ok(number) if number.abs() <= limit => Ok(number),
                    _ => Err(options.invalid(&key(option), "a number")),
                },
            };
            ordered(parse("min", -limit)?, parse("max", limit)?, field, options)
                .map(|(min, max)| Self::Float(min, max))
        };
        match field.data_type() {
            DataType::Boolean => Ok(Self::Boolean),
            DataType::Int8 => integer(i8::MIN.into(), i8::MAX.into()),
            DataType::Int16 => integer(i16::MIN.into(), i16::MAX.into()),
            DataType::Int32 => integer(i32::MIN.into(), i32::MAX.into()),
            DataType::Int64 => integer(i64::MIN, i64::MAX),
            DataType::Float32 => float(f32::MAX.into()),
            DataType::Float64 => float(f64::MAX),
            DataType::Decimal128(precision, scale) => {
                let most = 10_i128.pow(u32::from(*precision).min(38)) - 1;
                let parse = |option: &str, default: i128| match options.text(&key(option)) {
                    None => Ok(default),
                    Some(text) => {
                        parse_decimal(text.as_bytes(), *precision, *scale).ok_or_else(|| {
                            options.invalid(&key(option), &type_name(field.data_type()))
                        })
                    }
                };
                ordered(parse("min", -most)?, parse("max", most)?, field, options)
                    .map(|(min, max)| Self::Decimal(min, max))
            }
            DataType::Utf8 => Ok(Self::Text(length(100)?)),
            DataType::Binary => Ok(Self::Bytes(length(100)?)),
            DataType::Date32
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(..) => {
                let past = options.duration(&key("max-past"))?.unwrap_or_default();
                Ok(Self::Now(past))
            }
            DataType::List(item) => Ok(Self::List(Box::new(inner(item)?), length(3)?)),
            DataType::Struct(fields) => {
                let fields = fields.iter().map(|field| inner(field));
                Ok(Self::Row(fields.collect::<Result<_, _>>()?))
            }
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Ok(Self::Map(
                    Box::new(inner(&fields[0])?),
                    Box::new(inner(&fields[1])?),
                    length(3)?,
                )),
                _ => Err(unsupported(field)),
            },
            _ => Err(unsupported(field)),
        }
    }
}

fn unsupported(field: &Field) -> ConnectorError {
    ConnectorError::job(format!(
        "column {}: datagen makes up no values of type {}",
        field.name(),
        type_name(field.data_type())
    ))
}

fn ordered<T: PartialOrd>(
    min: T,
    max: T,
    field: &Field,
    options: &Options<'_>,
) -> Result<(T, T), ConnectorError> {
    match min <= max {
        true => Ok((min, max)),
        false => Err(options.invalid(
            &format!("fields.{}.min", field.name()),
            "at most the option 'max'",
        )),
    }
}

fn sequence_of(field: &Field, options: &Options<'_>) -> Result<Kind, ConnectorError> {
    let (precision, scale) = match field.data_type() {
        DataType::Decimal128(precision, scale) => (*precision, *scale),
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 | DataType::Float32 | DataType::Float64 | DataType::Utf8 => (19, 0),
        other => {
            let kind = type_name(other);
            let key = format!("fields.{}.kind", field.name());
            return Err(options.invalid(&key, &format!("'random' for a column of type {kind}")));
        }
    };
    let bound = |option: &str| {
        let key = format!("fields.{}.{option}", field.name());
        let text = options.required(&key, "1")?;
        let number = parse_decimal(text.as_bytes(), precision, scale);
        let fits = |number: &i128| match field.data_type() {
            DataType::Int8 => i8::try_from(*number).is_ok(),
            DataType::Int16 => i16::try_from(*number).is_ok(),
            DataType::Int32 => i32::try_from(*number).is_ok(),
            DataType::Decimal128(..) => true,
            _ => i64::try_from(*number).is_ok(),
        };
        number
            .filter(fits)
            .ok_or_else(|| options.invalid(&key, &format!("a {}", type_name(field.data_type()))))
    };
    let (start, end) = (bound("start")?, bound("end")?);
    match start <= end {
        true => Ok(Kind::Sequence(start, end)),
        false => Err(options.invalid(
            &format!("fields.{}.start", field.name()),
            "at most the option 'end'",
        )),
    }
}
