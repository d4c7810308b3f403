//! Formats of single messages: a message broker's keys and values, to columns and back.

pub(crate) mod avro;
pub(crate) mod raw;
#[cfg(test)]
mod tests;
mod text;

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use self::avro::{AvroDecoder, AvroEncoder, AvroFormat};
use self::raw::{RawDecoder, RawEncoder, RawOptions};
use self::text::{TextDecoder, TextEncoder, TextRows};
use crate::format::Wrong;
use crate::format::csv::{self, CsvOptions, CsvRows};
use crate::format::json::{self, JsonOptions, JsonRows};
use crate::options::Options;
use crate::{ConnectorError, SourceProgress, TableDefinition};

/// The columns of a table that stand in a message.
#[derive(Debug, Clone)]
pub(crate) struct MessageFields {
    pub fields: Vec<Field>,
    /// What the options of its format begin with: "", "key." or "value.".
    pub prefix: &'static str,
    /// What a schema registry calls the schema that a sink writes, unless the table says:
    /// `<topic>-value` or `<topic>-key`. `None` where the table must say.
    pub subject: Option<String>,
}

/// Turns messages into columns, one row a message.
#[async_trait]
pub(crate) trait MessageDecoder: Send {
    /// Appends a message's row. One that fails leaves nothing behind, so that the next can be pushed.
    fn push(&mut self, message: &[u8]) -> Pushed;

    /// Appends the row of a message that has no bytes at all, not even none (a tombstone, no key).
    fn push_absent(&mut self) -> Pushed {
        Pushed::Ignored
    }

    /// Gets the schema that a message wants; the message is pushed again then. An error of
    /// [`ConnectorError::Data`] is about the message, any other about the registry.
    async fn learn(&mut self, schema: SchemaReference) -> Result<(), ConnectorError>;

    /// Rows since the last [`MessageDecoder::finish`].
    fn rows(&self) -> usize;

    /// Whether the rows must be taken before another message is pushed.
    fn is_full(&self) -> bool;

    /// The columns of those rows: those of the fields that the decoder was made for, in their order.
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError>;
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    Row,
    /// Left out: by `ignore-parse-errors`, or because there is nothing in it.
    Ignored,
    /// Its schema is not known yet.
    Wants(SchemaReference),
    /// It is not what the table declares.
    Wrong(Wrong),
}

/// A schema's id in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SchemaReference(pub u32);

/// Turns rows into messages.
#[async_trait]
pub(crate) trait MessageEncoder: Send {
    /// Gets ready: registers its schema where the format has a registry.
    async fn begin(&mut self) -> Result<(), ConnectorError>;

    /// Appends one message for each row; the batch has the fields that the encoder was made for.
    fn encode(
        &mut self,
        batch: &RecordBatch,
        messages: &mut Messages,
    ) -> Result<(), ConnectorError>;
}

/// Messages in one buffer, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Those that have no bytes at all, not even none: a broker's null. Sorted.
    absent: Vec<usize>,
}

impl Messages {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.absent.clear();
    }

    /// The bytes behind the last message are another.
    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// The next message is one without bytes.
    pub(crate) fn end_absent(&mut self) {
        self.absent.push(self.ends.len());
        self.end();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A message, in the rows' order; `None` for one without bytes.
    pub(crate) fn get(&self, message: usize) -> Option<&[u8]> {
        let end = *self.ends.get(message)?;
        let before = message
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        let start = before.copied().unwrap_or_default();
        match self.absent.binary_search(&message) {
            Ok(_) => None,
            Err(_) => self.bytes.get(start..end),
        }
    }
}

/// A format that a table names, checked when the job is planned; makes a decoder or an encoder for
/// each partition.
#[derive(Debug, Clone)]
pub(crate) struct MessageFormat {
    fields: Arc<[Field]>,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Csv(Arc<CsvOptions>),
    Json(Arc<JsonOptions>),
    Raw(RawOptions),
    Avro(Arc<AvroFormat>),
}

impl MessageFormat {
    /// Checks a format's options and the types of the columns; touches no network.
    ///
    /// # Errors
    /// [`ConnectorError::Job`] for anything wrong in the definition.
    pub(crate) fn new(
        definition: &TableDefinition,
        format: &str,
        fields: MessageFields,
    ) -> Result<Self, ConnectorError> {
        let options = Options::prefixed(definition, fields.prefix);
        let declared: Arc<[Field]> = fields.fields.as_slice().into();
        let kind = match format {
            "csv" => {
                let csv = CsvOptions::parse(&options)?;
                csv::check(definition, &declared, &csv.rules)?;
                if csv.dialect.header {
                    let but = "is for files: a message has no header";
                    return Err(options.unsupported("csv.header", but));
                }
                Kind::Csv(Arc::new(csv))
            }
            "json" => {
                json::check(definition, &declared)?;
                Kind::Json(Arc::new(JsonOptions::parse(&options)?))
            }
            "raw" => Kind::Raw(RawOptions::parse(definition, &options, &declared)?),
            "avro" => {
                let plain = AvroFormat::plain(definition, &options, fields.fields)?;
                Kind::Avro(Arc::new(plain))
            }
            "avro-confluent" => {
                let confluent = AvroFormat::confluent(definition, &options, fields)?;
                Kind::Avro(Arc::new(confluent))
            }
            other => {
                return Err(ConnectorError::bug(format!(
                    "no messages of format {other}"
                )));
            }
        };
        Ok(Self {
            fields: declared,
            kind,
        })
    }

    /// A decoder of the fields that `wanted` holds the indices of; it is full with `batch_rows` rows.
    pub(crate) fn decoder(
        &self,
        wanted: &[usize],
        batch_rows: usize,
        progress: Arc<SourceProgress>,
    ) -> Result<Box<dyn MessageDecoder>, ConnectorError> {
        let declared = &self.fields;
        Ok(match &self.kind {
            Kind::Csv(options) => {
                let rows = CsvRows::new(options.clone(), declared.clone(), wanted, progress)?;
                Box::new(TextDecoder::new(TextRows::Csv(rows), batch_rows))
            }
            Kind::Json(options) => {
                let rows = JsonRows::new(options.clone(), declared, wanted, progress)?;
                Box::new(TextDecoder::new(TextRows::Json(rows), batch_rows))
            }
            Kind::Raw(options) => {
                let wanted = !wanted.is_empty();
                Box::new(RawDecoder::new(options.clone(), wanted, batch_rows)?)
            }
            Kind::Avro(format) => Box::new(AvroDecoder::new(format.clone(), wanted, batch_rows)?),
        })
    }

    /// An encoder of all fields.
    pub(crate) fn encoder(&self) -> Result<Box<dyn MessageEncoder>, ConnectorError> {
        Ok(match &self.kind {
            Kind::Csv(options) => Box::new(TextEncoder::csv(options)),
            Kind::Json(options) => Box::new(TextEncoder::json(options, &self.fields)),
            Kind::Raw(options) => Box::new(RawEncoder::new(options.clone())),
            Kind::Avro(format) => Box::new(AvroEncoder::new(format.clone())?),
        })
    }
}
