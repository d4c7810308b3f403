//! Reads files of JSON objects, one a line.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;

use super::chunks::{Chunk, Records};
use super::text_source::{Decoder, text_record};
use crate::dead_letter::Letters;
use crate::format::MAX_BATCH_BYTES;
use crate::format::json::{JsonOptions, JsonRows};
use crate::{ConnectorError, SourceProgress};

/// Decodes the chunks of one partition.
pub(crate) struct JsonDecoder {
    rows: JsonRows,
    bytes: usize,
    batch_rows: usize,
}

impl JsonDecoder {
    /// `wanted` holds indices into the declared columns.
    pub(crate) fn new(
        options: Arc<JsonOptions>,
        declared: &[Field],
        wanted: &[usize],
        batch_rows: usize,
        progress: Arc<SourceProgress>,
    ) -> Result<Self, ConnectorError> {
        Ok(Self {
            rows: JsonRows::new(options, declared, wanted, progress)?,
            bytes: 0,
            batch_rows,
        })
    }
}

impl Decoder for JsonDecoder {
    fn enter(&mut self, _chunk: &Chunk) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn decode(&mut self, chunk: &mut Chunk, letters: &mut Letters) -> Result<(), ConnectorError> {
        while !self.is_full() && !letters.is_full() && chunk.position < chunk.length {
            let start = chunk.position;
            let text = &chunk.data[start..chunk.length];
            let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
            let line = text[..end].trim_ascii();
            if !line.is_empty()
                && let Err(wrong) = self.rows.push(line)
            {
                let number = chunk.lines.number(&chunk.data, start);
                let error = wrong.into_error(format_args!("{}, line {number}", chunk.file.shown));
                letters.put(error, || text_record(&chunk.file, number, &text[..end]))?;
            }
            chunk.position = start + end + 1;
            self.bytes += end + 1;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows.rows() >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    fn rows(&self) -> usize {
        self.rows.rows()
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.bytes = 0;
        self.rows.finish()
    }
}

/// A record is a line.
pub(crate) struct JsonLines;

impl Records for JsonLines {
    fn last_end(&self, text: &[u8]) -> Option<usize> {
        memchr::memrchr(b'\n', text).map(|at| at + 1)
    }

    fn header(&self, _text: &[u8]) -> Result<Option<(Vec<String>, usize)>, String> {
        Ok(None)
    }
}
