//! Query results as a text table, in the style of Flink's SQL client.

use std::io;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Schema},
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use futures::StreamExt;
use unicode_width::UnicodeWidthStr;
use wasmill_engine::{EngineError, JobObserver, RowStream};

use crate::output::{Output, lock};

/// Rows that decide how wide the columns are; what follows is printed as it comes.
const MEASURED_ROWS: usize = 1_000;
/// Cells wider than this are cut.
const WIDEST: usize = 80;

const FORMAT: FormatOptions<'static> = FormatOptions::new()
    .with_null("NULL")
    .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f"))
    .with_datetime_format(Some("%Y-%m-%d %H:%M:%S%.f"));

/// Prints all rows and their number; no end where the job was cancelled.
pub async fn print(
    output: &Output,
    schema: &Schema,
    mut rows: RowStream,
    observer: &JobObserver,
) -> Result<(), EngineError> {
    let mut waiting = Vec::new();
    let mut count = 0;
    let mut table = None;
    while let Some(batch) = rows.next().await {
        let lines = lines(&batch?).map_err(|error| EngineError::Bug {
            message: error.to_string(),
        })?;
        count += lines.len();
        match &table {
            Some(table) => write(output, table, &lines)?,
            None => {
                waiting.extend(lines);
                if waiting.len() >= MEASURED_ROWS {
                    table = Some(begin(output, schema, &waiting)?);
                    waiting.clear();
                }
            }
        }
    }
    if observer.is_cancelled() {
        return Err(EngineError::Cancelled);
    }
    let table = match table {
        Some(table) => table,
        None => begin(output, schema, &waiting)?,
    };
    end(output, &table, count)
}

/// Prints rows that are there already: a text a cell.
pub fn print_lines(
    output: &Output,
    schema: &Schema,
    lines: &[Vec<String>],
) -> Result<(), EngineError> {
    let line = |line: &Vec<String>| line.iter().map(|cell| shown(cell)).collect();
    let lines: Vec<Vec<String>> = lines.iter().map(line).collect();
    let table = begin(output, schema, &lines)?;
    end(output, &table, lines.len())
}

fn end(output: &Output, table: &Table, count: usize) -> Result<(), EngineError> {
    let plural = if count == 1 { "" } else { "s" };
    let end = if count == 0 {
        String::new()
    } else {
        format!("{}\n", table.rule())
    };
    put(output, &format!("{end}{count} row{plural} in set\n"))
}

fn begin(output: &Output, schema: &Schema, first: &[Vec<String>]) -> Result<Table, EngineError> {
    let table = Table::new(schema, first);
    let header: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| shown(field.name()))
        .collect();
    let text = format!(
        "{rule}\n{}\n{rule}\n",
        table.line(&header),
        rule = table.rule()
    );
    put(output, &text)?;
    write(output, &table, first)?;
    Ok(table)
}

fn write(output: &Output, table: &Table, lines: &[Vec<String>]) -> Result<(), EngineError> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&table.line(line));
        text.push('\n');
    }
    put(output, &text)
}

/// Writes to stdout at once.
pub fn put(output: &Output, text: &str) -> Result<(), EngineError> {
    let stdout = output.stdout();
    let mut stdout = lock(&stdout);
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => EngineError::OutputClosed,
            _ => EngineError::Environment {
                message: format!("standard output cannot be written: {error}"),
                hint: None,
            },
        })
}

/// One line a row, one text a column.
fn lines(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &FORMAT))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| Ok(shown(&column.value(row).try_to_string()?)))
                .collect()
        })
        .collect()
}

/// Without what would move the cursor, and not too wide.
fn shown(text: &str) -> String {
    let mut width = 0;
    let mut shown = String::new();
    for character in text.chars() {
        let character = if character.is_control() {
            '␣'
        } else {
            character
        };
        width += unicode_width::UnicodeWidthChar::width(character).unwrap_or(0);
        if width > WIDEST {
            shown.push('…');
            break;
        }
        shown.push(character);
    }
    shown
}

/// The columns' widths and sides.
struct Table {
    widths: Vec<usize>,
    to_the_right: Vec<bool>,
}

impl Table {
    fn new(schema: &Schema, lines: &[Vec<String>]) -> Self {
        let width = |column: usize, name: &str| {
            lines
                .iter()
                .map(|line| line[column].width())
                .chain([shown(name).width()])
                .max()
                .unwrap_or(0)
        };
        let fields = schema.fields().iter();
        Table {
            widths: fields
                .clone()
                .enumerate()
                .map(|(column, field)| width(column, field.name()))
                .collect(),
            to_the_right: fields
                .map(|field| {
                    let data_type: &DataType = field.data_type();
                    data_type.is_numeric()
                })
                .collect(),
        }
    }

    fn rule(&self) -> String {
        let dashes: Vec<_> = self
            .widths
            .iter()
            .map(|width| "-".repeat(width + 2))
            .collect();
        format!("+{}+", dashes.join("+"))
    }

    fn line(&self, cells: &[String]) -> String {
        let mut line = String::from("|");
        for ((cell, width), to_the_right) in cells.iter().zip(&self.widths).zip(&self.to_the_right)
        {
            let room = " ".repeat(width.saturating_sub(cell.width()));
            match to_the_right {
                true => line.push_str(&format!(" {room}{cell} |")),
                false => line.push_str(&format!(" {cell}{room} |")),
            }
        }
        line
    }
}
