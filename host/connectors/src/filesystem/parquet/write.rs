//! Record batches to the bytes of a Parquet file.

use arrow::datatypes::SchemaRef;
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
}

impl ParquetEncoder {
    pub(crate) fn new(
        schema: &SchemaRef,
        properties: WriterProperties,
    ) -> Result<Self, ConnectorError> {
        let writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties));
        Ok(Self {
            writer: writer.map_err(failed)?,
        })
    }

    /// Appends the bytes that are ready to `out`; answers how many more there are about.
    pub(crate) fn encode(
        &mut self,
        rows: &RecordBatch,
        out: &mut Vec<u8>,
    ) -> Result<usize, ConnectorError> {
        self.writer.write(rows).map_err(failed)?;
        out.append(self.writer.inner_mut());
        Ok(self.writer.in_progress_size())
    }

    /// Appends the rest of the file.
    pub(crate) fn finish(self, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
        out.append(&mut self.writer.into_inner().map_err(failed)?);
        Ok(())
    }
}

fn failed(error: parquet::errors::ParquetError) -> ConnectorError {
    ConnectorError::unexpected("writing Parquet", error)
}
