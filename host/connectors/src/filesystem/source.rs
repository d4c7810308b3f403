//! The filesystem source: checks a table's declaration, finds its files, opens them.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use regex::Regex;
use serde::Deserialize as _;
use tokio::task::JoinHandle;

use super::chunks::{self, ChunkQueue, FilePositions, Next, Records};
use super::csv::{CsvDecoder, place};
use super::json::{JsonDecoder, JsonLines};
use super::location::{InputFile, Location};
use super::metadata::FileColumn;
use super::parquet;
use super::text_source::{Decoder, Origin, Partition};
use crate::dead_letter::{Letters, OnError};
use crate::format::csv::{self, CsvOptions};
use crate::format::json::{self, JsonOptions};
use crate::options::Options;
use crate::{
    BatchStream, ConnectorContext, ConnectorError, Position, Positions, Source, SourceProgress,
    SourceReader, SourceStatistics, Subscription, TableDefinition,
};

pub(super) fn source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    let options = Options::new(definition);
    let monitor = options.duration("source.monitor-interval")?;
    if monitor.is_some_and(|interval| interval.is_zero()) {
        return Err(options.invalid("source.monitor-interval", "longer than nothing"));
    }
    let regex = options.text("source.path.regex-pattern");
    let pattern = regex
        .map(|text| Regex::new(&format!("^(?:{text})$")))
        .transpose()
        .map_err(|_| options.invalid("source.path.regex-pattern", "a regular expression"))?;
    let null_partition = options
        .text("partition.default-name")
        .unwrap_or("__DEFAULT_PARTITION__");
    let file_columns = FileColumn::of(definition, null_partition)?;
    let physical = definition.columns.iter().zip(&file_columns);
    let physical = physical.filter(|(_, of_file)| of_file.is_none());
    let text_columns: Arc<[Field]> = physical.map(|(column, _)| column.field.clone()).collect();
    let format = match options.text("format") {
        Some("csv") => {
            let csv = CsvOptions::parse(&options)?;
            csv::check(definition, &text_columns, &csv.rules)?;
            Format::Csv(Arc::new(csv))
        }
        Some("json") => {
            json::check(definition, &text_columns)?;
            Format::Json(Arc::new(JsonOptions::parse(&options)?))
        }
        _ => Format::Parquet,
    };
    if monitor.is_some() && matches!(format, Format::Parquet) {
        return Err(options.unsupported(
            "source.monitor-interval",
            "works with the formats csv and json only, so far",
        ));
    }
    let on_error = OnError::of(definition)?;
    if on_error.is_dead_letter() && matches!(format, Format::Parquet) {
        return Err(options
            .unsupported("on-error", "cannot be 'dead-letter' with the format parquet")
            .with_hint(
                "a Parquet file has no records of its own that could be wrong: it can be read or not"
                    .to_owned(),
            ));
    }
    Ok(Arc::new(FilesystemSource {
        monitor,
        on_error,
        location: Location::parse(options.required("path", "data/input.csv")?, &context.base)?,
        pattern,
        format,
        schema: definition.source_schema(),
        file_columns,
        text_columns,
        batch_rows: context.batch_rows.max(1),
        chunk_bytes: context.chunk_bytes,
    }))
}

#[derive(Debug)]
enum Format {
    Csv(Arc<CsvOptions>),
    Json(Arc<JsonOptions>),
    Parquet,
}

#[derive(Debug)]
struct FilesystemSource {
    /// How often new files are looked for; `None` where the table ends with those that are there.
    monitor: Option<Duration>,
    on_error: OnError,
    location: Location,
    pattern: Option<Regex>,
    format: Format,
    schema: SchemaRef,
    /// For each column of the schema, whether and how the file gives it.
    file_columns: Vec<Option<FileColumn>>,
    text_columns: Arc<[Field]>,
    batch_rows: usize,
    chunk_bytes: usize,
}

/// The columns that a reading gives.
struct View {
    origins: Vec<Origin>,
    /// Indices into the text columns.
    wanted: Vec<usize>,
    schema: SchemaRef,
}

impl FilesystemSource {
    /// Where each projected column comes from, and the text columns that are wanted.
    fn origins(&self, projection: &[usize]) -> Result<(Vec<Origin>, Vec<usize>), ConnectorError> {
        let mut wanted = Vec::new();
        let mut origins = Vec::new();
        for &index in projection {
            let of_file = self.file_columns.get(index).ok_or_else(|| {
                ConnectorError::bug(format!("a projection asks for column {index}"))
            })?;
            origins.push(match of_file {
                Some(column) => Origin::File(column.clone()),
                None => {
                    let before = self.file_columns[..index].iter();
                    wanted.push(before.filter(|column| column.is_none()).count());
                    Origin::Text(wanted.len() - 1)
                }
            });
        }
        Ok((origins, wanted))
    }

    /// A queue of chunks of these files.
    fn queue(
        &self,
        files: Vec<Arc<InputFile>>,
        progress: &Arc<SourceProgress>,
    ) -> Option<ChunkQueue> {
        let records: Arc<dyn Records> = match &self.format {
            Format::Csv(options) => Arc::new(options.dialect.clone()),
            Format::Json(_) => Arc::new(JsonLines),
            Format::Parquet => return None,
        };
        Some(ChunkQueue::new(
            files,
            records,
            self.chunk_bytes,
            progress.clone(),
        ))
    }

    /// What a projection takes; without one all columns.
    fn view(&self, projection: Option<Vec<usize>>) -> Result<View, ConnectorError> {
        let projection = projection.unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let (origins, wanted) = self.origins(&projection)?;
        let fields = projection
            .iter()
            .map(|&index| self.schema.field(index).clone());
        Ok(View {
            origins,
            wanted,
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        })
    }

    fn reader(
        &self,
        queue: &Arc<ChunkQueue>,
        view: &View,
        progress: &Arc<SourceProgress>,
    ) -> Result<Partition, ConnectorError> {
        Ok(Partition::new(
            queue.clone(),
            self.decoder(&view.wanted, progress)?,
            Letters::new(self.on_error.clone(), self.batch_rows),
            view.origins.clone(),
            view.schema.clone(),
            progress.clone(),
        ))
    }

    fn decoder(
        &self,
        wanted: &[usize],
        progress: &Arc<SourceProgress>,
    ) -> Result<Box<dyn Decoder>, ConnectorError> {
        let columns = &self.text_columns;
        Ok(match &self.format {
            Format::Csv(options) => Box::new(CsvDecoder::new(
                options.clone(),
                columns.clone(),
                wanted,
                self.batch_rows,
                progress.clone(),
            )?),
            Format::Json(options) => Box::new(JsonDecoder::new(
                options.clone(),
                columns,
                wanted,
                self.batch_rows,
                progress.clone(),
            )?),
            Format::Parquet => return Err(ConnectorError::bug("Parquet has no text decoder")),
        })
    }

    /// Reads the header of the first file, if files have one, and looks for all columns in it.
    async fn check_header(&self, files: &[Arc<InputFile>]) -> Result<(), ConnectorError> {
        let first = files.iter().find(|file| file.size > 0);
        let (Format::Csv(options), Some(first)) = (&self.format, first) else {
            return Ok(());
        };
        if !options.dialect.header {
            return Ok(());
        }
        let progress = Arc::default();
        let queue = self.queue(vec![first.clone()], &progress);
        let Some(queue) = queue else { return Ok(()) };
        if let Next::Chunk(chunk) = queue.next(&mut chunks::Place::default()).await?
            && let Some(header) = chunk.header
        {
            for field in self.text_columns.iter() {
                place(field, &header, first)?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Source for FilesystemSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn bounded(&self) -> bool {
        self.monitor.is_none()
    }

    fn gives_dead_letters(&self) -> bool {
        self.on_error.is_dead_letter()
    }

    async fn discover(&self) -> Result<SourceStatistics, ConnectorError> {
        let pattern = self.pattern.as_ref();
        if self.monitor.is_some() {
            self.check_header(&self.location.listed(pattern).await?)
                .await?;
            return Ok(SourceStatistics::default());
        }
        let files = self.location.files(pattern).await?;
        let rows = match self.format {
            Format::Parquet => Some(parquet::check(&files, &self.text_columns).await?),
            Format::Csv(_) | Format::Json(_) => {
                self.check_header(&files).await?;
                None
            }
        };
        Ok(SourceStatistics {
            bytes: Some(files.iter().map(|file| file.size).sum()),
            rows,
            files: files.len() as u64,
        })
    }

    async fn open(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        progress: Arc<SourceProgress>,
    ) -> Result<Vec<BatchStream>, ConnectorError> {
        if self.monitor.is_some() {
            let followed = self.subscribe(partitions, projection, None, progress);
            return Ok(followed.await?.into_streams());
        }
        let files = self.location.files(self.pattern.as_ref()).await?;
        let view = self.view(projection)?;
        let partitions = 0..partitions.max(1);
        let Some(queue) = self.queue(files.clone(), &progress) else {
            let shared = parquet::Shared {
                columns: self.text_columns.clone(),
                wanted: view.wanted,
                origins: view.origins,
                schema: view.schema,
                batch_rows: self.batch_rows,
                progress,
            };
            let queue = parquet::Queue::new(files, shared);
            return Ok(partitions.map(|_| parquet::stream(queue.clone())).collect());
        };
        let queue = Arc::new(queue);
        partitions
            .map(|_| Ok(self.reader(&queue, &view, &progress)?.into_stream()))
            .collect()
    }

    async fn subscribe(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        from: Option<&Position>,
        progress: Arc<SourceProgress>,
    ) -> Result<Subscription, ConnectorError> {
        let files = match self.monitor {
            Some(_) => self.location.listed(self.pattern.as_ref()).await?,
            None => self.location.files(self.pattern.as_ref()).await?,
        };
        let Some(queue) = self.queue(files, &progress) else {
            return Err(ConnectorError::job(format!(
                "{}: Parquet files cannot be read by a job without end yet",
                self.location.shown()
            )));
        };
        if let Some(from) = from {
            let positions = FilePositions::deserialize(from).map_err(|error| {
                ConnectorError::job(format!(
                    "{}: the checkpoint is not one of files: {error}",
                    self.location.shown()
                ))
            })?;
            queue.resume(positions);
        }
        let queue = Arc::new(queue);
        let view = self.view(projection)?;
        let readers = (0..partitions.max(1)).map(|_| {
            let reader = self.reader(&queue, &view, &progress)?;
            Ok(Box::new(reader) as Box<dyn SourceReader>)
        });
        let readers = readers.collect::<Result<_, ConnectorError>>()?;
        let monitor = self.monitor.map(|interval| {
            queue.grow();
            let watch = watch(
                self.location.clone(),
                self.pattern.clone(),
                interval,
                queue.clone(),
            );
            AbortOnDrop(tokio::spawn(watch))
        });
        Ok(Subscription {
            readers,
            positions: Arc::new(Followed {
                queue,
                _monitor: monitor,
            }),
        })
    }
}

/// Looks for new files, again and again.
async fn watch(
    location: Location,
    pattern: Option<Regex>,
    interval: Duration,
    queue: Arc<ChunkQueue>,
) {
    loop {
        tokio::time::sleep(interval).await;
        match location.listed(pattern.as_ref()).await {
            Ok(files) => queue.add(files),
            Err(error) => {
                queue.fail(error);
                break;
            }
        }
    }
}

/// A task that ends with what it serves.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Files that are read between checkpoints.
struct Followed {
    queue: Arc<ChunkQueue>,
    _monitor: Option<AbortOnDrop>,
}

impl Positions for Followed {
    fn position(&self) -> Position {
        serde_json::to_value(self.queue.positions()).unwrap_or_default()
    }
}
