//! Avro messages: plain, as Flink's `avro` format has them, and with a schema registry, as its
//! `avro-confluent` has them.

mod conform;
mod decoder;
mod encoder;
mod registry;
mod schema;
mod shape;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use arrow::error::ArrowError;
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::{AvroSchema, Fingerprint, FingerprintAlgorithm, SchemaStore};
use serde_json::Value;

use self::registry::Registry;
use super::MessageFields;
use crate::format::Format;
use crate::options::Options;
use crate::registry::ConnectorOption;
use crate::{ConnectorError, TableDefinition};

pub(super) use decoder::AvroDecoder;
pub(super) use encoder::AvroEncoder;

pub(crate) const PLAIN: Format = Format {
    name: "avro",
    options: &[
        ConnectorOption::new(
            "avro.encoding",
            Some("binary"),
            "binary; json is not supported",
        ),
        ConnectorOption::new(
            "avro.timestamp_mapping.legacy",
            Some("true"),
            "TIMESTAMP is Avro's timestamp; with false TIMESTAMP_LTZ is, and TIMESTAMP is its local-timestamp",
        ),
    ],
};

pub(crate) const CONFLUENT: Format = Format {
    name: "avro-confluent",
    options: registry::OPTIONS,
};

/// What a table's messages in one of these formats are.
#[derive(Debug)]
pub(super) struct AvroFormat {
    fields: Arc<[Field]>,
    /// Of what is written; of what is read, too, where there is no registry.
    schema: String,
    registry: Option<Arc<Registry>>,
}

impl AvroFormat {
    /// Messages that are a row's bytes and nothing else.
    pub(super) fn plain(
        definition: &TableDefinition,
        options: &Options<'_>,
        fields: Vec<Field>,
    ) -> Result<Self, ConnectorError> {
        if options.choice("avro.encoding", &["binary", "json"])? == Some("json") {
            return Err(options.invalid("avro.encoding", "'binary', so far"));
        }
        let legacy = options.flag("avro.timestamp_mapping.legacy", true)?;
        Ok(Self {
            schema: schema::derive(definition, &fields, legacy)?.to_string(),
            fields: fields.into(),
            registry: None,
        })
    }

    /// Messages that begin with their schema's id in a registry.
    pub(super) fn confluent(
        definition: &TableDefinition,
        options: &Options<'_>,
        fields: MessageFields,
    ) -> Result<Self, ConnectorError> {
        let registry = Registry::new(options, fields.subject)?;
        let derived = schema::derive(definition, &fields.fields, true)?;
        let schema = match options.text("avro-confluent.schema") {
            None => derived.to_string(),
            Some(text) => {
                let wrong = |reason: String| {
                    ConnectorError::job(format!(
                        "table {}: option '{}': {reason}",
                        definition.name,
                        options.spelled("avro-confluent.schema")
                    ))
                };
                let parsed = serde_json::from_str(text)
                    .map_err(|error| wrong(format!("it is not JSON: {error}")))?;
                check_given(&parsed, &fields.fields).map_err(wrong)?;
                text.to_owned()
            }
        };
        Ok(Self {
            schema,
            fields: fields.fields.into(),
            registry: Some(Arc::new(registry)),
        })
    }
}

/// Whether a schema that the table gives is one of its columns.
fn check_given(schema: &Value, fields: &[Field]) -> Result<(), String> {
    let natural = natural(&schema::expand(schema)?)?;
    for field in natural.fields() {
        let column = fields.iter().find(|column| column.name() == field.name());
        let Some(column) = column else {
            return Err(format!("the table has no column {}", field.name()));
        };
        conform::check(Some(field.data_type()), column)
            .map_err(|mismatch| format!("field {}: {}", mismatch.path, mismatch.message))?;
        conform::check(Some(column.data_type()), field).map_err(|mismatch| {
            let path = mismatch.path;
            format!("field {path}: not every value of the column fits into it")
        })?;
    }
    match fields
        .iter()
        .find(|column| natural.column_with_name(column.name()).is_none())
    {
        Some(column) => Err(format!("it has no field {}", column.name())),
        None => Ok(()),
    }
}

/// The columns that Arrow has for an expanded schema.
fn natural(schema: &Value) -> Result<SchemaRef, String> {
    Ok(reader(schema, None, 1)?.schema())
}

/// The id under which [`reader`] has its schema.
const ID: u32 = 0;

/// Reads what one schema has written, as another that is a part of it.
fn reader(
    written: &Value,
    wanted: Option<&Value>,
    batch_rows: usize,
) -> Result<arrow_avro::reader::Decoder, String> {
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store
        .set(Fingerprint::Id(ID), AvroSchema::new(written.to_string()))
        .map_err(|error| error.to_string())?;
    let mut builder = ReaderBuilder::new()
        .with_batch_size(batch_rows)
        .with_writer_schema_store(store);
    if let Some(wanted) = wanted {
        builder = builder.with_reader_schema(AvroSchema::new(wanted.to_string()));
    }
    builder.build_decoder().map_err(|error| plain(&error))
}

/// What Arrow says, without the name of the error.
fn plain(error: &ArrowError) -> String {
    let text = error.to_string();
    match text.split_once("rror: ") {
        Some((_, reason)) => reason.to_owned(),
        None => text,
    }
}
