//! JSON objects to columns, one row an object.
//!
//! An object is taken apart one level at a time, into names and the text of their values; the text of
//! a plain value is read as CSV's is.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;

use super::JsonOptions;
use super::nested::{Entries, Layout, Nested, Problem, object};
use crate::format::Wrong;
use crate::{ConnectorError, SourceProgress};

/// Rows that grow by one object at a time.
pub(crate) struct JsonRows {
    options: Arc<JsonOptions>,
    outputs: Vec<Output>,
    layout: Layout,
    rows: usize,
    progress: Arc<SourceProgress>,
}

struct Output {
    field: Field,
    column: Nested,
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
            options,
            rows: 0,
            progress,
        })
    }

    /// Appends the row of an object; `false` if it is left out. One that is wrong leaves nothing
    /// behind.
    pub(crate) fn push(&mut self, text: &[u8]) -> Result<bool, Wrong> {
        let entries = match entries(text) {
            Ok(entries) => entries,
            Err(_) if self.options.ignore_errors => {
                self.progress.add_ignored(1);
                return Ok(false);
            }
            Err(wrong) => return Err(self.with_hint(wrong)),
        };
        match self.push_row(&entries) {
            Ok(0) => {}
            Ok(ignored) => self.progress.add_ignored(ignored),
            Err(Problem { path, message }) => {
                let columns = self.outputs.iter_mut();
                columns.for_each(|output| output.column.truncate(self.rows));
                return Err(self.with_hint(Wrong::new(message).at(format!("field {path}"))));
            }
        }
        self.rows += 1;
        Ok(true)
    }

    /// Answers how many values became NULL because they were none.
    fn push_row(&mut self, entries: &Entries<'_>) -> Result<u64, Problem> {
        let mut ignored = 0;
        let names = self.outputs.iter().map(|output| output.field.name());
        self.layout.learn(entries, names);
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

fn entries(text: &[u8]) -> Result<Entries<'_>, Wrong> {
    let text = std::str::from_utf8(text).map_err(|_| Wrong::new("not UTF-8 text"))?;
    object(text).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        let wrong = Wrong::new(format!("not a JSON object: {reason}"));
        match (error.line(), error.column()) {
            (_, 0) => wrong,
            (..=1, column) => wrong.at(format!("column {column}")),
            (line, column) => wrong.at(format!("its line {line}, column {column}")),
        }
    })
}
