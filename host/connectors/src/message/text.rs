//! Messages of the text formats: one JSON object or one CSV record each.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use super::{MessageDecoder, MessageEncoder, Messages, Pushed, SchemaReference};
use crate::ConnectorError;
use crate::format::csv::{CsvEncoder, CsvOptions, CsvRows};
use crate::format::json::{JsonEncoder, JsonOptions, JsonRows};
use crate::format::{MAX_BATCH_BYTES, Wrong};

/// Rows out of text.
pub(super) enum TextRows {
    Csv(CsvRows),
    Json(JsonRows),
}

pub(super) struct TextDecoder {
    rows: TextRows,
    bytes: usize,
    batch_rows: usize,
}

impl TextDecoder {
    pub(super) fn new(rows: TextRows, batch_rows: usize) -> Self {
        Self {
            rows,
            bytes: 0,
            batch_rows,
        }
    }
}

#[async_trait]
impl MessageDecoder for TextDecoder {
    fn push(&mut self, message: &[u8]) -> Pushed {
        let pushed: Result<bool, Wrong> = match &mut self.rows {
            TextRows::Csv(rows) => rows.push_record(message),
            TextRows::Json(rows) => rows.push(message.trim_ascii()),
        };
        match pushed {
            Ok(true) => {
                self.bytes += message.len();
                Pushed::Row
            }
            Ok(false) => Pushed::Ignored,
            Err(wrong) => Pushed::Wrong(wrong),
        }
    }

    async fn learn(&mut self, _schema: SchemaReference) -> Result<(), ConnectorError> {
        Err(ConnectorError::bug("a text format has no schemas"))
    }

    fn rows(&self) -> usize {
        match &self.rows {
            TextRows::Csv(rows) => rows.rows(),
            TextRows::Json(rows) => rows.rows(),
        }
    }

    fn is_full(&self) -> bool {
        self.rows() >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.bytes = 0;
        match &mut self.rows {
            TextRows::Csv(rows) => rows.finish(),
            TextRows::Json(rows) => rows.finish(),
        }
    }
}

pub(super) enum TextEncoder {
    Csv(Box<CsvEncoder>),
    Json(JsonEncoder),
}

impl TextEncoder {
    pub(super) fn csv(options: &CsvOptions) -> Self {
        Self::Csv(Box::new(CsvEncoder::new(options.clone())))
    }

    pub(super) fn json(options: &JsonOptions, fields: &[Field]) -> Self {
        let schema = Arc::new(Schema::new(fields.to_vec()));
        Self::Json(JsonEncoder::new(options.clone(), &schema))
    }
}

#[async_trait]
impl MessageEncoder for TextEncoder {
    async fn begin(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encode(
        &mut self,
        batch: &RecordBatch,
        messages: &mut Messages,
    ) -> Result<(), ConnectorError> {
        let Messages { bytes, ends, .. } = messages;
        let end = |bytes: &mut Vec<u8>| ends.push(bytes.len());
        match self {
            Self::Csv(encoder) => encoder.encode(batch, bytes, end),
            Self::Json(encoder) => encoder.encode(batch, bytes, end),
        }
    }
}
