//! Records that are not what their table declares, on their way to a dead-letter table.

use std::mem::{size_of, take};
use std::sync::Arc;

use crate::options::Options;
use crate::registry::ConnectorOption;
use crate::{ConnectorError, TableDefinition};

/// Bytes of letters that a reader holds at most (more or less a block of records).
const MAX_BYTES: usize = 8 << 20;

pub(crate) const ON_ERROR: ConnectorOption = ConnectorOption::new(
    "on-error",
    Some("fail"),
    "fail or dead-letter: what becomes of a record that cannot be read (not an option of Flink's)",
);

pub(crate) const TABLE: ConnectorOption = ConnectorOption::new(
    "dead-letter.table",
    None,
    "on-error = dead-letter: the table that takes such records; else the one that SET 'dead-letter.table' names",
);

/// A record that is not what its table declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The table that it was read for.
    pub source: Arc<str>,
    pub place: Place,
    /// Of a message; `None` if it has none.
    pub key: Option<Vec<u8>>,
    /// A message's value (`None` if it has none), or the text of a file's record without its line end.
    pub raw: Option<Vec<u8>>,
    /// What would have failed the job.
    pub error: String,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Message {
        topic: String,
        partition: i32,
        offset: i64,
        /// Milliseconds since 1970.
        timestamp: Option<i64>,
    },
    Line {
        /// The whole path, or the URL.
        path: String,
        /// Of the record's beginning, from 1.
        line: u64,
    },
}

impl DeadLetter {
    /// Bytes of memory, more or less.
    pub fn size(&self) -> usize {
        let length = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        size_of::<Self>() + length(&self.key) + length(&self.raw) + self.error.len()
    }
}

/// What becomes of records that are not what their table declares.
#[derive(Debug, Clone)]
pub(crate) enum OnError {
    Fail,
    /// They are letters of this table.
    DeadLetter(Arc<str>),
}

impl OnError {
    /// What a table asks for.
    ///
    /// # Errors
    /// [`ConnectorError::Job`] if its options exclude each other.
    pub(crate) fn of(definition: &TableDefinition) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        match options.choice("on-error", &["fail", "dead-letter"])? {
            Some("dead-letter") => {}
            None if options.text("dead-letter.table").is_some() => {
                return Err(options
                    .unsupported("dead-letter.table", "is of no use: errors fail the job")
                    .with_hint("add 'on-error' = 'dead-letter'".to_owned()));
            }
            _ => return Ok(OnError::Fail),
        }
        let mut ignoring = definition.options.iter().filter(|(key, value)| {
            key.ends_with(".ignore-parse-errors") && value.eq_ignore_ascii_case("true")
        });
        if let Some((key, _)) = ignoring.next() {
            let but = format!("and '{key}' exclude each other: what is ignored is no error");
            return Err(options.unsupported("on-error", &but).with_hint(format!(
                "leave out '{key}' to get such records into the dead-letter table"
            )));
        }
        Ok(OnError::DeadLetter(definition.name.as_str().into()))
    }

    pub(crate) fn is_dead_letter(&self) -> bool {
        matches!(self, OnError::DeadLetter(_))
    }
}

/// A record and where it stands.
pub(crate) struct Record {
    pub(crate) place: Place,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) raw: Option<Vec<u8>>,
}

/// The letters that a reader holds until it gives them with its next rows.
pub(crate) struct Letters {
    on_error: OnError,
    max_rows: usize,
    held: Vec<DeadLetter>,
    bytes: usize,
}

impl Letters {
    /// Full with `max_rows` letters.
    pub(crate) fn new(on_error: OnError, max_rows: usize) -> Self {
        Letters {
            on_error,
            max_rows,
            held: Vec::new(),
            bytes: 0,
        }
    }

    /// Makes a letter of a record because of its error.
    ///
    /// # Errors
    /// The same error, where it is to fail the job or is not about the record.
    pub(crate) fn put(
        &mut self,
        error: ConnectorError,
        record: impl FnOnce() -> Record,
    ) -> Result<(), ConnectorError> {
        let (OnError::DeadLetter(source), ConnectorError::Data { message, .. }) =
            (&self.on_error, &error)
        else {
            return Err(error);
        };
        let Record { place, key, raw } = record();
        let letter = DeadLetter {
            source: source.clone(),
            place,
            key,
            raw,
            error: message.clone(),
        };
        self.bytes += letter.size();
        self.held.push(letter);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether they must be taken before another record is read.
    pub(crate) fn is_full(&self) -> bool {
        self.held.len() >= self.max_rows || self.bytes >= MAX_BYTES
    }

    pub(crate) fn take(&mut self) -> Vec<DeadLetter> {
        self.bytes = 0;
        take(&mut self.held)
    }
}
