//! Record batches to CSV text.

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::CsvOptions;
use crate::ConnectorError;
use crate::text::{BytesStyle, Clock, DecimalStyle, Plain, Style};

/// Encodes batches of one schema.
#[derive(Debug)]
pub(crate) struct CsvEncoder {
    options: CsvOptions,
    style: Style,
    /// For each byte, whether a field that holds it must be quoted.
    special: [bool; 256],
    scratch: Vec<u8>,
}

enum Cell<'a> {
    Plain(Plain<'a>),
    List(&'a ListArray, ArrayRef),
}

impl CsvEncoder {
    pub(crate) fn new(options: CsvOptions) -> Self {
        let mut special = [false; 256];
        let dialect = &options.dialect;
        let others = [Some(dialect.delimiter), dialect.quote, dialect.escape];
        for byte in others.into_iter().flatten().chain([b'\n', b'\r']) {
            special[usize::from(byte)] = true;
        }
        Self {
            style: Style {
                timestamp: Clock::Sql,
                instant: Clock::Sql,
                time: Clock::Sql,
                decimal: match options.scientific {
                    true => DecimalStyle::Scientific,
                    false => DecimalStyle::Plain,
                },
                bytes: BytesStyle::Base64,
            },
            options,
            special,
            scratch: Vec::new(),
        }
    }

    /// The line that a file begins with, if files have one.
    pub(crate) fn header(&mut self, schema: &SchemaRef, out: &mut Vec<u8>) {
        if !self.options.dialect.header {
            return;
        }
        for (at, field) in schema.fields().iter().enumerate() {
            if at > 0 {
                out.push(self.options.dialect.delimiter);
            }
            self.quoted(field.name().as_bytes(), false, out);
        }
        out.push(b'\n');
    }

    /// Appends one record for each row; `end` comes behind each.
    pub(crate) fn encode(
        &mut self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end: impl FnMut(&mut Vec<u8>),
    ) -> Result<(), ConnectorError> {
        let cells = batch.columns().iter().map(cell);
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        let nulls: Vec<_> = batch.columns().iter().map(|array| array.nulls()).collect();
        let delimiter = self.options.dialect.delimiter;
        let null = self.options.rules.null_literal.clone().unwrap_or_default();
        for row in 0..batch.num_rows() {
            for (at, (cell, nulls)) in cells.iter().zip(&nulls).enumerate() {
                if at > 0 {
                    out.push(delimiter);
                }
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    match null.is_empty() {
                        // An empty line would be no row.
                        true if cells.len() == 1 => self.quoted(b"", true, out),
                        _ => out.extend_from_slice(&null),
                    }
                    continue;
                }
                match cell {
                    Cell::Plain(plain) if !plain.is_free_text() => {
                        plain.write(row, &self.style, out);
                    }
                    Cell::Plain(plain) => {
                        let mut text = std::mem::take(&mut self.scratch);
                        text.clear();
                        plain.write(row, &self.style, &mut text);
                        self.quoted(&text, cells.len() == 1, out);
                        self.scratch = text;
                    }
                    Cell::List(list, items) => {
                        let mut text = std::mem::take(&mut self.scratch);
                        text.clear();
                        self.items(list, items, row, &mut text)?;
                        self.quoted(&text, cells.len() == 1, out);
                        self.scratch = text;
                    }
                }
            }
            end(out);
        }
        Ok(())
    }

    fn items(
        &self,
        list: &ListArray,
        items: &ArrayRef,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectorError> {
        let plain = Plain::of(items).ok_or_else(|| unwritable(items))?;
        let offsets = list.value_offsets();
        let range = offsets[row] as usize..offsets[row + 1] as usize;
        for (at, item) in range.enumerate() {
            if at > 0 {
                out.extend_from_slice(&self.options.rules.item_delimiter);
            }
            match items.is_null(item) {
                true => {
                    let null = self.options.rules.null_literal.as_deref();
                    out.extend_from_slice(null.unwrap_or_default());
                }
                false => plain.write(item, &self.style, out),
            }
        }
        Ok(())
    }

    /// Appends a field, quoted only where it must be.
    fn quoted(&self, text: &[u8], is_alone: bool, out: &mut Vec<u8>) {
        let dialect = &self.options.dialect;
        let needed = text.iter().any(|byte| self.special[usize::from(*byte)])
            || (dialect.trim
                && matches!(
                    (text.first(), text.last()),
                    (Some(b' ' | b'\t'), _) | (_, Some(b' ' | b'\t'))
                ))
            || (dialect.comments && text.first() == Some(&b'#'))
            || (is_alone && text.is_empty());
        if !needed {
            out.extend_from_slice(text);
            return;
        }
        if let Some(quote) = dialect.quote {
            out.push(quote);
        }
        for &byte in text {
            if Some(byte) == dialect.escape {
                out.push(byte);
            } else if Some(byte) == dialect.quote {
                out.push(dialect.escape.unwrap_or(byte));
            } else if dialect.quote.is_none()
                && self.special[usize::from(byte)]
                && let Some(escape) = dialect.escape
            {
                out.push(escape);
            }
            out.push(byte);
        }
        if let Some(quote) = dialect.quote {
            out.push(quote);
        }
    }
}

fn cell(array: &ArrayRef) -> Result<Cell<'_>, ConnectorError> {
    if let Some(plain) = Plain::of(array) {
        return Ok(Cell::Plain(plain));
    }
    let list = array
        .as_list_opt::<i32>()
        .ok_or_else(|| unwritable(array))?;
    Ok(Cell::List(list, list.values().clone()))
}

fn unwritable(array: &ArrayRef) -> ConnectorError {
    ConnectorError::bug(format!("no CSV for {}", array.data_type()))
}
