//! Reads CSV files: their headers, and chunks of their records.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use memchr::{memchr, memrchr};

use super::chunks::{Chunk, Records};
use super::location::InputFile;
use super::text_source::{Decoder, text_record};
use crate::dead_letter::Letters;
use crate::error::did_you_mean;
use crate::format::MAX_BATCH_BYTES;
use crate::format::csv::{CsvOptions, CsvRows, Dialect, Text};
use crate::{ConnectorError, SourceProgress};

/// Decodes the chunks of one partition.
pub(crate) struct CsvDecoder {
    options: Arc<CsvOptions>,
    rows: CsvRows,
    /// The file that the rows are arranged for.
    current: Option<Arc<InputFile>>,
    /// Whether the current chunk needs no more than splitting.
    plain: bool,
    bytes: usize,
    batch_rows: usize,
}

impl CsvDecoder {
    /// `wanted` holds indices into the declared columns.
    pub(crate) fn new(
        options: Arc<CsvOptions>,
        declared: Arc<[Field]>,
        wanted: &[usize],
        batch_rows: usize,
        progress: Arc<SourceProgress>,
    ) -> Result<Self, ConnectorError> {
        Ok(Self {
            rows: CsvRows::new(options.clone(), declared, wanted, progress)?,
            options,
            current: None,
            plain: false,
            bytes: 0,
            batch_rows,
        })
    }
}

impl CsvDecoder {
    /// Decodes record after record up to `end`; those that are no rows become letters.
    fn decode_singly(
        &mut self,
        chunk: &mut Chunk,
        end: usize,
        letters: &mut Letters,
    ) -> Result<(), ConnectorError> {
        let text = Text {
            padded: &chunk.data,
            length: chunk.length,
        };
        while chunk.position < end {
            let pushed = self
                .rows
                .push_block(text, &mut chunk.position, self.plain, 1);
            let Err(bad) = pushed else {
                continue;
            };
            let line = chunk.lines.number(text.bytes(), bad.start);
            let wrong = self.rows.explain(&bad, text, line == 1);
            let error = wrong.into_error(format_args!("{}, line {line}", chunk.file.shown));
            if bad.is_open() {
                return Err(error);
            }
            let behind = self.options.dialect.record_end(text.bytes(), bad.start);
            let behind = behind.unwrap_or(text.length);
            letters.put(error, || {
                text_record(&chunk.file, line, &text.bytes()[bad.start..behind])
            })?;
            self.rows.take_back();
            chunk.position = behind;
        }
        Ok(())
    }
}

impl Decoder for CsvDecoder {
    fn enter(&mut self, chunk: &Chunk) -> Result<(), ConnectorError> {
        let known = self.current.as_ref();
        if !known.is_some_and(|file| Arc::ptr_eq(file, &chunk.file)) {
            self.current = Some(chunk.file.clone());
            if let Some(header) = &chunk.header {
                let place = |field: &Field| place(field, header, &chunk.file);
                self.rows.arrange(header.len(), place)?;
            }
        }
        let text = &chunk.data[chunk.position..chunk.length];
        self.plain = self.options.dialect.is_plain(text);
        Ok(())
    }

    fn decode(&mut self, chunk: &mut Chunk, letters: &mut Letters) -> Result<(), ConnectorError> {
        while !self.is_full() && !letters.is_full() && chunk.position < chunk.length {
            let from = chunk.position;
            let text = Text {
                padded: &chunk.data,
                length: chunk.length,
            };
            let max_rows = self.batch_rows - self.rows.rows();
            let pushed = self
                .rows
                .push_block(text, &mut chunk.position, self.plain, max_rows);
            if let Err(bad) = pushed {
                let end = chunk.position.max(bad.start + 1);
                self.rows.take_back();
                chunk.position = from;
                self.decode_singly(chunk, end, letters)?;
            }
            self.bytes += chunk.position - from;
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

/// The index of a declared column in a file's header.
pub(crate) fn place(
    field: &Field,
    header: &[String],
    file: &InputFile,
) -> Result<usize, ConnectorError> {
    let found = header.iter().position(|name| name == field.name());
    found.ok_or_else(|| {
        let hint = did_you_mean(field.name(), header.iter().map(String::as_str))
            .unwrap_or_else(|| format!("the header names {}", header.join(", ")));
        ConnectorError::data(format!(
            "{}, line 1: the header has no column {}",
            file.shown,
            field.name()
        ))
        .with_hint(hint)
    })
}

impl Records for Dialect {
    fn last_end(&self, text: &[u8]) -> Option<usize> {
        let absent = |byte| memchr(byte, text).is_none();
        if self.quote.is_none_or(absent) && self.escape.is_none_or(absent) {
            return memrchr(b'\n', text).map(|at| at + 1);
        }
        let mut end = 0;
        while let Some(next) = self.record_end(text, end) {
            end = next;
        }
        (end > 0).then_some(end)
    }

    fn header(&self, text: &[u8]) -> Result<Option<(Vec<String>, usize)>, String> {
        if !self.header {
            return Ok(None);
        }
        let mut start = 0;
        while start < text.len() {
            let end = self.record_end(text, start).unwrap_or(text.len());
            let line = &text[start..end];
            if !self.is_comment(line) && !matches!(line, b"\n" | b"\r\n") {
                let mut names = Vec::new();
                let mut at = start;
                loop {
                    let mut name = Vec::new();
                    at = self
                        .read_field(&text[..end], at, &mut name)
                        .map_err(|malformed| format!("the header: {}", malformed.message()))?;
                    let name = String::from_utf8(name)
                        .map_err(|_| "the header is not UTF-8 text".to_owned())?;
                    names.push(name.trim().to_owned());
                    if at >= end || text[at] == b'\n' {
                        return Ok(Some((names, end)));
                    }
                    at += 1;
                }
            }
            start = end;
        }
        Ok(Some((Vec::new(), text.len())))
    }
}
