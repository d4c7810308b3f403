//! CSV text to record batches.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};

use super::CsvOptions;
use super::dialect::Malformed;
use super::tokenizer::{Block, Problem};
use crate::error::did_you_mean;
use crate::filesystem::chunks::Chunk;
use crate::filesystem::column::{Column, Fields, Reason, Refused, column};
use crate::filesystem::location::InputFile;
use crate::filesystem::text_source::{Decoder, MAX_BATCH_BYTES, TextColumns, excerpt};
use crate::text::{a_type, type_name};
use crate::{ConnectorError, SourceProgress};

/// Rows that are split before their columns are parsed: few enough to stay in the cache.
const BLOCK_ROWS: usize = 512;
/// Fields of a block, where rows are very wide: a header may name any number of columns.
const BLOCK_FIELDS: usize = 1 << 16;

/// Decodes the chunks of one partition.
pub(crate) struct CsvDecoder {
    options: Arc<CsvOptions>,
    /// All columns that come out of the text, in declared order.
    declared: Arc<TextColumns>,
    /// Those that are wanted.
    outputs: Vec<Output>,
    /// Fields a record of the current file has.
    width: usize,
    /// The file that `width` and the outputs' places belong to.
    current: Option<Arc<InputFile>>,
    /// Whether the current chunk needs no more than splitting.
    plain: bool,
    block: Block,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
    progress: Arc<SourceProgress>,
}

struct Output {
    /// Index into the declared columns.
    declared: usize,
    /// Index of the field in a record.
    place: usize,
    column: Box<dyn Column>,
}

impl CsvDecoder {
    /// `wanted` holds indices into the declared columns.
    pub(crate) fn new(
        options: Arc<CsvOptions>,
        declared: Arc<TextColumns>,
        wanted: &[usize],
        batch_rows: usize,
        progress: Arc<SourceProgress>,
    ) -> Result<Self, ConnectorError> {
        let outputs = wanted.iter().map(|&index| {
            let field = &declared.fields[index];
            let column = column(field, &options.rules)
                .ok_or_else(|| ConnectorError::bug(format!("no reader for {}", field.name())))?;
            Ok(Output {
                declared: index,
                place: index,
                column,
            })
        });
        Ok(Self {
            outputs: outputs.collect::<Result<_, ConnectorError>>()?,
            width: declared.fields.len(),
            options,
            declared,
            current: None,
            plain: false,
            block: Block::default(),
            rows: 0,
            bytes: 0,
            batch_rows,
            progress,
        })
    }

    /// Finds the columns in a file's header.
    fn enter(&mut self, chunk: &Chunk) -> Result<(), ConnectorError> {
        self.current = Some(chunk.file.clone());
        let Some(header) = &chunk.header else {
            return Ok(());
        };
        self.width = header.len();
        for output in &mut self.outputs {
            output.place = place(&self.declared.fields[output.declared], header, &chunk.file)?;
        }
        Ok(())
    }

    fn explain(&self, problem: &Problem, start: usize, chunk: &Chunk) -> ConnectorError {
        let line = chunk.line(start);
        let shown = &chunk.file.shown;
        let expected = self.width;
        match problem {
            Problem::Malformed(malformed) => {
                ConnectorError::data(format!("{shown}, line {line}: {}", malformed.message()))
                    .with_hint(Malformed::HINT.to_owned())
            }
            Problem::Count(found) => {
                let columns = if expected == 1 {
                    "column is"
                } else {
                    "columns are"
                };
                let fields = if *found == 1 { "field" } else { "fields" };
                let text = &chunk.data[start..chunk.length];
                let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
                ConnectorError::data(format!(
                    "{shown}, line {line}: {found} {fields} where {expected} {columns} expected"
                ))
                .with_hint(self.count_hint(*found, &text[..end]))
            }
        }
    }

    fn count_hint(&self, found: usize, line: &[u8]) -> String {
        let occurrences = |byte: u8| memchr::memchr_iter(byte, line).count();
        let other = [b'\t', b',', b';', b'|', b' '].into_iter().find(|byte| {
            *byte != self.options.dialect.delimiter
                && self.width > 1
                && found < self.width
                && occurrences(*byte) + 1 >= self.width
        });
        match other {
            Some(byte) => format!(
                "is the delimiter another one? try 'csv.field-delimiter' = '{}'",
                char::from(byte).escape_default()
            ),
            None if found > self.width => {
                "'csv.ignore-trailing-unmappable' = 'true' skips the fields behind the last column"
                    .to_owned()
            }
            None => "'csv.ignore-parse-errors' = 'true' fills missing fields with NULL".to_owned(),
        }
    }

    fn refused(&self, refused: &Refused, output: usize, chunk: &Chunk) -> ConnectorError {
        let output = &self.outputs[output];
        let field = &self.declared.fields[output.declared];
        let start = self.block.start(refused.row, self.width);
        let text = self.fields(chunk).text(refused.row, output.place);
        let line = chunk.line(start);
        let place = format!(
            "{}, line {line}, column {} (field {})",
            chunk.file.shown,
            field.name(),
            output.place + 1
        );
        field_error(&place, line, field, text, refused.reason)
    }

    fn fields<'a>(&'a self, chunk: &'a Chunk) -> Fields<'a> {
        Fields {
            data: match self.block.is_rewritten {
                true => &self.block.rewritten,
                false => &chunk.data,
            },
            bounds: &self.block.bounds,
            width: self.width,
            rows: self.block.rows,
            short: &self.block.short,
        }
    }
}

/// The error for a field that is not in its column.
fn field_error(
    place: &str,
    line: u64,
    field: &Field,
    text: &[u8],
    reason: Reason,
) -> ConnectorError {
    let kind = field.data_type();
    if reason == Reason::Null {
        let name = field.name();
        return ConnectorError::data(format!("{place}: the field is NULL, but declared NOT NULL"))
            .with_hint(format!(
                "declare it {name} {} to allow NULL",
                type_name(kind)
            ));
    }
    let shown = excerpt(text);
    if std::str::from_utf8(text).is_err() {
        return ConnectorError::data(format!("{place}: '{shown}' is not UTF-8 text"))
            .with_hint("convert the file to UTF-8, for example with iconv".to_owned());
    }
    let hint = match kind {
        DataType::Timestamp(_, Some(_)) => "a TIMESTAMP_LTZ is written 2024-01-31 12:00:00Z",
        DataType::Timestamp(_, None) => "a TIMESTAMP is written 2024-01-31 12:00:00.123",
        _ if line == 1 => "if the first line names the columns, set 'csv.header' = 'true'",
        _ => "'csv.ignore-parse-errors' = 'true' turns such fields into NULL",
    };
    ConnectorError::data(format!("{place}: '{shown}' is not {}", a_type(kind)))
        .with_hint(hint.to_owned())
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

impl Decoder for CsvDecoder {
    fn enter(&mut self, chunk: &Chunk) -> Result<(), ConnectorError> {
        let known = self.current.as_ref();
        if !known.is_some_and(|file| Arc::ptr_eq(file, &chunk.file)) {
            self.enter(chunk)?;
        }
        let text = &chunk.data[chunk.position..chunk.length];
        self.plain = self.options.dialect.is_plain(text);
        Ok(())
    }

    fn decode(&mut self, chunk: &mut Chunk) -> Result<(), ConnectorError> {
        while self.rows < self.batch_rows
            && self.bytes < MAX_BATCH_BYTES
            && chunk.position < chunk.length
        {
            let max_rows = BLOCK_ROWS
                .min(BLOCK_FIELDS / self.width.max(1))
                .clamp(1, self.batch_rows - self.rows);
            let from = chunk.position;
            let filled = self
                .block
                .fill(chunk, &self.options, self.plain, self.width, max_rows);
            filled.map_err(|(problem, start)| self.explain(&problem, start, chunk))?;
            let mut ignored = self.block.skipped;
            for index in 0..self.outputs.len() {
                let fields = Fields {
                    data: match self.block.is_rewritten {
                        true => &self.block.rewritten,
                        false => &chunk.data,
                    },
                    bounds: &self.block.bounds,
                    width: self.width,
                    rows: self.block.rows,
                    short: &self.block.short,
                };
                let output = &mut self.outputs[index];
                match output.column.push_fields(&fields, output.place) {
                    Ok(nulls) => ignored += nulls,
                    Err(refused) => return Err(self.refused(&refused, index, chunk)),
                }
            }
            if ignored > 0 {
                self.progress.add_ignored(ignored);
            }
            self.rows += self.block.rows;
            self.bytes += chunk.position - from;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.rows = 0;
        self.bytes = 0;
        let columns = self.outputs.iter_mut();
        columns.map(|output| output.column.finish()).collect()
    }
}
