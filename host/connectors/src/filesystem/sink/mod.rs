//! The filesystem sink: part files in a folder, visible at the commit.

mod open;
mod transaction;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use serde::Deserialize as _;

use self::open::{OpenParts, Rolling};
use self::transaction::{Staged, Transaction};
use super::location::Location;
use super::output::{blocking, write_error};
use super::parquet;
use super::partitions::Partitioning;
use super::pending::{Parts, Pending};
use super::staging::Staging;
use crate::format::csv::{self, CsvOptions};
use crate::format::json::{self, JsonOptions};
use crate::options::Options;
use crate::{
    Committable, ConnectorContext, ConnectorError, Sink, SinkTransaction, TableDefinition,
};

/// What Flink takes where one of the intervals is not set.
const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

pub(super) fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    let options = Options::new(definition);
    let schema = definition.sink_schema();
    let null = options
        .text("partition.default-name")
        .unwrap_or("__DEFAULT_PARTITION__");
    if let Some(column) = definition
        .columns
        .iter()
        .find(|column| column.metadata.is_some() && !column.virtual_column)
    {
        return Err(ConnectorError::job(format!(
            "table {}: the metadata column {} cannot be written",
            definition.name,
            column.field.name()
        ))
        .with_hint("declare it VIRTUAL".to_owned()));
    }
    let partitioning = Partitioning::new(definition, &schema, null)?;
    let stored = partitioning.stored().iter();
    let fields: Vec<_> = stored.map(|index| schema.field(*index).clone()).collect();
    for (_, index) in partitioning.keys() {
        csv::check(
            definition,
            &[schema.field(*index).clone()],
            &Default::default(),
        )?;
    }
    let format = match options.text("format") {
        Some("csv") => {
            let csv = CsvOptions::parse(&options)?;
            csv::check(definition, &fields, &csv.rules)?;
            Format::Csv(csv)
        }
        Some("json") => {
            json::check(definition, &fields)?;
            Format::Json(JsonOptions::parse(&options)?)
        }
        _ => Format::Parquet(Box::new(parquet::properties(&options)?)),
    };
    let location = Location::parse(options.required("path", "out")?, &context.base)?;
    if location.holds_base() {
        return Err(ConnectorError::job(format!(
            "table {}: the job's own folder cannot be a sink: all of a sink's folder is replaced at once",
            definition.name
        ))
        .with_hint("write to a folder below it, for example 'path' = 'out'".to_owned()));
    }
    if matches!(location, Location::Object { .. }) && !partitioning.is_empty() {
        return Err(ConnectorError::job(format!(
            "table {}: PARTITIONED BY works with local folders only, not with {}",
            definition.name,
            location.shown()
        )));
    }
    let marker = match options.choice(
        "sink.partition-commit.policy.kind",
        &[
            "success-file",
            "metastore",
            "metastore,success-file",
            "custom",
        ],
    )? {
        None => None,
        Some("success-file") => Some(
            options
                .text("sink.partition-commit.success-file.name")
                .unwrap_or("_SUCCESS")
                .to_owned(),
        ),
        Some(_) => {
            let key = "sink.partition-commit.policy.kind";
            return Err(options.invalid(key, "'success-file'"));
        }
    };
    for key in [
        "sink.rolling-policy.check-interval",
        "sink.partition-commit.delay",
    ] {
        options.duration(key)?;
    }
    let rolling = match (
        options.duration("sink.rolling-policy.rollover-interval")?,
        options.duration("sink.rolling-policy.inactivity-interval")?,
        &format,
    ) {
        // Its end is in the file.
        (_, _, Format::Parquet(_)) | (None, None, _) => None,
        (interval, inactivity, _) => Some(Rolling {
            interval: interval.unwrap_or(HALF_AN_HOUR),
            inactivity: inactivity.unwrap_or(HALF_AN_HOUR),
        }),
    };
    let roll = options.bytes("sink.rolling-policy.file-size")?;
    Ok(Arc::new(FilesystemSink {
        plan: Arc::new(Plan {
            location,
            job: file_name(&context.job),
            file_schema: Arc::new(Schema::new(fields)),
            partitioning,
            format,
            roll: roll.unwrap_or(128 << 20).max(1),
            marker,
            open: OpenParts::new(rolling),
        }),
        schema,
    }))
}

/// A run's id as a part of file names.
fn file_name(job: &str) -> String {
    let usable = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_');
    job.chars().filter(usable).collect()
}

#[derive(Debug)]
struct FilesystemSink {
    schema: SchemaRef,
    plan: Arc<Plan>,
}

/// What the writers of a sink need to know.
#[derive(Debug)]
struct Plan {
    location: Location,
    job: String,
    /// The columns that a file holds.
    file_schema: SchemaRef,
    partitioning: Partitioning,
    format: Format,
    /// Bytes at which a part is closed and another begun.
    roll: u64,
    /// The name of the file that marks a written partition.
    marker: Option<String>,
    open: OpenParts,
}

#[derive(Debug)]
enum Format {
    Csv(CsvOptions),
    Json(JsonOptions),
    Parquet(Box<::parquet::file::properties::WriterProperties>),
}

impl Format {
    fn ending(&self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Json(_) => "json",
            Self::Parquet(_) => "parquet",
        }
    }
}

#[async_trait]
impl Sink for FilesystemSink {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn begin(&self, overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        let place = match &self.plan.location {
            Location::Local { path, .. } => {
                let (target, job) = (path.clone(), self.plan.job.clone());
                let staging = blocking(move || Staging::create(&target, &job)).await?;
                let staging = staging.map_err(|error| self.plan.unwritable(&error))?;
                Staged::Local(staging)
            }
            Location::Object { store, path, .. } => Staged::Object {
                store: store.clone(),
                folder: path.clone(),
                uploads: Vec::new(),
            },
        };
        let prefix = format!("part-{}", self.plan.job);
        Ok(Arc::new(Transaction::new(
            &self.plan, prefix, overwrite, place,
        )))
    }

    fn shows_at_checkpoints(&self) -> bool {
        true
    }

    fn is_due(&self) -> bool {
        self.plan.open.is_due()
    }

    async fn begin_checkpoint(
        &self,
        run: &str,
        checkpoint: u64,
    ) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        let folder = self.plan.local_folder()?.to_owned();
        let made = folder.clone();
        blocking(move || std::fs::create_dir_all(made))
            .await?
            .map_err(|error| self.plan.unwritable(&error))?;
        let prefix = format!("part-{run}-{checkpoint}");
        let place = Staged::InPlace(Pending::new(folder, &prefix));
        Ok(Arc::new(Transaction::new(&self.plan, prefix, false, place)))
    }

    async fn recover(
        &self,
        run: &str,
        prepared: Option<&Committable>,
    ) -> Result<(), ConnectorError> {
        let folder = self.plan.local_folder()?.to_owned();
        // Of a run in this process that failed.
        drop(self.plan.open.take_all());
        let prefix = format!("part-{run}");
        let parts = prepared.map(Parts::deserialize).transpose();
        let parts = parts.map_err(|error| {
            let shown = self.plan.location.shown();
            ConnectorError::job(format!(
                "{shown}: the checkpoint is not one of files: {error}"
            ))
        })?;
        blocking(move || {
            let pending = Pending::new(folder, &prefix);
            if let Some(parts) = &parts {
                pending.publish(parts)?;
                pending.end_open(parts)?;
            }
            pending.remove_hidden()
        })
        .await?
        .map_err(|error| self.plan.unwritable(&error))
    }
}

impl Plan {
    /// The folder that parts are written to and published in, for a job that takes checkpoints.
    fn local_folder(&self) -> Result<&Path, ConnectorError> {
        match &self.location {
            Location::Local { path, .. } => Ok(path),
            Location::Object { .. } => Err(ConnectorError::job(format!(
                "cannot write {}: a job that takes checkpoints writes to local folders only, so far",
                self.location.shown()
            ))),
        }
    }

    /// The name of the marker file, where partitions get one.
    fn partition_marker(&self) -> Option<String> {
        let marker = self.marker.clone();
        marker.filter(|_| !self.partitioning.is_empty())
    }

    fn unwritable(&self, error: &std::io::Error) -> ConnectorError {
        let shown = self.location.shown();
        match error.kind() {
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                ConnectorError::environment(format!(
                    "cannot write {shown}: a sink's path is a folder, and this is, or lies below, a file"
                ))
                .with_hint("choose another 'path', or remove the file".to_owned())
            }
            std::io::ErrorKind::NotFound => ConnectorError::environment(format!(
                "cannot write {shown}: its folder cannot be made"
            )),
            _ => write_error(&shown, 0, error),
        }
    }
}
