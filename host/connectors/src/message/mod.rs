//! Formats of single messages: a message broker's keys and values, to columns and back.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

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
    /// Left out by `ignore-parse-errors`.
    Ignored,
    /// Its schema is not known yet.
    Wants(SchemaReference),
    /// It is not what the table declares.
    Wrong(Wrong),
}

/// What is wrong with a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// Where in the message, for a person: `column price (field 2)`, `field a.b`.
    pub place: Option<String>,
    pub message: String,
    pub hint: Option<String>,
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
    fn encode(&mut self, batch: &RecordBatch, messages: &mut Messages) -> Result<(), ConnectorError>;
}

/// Messages in one buffer, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Messages {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let message = &self.bytes[start..end];
            start = end;
            message
        })
    }
}

/// A format that a table names, checked when the job is planned; makes a decoder for each partition.
#[derive(Debug, Clone)]
pub(crate) struct MessageDecoders {}

/// Checks a format's options and the types of the columns that it reads; touches no network.
///
/// # Errors
/// [`ConnectorError::Job`] for anything wrong in the definition.
pub(crate) fn decoders(
    definition: &TableDefinition,
    format: &str,
    fields: MessageFields,
) -> Result<MessageDecoders, ConnectorError> {
    todo!("{definition:?} {format} {fields:?}")
}

impl MessageDecoders {
    /// A decoder of the fields that `wanted` holds the indices of; it is full with `batch_rows` rows.
    pub(crate) fn decoder(
        &self,
        wanted: &[usize],
        batch_rows: usize,
        progress: Arc<SourceProgress>,
    ) -> Result<Box<dyn MessageDecoder>, ConnectorError> {
        todo!("{wanted:?} {batch_rows} {progress:?}")
    }
}

/// A format that a table names, checked when the job is planned; makes an encoder for each partition.
#[derive(Debug, Clone)]
pub(crate) struct MessageEncoders {}

/// Checks a format's options and the types of the columns that it writes; touches no network.
///
/// # Errors
/// [`ConnectorError::Job`] for anything wrong in the definition.
pub(crate) fn encoders(
    definition: &TableDefinition,
    format: &str,
    fields: MessageFields,
) -> Result<MessageEncoders, ConnectorError> {
    todo!("{definition:?} {format} {fields:?}")
}

impl MessageEncoders {
    pub(crate) fn encoder(&self) -> Result<Box<dyn MessageEncoder>, ConnectorError> {
        todo!()
    }
}
