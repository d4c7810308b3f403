//! Record batches to the bytes of a Parquet file.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::ConnectorError;
use crate::options::Options;

/// Rows of a row group: what is gathered in memory, and what a reader may skip or share.
const GROUP_ROWS: usize = 128 * 1024;
const GROUP_BYTES: usize = 64 << 20;

/// How a table's files are written.
pub(crate) fn properties(options: &Options<'_>) -> Result<WriterProperties, ConnectorError> {
    let known = ["SNAPPY", "ZSTD", "GZIP", "LZ4_RAW", "UNCOMPRESSED"];
    let compression = match options.choice("parquet.compression", &known)? {
        Some("ZSTD") => Compression::ZSTD(ZstdLevel::default()),
        Some("GZIP") => Compression::GZIP(GzipLevel::default()),
        Some("LZ4_RAW") => Compression::LZ4_RAW,
        Some("UNCOMPRESSED") => Compression::UNCOMPRESSED,
        _ => Compression::SNAPPY,
    };
    options.flag("parquet.utc-timezone", false)?;
    Ok(WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build())
}

/// Encodes one file.
pub(crate) struct ParquetEncoder {
    writer: ArrowWriter<Vec<u8>>,
    /// What the columns are in the file.
    schema: SchemaRef,
}

impl ParquetEncoder {
    pub(crate) fn new(
        schema: &SchemaRef,
        properties: WriterProperties,
    ) -> Result<Self, ConnectorError> {
        let fields = schema.fields().iter().map(in_file);
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties));
        Ok(Self {
            writer: writer.map_err(failed)?,
            schema,
        })
    }

    /// Appends the bytes that are ready to `out`; answers how many more there are about.
    pub(crate) fn encode(
        &mut self,
        rows: &RecordBatch,
        out: &mut Vec<u8>,
    ) -> Result<usize, ConnectorError> {
        let columns = rows.columns().iter().zip(self.schema.fields());
        let columns =
            columns.map(
                |(column, field)| match column.data_type() == field.data_type() {
                    true => Ok(column.clone()),
                    false => cast(column, field.data_type()),
                },
            );
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(Into::into);
        let rows = columns
            .and_then(|columns| Ok(RecordBatch::try_new(self.schema.clone(), columns)?))
            .map_err(failed)?;
        self.writer.write(&rows).map_err(failed)?;
        out.append(self.writer.inner_mut());
        Ok(self.writer.in_progress_size())
    }

    /// Appends the rest of the file.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        out.append(&mut self.writer.into_inner().map_err(failed)?);
        Ok(())
    }
}

/// Parquet has no times in seconds: they are written in milliseconds.
fn in_file(field: &FieldRef) -> FieldRef {
    let kind = match field.data_type() {
        DataType::Time32(_) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Timestamp(TimeUnit::Second, zone) => {
            DataType::Timestamp(TimeUnit::Millisecond, zone.clone())
        }
        DataType::List(item) => DataType::List(in_file(item)),
        DataType::Map(entries, sorted) => DataType::Map(in_file(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(in_file).collect()),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(kind))
}

fn failed(error: parquet::errors::ParquetError) -> ConnectorError {
    ConnectorError::unexpected("writing Parquet", error)
}
