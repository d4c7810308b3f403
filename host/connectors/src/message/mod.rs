//! Formats of single messages: a message broker's keys and values, to columns and back.

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use crate::ConnectorError;

/// Turns messages into columns, one row a message.
#[async_trait]
pub(crate) trait MessageDecoder: Send {
    /// Appends a message's row. One that fails leaves nothing behind, so that the next can be pushed.
    fn push(&mut self, message: &[u8]) -> Pushed;

    /// Gets the schema that a message wants; the message is pushed again then.
    async fn learn(&mut self, schema: SchemaReference) -> Result<(), ConnectorError>;

    /// Rows since the last [`MessageDecoder::finish`].
    fn rows(&self) -> usize;

    /// The columns of those rows, in the order of the fields that the decoder was made for.
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError>;
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Pushed {
    Row,
    /// Left out by `ignore-parse-errors`.
    Ignored,
    /// Its schema is not known yet.
    Wants(SchemaReference),
    /// It is not what the table declares: where in it (a column, a path), and what is wrong.
    Wrong { place: Option<String>, message: String },
}

/// A schema's id in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// The columns of a table that stand in a message.
#[derive(Debug, Clone)]
pub(crate) struct MessageFields {
    pub fields: Vec<Field>,
    /// What the options of its format begin with: "", "key." or "value.".
    pub prefix: &'static str,
}
