//! Columns whose values come from the file and not out of it: metadata, and partition keys.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int64Array, StringArray, TimestampMillisecondArray, UInt32Array,
    new_null_array,
};
use arrow::compute::{CastOptions, cast_with_options, take};
use arrow::datatypes::{DataType, Field};

use super::location::InputFile;
use crate::format::column::{Rules, column};
use crate::text::{a_type, type_name};
use crate::{ConnectorError, TableDefinition};

pub(crate) const KEYS: &[&str] = &[
    "file.path",
    "file.name",
    "file.size",
    "file.modification-time",
];

/// A column that is the same in every row of a file.
#[derive(Debug, Clone)]
pub(crate) struct FileColumn {
    field: Field,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Metadata(String),
    /// The key's folder is `name=value`; this value is NULL.
    Partition {
        null: String,
    },
}

impl FileColumn {
    /// The file columns of a table, by index; checks their types.
    pub(crate) fn of(
        definition: &TableDefinition,
        null: &str,
    ) -> Result<Vec<Option<Self>>, ConnectorError> {
        let columns = definition.columns.iter().map(|column| {
            let field = column.field.clone();
            let kind = match &column.metadata {
                Some(key) => Kind::Metadata(key.clone()),
                None if definition.partition_keys.contains(field.name()) => Kind::Partition {
                    null: null.to_owned(),
                },
                None => return Ok(None),
            };
            let found = Self { field, kind };
            found.check(definition)?;
            Ok(Some(found))
        });
        columns.collect()
    }

    fn check(&self, definition: &TableDefinition) -> Result<(), ConnectorError> {
        let (fits, wanted) = match &self.kind {
            Kind::Partition { .. } => (
                column(&self.field, &Rules::default()).is_some(),
                "a plain type",
            ),
            Kind::Metadata(key) => match (key.as_str(), self.field.data_type()) {
                ("file.size", kind) => (kind.is_integer(), "BIGINT"),
                ("file.modification-time", kind) => (
                    matches!(kind, DataType::Timestamp(_, Some(_))),
                    "TIMESTAMP_LTZ(3)",
                ),
                (_, kind) => (*kind == DataType::Utf8, "STRING"),
            },
        };
        if fits {
            return Ok(());
        }
        Err(ConnectorError::job(format!(
            "table {}: column {} must be {wanted}, not {}",
            definition.name,
            self.field.name(),
            type_name(self.field.data_type())
        )))
    }

    /// The column for `rows` rows of a file.
    pub(crate) fn array(&self, file: &InputFile, rows: usize) -> Result<ArrayRef, ConnectorError> {
        let one: ArrayRef = match &self.kind {
            Kind::Metadata(key) => match key.as_str() {
                "file.path" => Arc::new(StringArray::from(vec![file.path.as_str()])),
                "file.name" => Arc::new(StringArray::from(vec![file.name.as_str()])),
                "file.size" => Arc::new(Int64Array::from(vec![file.size as i64])),
                _ => Arc::new(
                    TimestampMillisecondArray::from(vec![file.modified]).with_timezone("UTC"),
                ),
            },
            Kind::Partition { null } => self.partition(file, null)?,
        };
        let strict = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let one = cast_with_options(&one, self.field.data_type(), &strict)
            .map_err(|error| ConnectorError::data(format!("{}: {error}", file.shown)))?;
        if one.is_null(0) && !self.field.is_nullable() {
            return Err(ConnectorError::data(format!(
                "{}: column {} is NOT NULL, but its folder says NULL",
                file.shown,
                self.field.name()
            )));
        }
        take(&one, &UInt32Array::from(vec![0; rows]), None)
            .map_err(|error| ConnectorError::unexpected("repeating a file's column", error))
    }

    fn partition(&self, file: &InputFile, null: &str) -> Result<ArrayRef, ConnectorError> {
        let name = self.field.name();
        let mut folders = file.path.split('/').rev().skip(1);
        let value = folders.find_map(|folder| folder.strip_prefix(name)?.strip_prefix('='));
        let Some(value) = value else {
            return Err(ConnectorError::data(format!(
                "{}: column {name} is a partition key, but no folder on the path is {name}=…",
                file.shown
            )));
        };
        let value = unescape_folder(value);
        if value == null {
            return Ok(new_null_array(self.field.data_type(), 1));
        }
        let missing = || ConnectorError::bug(format!("no reader for the partition key {name}"));
        let mut column = column(&self.field, &Rules::default()).ok_or_else(missing)?;
        if !column.push(value.as_bytes(), 0, value.len()) {
            return Err(ConnectorError::data(format!(
                "{}: the folder says {name}={value}, which is not {}",
                file.shown,
                a_type(self.field.data_type())
            )));
        }
        column.finish()
    }
}

/// Undoes the `%XX` of a partition's folder name.
fn unescape_folder(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| text_of(tail.get(..2)?)).flatten();
        match code {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn text_of(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
