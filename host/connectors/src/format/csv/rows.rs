//! CSV records to columns, one row a record.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field};

use super::CsvOptions;
use super::dialect::Malformed;
use super::tokenizer::{Block, Problem, Text};
use crate::format::column::{Column, Fields, Reason, Refused, column};
use crate::format::{Wrong, excerpt};
use crate::text::{a_type, type_name};
use crate::{ConnectorError, SourceProgress};

/// Rows that are split before their columns are parsed: few enough to stay in the cache.
const BLOCK_ROWS: usize = 512;
/// Fields of a block, where rows are very wide: a header may name any number of columns.
const BLOCK_FIELDS: usize = 1 << 16;

/// Rows that grow by a block of records at a time.
pub(crate) struct CsvRows {
    options: Arc<CsvOptions>,
    /// All columns that come out of the text, in declared order.
    declared: Arc<[Field]>,
    /// Those that are wanted.
    outputs: Vec<Output>,
    /// Fields a record has.
    width: usize,
    block: Block,
    rows: usize,
    progress: Arc<SourceProgress>,
}

struct Output {
    /// Index into the declared columns.
    declared: usize,
    /// Index of the field in a record.
    place: usize,
    column: Box<dyn Column>,
}

/// A record that is no row.
pub(crate) struct Bad {
    problem: BadKind,
    /// Where it begins in the text.
    pub(crate) start: usize,
}

enum BadKind {
    Record(Problem),
    /// The index of the output, and what it says.
    Field(usize, Refused),
}

impl Bad {
    /// Whether the text ends within the record, so that it is not known where that ends.
    pub(crate) fn is_open(&self) -> bool {
        matches!(
            self.problem,
            BadKind::Record(Problem::Malformed(Malformed::OpenQuote))
        )
    }
}

impl CsvRows {
    /// `wanted` holds indices into the declared columns.
    pub(crate) fn new(
        options: Arc<CsvOptions>,
        declared: Arc<[Field]>,
        wanted: &[usize],
        progress: Arc<SourceProgress>,
    ) -> Result<Self, ConnectorError> {
        let outputs = wanted.iter().map(|&index| {
            let field = &declared[index];
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
            width: declared.len(),
            options,
            declared,
            block: Block::default(),
            rows: 0,
            progress,
        })
    }

    /// From now on records have `width` fields, and a column is where `place` says.
    pub(crate) fn arrange(
        &mut self,
        width: usize,
        place: impl Fn(&Field) -> Result<usize, ConnectorError>,
    ) -> Result<(), ConnectorError> {
        self.width = width;
        for output in &mut self.outputs {
            output.place = place(&self.declared[output.declared])?;
        }
        Ok(())
    }

    /// Appends the rows of some of a text's records, at most `max_rows`, from the position on, and
    /// moves it. `plain` text needs no more than splitting: see [`super::Dialect::is_plain`].
    pub(crate) fn push_block(
        &mut self,
        text: Text<'_>,
        position: &mut usize,
        plain: bool,
        max_rows: usize,
    ) -> Result<(), Bad> {
        let max_rows = BLOCK_ROWS
            .min(BLOCK_FIELDS / self.width.max(1))
            .clamp(1, max_rows.max(1));
        self.fill(text, position, plain, max_rows)?;
        self.push_columns(text)
    }

    /// Appends the row of a text's only record; `false` if it is left out. One that is wrong leaves
    /// nothing behind.
    #[cfg(feature = "kafka")]
    pub(crate) fn push_record(&mut self, text: &[u8]) -> Result<bool, Wrong> {
        let ignore_errors = self.options.rules.ignore_errors;
        let whole = Text {
            padded: text,
            length: text.len(),
        };
        let filled = self.fill(whole, &mut 0, false, 2);
        let count = filled.map(|()| self.block.rows + self.block.skipped as usize);
        let pushed = match count {
            Ok(1) if self.block.rows == 1 => self.push_columns(whole).map(|()| true),
            Ok(_) if ignore_errors => {
                self.progress.add_ignored(1);
                Ok(false)
            }
            Ok(0) => return Err(Wrong::new("there is no record in it")),
            Ok(_) => return Err(Wrong::new("there is more than one record in it")),
            Err(bad) => Err(bad),
        };
        pushed.map_err(|bad| {
            self.take_back();
            self.explain(&bad, whole, false)
        })
    }

    /// Removes what a block that was refused has left.
    pub(crate) fn take_back(&mut self) {
        for output in &mut self.outputs {
            output.column.truncate(self.rows);
        }
    }

    /// Finds the next records.
    fn fill(
        &mut self,
        text: Text<'_>,
        position: &mut usize,
        plain: bool,
        max_rows: usize,
    ) -> Result<(), Bad> {
        let options = &self.options;
        let filled = self
            .block
            .fill(text, position, options, plain, self.width, max_rows);
        filled.map_err(|(problem, start)| Bad {
            problem: BadKind::Record(problem),
            start,
        })
    }

    /// Appends the fields of the records that were found.
    fn push_columns(&mut self, text: Text<'_>) -> Result<(), Bad> {
        let mut ignored = self.block.skipped;
        let fields = fields(&self.block, text, self.width);
        for (index, output) in self.outputs.iter_mut().enumerate() {
            match output.column.push_fields(&fields, output.place) {
                Ok(nulls) => ignored += nulls,
                Err(refused) => {
                    return Err(Bad {
                        start: self.block.start(refused.row, self.width),
                        problem: BadKind::Field(index, refused),
                    });
                }
            }
        }
        if ignored > 0 {
            self.progress.add_ignored(ignored);
        }
        self.rows += self.block.rows;
        Ok(())
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.rows = 0;
        let columns = self.outputs.iter_mut();
        columns.map(|output| output.column.finish()).collect()
    }

    /// What is wrong with the last block of a text, which may be the beginning of a file.
    pub(crate) fn explain(&self, bad: &Bad, text: Text<'_>, is_first_line: bool) -> Wrong {
        let prefix = self.options.prefix;
        match &bad.problem {
            BadKind::Record(Problem::Malformed(malformed)) => Wrong::new(malformed.message())
                .with_hint(format!(
                    "if quotes mean nothing here, set '{prefix}csv.disable-quote-character' = 'true'"
                )),
            BadKind::Record(Problem::Count(found)) => {
                let columns = match self.width {
                    1 => "column is",
                    _ => "columns are",
                };
                let fields = if *found == 1 { "field" } else { "fields" };
                let record = &text.bytes()[bad.start..];
                let end = memchr::memchr(b'\n', record).unwrap_or(record.len());
                let expected = self.width;
                Wrong::new(format!(
                    "{found} {fields} where {expected} {columns} expected"
                ))
                .with_hint(self.count_hint(*found, &record[..end]))
            }
            BadKind::Field(index, refused) => {
                let output = &self.outputs[*index];
                let field = &self.declared[output.declared];
                let value = fields(&self.block, text, self.width).text(refused.row, output.place);
                let place = format!("column {} (field {})", field.name(), output.place + 1);
                self.explain_field(field, value, refused.reason, is_first_line)
                    .at(place)
            }
        }
    }

    fn count_hint(&self, found: usize, line: &[u8]) -> String {
        let prefix = self.options.prefix;
        let occurrences = |byte: u8| memchr::memchr_iter(byte, line).count();
        let other = [b'\t', b',', b';', b'|', b' '].into_iter().find(|byte| {
            *byte != self.options.dialect.delimiter
                && self.width > 1
                && found < self.width
                && occurrences(*byte) + 1 >= self.width
        });
        match other {
            Some(byte) => format!(
                "is the delimiter another one? try '{prefix}csv.field-delimiter' = '{}'",
                char::from(byte).escape_default()
            ),
            None if found > self.width => format!(
                "'{prefix}csv.ignore-trailing-unmappable' = 'true' skips the fields behind the last column"
            ),
            None => {
                format!("'{prefix}csv.ignore-parse-errors' = 'true' fills missing fields with NULL")
            }
        }
    }

    fn explain_field(
        &self,
        field: &Field,
        text: &[u8],
        reason: Reason,
        is_first_line: bool,
    ) -> Wrong {
        let kind = field.data_type();
        if reason == Reason::Null {
            let name = field.name();
            return Wrong::new("the field is NULL, but declared NOT NULL").with_hint(format!(
                "declare it {name} {} to allow NULL",
                type_name(kind)
            ));
        }
        let shown = excerpt(text);
        if std::str::from_utf8(text).is_err() {
            return Wrong::new(format!("'{shown}' is not UTF-8 text"))
                .with_hint("convert it to UTF-8, for example with iconv");
        }
        let prefix = self.options.prefix;
        let wrong = Wrong::new(format!("'{shown}' is not {}", a_type(kind)));
        match kind {
            DataType::Timestamp(_, Some(_)) => {
                wrong.with_hint("a TIMESTAMP_LTZ is written 2024-01-31 12:00:00Z")
            }
            DataType::Timestamp(_, None) => {
                wrong.with_hint("a TIMESTAMP is written 2024-01-31 12:00:00.123")
            }
            _ if is_first_line => {
                wrong.with_hint("if the first line names the columns, set 'csv.header' = 'true'")
            }
            _ => wrong.with_hint(format!(
                "'{prefix}csv.ignore-parse-errors' = 'true' turns such fields into NULL"
            )),
        }
    }
}

fn fields<'a>(block: &'a Block, text: Text<'a>, width: usize) -> Fields<'a> {
    Fields {
        data: match block.is_rewritten {
            true => &block.rewritten,
            false => text.padded,
        },
        bounds: &block.bounds,
        width,
        rows: block.rows,
        short: &block.short,
    }
}
