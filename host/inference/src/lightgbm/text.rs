//! The lines and numbers of a LightGBM text model.

use std::collections::HashMap;
use std::str::FromStr;

use crate::forest::FormatError;

/// A position in the file: a cursor over lines.
#[derive(Debug, Clone)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    offset: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            offset: 0,
            number: 0,
        }
    }

    /// The next line without its end; its number is then [`Self::number`].
    pub fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = self
            .bytes
            .get(self.offset..)
            .filter(|rest| !rest.is_empty())?;
        let length = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(rest.len());
        self.offset += length + 1;
        self.number += 1;
        let line = &rest[..length];
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    pub fn peek_line(&self) -> Option<&'a [u8]> {
        self.clone().next_line()
    }

    /// The number of the line that [`Self::next_line`] gave last, counted from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// How many bytes have been read, the last line's end included even where the file lacks it.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// `key=value` lines, by key.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    values: HashMap<&'a [u8], (usize, &'a [u8])>,
}

impl<'a> Fields<'a> {
    pub fn insert(&mut self, number: usize, line: &'a [u8]) {
        let (key, value) = match line.iter().position(|byte| *byte == b'=') {
            Some(equals) => (&line[..equals], &line[equals + 1..]),
            None => (line, &line[line.len()..]),
        };
        self.values.insert(key, (number, value));
    }

    pub fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key.as_bytes())
    }

    fn get(&self, key: &str) -> Result<(usize, &'a [u8]), FormatError> {
        let found = self.values.get(key.as_bytes()).copied();
        found.ok_or_else(|| FormatError::new(format!("the line '{key}=…' is missing")))
    }

    /// The value as text; bytes that are not UTF-8 are refused.
    pub fn text(&self, key: &str) -> Result<&'a str, FormatError> {
        let (number, value) = self.get(key)?;
        std::str::from_utf8(value)
            .map(str::trim)
            .map_err(|_| FormatError::at(number, format!("'{key}' is not text")))
    }

    /// How many words the value has.
    pub fn count(&self, key: &str) -> Result<usize, FormatError> {
        Ok(words(self.get(key)?.1).count())
    }

    pub fn number<T: FromStr>(&self, key: &str) -> Result<T, FormatError> {
        let (number, value) = self.get(key)?;
        parse(value).ok_or_else(|| not_a_number(number, key, value))
    }

    /// Exactly `count` numbers. Nothing is allocated beyond what the line holds.
    pub fn numbers<T: FromStr>(&self, key: &str, count: usize) -> Result<Vec<T>, FormatError> {
        let numbers = self.all_numbers(key)?;
        if numbers.len() != count {
            let message = format!("'{key}' has {} values instead of {count}", numbers.len());
            return Err(FormatError::at(self.get(key)?.0, message));
        }
        Ok(numbers)
    }

    pub fn all_numbers<T: FromStr>(&self, key: &str) -> Result<Vec<T>, FormatError> {
        let (number, value) = self.get(key)?;
        words(value)
            .map(|word| parse(word).ok_or_else(|| not_a_number(number, key, word)))
            .collect()
    }

    /// The same error, at the line of a key.
    pub fn blame(&self, key: &str, error: FormatError) -> FormatError {
        let line = self.values.get(key.as_bytes()).map(|(number, _)| *number);
        FormatError { line, ..error }
    }
}

fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
}

fn parse<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.trim().parse().ok()
}

fn not_a_number(line: usize, key: &str, word: &[u8]) -> FormatError {
    let shown: String = String::from_utf8_lossy(word).chars().take(40).collect();
    FormatError::at(
        line,
        format!(
            "'{key}' holds '{}', which is not a number of its kind",
            shown.escape_debug()
        ),
    )
}
