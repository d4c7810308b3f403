//! Reading UBJSON (draft 12), as far as XGBoost writes it: no high-precision numbers.
//!
//! Nothing is allocated for what a length only says: an array grows as its items are read, and a
//! typed array's length is held against the bytes that are left.

use std::collections::HashMap;

use super::document::{Items, Value};
use crate::forest::FormatError;

/// Arrays and objects inside each other; a model has about ten.
const MOST_DEPTH: usize = 64;

/// Reads a whole file.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, FormatError> {
    let mut reader = Reader { bytes, offset: 0 };
    let marker = reader.marker()?;
    let value = reader.value(marker, 0)?;
    while reader.peek() == Some(b'N') {
        reader.offset += 1;
    }
    if reader.offset != bytes.len() {
        return Err(reader.error("something follows the end of the document"));
    }
    Ok(value)
}

/// A position in the file.
struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

/// How an array or an object is written.
struct Container {
    /// The type of all values, where it is said before them.
    marker: Option<u8>,
    /// How many there are, where that is said; else an end marker follows them.
    count: Option<usize>,
}

impl<'a> Reader<'a> {
    fn error(&self, message: impl AsRef<str>) -> FormatError {
        FormatError::new(format!("byte {}: {}", self.offset, message.as_ref()))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.offset).copied()
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], FormatError> {
        let taken = self
            .offset
            .checked_add(count)
            .and_then(|end| self.bytes.get(self.offset..end))
            .ok_or_else(|| self.error("the rest of the file is missing"))?;
        self.offset += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next byte that is not a no-op.
    fn marker(&mut self) -> Result<u8, FormatError> {
        loop {
            match self.array::<1>()? {
                [b'N'] => {}
                [marker] => return Ok(marker),
            }
        }
    }

    fn value(&mut self, marker: u8, depth: usize) -> Result<Value, FormatError> {
        if depth > MOST_DEPTH {
            return Err(self.error(format!("more than {MOST_DEPTH} values inside each other")));
        }
        Ok(match marker {
            b'Z' => Value::Nothing,
            b'T' => Value::Number(1.0),
            b'F' => Value::Number(0.0),
            b'S' => Value::Text(self.text()?),
            b'C' => Value::Text(self.array::<1>()?.map(char::from).iter().collect()),
            b'[' => self.items(depth)?,
            b'{' => self.members(depth)?,
            _ => Value::Number(self.number(marker)?),
        })
    }

    fn number(&mut self, marker: u8) -> Result<f64, FormatError> {
        Ok(match marker {
            b'i' => i8::from_be_bytes(self.array()?).into(),
            b'U' => u8::from_be_bytes(self.array()?).into(),
            b'I' => i16::from_be_bytes(self.array()?).into(),
            b'l' => i32::from_be_bytes(self.array()?).into(),
            b'L' => i64::from_be_bytes(self.array()?) as f64,
            b'd' => f32::from_be_bytes(self.array()?).into(),
            b'D' => f64::from_be_bytes(self.array()?),
            _ => {
                self.offset -= 1;
                return Err(self.error(format!("the byte {marker:#04x} begins no value")));
            }
        })
    }

    fn length(&mut self) -> Result<usize, FormatError> {
        let marker = self.marker()?;
        let number = match marker {
            b'L' => i64::from_be_bytes(self.array()?),
            b'i' | b'U' | b'I' | b'l' => self.number(marker)? as i64,
            _ => return Err(self.error("a length is not a whole number")),
        };
        usize::try_from(number).map_err(|_| self.error(format!("the length {number}")))
    }

    fn text(&mut self) -> Result<String, FormatError> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(self.error("a text is not UTF-8")),
        }
    }

    fn container(&mut self) -> Result<Container, FormatError> {
        let mut container = Container {
            marker: None,
            count: None,
        };
        if self.peek() == Some(b'$') {
            self.offset += 1;
            container.marker = Some(self.marker()?);
        }
        if self.peek() == Some(b'#') {
            self.offset += 1;
            container.count = Some(self.length()?);
        } else if container.marker.is_some() {
            return Err(self.error("a typed array or object has no length"));
        }
        Ok(container)
    }

    fn items(&mut self, depth: usize) -> Result<Value, FormatError> {
        let container = self.container()?;
        if let (Some(marker), Some(count)) = (container.marker, container.count) {
            return self.typed_items(marker, count);
        }
        let mut items = Items::new();
        let mut read = 0;
        while container.count != Some(read) {
            let marker = self.marker()?;
            if container.count.is_none() && marker == b']' {
                break;
            }
            items.push(self.value(marker, depth + 1)?);
            read += 1;
        }
        Ok(items.into_value())
    }

    /// Numbers without a marker each. Other types are refused: some of them take no bytes.
    fn typed_items(&mut self, marker: u8, count: usize) -> Result<Value, FormatError> {
        let size = match marker {
            b'i' | b'U' => 1,
            b'I' => 2,
            b'l' | b'd' => 4,
            b'L' | b'D' => 8,
            _ => return Err(self.error("an array's type is not one of numbers")),
        };
        let fits = count
            .checked_mul(size)
            .is_some_and(|bytes| bytes <= self.bytes.len() - self.offset);
        if !fits {
            return Err(self.error(format!(
                "an array of {count} numbers: the rest of the file is missing"
            )));
        }
        (0..count)
            .map(|_| self.number(marker))
            .collect::<Result<_, _>>()
            .map(Value::Numbers)
    }

    fn members(&mut self, depth: usize) -> Result<Value, FormatError> {
        let container = self.container()?;
        if container.marker.is_some() {
            return Err(self.error("an object says the type of its values"));
        }
        let mut members = HashMap::new();
        let mut read = 0;
        while container.count != Some(read) {
            while self.peek() == Some(b'N') {
                self.offset += 1;
            }
            if container.count.is_none() && self.peek() == Some(b'}') {
                self.offset += 1;
                break;
            }
            let key = self.text()?;
            let marker = self.marker()?;
            members.insert(key, self.value(marker, depth + 1)?);
            read += 1;
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_lie_and_depths_without_end_are_errors() {
        let deep = b"[".repeat(1 << 20);
        let typed = b"[$l#L\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
        let nothing = b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec();
        let counted = b"[#L\x7f\xff\xff\xff\xff\xff\xff\xffU\x01".to_vec();
        let negative = b"S\x69\xff".to_vec();
        let text = b"SL\x7f\xff\xff\xff\xff\xff\xff\xffab".to_vec();
        for bytes in [deep, typed, nothing, counted, negative, text, Vec::new()] {
            assert!(parse(&bytes).is_err());
        }
    }

    #[test]
    fn all_ways_to_write_an_array_are_the_same() {
        let expected = Value::Numbers(vec![1.0, 2.0]);
        for bytes in [
            &b"[U\x01i\x02]"[..],
            b"[#i\x02NU\x01I\x00\x02",
            b"[$l#U\x02\x00\x00\x00\x01\x00\x00\x00\x02NN",
            b"[$d#U\x02\x3f\x80\x00\x00\x40\x00\x00\x00",
        ] {
            assert_eq!(parse(bytes).unwrap(), expected);
        }
    }
}
