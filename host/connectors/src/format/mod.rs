//! Every format with its options, and how the text formats turn records into columns and back.

pub(crate) mod column;
pub(crate) mod csv;
pub(crate) mod json;

use std::fmt::Display;

use crate::error::did_you_mean;
#[cfg(feature = "kafka")]
use crate::message;
use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::{ConnectorError, TableDefinition, filesystem};

/// Text or messages that a batch takes at most (more or less one of them), however few its rows are:
/// offsets into an Arrow string column are 32 bits wide.
pub(crate) const MAX_BATCH_BYTES: usize = 64 << 20;

/// What a format is called and takes in `WITH`.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    pub name: &'static str,
    pub options: &'static [ConnectorOption],
}

pub(crate) static FORMATS: &[Format] = &[
    csv::FORMAT,
    json::FORMAT,
    filesystem::parquet::FORMAT,
    #[cfg(feature = "kafka")]
    message::raw::FORMAT,
    #[cfg(feature = "kafka")]
    message::avro::PLAIN,
    #[cfg(feature = "kafka")]
    message::avro::CONFLUENT,
];

/// Every format.
pub fn formats() -> &'static [Format] {
    FORMATS
}

/// A format as a table has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacedFormat {
    pub(crate) format: &'static Format,
    /// What its options begin with: "", "value." or "key.".
    pub(crate) prefix: &'static str,
}

/// The formats that a table names, where its connector takes one: `format` or `value.format`, and
/// `key.format` besides, if the connector has these options.
pub(crate) fn checked(
    definition: &TableDefinition,
    connector: &Connector,
) -> Result<Vec<PlacedFormat>, ConnectorError> {
    let Some(example) = connector.formats.first() else {
        return Ok(Vec::new());
    };
    let options = Options::new(definition);
    let mut placed = Vec::new();
    for (key, prefix) in [
        ("format", ""),
        ("value.format", "value."),
        ("key.format", "key."),
    ] {
        let takes = connector.options.iter().any(|option| option.key == key);
        if let Some(name) = options.text(key).filter(|_| takes) {
            let format = named(definition, connector, name)?;
            placed.push(PlacedFormat { format, prefix });
        }
    }
    match placed
        .iter()
        .filter(|placed| placed.prefix != "key.")
        .count()
    {
        0 => options.required("format", example).map(|_| placed),
        1 => Ok(placed),
        _ => Err(options.unsupported(
            "format",
            "and 'value.format' are one: leave one of them out",
        )),
    }
}

fn named(
    definition: &TableDefinition,
    connector: &Connector,
    name: &str,
) -> Result<&'static Format, ConnectorError> {
    let mut formats = FORMATS.iter();
    let found = formats.find(|format| format.name == name && connector.formats.contains(&name));
    found.ok_or_else(|| {
        let hint = did_you_mean(name, connector.formats.iter().copied())
            .unwrap_or_else(|| format!("known formats: {}", connector.formats.join(", ")));
        ConnectorError::job(format!(
            "table {}: the connector '{}' has no format '{name}'",
            definition.name, connector.name
        ))
        .with_hint(hint)
    })
}

/// What is wrong with a record: it is not what the table declares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where in the record, for a person: `column price (field 2)`, `field a.b`.
    pub(crate) place: Option<String>,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Wrong {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error of a record that comes from `whence`: `data.csv, line 3`.
    pub(crate) fn into_error(self, whence: impl Display) -> ConnectorError {
        let message = self.message;
        ConnectorError::data(match self.place {
            Some(place) => format!("{whence}, {place}: {message}"),
            None => format!("{whence}: {message}"),
        })
        .with_hint(self.hint)
    }
}

/// The beginning of a value, for a message.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const LENGTH: usize = 60;
    let shown = String::from_utf8_lossy(&text[..text.len().min(4 * LENGTH)]);
    let mut shown: String = shown
        .chars()
        .take(LENGTH)
        .flat_map(char::escape_debug)
        .collect();
    // Quotes need no escape in a message.
    shown = shown.replace("\\'", "'").replace("\\\"", "\"");
    if text.len() > shown.len() + 4 {
        shown.push('…');
    }
    shown
}
