//! Whether bytes are a record of a schema, and its values those of a table. Nothing of them is kept.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use serde_json::Value;

use super::conform::Mismatch;
use crate::text::a_type;

/// What the bytes of a value look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// Not a value that the column takes.
    NotNull,
    Integer(Integer),
    Text,
    Bytes,
    Fixed(usize),
    Decimal(Decimal),
    /// So many symbols.
    Enum(u64),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record(Vec<(String, Shape)>),
}

/// A number, and what it has to be.
#[derive(Debug)]
pub(super) struct Integer {
    low: i64,
    high: i64,
    /// `a TINYINT`
    kind: String,
}

#[derive(Debug)]
pub(super) struct Decimal {
    /// Bytes, where all have as many.
    size: Option<usize>,
    /// More than the number without its point, whatever its sign.
    limit: u128,
    kind: String,
}

impl Shape {
    /// Of an expanded record that is read for these columns; `None` if it is none.
    pub(super) fn record(schema: &Value, columns: &[Field]) -> Option<Self> {
        let columns = Field::new_struct("", Fields::from(columns.to_vec()), true);
        Self::new(schema, Some(&columns))
    }

    /// `to` is where it is read to, if it is.
    fn new(schema: &Value, to: Option<&Field>) -> Option<Self> {
        let name = match schema {
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| Self::new(branch, to));
                return Some(Self::Union(branches.collect::<Option<_>>()?));
            }
            Value::String(name) => name,
            schema => schema["type"].as_str()?,
        };
        let kind = to.map(Field::data_type);
        Some(match name {
            "null" => match to {
                Some(to) if !to.is_nullable() => Self::NotNull,
                _ => Self::Fixed(0),
            },
            _ if schema["logicalType"] == "decimal" && kind.is_some() => {
                Self::Decimal(Decimal::new(schema, kind?)?)
            }
            "boolean" => Self::Fixed(1),
            "float" => Self::Fixed(4),
            "double" => Self::Fixed(8),
            "int" | "long" => Self::Integer(Integer::new(name, schema, kind)),
            "string" => Self::Text,
            "bytes" if kind == Some(&DataType::Utf8) => Self::Text,
            "bytes" => Self::Bytes,
            "fixed" => Self::Fixed(schema["size"].as_u64()?.try_into().ok()?),
            "enum" => Self::Enum(schema["symbols"].as_array()?.len() as u64),
            "array" => {
                let item = match kind {
                    Some(DataType::List(item)) => Some(item.as_ref()),
                    _ => None,
                };
                Self::Array(Box::new(Self::new(&schema["items"], item)?))
            }
            "map" => {
                let entries = match kind {
                    Some(DataType::Map(entries, _)) => Some(entries.data_type()),
                    _ => None,
                };
                let value = match entries {
                    Some(DataType::Struct(entry)) => entry.get(1).map(|value| value.as_ref()),
                    _ => None,
                };
                Self::Map(Box::new(Self::new(&schema["values"], value)?))
            }
            "record" => {
                let fields = schema["fields"].as_array()?.iter().map(|field| {
                    let name = field["name"].as_str()?.to_owned();
                    let to = match kind {
                        Some(DataType::Struct(fields)) => fields.find(&name),
                        _ => None,
                    };
                    let to = to.map(|(_, field)| field.as_ref());
                    let shape = Self::new(&field["type"], to)?;
                    Some((name, shape))
                });
                Self::Record(fields.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// Takes a value from the front of the bytes.
    pub(super) fn read(&self, bytes: &mut &[u8]) -> Result<(), Mismatch> {
        match self {
            Self::NotNull => Err(wrong("the field is NULL, but declared NOT NULL")),
            Self::Integer(integer) => {
                let value = long(bytes)?;
                match (integer.low..=integer.high).contains(&value) {
                    true => Ok(()),
                    false => Err(wrong(&format!("{value} is not {}", integer.kind))),
                }
            }
            Self::Decimal(decimal) => decimal.read(bytes),
            Self::Text => text(bytes),
            Self::Bytes => {
                let length = length(bytes)?;
                take(bytes, length).map(drop)
            }
            Self::Fixed(length) => take(bytes, *length).map(drop),
            Self::Enum(symbols) => match varint(bytes)? {
                // Odd numbers are negative ones.
                symbol if symbol % 2 == 0 && symbol / 2 < *symbols => Ok(()),
                _ => Err(wrong("it is none of the enum's symbols")),
            },
            Self::Array(item) => blocks(bytes, |bytes| item.read(bytes)),
            Self::Map(value) => blocks(bytes, |bytes| {
                text(bytes)?;
                value.read(bytes)
            }),
            Self::Union(branches) => {
                let branch = varint(bytes)?;
                let branch = (branch % 2 == 0).then(|| branches.get((branch / 2) as usize));
                match branch.flatten() {
                    Some(branch) => branch.read(bytes),
                    None => Err(wrong("it is of none of the union's types")),
                }
            }
            Self::Record(fields) => fields.iter().try_for_each(|(name, field)| {
                field.read(bytes).map_err(|wrong| wrong.inside(name))
            }),
        }
    }
}

impl Integer {
    fn new(name: &str, schema: &Value, to: Option<&DataType>) -> Self {
        // Finer units overflow.
        let ticks = |unit: &TimeUnit| match unit {
            TimeUnit::Second => 1,
            TimeUnit::Millisecond => 1_000,
            TimeUnit::Microsecond => 1_000_000,
            TimeUnit::Nanosecond => 1_000_000_000,
        };
        let from = schema["logicalType"].as_str().unwrap_or_default();
        let from = match from.rsplit_once('-').map(|(_, unit)| unit) {
            Some("micros") => TimeUnit::Microsecond,
            Some("nanos") => TimeUnit::Nanosecond,
            _ => TimeUnit::Millisecond,
        };
        let (low, high) = match to {
            Some(DataType::Int8) => (i8::MIN.into(), i8::MAX.into()),
            Some(DataType::Int16) => (i16::MIN.into(), i16::MAX.into()),
            Some(DataType::Timestamp(to, _)) => {
                let factor = (ticks(to) / ticks(&from)).max(1);
                (i64::MIN / factor, i64::MAX / factor)
            }
            _ if name == "int" => (i32::MIN.into(), i32::MAX.into()),
            _ => (i64::MIN, i64::MAX),
        };
        let kind = to.map_or_else(|| format!("an {name}"), a_type);
        Self { low, high, kind }
    }
}

impl Decimal {
    fn new(schema: &Value, to: &DataType) -> Option<Self> {
        let size = match schema["type"] == "fixed" {
            true => Some(schema["size"].as_u64()?.try_into().ok()?),
            false => None,
        };
        let mut digits = u32::try_from(schema["precision"].as_u64()?).ok()?;
        let scale = i64::try_from(schema["scale"].as_u64()?).ok()?;
        if let DataType::Decimal128(precision, wider) = to {
            let left = i64::from(*precision) - i64::from(*wider) + scale;
            digits = digits.min(u32::try_from(left).unwrap_or(0));
        }
        Some(Self {
            size,
            limit: 10_u128.checked_pow(digits).unwrap_or(u128::MAX),
            kind: a_type(to),
        })
    }

    fn read(&self, bytes: &mut &[u8]) -> Result<(), Mismatch> {
        let length = match self.size {
            Some(size) => size,
            None => length(bytes)?,
        };
        let taken = take(bytes, length)?;
        let negative = taken.first().is_some_and(|first| *first >= 0x80);
        let sign = if negative { 0xFF } else { 0 };
        let extra = taken.len().saturating_sub(16);
        let mut value = if negative { -1_i128 } else { 0 };
        for byte in &taken[extra..] {
            value = value << 8 | i128::from(*byte);
        }
        let whole = taken[..extra].iter().all(|byte| *byte == sign) && (value < 0) == negative;
        match whole && value.unsigned_abs() < self.limit {
            true => Ok(()),
            false => Err(wrong(&format!("it has too many digits for {}", self.kind))),
        }
    }
}

fn wrong(message: &str) -> Mismatch {
    Mismatch {
        path: String::new(),
        message: message.to_owned(),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], Mismatch> {
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or_else(|| wrong("the message ends here"))?;
    *bytes = rest;
    Ok(taken)
}

/// An unsigned number of up to 64 bits.
fn varint(bytes: &mut &[u8]) -> Result<u64, Mismatch> {
    let mut value = 0;
    for at in 0..10 {
        let byte = take(bytes, 1)?[0];
        if at == 9 && byte > 1 {
            break;
        }
        value |= u64::from(byte & 0x7F) << (7 * at);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(wrong("it is no long"))
}

fn long(bytes: &mut &[u8]) -> Result<i64, Mismatch> {
    let value = varint(bytes)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

fn length(bytes: &mut &[u8]) -> Result<usize, Mismatch> {
    let length = long(bytes)?;
    length
        .try_into()
        .map_err(|_| wrong("its length is negative"))
}

fn text(bytes: &mut &[u8]) -> Result<(), Mismatch> {
    let length = length(bytes)?;
    let text = std::str::from_utf8(take(bytes, length)?);
    text.map(drop).map_err(|_| wrong("it is not UTF-8 text"))
}

fn blocks(
    bytes: &mut &[u8],
    mut item: impl FnMut(&mut &[u8]) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    loop {
        let count = long(bytes)?;
        if count == 0 {
            return Ok(());
        }
        // A negative count is followed by the block's size.
        let size = match count {
            ..0 => Some(length(bytes)?),
            _ => None,
        };
        // Items without bytes could be more than there is memory for.
        if count.unsigned_abs() > bytes.len() as u64 {
            return Err(wrong("it has more items than the message has bytes"));
        }
        let before = bytes.len();
        for _ in 0..count.unsigned_abs() {
            item(bytes)?;
        }
        if size.is_some_and(|size| size != before - bytes.len()) {
            return Err(wrong("a block in it is not as large as it says"));
        }
    }
}
