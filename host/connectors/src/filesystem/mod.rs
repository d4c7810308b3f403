//! Files and folders, on this machine or in an object store, in one of the formats.

mod chunks;
mod csv;
mod input;
mod json;
mod location;
mod metadata;
#[cfg(test)]
mod object_tests;
mod output;
pub(crate) mod parquet;
mod partitions;
mod pending;
mod sink;
mod source;
mod staging;
mod text_source;

use std::sync::Arc;

pub(crate) use location::{Location, object_error};
pub(crate) use text_source::batch;

use crate::dead_letter;
use crate::registry::{Connector, ConnectorOption};
use crate::{ConnectorContext, ConnectorError, Sink, Source, TableDefinition};

const OPTIONS: &[ConnectorOption] = &[
    ConnectorOption::new(
        "path",
        None,
        "file, folder or glob, relative to the job file, or a URL such as s3://bucket/folder; a sink's folder",
    ),
    ConnectorOption::new("format", None, "csv, json or parquet"),
    ConnectorOption::new(
        "source.path.regex-pattern",
        None,
        "reads only files whose whole path matches",
    ),
    ConnectorOption::new(
        "source.monitor-interval",
        None,
        "looks for new files this often: the table has no end; without it, it ends with the files that are there",
    ),
    dead_letter::ON_ERROR,
    dead_letter::TABLE,
    ConnectorOption::new(
        "source.report-statistics",
        Some("all"),
        "accepted for Flink's sake",
    ),
    ConnectorOption::new(
        "partition.default-name",
        Some("__DEFAULT_PARTITION__"),
        "folder name of a partition whose key is NULL or empty",
    ),
    ConnectorOption::new(
        "sink.rolling-policy.file-size",
        Some("128mb"),
        "a part file that reached this size is closed and another begun",
    ),
    ConnectorOption::new(
        "sink.rolling-policy.rollover-interval",
        Some("30 min"),
        "a job without end closes its files at every checkpoint, unless this or the next option is set: then files of csv and json stay open, and hidden, for as long",
    ),
    ConnectorOption::new(
        "sink.rolling-policy.inactivity-interval",
        Some("30 min"),
        "such a file is closed if it has got no row for as long",
    ),
    ConnectorOption::new(
        "sink.rolling-policy.check-interval",
        Some("1 min"),
        "accepted for Flink's sake: it is looked at at every checkpoint",
    ),
    ConnectorOption::new(
        "sink.partition-commit.trigger",
        Some("process-time"),
        "accepted for Flink's sake: a bounded job commits at its end",
    ),
    ConnectorOption::new(
        "sink.partition-commit.delay",
        Some("0 s"),
        "accepted for Flink's sake",
    ),
    ConnectorOption::new(
        "sink.partition-commit.watermark-time-zone",
        Some("UTC"),
        "accepted for Flink's sake",
    ),
    ConnectorOption::new(
        "sink.partition-commit.policy.kind",
        None,
        "success-file: a marker file in every partition that was written",
    ),
    ConnectorOption::new(
        "sink.partition-commit.success-file.name",
        Some("_SUCCESS"),
        "the marker's name",
    ),
    ConnectorOption::new(
        "sink.parallelism",
        None,
        "accepted for Flink's sake: the job's parallelism holds",
    ),
    ConnectorOption::new(
        "auto-compaction",
        Some("false"),
        "accepted for Flink's sake",
    ),
    ConnectorOption::new("compaction.file-size", None, "accepted for Flink's sake"),
];

pub(crate) const CONNECTOR: Connector = Connector {
    name: "filesystem",
    source: true,
    sink: true,
    options: OPTIONS,
    formats: &["csv", "json", "parquet"],
    metadata: metadata::KEYS,
};

pub(crate) fn source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    source::source(definition, context)
}

pub(crate) fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    sink::sink(definition, context)
}
