//! Whether bytes are a record of a schema. Nothing of them is kept.

use serde_json::Value;

use super::conform::Mismatch;

/// What the bytes of a value look like.
#[derive(Debug)]
pub(super) enum Shape {
    Int,
    Long,
    Text,
    Bytes,
    Fixed(usize),
    /// So many symbols.
    Enum(u64),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Union(Vec<Shape>),
    Record(Vec<(String, Shape)>),
}

impl Shape {
    /// Of an expanded schema; `None` if that is none.
    pub(super) fn new(schema: &Value) -> Option<Self> {
        let name = match schema {
            Value::Array(branches) => {
                let branches = branches.iter().map(Self::new);
                return Some(Self::Union(branches.collect::<Option<_>>()?));
            }
            Value::String(name) => name,
            schema => schema["type"].as_str()?,
        };
        Some(match name {
            "null" => Self::Fixed(0),
            "boolean" => Self::Fixed(1),
            "float" => Self::Fixed(4),
            "double" => Self::Fixed(8),
            "int" => Self::Int,
            "long" => Self::Long,
            "string" => Self::Text,
            "bytes" => Self::Bytes,
            "fixed" => Self::Fixed(schema["size"].as_u64()?.try_into().ok()?),
            "enum" => Self::Enum(schema["symbols"].as_array()?.len() as u64),
            "array" => Self::Array(Box::new(Self::new(&schema["items"])?)),
            "map" => Self::Map(Box::new(Self::new(&schema["values"])?)),
            "record" => {
                let fields = schema["fields"].as_array()?.iter().map(|field| {
                    let name = field["name"].as_str()?.to_owned();
                    Some((name, Self::new(&field["type"])?))
                });
                Self::Record(fields.collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    /// Takes a value from the front of the bytes.
    pub(super) fn read(&self, bytes: &mut &[u8]) -> Result<(), Mismatch> {
        match self {
            Self::Int => {
                let within = u32::try_from(varint(bytes)?);
                within.map(drop).map_err(|_| wrong("it is no int"))
            }
            Self::Long => varint(bytes).map(drop),
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
