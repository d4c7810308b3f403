//! Reads Parquet: row groups are handed to the partitions one by one.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, SchemaRef};
use arrow::record_batch::RecordBatch;
use futures::{StreamExt, TryStreamExt, stream as streams};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::ParquetRecordBatchStream;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use tokio::sync::Mutex;

use super::file::ParquetFile;
use super::schema;
use crate::caught::caught;
use crate::filesystem::location::InputFile;
use crate::filesystem::text_source::{Origin, batch};
use crate::{BatchStream, ConnectorError, SourceProgress, SourceRows};

/// Files whose ends are read at a time, to find their schema.
const FOOTERS: usize = 16;

/// Checks the files against the declared columns; answers how many rows they hold.
pub(crate) async fn check(
    files: &[Arc<InputFile>],
    declared: &[Field],
) -> Result<u64, ConnectorError> {
    let rows = streams::iter(files.to_vec()).map(|file| async move {
        let (_, metadata) = open(&file, declared).await?;
        schema::places(metadata.schema(), declared, &file)?;
        let rows = metadata.metadata().file_metadata().num_rows();
        Ok(u64::try_from(rows).unwrap_or(0))
    });
    let rows = rows.buffered(FOOTERS);
    rows.try_fold(
        0,
        |sum: u64, rows| async move { Ok(sum.saturating_add(rows)) },
    )
    .await
}

/// What all partitions know.
pub(crate) struct Shared {
    pub(crate) columns: Arc<[Field]>,
    /// The declared columns that are wanted.
    pub(crate) wanted: Vec<usize>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) schema: SchemaRef,
    pub(crate) batch_rows: usize,
    pub(crate) progress: Arc<SourceProgress>,
}

/// What is left to read.
pub(crate) struct Queue {
    work: Mutex<VecDeque<Work>>,
    shared: Shared,
}

enum Work {
    File(Arc<InputFile>),
    Group(Arc<OpenFile>, usize),
}

struct OpenFile {
    file: Arc<InputFile>,
    metadata: ArrowReaderMetadata,
    reader: ParquetFile,
    /// For each wanted column its index in the file's schema.
    places: Vec<usize>,
}

impl Queue {
    pub(crate) fn new(files: Vec<Arc<InputFile>>, shared: Shared) -> Arc<Self> {
        Arc::new(Self {
            work: Mutex::new(files.into_iter().map(Work::File).collect()),
            shared,
        })
    }

    /// The next row group. While one partition opens a file the others wait, for its row groups.
    async fn next(&self) -> Result<Option<Group>, ConnectorError> {
        let mut work = self.work.lock().await;
        loop {
            match work.pop_front() {
                None => return Ok(None),
                Some(Work::Group(open, index)) => {
                    drop(work);
                    return self.group(open, index).map(Some);
                }
                Some(Work::File(file)) => {
                    let (reader, metadata) = open(&file, &self.shared.columns).await?;
                    let fields = &self.shared.columns;
                    let wanted = self.shared.wanted.iter();
                    let wanted: Vec<_> = wanted.map(|index| fields[*index].clone()).collect();
                    let groups = metadata.metadata().num_row_groups();
                    if groups == 0 {
                        self.shared.progress.add_bytes(file.size);
                    }
                    let open = Arc::new(OpenFile {
                        places: schema::places(metadata.schema(), &wanted, &file)?,
                        file,
                        metadata,
                        reader,
                    });
                    for index in (0..groups).rev() {
                        work.push_front(Work::Group(open.clone(), index));
                    }
                }
            }
        }
    }

    fn group(&self, open: Arc<OpenFile>, index: usize) -> Result<Group, ConnectorError> {
        let rows = |index: usize| {
            let rows = open.metadata.metadata().row_group(index).num_rows();
            u64::try_from(rows).unwrap_or(0)
        };
        let before: u64 = (0..index).map(rows).sum();
        let all: u64 = (0..open.metadata.metadata().num_row_groups())
            .map(rows)
            .sum();
        let mask =
            ProjectionMask::roots(open.metadata.parquet_schema(), open.places.iter().copied());
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(
            open.reader.clone(),
            open.metadata.clone(),
        );
        let stream = builder
            .with_row_groups(vec![index])
            .with_projection(mask)
            .with_batch_size(self.shared.batch_rows)
            .build()
            .map_err(|error| damaged(&open.file, &error))?;
        let mut group = Group {
            stream,
            before,
            all: all.max(1),
            done: 0,
            counted: 0,
            open,
        };
        group.counted = group.share(before);
        Ok(group)
    }
}

/// A row group that is being read.
struct Group {
    stream: ParquetRecordBatchStream<ParquetFile>,
    open: Arc<OpenFile>,
    /// Rows of the file before this group, and in all.
    before: u64,
    all: u64,
    done: u64,
    /// The file's bytes that are counted as read, including those before this group.
    counted: u64,
}

impl Group {
    /// The part of the file's bytes that `rows` of its rows are.
    fn share(&self, rows: u64) -> u64 {
        let share = u128::from(self.open.file.size) * u128::from(rows) / u128::from(self.all);
        u64::try_from(share).unwrap_or(u64::MAX)
    }

    async fn next(&mut self, shared: &Shared) -> Result<Option<RecordBatch>, ConnectorError> {
        let file = &self.open.file;
        // A damaged file must not bring the process down.
        let read = caught(self.stream.next()).await;
        let Ok(read) = read else {
            return Err(damaged(
                file,
                &ParquetError::General("its pages are wrong".to_owned()),
            ));
        };
        let Some(found) = read else {
            return Ok(None);
        };
        let found = found.map_err(|error| damaged(file, &error))?;
        let rows = found.num_rows();
        // The stream yields the file's order of columns.
        let mut order = self.open.places.clone();
        order.sort_unstable();
        order.dedup();
        let arrays = shared.origins.iter().zip(&shared.schema.fields()[..]);
        let arrays = arrays.map(|(origin, field)| match origin {
            Origin::File(column) => column.array(file, rows),
            Origin::Text(index) => {
                let place = self.open.places[*index];
                let at = order.binary_search(&place).ok();
                let array = at.and_then(|at| found.columns().get(at));
                let array = array.ok_or_else(|| ConnectorError::bug("a column is missing"))?;
                let array = cast(array, field.data_type(), file, field.name())?;
                if array.null_count() > 0 && !field.is_nullable() {
                    return Err(ConnectorError::data(format!(
                        "{}: column {} holds NULL, but is declared NOT NULL",
                        file.shown,
                        field.name()
                    )));
                }
                Ok(array)
            }
        });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        shared.progress.add_rows(rows);
        self.done += rows as u64;
        let counted = self.share(self.before + self.done);
        shared.progress.add_bytes(counted - self.counted);
        self.counted = counted;
        batch(&shared.schema, arrays, rows).map(Some)
    }
}

fn cast(
    array: &ArrayRef,
    kind: &arrow::datatypes::DataType,
    file: &InputFile,
    name: &str,
) -> Result<ArrayRef, ConnectorError> {
    if array.data_type() == kind {
        return Ok(array.clone());
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, kind, &strict)
        .map_err(|error| ConnectorError::data(format!("{}, column {name}: {error}", file.shown)))
}

/// The stream of one partition.
pub(crate) fn stream(queue: Arc<Queue>) -> BatchStream {
    let state = (queue, None::<Group>);
    Box::pin(streams::try_unfold(
        state,
        |(queue, mut group)| async move {
            loop {
                let mut current = match group.take() {
                    Some(current) => current,
                    None => match queue.next().await? {
                        Some(next) => next,
                        None => return Ok(None),
                    },
                };
                if let Some(batch) = current.next(&queue.shared).await? {
                    return Ok(Some((SourceRows::from(batch), (queue, Some(current)))));
                }
            }
        },
    ))
}

/// Reads a file's schema.
async fn open(
    file: &Arc<InputFile>,
    declared: &[Field],
) -> Result<(ParquetFile, ArrowReaderMetadata), ConnectorError> {
    let mut reader = ParquetFile::new(file)?;
    let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let load = ArrowReaderMetadata::load_async(&mut reader, plain);
    let loaded = caught(load).await;
    let loaded =
        loaded.unwrap_or_else(|_| Err(ParquetError::General("its footer is wrong".to_owned())));
    let metadata = loaded.map_err(|error| damaged(file, &error))?;
    let options = schema::options(&metadata, declared);
    let metadata = ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
        .map_err(|error| damaged(file, &error))?;
    Ok((reader, metadata))
}

fn damaged(file: &InputFile, error: &ParquetError) -> ConnectorError {
    if let ParquetError::External(cause) = error
        && (cause.is::<object_store::Error>() || cause.is::<std::io::Error>())
    {
        return ConnectorError::environment(format!("cannot read {}: {cause}", file.shown));
    }
    let text = error.to_string();
    let mut reason = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, rest)| rest);
    while let Some(rest) = ["Parquet error: ", "External: ", "EOF: "]
        .iter()
        .find_map(|kind| reason.strip_prefix(kind))
    {
        reason = rest;
    }
    ConnectorError::data(format!(
        "{}: not a usable Parquet file: {reason}",
        file.shown
    ))
    .with_hint("is the file complete, and is 'format' = 'parquet' right for it?".to_owned())
}
