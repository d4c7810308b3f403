//! The filesystem sink: part files in a folder, visible at the commit.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;
use serde::Deserialize as _;

use super::location::{Location, object_error};
use super::output::{Output, blocking};
use super::parquet::{self, ParquetEncoder};
use super::partitions::Partitioning;
use super::pending::{Parts, Pending};
use super::staging::{Keep, Staging};
use crate::format::csv::{self, CsvEncoder, CsvOptions};
use crate::format::json::{self, JsonEncoder, JsonOptions};
use crate::options::Options;
use crate::{
    Committable, ConnectorContext, ConnectorError, Sink, SinkTransaction, SinkWriter,
    TableDefinition,
};

/// Text that is gathered before it is written.
const BUFFER: usize = 1 << 20;
/// Objects begun by this process.
static OBJECTS: AtomicU64 = AtomicU64::new(0);
/// Partition folders that one writer has a file open in at a time.
const MAX_OPEN: usize = 128;

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
        "sink.rolling-policy.rollover-interval",
        "sink.rolling-policy.inactivity-interval",
        "sink.rolling-policy.check-interval",
        "sink.partition-commit.delay",
    ] {
        options.duration(key)?;
    }
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
            _ => super::output::write_error(&shown, 0, error),
        }
    }
}

/// Where the parts are until the commit.
enum Staged {
    Local(Staging),
    InPlace(Pending),
    Object {
        store: Arc<dyn ObjectStore>,
        folder: ObjectPath,
        uploads: Vec<Box<dyn MultipartUpload>>,
    },
}

type Shared = Arc<Mutex<Option<Staged>>>;

struct Transaction {
    plan: Arc<Plan>,
    /// What the names of its parts begin with.
    prefix: Arc<str>,
    overwrite: bool,
    /// `None` once it is committed or aborted.
    staged: Shared,
    /// Parts begun, so that every part has a name of its own.
    count: Arc<AtomicU64>,
}

impl Transaction {
    fn new(plan: &Arc<Plan>, prefix: String, overwrite: bool, place: Staged) -> Self {
        Self {
            plan: plan.clone(),
            prefix: prefix.into(),
            overwrite,
            staged: Arc::new(Mutex::new(Some(place))),
            count: Arc::default(),
        }
    }
}

#[async_trait]
impl SinkTransaction for Transaction {
    async fn writer(&self, partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(Writer {
            plan: self.plan.clone(),
            prefix: self.prefix.clone(),
            staged: self.staged.clone(),
            count: self.count.clone(),
            partition,
            parts: HashMap::new(),
            finished: Vec::new(),
        }))
    }

    async fn prepare(&self) -> Result<Committable, ConnectorError> {
        let mut staged = self.staged.lock();
        let Some(Staged::InPlace(pending)) = staged.as_mut() else {
            return Ok(Committable::Null);
        };
        let parts = pending.parts(self.plan.partition_marker());
        parts
            .sync(&pending.folder)
            .map_err(|error| self.plan.unwritable(&error))?;
        serde_json::to_value(parts)
            .map_err(|error| ConnectorError::unexpected("preparing a checkpoint", error))
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        let staged = self.staged.lock().take();
        let keep = match (self.overwrite, self.plan.partitioning.is_empty()) {
            (false, _) => Keep::All,
            (true, true) => Keep::Nothing,
            (true, false) => Keep::OtherPartitions,
        };
        match staged.ok_or_else(ended)? {
            Staged::InPlace(pending) => {
                let parts = pending.parts(self.plan.partition_marker());
                blocking(move || pending.publish(&parts))
                    .await?
                    .map_err(|error| self.plan.unwritable(&error))
            }
            Staged::Local(staging) => {
                let marker = self.plan.partition_marker();
                blocking(move || {
                    clean(&staging.folder, marker.as_deref())?;
                    staging.commit(keep)
                })
                .await?
                .map_err(|error| self.plan.unwritable(&error))
            }
            Staged::Object {
                store,
                folder,
                uploads,
            } => {
                let shown = self.plan.location.shown();
                let failed = |error| object_error("write", &shown, &error);
                let old: Vec<_> = match keep {
                    Keep::All => Vec::new(),
                    _ => store
                        .list(Some(&folder))
                        .try_collect()
                        .await
                        .map_err(failed)?,
                };
                for mut upload in uploads {
                    upload.complete().await.map_err(failed)?;
                }
                for meta in old {
                    store.delete(&meta.location).await.map_err(failed)?;
                }
                Ok(())
            }
        }
    }

    async fn abort(&self) {
        let staged = self.staged.lock().take();
        match staged {
            Some(Staged::Local(staging)) => drop(blocking(move || drop(staging)).await),
            Some(Staged::InPlace(pending)) => {
                if let Ok(Err(error)) = blocking(move || pending.remove_hidden()).await {
                    tracing::warn!("cannot remove unfinished parts: {error}");
                }
            }
            Some(Staged::Object { uploads, .. }) => {
                for mut upload in uploads {
                    if let Err(error) = upload.abort().await {
                        tracing::warn!("cannot abort an upload: {error}");
                    }
                }
            }
            None => {}
        }
    }
}

fn ended() -> ConnectorError {
    ConnectorError::bug("a sink is used after its commit")
}

/// Removes what unfinished writers left, and marks the folders that hold files.
fn clean(folder: &Path, marker: Option<&str>) -> std::io::Result<()> {
    let mut holds_files = false;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clean(&entry.path(), marker)?;
        } else if entry.file_name().to_string_lossy().starts_with('.') {
            std::fs::remove_file(entry.path())?;
        } else {
            holds_files = true;
        }
    }
    match marker {
        Some(name) if holds_files => File::create(folder.join(name))?.sync_all(),
        _ => Ok(()),
    }
}

/// One partition's writer: a part for each partition folder that its rows belong in.
struct Writer {
    plan: Arc<Plan>,
    prefix: Arc<str>,
    staged: Shared,
    count: Arc<AtomicU64>,
    partition: usize,
    parts: HashMap<String, Part>,
    finished: Vec<Finished>,
}

/// A part that is complete but not part of the commit yet.
enum Finished {
    /// Its name while it is written, and afterwards.
    Local(PathBuf, PathBuf),
    Upload(Box<dyn MultipartUpload>),
}

struct Part {
    output: Output,
    encoder: Encoder,
    buffer: Vec<u8>,
    /// The hidden name and the final one, of a local file.
    names: Option<(PathBuf, PathBuf)>,
}

enum Encoder {
    Csv(Box<CsvEncoder>),
    Json(JsonEncoder),
    Parquet(Box<ParquetEncoder>),
}

fn end_line(text: &mut Vec<u8>) {
    text.push(b'\n');
}

impl Writer {
    async fn begin_part(&mut self, folder: &str) -> Result<Part, ConnectorError> {
        let plan = &self.plan;
        let number = match &plan.location {
            Location::Local { .. } => self.count.fetch_add(1, Ordering::Relaxed),
            // An upload replaces an object of the same name: no two of this run may share one.
            Location::Object { .. } => OBJECTS.fetch_add(1, Ordering::Relaxed),
        };
        let ending = plan.format.ending();
        let name = format!("{}-{}-{number}.{ending}", self.prefix, self.partition);
        let inside = match folder {
            "" => name.clone(),
            folder => format!("{folder}/{name}"),
        };
        let shown = format!("{}/{inside}", plan.location.shown());
        let place = match self.staged.lock().as_ref().ok_or_else(ended)? {
            Staged::Local(staging) => Ok(staging.folder.join(folder)),
            Staged::InPlace(pending) => Ok(pending.folder.join(folder)),
            Staged::Object { store, folder, .. } => Err((store.clone(), folder.clone())),
        };
        let (output, names) = match place {
            Ok(folder) => {
                let names = (folder.join(format!(".{name}")), folder.join(name));
                let hidden = names.0.clone();
                let file = blocking(move || {
                    std::fs::create_dir_all(&folder)?;
                    File::create(hidden)
                })
                .await?;
                let file = file.map_err(|error| super::output::write_error(&shown, 0, &error))?;
                (Output::local(file, shown), Some(names))
            }
            Err((store, folder)) => {
                let upload = store
                    .put_multipart(&folder.join(name))
                    .await
                    .map_err(|error| object_error("write", &shown, &error))?;
                (Output::upload(upload, shown), None)
            }
        };
        let mut buffer = Vec::new();
        let encoder = match &plan.format {
            Format::Csv(options) => {
                let mut encoder = CsvEncoder::new(options.clone());
                encoder.header(&plan.file_schema, &mut buffer);
                Encoder::Csv(Box::new(encoder))
            }
            Format::Json(options) => {
                Encoder::Json(JsonEncoder::new(options.clone(), &plan.file_schema))
            }
            Format::Parquet(properties) => Encoder::Parquet(Box::new(ParquetEncoder::new(
                &plan.file_schema,
                properties.as_ref().clone(),
            )?)),
        };
        Ok(Part {
            output,
            encoder,
            buffer,
            names,
        })
    }

    async fn end_part(&mut self, mut part: Part) -> Result<(), ConnectorError> {
        if let Encoder::Parquet(encoder) = part.encoder {
            encoder.finish(&mut part.buffer)?;
        }
        part.output.write(&mut part.buffer).await?;
        let upload = part.output.finish().await?;
        self.finished.push(match (upload, part.names) {
            (Some(upload), _) => Finished::Upload(upload),
            (None, Some((hidden, name))) => Finished::Local(hidden, name),
            (None, None) => return Err(ConnectorError::bug("a part without a name")),
        });
        Ok(())
    }
}

impl Part {
    /// Encodes rows; answers how large the part is by now.
    async fn write(&mut self, rows: &RecordBatch) -> Result<u64, ConnectorError> {
        let mut pending = 0;
        match &mut self.encoder {
            Encoder::Csv(encoder) => encoder.encode(rows, &mut self.buffer, end_line)?,
            Encoder::Json(encoder) => encoder.encode(rows, &mut self.buffer, end_line)?,
            Encoder::Parquet(encoder) => pending = encoder.encode(rows, &mut self.buffer)?,
        }
        if self.buffer.len() >= BUFFER {
            self.output.write(&mut self.buffer).await?;
        }
        Ok(self.output.written() + (self.buffer.len() + pending) as u64)
    }
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        let plan = self.plan.clone();
        for (folder, rows) in plan.partitioning.split(&batch)? {
            if rows.num_rows() == 0 {
                continue;
            }
            let mut part = match self.parts.remove(&folder) {
                Some(part) => part,
                None => {
                    if self.parts.len() >= MAX_OPEN {
                        for (_, part) in std::mem::take(&mut self.parts) {
                            self.end_part(part).await?;
                        }
                    }
                    self.begin_part(&folder).await?
                }
            };
            match part.write(&rows).await? >= plan.roll {
                true => self.end_part(part).await?,
                false => {
                    self.parts.insert(folder, part);
                }
            }
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), ConnectorError> {
        for (_, part) in std::mem::take(&mut self.parts) {
            self.end_part(part).await?;
        }
        let mut staged = self.staged.lock();
        let staged = staged.as_mut().ok_or_else(ended)?;
        for finished in std::mem::take(&mut self.finished) {
            match (finished, &mut *staged) {
                (Finished::Local(hidden, name), Staged::InPlace(pending)) => {
                    pending.finished.push((hidden, name));
                }
                (Finished::Local(hidden, name), _) => {
                    std::fs::rename(hidden, name).map_err(|error| self.plan.unwritable(&error))?
                }
                (Finished::Upload(upload), Staged::Object { uploads, .. }) => uploads.push(upload),
                (Finished::Upload(_), Staged::Local(_) | Staged::InPlace(_)) => {
                    return Err(ConnectorError::bug("an upload to a local folder"));
                }
            }
        }
        Ok(())
    }
}
