//! Avro messages to columns.
//!
//! Invariant: the rows so far are never spoiled. arrow-avro leaves half a row behind where a message
//! is wrong, and finds some mistakes (text that is not UTF-8) only when a batch is taken. So a message
//! is first gone through, and given to arrow-avro only if nothing is wrong with it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat;
use arrow::datatypes::Field;
use arrow_avro::reader::Decoder;
use async_trait::async_trait;
use serde_json::Value;

use super::conform::{self, Mismatch};
use super::shape::Shape;
use super::{AvroFormat, ID, reader, schema};
use crate::ConnectorError;
use crate::format::{MAX_BATCH_BYTES, Wrong};
use crate::message::{MessageDecoder, Pushed, SchemaReference};

/// What a message begins with where there is a registry: a zero, and the schema's id.
const PREFIX: usize = 5;

pub(crate) struct AvroDecoder {
    format: Arc<AvroFormat>,
    wanted: Vec<Field>,
    /// Of each schema that was met.
    readers: HashMap<u32, SchemaReader>,
    /// Whose rows are not among the finished columns yet.
    current: Option<u32>,
    /// What happened to rows that cannot be taken any more.
    broken: Option<ConnectorError>,
    /// Columns of rows that were taken when another schema came.
    finished: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

impl AvroDecoder {
    pub(crate) fn new(
        format: Arc<AvroFormat>,
        wanted: &[usize],
        batch_rows: usize,
    ) -> Result<Self, ConnectorError> {
        let wanted = wanted.iter().map(|&index| format.fields[index].clone());
        let wanted: Vec<_> = wanted.collect();
        let mut readers = HashMap::new();
        if format.registry.is_none() {
            let reader = SchemaReader::parse(&format.schema, &wanted, batch_rows);
            readers.insert(ID, reader.map_err(ConnectorError::bug)?);
        }
        Ok(Self {
            format,
            wanted,
            readers,
            current: None,
            broken: None,
            finished: Vec::new(),
            rows: 0,
            bytes: 0,
            batch_rows,
        })
    }

    /// A message's schema and body.
    fn open<'a>(&self, message: &'a [u8]) -> Result<(u32, &'a [u8]), Wrong> {
        if self.format.registry.is_none() {
            return Ok((ID, message));
        }
        match message.split_first_chunk::<PREFIX>() {
            Some(([0, id @ ..], body)) => Ok((u32::from_be_bytes(*id), body)),
            _ => Err(
                Wrong::new("it does not begin with the id of a schema").with_hint(
                    "the format 'avro' reads messages that were written without a schema registry",
                ),
            ),
        }
    }

    /// Takes the rows of the current schema.
    fn take(&mut self) -> Result<(), ConnectorError> {
        let current = self.current.take();
        if let Some(reader) = current.and_then(|id| self.readers.get_mut(&id)) {
            self.finished.push(reader.take(&self.wanted)?);
        }
        Ok(())
    }

    fn push_row(&mut self, id: u32, body: &[u8]) -> Result<Result<(), Wrong>, ConnectorError> {
        if self.current.is_some_and(|current| current != id) {
            self.take()?;
        }
        let Some(reader) = self.readers.get_mut(&id) else {
            return Err(ConnectorError::bug("a schema is not there"));
        };
        if let Err(wrong) = reader.go_through(body) {
            return Ok(Err(wrong));
        }
        self.current = Some(id);
        reader.push(body).map(Ok)
    }
}

#[async_trait]
impl MessageDecoder for AvroDecoder {
    fn push(&mut self, message: &[u8]) -> Pushed {
        let (id, body) = match self.open(message) {
            Ok(opened) => opened,
            Err(wrong) => return Pushed::Wrong(wrong),
        };
        if !self.readers.contains_key(&id) {
            return Pushed::Wants(SchemaReference(id));
        }
        match self.push_row(id, body) {
            Ok(Ok(())) => {
                self.rows += 1;
                self.bytes += message.len();
                Pushed::Row
            }
            Ok(Err(wrong)) => Pushed::Wrong(wrong),
            Err(error) => {
                let wrong = Wrong::new(error.to_string());
                self.broken = Some(error);
                Pushed::Wrong(wrong)
            }
        }
    }

    async fn learn(&mut self, schema: SchemaReference) -> Result<(), ConnectorError> {
        let Some(registry) = &self.format.registry else {
            return Err(ConnectorError::bug("the format avro has no registry"));
        };
        let text = registry.schema(schema.0).await?;
        let reader = SchemaReader::parse(&text, &self.wanted, self.batch_rows);
        let reader = reader.map_err(|reason| {
            let shown = registry.shown();
            ConnectorError::data(format!("schema {} of {shown}: {reason}", schema.0))
        })?;
        self.readers.insert(schema.0, reader);
        Ok(())
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.broken.take().map_or(Ok(()), Err)?;
        self.take()?;
        self.rows = 0;
        self.bytes = 0;
        let finished = std::mem::take(&mut self.finished);
        let columns = self.wanted.iter().enumerate().map(|(at, field)| {
            let parts: Vec<_> = finished.iter().map(|part| part[at].as_ref()).collect();
            match parts.as_slice() {
                [] => Ok(arrow::array::new_empty_array(field.data_type())),
                [_] => Ok(finished[0][at].clone()),
                parts => concat(parts)
                    .map_err(|error| ConnectorError::unexpected("joining columns", error)),
            }
        });
        columns.collect()
    }
}

/// Reads messages of one schema.
pub(super) struct SchemaReader {
    rows: Decoder,
    shape: Shape,
}

impl SchemaReader {
    /// # Errors
    /// Why the columns cannot be read out of what this schema writes.
    pub(super) fn parse(text: &str, wanted: &[Field], batch_rows: usize) -> Result<Self, String> {
        let parsed: Value =
            serde_json::from_str(text).map_err(|error| format!("it is no Avro schema: {error}"))?;
        let written = schema::expand(&parsed)?;
        if written["type"] != "record" {
            return Err("it is no record, so it has no columns".to_owned());
        }
        let read = schema::project(&written, wanted.iter());
        let rows = reader(&written, Some(&read), batch_rows)?;
        for field in wanted {
            let schema = rows.schema();
            let found = schema.column_with_name(field.name());
            conform::check(found.map(|(_, found)| found.data_type()), field)
                .map_err(|mismatch| format!("field {}: {}", mismatch.path, mismatch.message))?;
        }
        let shape = Shape::record(&written, wanted);
        Ok(Self {
            shape: shape.ok_or("it is no Avro schema")?,
            rows,
        })
    }

    /// Whether a message's body is a row.
    fn go_through(&self, body: &[u8]) -> Result<(), Wrong> {
        if body.is_empty() {
            return Err(Wrong::new("there is no record in it"));
        }
        let mut rest = body;
        self.shape.read(&mut rest).map_err(|mismatch| {
            Wrong::new(mismatch.message).at(format!("field {}", mismatch.path))
        })?;
        match rest.is_empty() {
            true => Ok(()),
            false => Err(Wrong::new(
                "there is more in it than the record of its schema",
            )),
        }
    }

    /// Appends the row of a body that was gone through.
    fn push(&mut self, body: &[u8]) -> Result<(), ConnectorError> {
        let mut prefix = [0; PREFIX];
        prefix[1..].copy_from_slice(&ID.to_be_bytes());
        let before = self.rows.capacity();
        let read = self.rows.decode(&prefix);
        let read = read.and_then(|_| self.rows.decode(body));
        match read {
            Ok(read) if before == self.rows.capacity() + 1 && read == body.len() => Ok(()),
            Ok(_) => Err(ConnectorError::bug("an Avro message is no row")),
            Err(error) => Err(ConnectorError::unexpected("decoding Avro", error)),
        }
    }

    fn take(&mut self, wanted: &[Field]) -> Result<Vec<ArrayRef>, ConnectorError> {
        let bug = |reason: String| ConnectorError::bug(format!("taking Avro rows: {reason}"));
        let batch = self.rows.flush().map_err(|error| bug(error.to_string()))?;
        let batch = batch.ok_or_else(|| bug("there are none".to_owned()))?;
        columns(&batch, wanted).map_err(|mismatch| bug(mismatch.message))
    }
}

/// The wanted columns of a batch of a schema's own types.
fn columns(batch: &RecordBatch, wanted: &[Field]) -> Result<Vec<ArrayRef>, Mismatch> {
    let columns = wanted.iter().map(|field| {
        let found = batch.column_by_name(field.name());
        conform::conform(found, field, batch.num_rows(), None)
    });
    columns.collect()
}
