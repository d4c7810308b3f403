//! Parquet files.

mod file;
mod read;
mod schema;
mod write;

use crate::format::Format;
use crate::registry::ConnectorOption;

pub(crate) use read::{Queue, Shared, check, stream};
pub(crate) use write::{ParquetEncoder, properties};

pub(crate) const FORMAT: Format = Format {
    name: "parquet",
    options: &[
        ConnectorOption::new(
            "parquet.compression",
            Some("SNAPPY"),
            "SNAPPY, ZSTD, GZIP, LZ4_RAW or UNCOMPRESSED",
        ),
        ConnectorOption::new(
            "parquet.utc-timezone",
            Some("false"),
            "accepted for Flink's sake: timestamps are UTC",
        ),
    ],
};
