//! Columns that stand beside a message: where it lies, when it came, its headers.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Int32Array, Int64Array, MapBuilder, MapFieldNames,
    StringArray, StringBuilder, TimestampMillisecondArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Int64Type, TimeUnit};
use arrow::record_batch::RecordBatch;
use rdkafka::Timestamp;
use rdkafka::message::{Header, OwnedHeaders};

use super::chunk::{Chunk, Split};
use super::columns::Columns;
use crate::text::type_name;
use crate::{ConnectorError, TableColumn, TableDefinition};

/// What `METADATA FROM` may name.
pub(super) const KEYS: &[&str] = &[
    "topic",
    "partition",
    "headers",
    "offset",
    "timestamp",
    "timestamp-type",
];

/// Those that can be written.
const WRITABLE: &[&str] = &["headers", "timestamp"];

/// A metadata column of batches.
#[derive(Debug, Clone)]
pub(super) struct MetadataColumn {
    key: String,
    data_type: DataType,
}

impl MetadataColumn {
    pub(super) fn new(key: &str, field: &Field) -> Self {
        MetadataColumn {
            key: key.to_owned(),
            data_type: field.data_type().clone(),
        }
    }

    /// The column for messages of a chunk.
    pub(super) fn array(&self, chunk: &Chunk, rows: &[usize]) -> Result<ArrayRef, ConnectorError> {
        let records = || rows.iter().map(|row| &chunk.records[*row]);
        let array: ArrayRef = match self.key.as_str() {
            "topic" => {
                let topics = splits(chunk, rows).map(|split| Some(split.topic.as_str()));
                Arc::new(topics.collect::<StringArray>())
            }
            "partition" => {
                let partitions = splits(chunk, rows).map(|split| split.partition);
                Arc::new(partitions.collect::<Int32Array>())
            }
            "offset" => Arc::new(
                records()
                    .map(|record| record.offset)
                    .collect::<Int64Array>(),
            ),
            "timestamp" => {
                let times = records().map(|record| record.timestamp.to_millis());
                Arc::new(
                    times
                        .collect::<TimestampMillisecondArray>()
                        .with_timezone("UTC"),
                )
            }
            "timestamp-type" => {
                let names = records().map(|record| match record.timestamp {
                    Timestamp::NotAvailable => Some("NoTimestampType"),
                    Timestamp::CreateTime(_) => Some("CreateTime"),
                    Timestamp::LogAppendTime(_) => Some("LogAppendTime"),
                });
                Arc::new(names.collect::<StringArray>())
            }
            _ => return self.headers(chunk, rows),
        };
        strict(&array, &self.data_type)
    }

    fn headers(&self, chunk: &Chunk, rows: &[usize]) -> Result<ArrayRef, ConnectorError> {
        let DataType::Map(entries, _) = &self.data_type else {
            return Err(ConnectorError::bug("headers that are no map"));
        };
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(ConnectorError::bug("a map without entries"));
        };
        let names = MapFieldNames {
            entry: entries.name().clone(),
            key: fields[0].name().clone(),
            value: fields[1].name().clone(),
        };
        let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), BinaryBuilder::new())
            .with_keys_field(fields[0].clone())
            .with_values_field(fields[1].clone());
        for row in rows {
            let headers = chunk
                .headers
                .get(chunk.records[*row].headers.clone())
                .unwrap_or_default();
            for (index, (name, value)) in headers.iter().enumerate() {
                let name = chunk.bytes(name);
                // A map holds a name once: the last header of the name counts.
                if headers[index + 1..]
                    .iter()
                    .any(|(other, _)| chunk.bytes(other) == name)
                {
                    continue;
                }
                maps.keys().append_value(String::from_utf8_lossy(name));
                match value {
                    Some(value) => maps.values().append_value(chunk.bytes(value)),
                    None if fields[1].is_nullable() => maps.values().append_null(),
                    None => maps.values().append_value(b""),
                }
            }
            maps.append(true)
                .map_err(|error| ConnectorError::unexpected("headers", error))?;
        }
        Ok(Arc::new(maps.finish()))
    }
}

fn splits<'a>(chunk: &'a Chunk, rows: &'a [usize]) -> impl Iterator<Item = &'a Split> {
    rows.iter()
        .filter_map(|row| chunk.split(*row).map(AsRef::as_ref))
}

fn strict(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, ConnectorError> {
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, to, &strict)
        .map_err(|error| ConnectorError::data(format!("a message's metadata: {error}")))
}

/// Checks the types of the metadata columns, and that those which are written can be.
pub(super) fn check(definition: &TableDefinition, written: bool) -> Result<(), ConnectorError> {
    for column in &definition.columns {
        let Some(key) = &column.metadata else {
            continue;
        };
        if written && !column.virtual_column && !WRITABLE.contains(&key.as_str()) {
            return Err(ConnectorError::job(format!(
                "table {}: column {} is the metadata '{key}', which cannot be written",
                definition.name,
                column.field.name()
            ))
            .with_hint("declare it METADATA VIRTUAL, then it is only read".to_owned()));
        }
        check_type(definition, column, key)?;
    }
    Ok(())
}

fn check_type(
    definition: &TableDefinition,
    column: &TableColumn,
    key: &str,
) -> Result<(), ConnectorError> {
    let kind = column.field.data_type();
    let (fits, wanted) = match key {
        "partition" => (kind.is_integer(), "INT"),
        "offset" => (kind.is_integer(), "BIGINT"),
        "timestamp" => (matches!(kind, DataType::Timestamp(..)), "TIMESTAMP_LTZ(3)"),
        "headers" => (is_headers(kind), "MAP<STRING, BYTES>"),
        _ => (*kind == DataType::Utf8, "STRING"),
    };
    match fits {
        true => Ok(()),
        false => Err(ConnectorError::job(format!(
            "table {}: column {} must be {wanted}, not {}",
            definition.name,
            column.field.name(),
            type_name(kind)
        ))),
    }
}

fn is_headers(kind: &DataType) -> bool {
    let DataType::Map(entries, _) = kind else {
        return false;
    };
    let DataType::Struct(fields) = entries.data_type() else {
        return false;
    };
    matches!(
        (fields[0].data_type(), fields[1].data_type()),
        (DataType::Utf8, DataType::Binary)
    )
}

/// What a batch says about its messages beside keys and values.
#[derive(Default)]
pub(super) struct Beside {
    timestamps: Option<ArrayRef>,
    headers: Option<ArrayRef>,
}

impl Beside {
    pub(super) fn of(columns: &Columns, batch: &RecordBatch) -> Result<Self, ConnectorError> {
        let mut beside = Beside::default();
        for (index, key) in &columns.metadata {
            let column = batch.column(*index);
            match key.as_str() {
                "timestamp" => {
                    let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
                    let millis = strict(&strict(column, &millis)?, &DataType::Int64)?;
                    beside.timestamps = Some(millis);
                }
                _ => beside.headers = Some(column.clone()),
            }
        }
        Ok(beside)
    }

    /// Whether the messages are keys and values only.
    pub(super) fn is_nothing(&self) -> bool {
        self.timestamps.is_none() && self.headers.is_none()
    }

    /// Milliseconds since 1970.
    pub(super) fn timestamp(&self, row: usize) -> Option<i64> {
        let millis = self.timestamps.as_ref()?;
        let present = millis.is_valid(row);
        present.then(|| millis.as_primitive::<Int64Type>().value(row))
    }

    pub(super) fn headers(&self, row: usize) -> Option<OwnedHeaders> {
        let maps = self.headers.as_ref()?.as_map_opt()?;
        if maps.is_null(row) {
            return None;
        }
        let entries = maps.value(row);
        let (names, values) = (entries.column(0), entries.column(1));
        let (names, values) = (
            names.as_string_opt::<i32>()?,
            values.as_binary_opt::<i32>()?,
        );
        let mut headers = OwnedHeaders::new_with_capacity(entries.len());
        for entry in 0..entries.len() {
            let value = values.is_valid(entry).then(|| values.value(entry));
            headers = headers.insert(Header {
                key: names.value(entry),
                value,
            });
        }
        Some(headers)
    }
}
