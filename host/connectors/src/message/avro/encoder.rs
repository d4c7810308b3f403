//! Rows to Avro messages.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use arrow_avro::schema::{FingerprintStrategy, SCHEMA_METADATA_KEY};
use arrow_avro::writer::format::{AvroBinaryFormat, AvroSoeFormat};
use arrow_avro::writer::{Encoder, WriterBuilder};
use async_trait::async_trait;

use super::{AvroFormat, conform, natural, schema};
use crate::ConnectorError;
use crate::message::{MessageEncoder, Messages};

pub(crate) struct AvroEncoder {
    format: Arc<AvroFormat>,
    /// The columns as the schema has them.
    schema: SchemaRef,
    /// With a registry there is none before the schema has an id.
    encoder: Option<Encoder>,
}

impl AvroEncoder {
    pub(crate) fn new(format: Arc<AvroFormat>) -> Result<Self, ConnectorError> {
        let parsed = serde_json::from_str(&format.schema);
        let parsed = parsed.map_err(|error| ConnectorError::unexpected("a schema", error))?;
        let expanded = schema::expand(&parsed).map_err(ConnectorError::bug)?;
        let fields = natural(&expanded)
            .map_err(ConnectorError::bug)?
            .fields()
            .clone();
        // The encoder takes the schema from here; names are no part of what it writes.
        let metadata = [(SCHEMA_METADATA_KEY.to_owned(), expanded.to_string())];
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata.into()));
        let mut made = Self {
            format,
            schema,
            encoder: None,
        };
        if made.format.registry.is_none() {
            let plain = made.builder().build_encoder::<AvroBinaryFormat>();
            made.encoder = Some(plain.map_err(unexpected)?);
        }
        Ok(made)
    }

    fn builder(&self) -> WriterBuilder {
        WriterBuilder::new(self.schema.as_ref().clone())
    }
}

#[async_trait]
impl MessageEncoder for AvroEncoder {
    async fn begin(&mut self) -> Result<(), ConnectorError> {
        if let Some(registry) = &self.format.registry
            && self.encoder.is_none()
        {
            let id = registry.register(&self.format.schema).await?;
            let strategy = FingerprintStrategy::Id(id);
            let builder = self.builder().with_fingerprint_strategy(strategy);
            let encoder = builder.build_encoder::<AvroSoeFormat>();
            self.encoder = Some(encoder.map_err(unexpected)?);
        }
        Ok(())
    }

    fn encode(
        &mut self,
        batch: &RecordBatch,
        messages: &mut Messages,
    ) -> Result<(), ConnectorError> {
        let Some(encoder) = &mut self.encoder else {
            return Err(ConnectorError::bug("an encoder has not begun"));
        };
        let rows = batch.num_rows();
        let columns = self.schema.fields().iter().map(|field| {
            let found = batch.column_by_name(field.name());
            conform::conform(found, field, rows, None).map_err(|mismatch| {
                ConnectorError::data(format!("field {}: {}", mismatch.path, mismatch.message))
            })
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| ConnectorError::unexpected("building a batch", error))?;
        encoder.encode(&batch).map_err(unexpected)?;
        for row in encoder.flush().iter() {
            messages.bytes.extend_from_slice(&row);
            messages.end();
        }
        Ok(())
    }
}

fn unexpected(error: impl std::fmt::Display) -> ConnectorError {
    ConnectorError::unexpected("writing Avro", error)
}
