//! Writes the parts of one partition of a job.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use object_store::{MultipartUpload, ObjectStoreExt};

use super::transaction::{Shared, Staged, ended};
use super::{Format, Plan};
use crate::filesystem::location::{Location, object_error};
use crate::filesystem::output::{Output, blocking, write_error};
use crate::filesystem::parquet::ParquetEncoder;
use crate::format::csv::CsvEncoder;
use crate::format::json::JsonEncoder;
use crate::{ConnectorError, SinkWriter};

/// Text that is gathered before it is written.
const BUFFER: usize = 1 << 20;
/// Objects begun by this process.
static OBJECTS: AtomicU64 = AtomicU64::new(0);
/// Partition folders that one writer has a file open in at a time.
const MAX_OPEN: usize = 128;

/// One partition's writer: a part for each partition folder that its rows belong in.
pub(super) struct Writer {
    plan: Arc<Plan>,
    prefix: Arc<str>,
    staged: Shared,
    count: Arc<AtomicU64>,
    partition: usize,
    parts: HashMap<String, Part>,
    finished: Vec<Finished>,
}

/// A part that is complete but not part of the commit yet.
pub(super) enum Finished {
    /// Its name while it is written, and afterwards.
    Local(PathBuf, PathBuf),
    Upload(Box<dyn MultipartUpload>),
}

pub(super) struct Part {
    output: Output,
    pub begun: Instant,
    /// When it got its last rows.
    pub touched: Instant,
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
    /// `prefix`: what the names of parts begin with; `count`: parts begun by all writers.
    pub(super) fn new(
        plan: Arc<Plan>,
        prefix: Arc<str>,
        staged: Shared,
        count: Arc<AtomicU64>,
        partition: usize,
    ) -> Self {
        Writer {
            plan,
            prefix,
            staged,
            count,
            partition,
            parts: HashMap::new(),
            finished: Vec::new(),
        }
    }

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
                let file = file.map_err(|error| write_error(&shown, 0, &error))?;
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
        let now = Instant::now();
        Ok(Part {
            output,
            begun: now,
            touched: now,
            encoder,
            buffer,
            names,
        })
    }

    async fn end_part(&mut self, part: Part) -> Result<(), ConnectorError> {
        self.finished.push(part.finish().await?);
        Ok(())
    }

    /// Whether its parts may stay open behind a checkpoint.
    fn keeps_parts(&self) -> bool {
        let in_place = matches!(&*self.staged.lock(), Some(Staged::InPlace(_)));
        in_place && self.plan.open.are_kept()
    }
}

impl Part {
    /// Encodes rows; answers how large the part is by now.
    async fn write(&mut self, rows: &RecordBatch) -> Result<u64, ConnectorError> {
        let mut pending = 0;
        self.touched = Instant::now();
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

    /// Makes sure that all rows of a text are on disk; answers the part's bytes.
    pub(super) async fn sync(&mut self) -> Result<u64, ConnectorError> {
        self.output.write(&mut self.buffer).await?;
        self.output.sync().await?;
        Ok(self.output.written())
    }

    pub(super) fn names(&self) -> Result<(PathBuf, PathBuf), ConnectorError> {
        let names = self.names.clone();
        names.ok_or_else(|| ConnectorError::bug("a part without a name"))
    }

    pub(super) async fn finish(mut self) -> Result<Finished, ConnectorError> {
        if let Encoder::Parquet(encoder) = self.encoder {
            encoder.finish(&mut self.buffer)?;
        }
        self.output.write(&mut self.buffer).await?;
        match (self.output.finish().await?, self.names) {
            (Some(upload), _) => Ok(Finished::Upload(upload)),
            (None, Some((hidden, name))) => Ok(Finished::Local(hidden, name)),
            (None, None) => Err(ConnectorError::bug("a part without a name")),
        }
    }
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        let plan = self.plan.clone();
        let keeps_parts = self.keeps_parts();
        for (folder, rows) in plan.partitioning.split(&batch)? {
            if rows.num_rows() == 0 {
                continue;
            }
            let known = self.parts.remove(&folder).or_else(|| {
                let place = (self.partition, folder.clone());
                keeps_parts.then(|| plan.open.take(&place)).flatten()
            });
            let mut part = match known {
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
        let keeps_parts = self.keeps_parts();
        for (folder, part) in std::mem::take(&mut self.parts) {
            match keeps_parts {
                true => self.plan.open.put((self.partition, folder), part),
                false => self.end_part(part).await?,
            }
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
