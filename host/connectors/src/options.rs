//! Reads a table's `WITH` options, and complains about them in the user's terms.

use std::time::Duration;

use crate::error::did_you_mean;
use crate::{ConnectorError, TableDefinition};

/// The options of one table.
#[derive(Clone, Copy)]
pub(crate) struct Options<'a> {
    table: &'a TableDefinition,
    prefix: &'static str,
}

impl<'a> Options<'a> {
    pub(crate) fn new(table: &'a TableDefinition) -> Self {
        Self { table, prefix: "" }
    }

    /// Those that begin with a prefix; they are asked for without it.
    #[cfg(feature = "kafka")]
    pub(crate) fn prefixed(table: &'a TableDefinition, prefix: &'static str) -> Self {
        Self { table, prefix }
    }

    /// The table's name.
    #[cfg(feature = "kafka")]
    pub(crate) fn table(&self) -> &'a str {
        &self.table.name
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// A key as the table has it.
    pub(crate) fn spelled(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(crate) fn text(&self, key: &str) -> Option<&'a str> {
        let value = self.table.options.get(&self.spelled(key));
        value.map(String::as_str)
    }

    pub(crate) fn required(&self, key: &str, example: &str) -> Result<&'a str, ConnectorError> {
        self.text(key).ok_or_else(|| {
            let key = self.spelled(key);
            ConnectorError::job(format!(
                "table {}: option '{key}' is missing",
                self.table.name
            ))
            .with_hint(format!("for example '{key}' = '{example}'"))
        })
    }

    pub(crate) fn flag(&self, key: &str, default: bool) -> Result<bool, ConnectorError> {
        match self.text(key) {
            None => Ok(default),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some(_) => Err(self.invalid(key, "'true' or 'false'")),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Result<Option<u64>, ConnectorError> {
        self.text(key)
            .map(|value| value.trim().parse())
            .transpose()
            .map_err(|_| self.invalid(key, "a whole number"))
    }

    /// One ASCII character, written as itself or as an escape: `\t`, `\u0001`.
    pub(crate) fn character(&self, key: &str) -> Result<Option<u8>, ConnectorError> {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        match unescape(value).as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r') => Ok(Some(*byte)),
            _ => Err(self.invalid(key, "one ASCII character (or an escape such as '\\t')")),
        }
    }

    /// One of `allowed`, in any case; the answer is the allowed spelling.
    pub(crate) fn choice(
        &self,
        key: &str,
        allowed: &[&'static str],
    ) -> Result<Option<&'static str>, ConnectorError> {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        let found = allowed
            .iter()
            .find(|known| known.eq_ignore_ascii_case(value));
        found.map(|known| Some(*known)).ok_or_else(|| {
            let list = allowed.iter().map(|known| format!("'{known}'"));
            self.invalid(key, &list.collect::<Vec<_>>().join(" or "))
                .with_hint(did_you_mean(value, allowed.iter().copied()))
        })
    }

    /// A size in bytes, as Flink writes it: `128mb`, `64 kb`, `1 gibibytes`, `1024`.
    pub(crate) fn bytes(&self, key: &str) -> Result<Option<u64>, ConnectorError> {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        let (digits, unit) = split_unit(value);
        let shift = match unit.as_str() {
            "" | "b" | "bytes" => 0,
            "k" | "kb" | "kib" | "kibibytes" => 10,
            "m" | "mb" | "mib" | "mebibytes" => 20,
            "g" | "gb" | "gib" | "gibibytes" => 30,
            "t" | "tb" | "tib" | "tebibytes" => 40,
            _ => return Err(self.invalid(key, "a size such as '128mb'")),
        };
        let size = digits.parse::<u64>().ok();
        let size = size.and_then(|size| size.checked_mul(1 << shift));
        size.map(Some)
            .ok_or_else(|| self.invalid(key, "a size such as '128mb'"))
    }

    /// A duration, as Flink writes it: `30 min`, `1s`, `500 ms`.
    pub(crate) fn duration(&self, key: &str) -> Result<Option<Duration>, ConnectorError> {
        let Some(value) = self.text(key) else {
            return Ok(None);
        };
        let (digits, unit) = split_unit(value);
        let nanos: u64 = match unit.as_str() {
            "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
            "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
            "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
            "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
            "m" | "min" | "minute" | "minutes" => 60_000_000_000,
            "h" | "hour" | "hours" => 3_600_000_000_000,
            "d" | "day" | "days" => 86_400_000_000_000,
            _ => return Err(self.invalid(key, "a duration such as '30 min'")),
        };
        let length = digits.parse::<u64>().ok();
        let length = length.and_then(|length| length.checked_mul(nanos));
        length
            .map(|length| Some(Duration::from_nanos(length)))
            .ok_or_else(|| self.invalid(key, "a duration such as '30 min'"))
    }

    /// The error for an option that `cannot` be had.
    pub(crate) fn unsupported(&self, key: &str, but: &str) -> ConnectorError {
        let key = self.spelled(key);
        ConnectorError::job(format!("table {}: option '{key}' {but}", self.table.name))
    }

    /// The error for a value that is not `wanted`.
    pub(crate) fn invalid(&self, key: &str, wanted: &str) -> ConnectorError {
        let value = self.text(key).unwrap_or_default();
        let key = self.spelled(key);
        let shown: String = value
            .chars()
            .flat_map(|character| match character.is_control() {
                true => character.escape_default().collect::<Vec<_>>(),
                false => vec![character],
            })
            .collect();
        ConnectorError::job(format!(
            "table {}: option '{key}' must be {wanted}, not '{shown}'",
            self.table.name,
        ))
    }
}

fn split_unit(value: &str) -> (&str, String) {
    let value = value.trim();
    let end = value
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(value.len());
    (&value[..end], value[end..].trim().to_lowercase())
}

/// Java's escapes, as Flink reads them in an option's value.
pub(crate) fn unescape(value: &str) -> String {
    let mut result = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('\\') {
        result.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (character, taken) = match escape.bytes().next() {
            Some(b't') => ('\t', 1),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(quoted @ (b'\\' | b'"' | b'\'')) => (char::from(quoted), 1),
            Some(b'u') => match escape
                .get(1..5)
                .and_then(|code| u32::from_str_radix(code, 16).ok())
                .and_then(char::from_u32)
            {
                Some(character) => (character, 5),
                None => ('\\', 0),
            },
            _ => ('\\', 0),
        };
        result.push(character);
        rest = &escape[taken..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> TableDefinition {
        TableDefinition {
            name: "t".to_owned(),
            options: [("k".to_owned(), value.to_owned())].into(),
            ..TableDefinition::default()
        }
    }

    #[test]
    fn escapes_are_javas() {
        assert_eq!(unescape(r"\t"), "\t");
        assert_eq!(unescape(r"\u0001"), "\u{1}");
        assert_eq!(unescape(r"a\\b\"), r"a\b\");
        assert_eq!(unescape(r"\u12"), r"\u12");
        assert_eq!(unescape("|"), "|");
    }

    #[test]
    fn sizes_and_durations_are_flinks() {
        let size = |value| Options::new(&with(value)).bytes("k").ok().flatten();
        assert_eq!(size("128mb"), Some(128 << 20));
        assert_eq!(size("64 kb"), Some(64 << 10));
        assert_eq!(size("7"), Some(7));
        assert_eq!(size("x"), None);
        assert_eq!(size("99999999999 tb"), None);
        let duration = |value| Options::new(&with(value)).duration("k").ok().flatten();
        assert_eq!(duration("30 min"), Some(Duration::from_secs(1800)));
        assert_eq!(duration("5"), Some(Duration::from_millis(5)));
        assert_eq!(duration("1 fortnight"), None);
    }
}
