//! JSON objects to columns, one row an object.
//!
//! An object is taken apart one level at a time, into names and the text of their values; the text of
//! a plain value is read as CSV's is. One that looks like the one before is read faster (`alike.rs`).

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;

use super::JsonOptions;
use super::alike::Alike;
use super::nested::{Entries, Layout, Nested, Problem, object};
use crate::format::Wrong;
use crate::{ConnectorError, SourceProgress};

/// Rows that grow by one object at a time.
pub(crate) struct JsonRows {
    options: Arc<JsonOptions>,
    outputs: Vec<Output>,
    layout: Layout,
    alike: Option<Alike>,
    /// How many objects in a row had the layout, up to three: the second makes it a pattern.
    repeated: u8,
    rows: usize,
    progress: Arc<SourceProgress>,
}

pub(super) struct Output {
    pub(super) field: Field,
    pub(super) column: Nested,
}

impl JsonRows {
    /// `wanted` holds indices into the declared columns.
    pub(crate) fn new(
        options: Arc<JsonOptions>,
        declared: &[Field],
        wanted: &[usize],
        progress: Arc<SourceProgress>,
    ) -> Result<Self, ConnectorError> {
        let outputs = wanted.iter().map(|&index| {
            let field = declared[index].clone();
            let column = Nested::new(&field)
                .ok_or_else(|| ConnectorError::bug(format!("no reader for {}", field.name())))?;
            Ok(Output { field, column })
        });
        Ok(Self {
            outputs: outputs.collect::<Result<_, ConnectorError>>()?,
            layout: Layout::default(),
            alike: None,
            repeated: 0,
            options,
            rows: 0,
            progress,
        })
    }

    /// Appends the row of an object; `false` if it is left out. One that is wrong leaves nothing
    /// behind.
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<bool, Wrong> {
        if self.push_alike(text) {
            return Ok(true);
        }
        let (object, entries) = match entries(text) {
            Ok(found) => found,
            Err(_) if self.options.ignore_errors => {
                self.progress.add_ignored(1);
                return Ok(false);
            }
            Err(wrong) => return Err(self.with_hint(wrong)),
        };
        match self.push_row(object, &entries) {
            Ok(0) => {}
            Ok(ignored) => self.progress.add_ignored(ignored),
            Err(Problem { path, message }) => {
                self.take_back();
                return Err(self.with_hint(Wrong::new(message).at(format!("field {path}"))));
            }
        }
        self.rows += 1;
        Ok(true)
    }

    /// Whether the object looks like the one before, and its row is appended.
    pub(super) fn push_alike(&mut self, text: &[u8]) -> bool {
        let Some(alike) = &self.alike else {
            return false;
        };
        let pushed = alike.push(text, &mut self.outputs);
        match pushed {
            true => self.rows += 1,
            false => self.take_back(),
        }
        pushed
    }

    /// What a row that is not whole has left in the columns.
    fn take_back(&mut self) {
        let columns = self.outputs.iter_mut();
        columns.for_each(|output| output.column.truncate(self.rows));
    }

    /// Answers how many values became NULL because they were none.
    fn push_row(&mut self, object: &str, entries: &Entries<'_>) -> Result<u64, Problem> {
        let mut ignored = 0;
        let names = self.outputs.iter().map(|output| output.field.name());
        if self.layout.learn(entries, names) {
            (self.alike, self.repeated) = (None, 0);
        }
        self.repeated = (self.repeated + 1).min(3);
        if self.repeated == 2 && entries.iter().all(|(_, value)| is_plain(value.get())) {
            let absent_is_null = !self.options.fail_on_missing_field;
            let columns = self.outputs.len();
            self.alike = Alike::new(&self.layout, object, entries, columns, absent_is_null);
        }
        for (index, output) in self.outputs.iter_mut().enumerate() {
            let value = self.layout.value(entries, index);
            if value.is_none() && self.options.fail_on_missing_field {
                return Err(Problem::new(&output.field, "the object has no such field"));
            }
            output
                .column
                .push(&output.field, value, &self.options, &mut ignored)?;
        }
        Ok(ignored)
    }

    fn with_hint(&self, wrong: Wrong) -> Wrong {
        wrong.with_hint(format!(
            "'{}json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object",
            self.options.prefix
        ))
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.rows = 0;
        let columns = self.outputs.iter_mut();
        columns.map(|output| output.column.finish()).collect()
    }
}

fn is_plain(value: &str) -> bool {
    !value.starts_with(['{', '['])
}

/// The object's text and what is in it.
fn entries(text: &[u8]) -> Result<(&str, Entries<'_>), Wrong> {
    let text = std::str::from_utf8(text).map_err(|_| Wrong::new("not UTF-8 text"))?;
    let entries = object(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let wrong = Wrong::new(format!("not a JSON object: {reason}"));
        match (error.line(), error.column()) {
            (_, 0) => wrong,
            (..=1, column) => wrong.at(format!("column {column}")),
            (line, column) => wrong.at(format!("its line {line}, column {column}")),
        }
    })?;
    Ok((text, entries))
}
