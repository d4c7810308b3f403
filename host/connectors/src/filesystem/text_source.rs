//! Reads a text format: chunks in, batches out, one decoder a partition.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use super::chunks::{Chunk, ChunkQueue, Next, Place};
use super::location::InputFile;
use super::metadata::FileColumn;
use crate::dead_letter::{self, Letters, Record};
use crate::{BatchStream, ConnectorError, SourceProgress, SourceReader, SourceRows};

/// Turns the text of one partition's chunks into columns.
pub(crate) trait Decoder: Send {
    /// Gets ready for a chunk.
    fn enter(&mut self, chunk: &Chunk) -> Result<(), ConnectorError>;

    /// Decodes from the chunk's position on until the batch or the letters are full, or the chunk ends.
    fn decode(&mut self, chunk: &mut Chunk, letters: &mut Letters) -> Result<(), ConnectorError>;

    fn is_full(&self) -> bool;

    /// Rows decoded since the last [`Decoder::finish`].
    fn rows(&self) -> usize;

    /// The wanted columns of those rows.
    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError>;
}

/// Where a column of a partition's batches comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    /// The decoder's column of this index.
    Text(usize),
    File(FileColumn),
}

/// Reads one partition.
pub(crate) struct Partition {
    queue: Arc<ChunkQueue>,
    decoder: Box<dyn Decoder>,
    letters: Letters,
    origins: Vec<Origin>,
    /// Whether a batch must hold rows of one file only.
    by_file: bool,
    schema: SchemaRef,
    progress: Arc<SourceProgress>,
    chunk: Option<Chunk>,
    place: Place,
    /// The file of the rows in the decoder.
    file: Option<Arc<InputFile>>,
}

impl Partition {
    pub(crate) fn new(
        queue: Arc<ChunkQueue>,
        decoder: Box<dyn Decoder>,
        letters: Letters,
        origins: Vec<Origin>,
        schema: SchemaRef,
        progress: Arc<SourceProgress>,
    ) -> Self {
        let of_file = |origin: &Origin| matches!(origin, Origin::File(_));
        Self {
            queue,
            decoder,
            letters,
            by_file: origins.iter().any(of_file),
            origins,
            schema,
            progress,
            chunk: None,
            place: Place::default(),
            file: None,
        }
    }

    /// All batches, to the end.
    pub(crate) fn into_stream(self) -> BatchStream {
        Box::pin(futures::stream::try_unfold(self, |mut partition| async {
            let rows = partition.next_rows().await?;
            Ok(rows.map(|rows| (rows, partition)))
        }))
    }

    async fn next_rows(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        loop {
            let rows = match self.chunk {
                Some(_) => self.decode()?,
                None => match self.queue.next(&mut self.place).await? {
                    Next::Chunk(chunk) => self.enter(chunk)?,
                    Next::End => return self.gathered(),
                    Next::Later => {
                        let rows = self.gathered()?;
                        if rows.is_none() {
                            self.queue.arrival().await;
                        }
                        rows
                    }
                },
            };
            if rows.is_some() {
                return Ok(rows);
            }
        }
    }

    /// Decodes the chunk until the batch is full; answers that, then.
    fn decode(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        if let Some(chunk) = &mut self.chunk {
            self.decoder.decode(chunk, &mut self.letters)?;
            if chunk.position >= chunk.length
                && let Some(chunk) = self.chunk.take()
            {
                self.place.recycle(chunk);
            }
        }
        match self.decoder.is_full() || self.letters.is_full() {
            true => self.flush().map(Some),
            false => Ok(None),
        }
    }

    /// Begins a chunk; answers the rows before it, if they must not share a batch with its own.
    fn enter(&mut self, chunk: Chunk) -> Result<Option<SourceRows>, ConnectorError> {
        let same = |file: &Arc<InputFile>| Arc::ptr_eq(file, &chunk.file);
        let flush =
            self.by_file && self.decoder.rows() > 0 && !self.file.as_ref().is_some_and(same);
        let flushed = flush.then(|| self.flush()).transpose()?;
        self.decoder.enter(&chunk)?;
        self.file = Some(chunk.file.clone());
        self.chunk = Some(chunk);
        Ok(flushed)
    }

    /// The rows in the decoder and the letters, if there are any.
    fn gathered(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        match self.decoder.rows() == 0 && self.letters.is_empty() {
            true => Ok(None),
            false => self.flush().map(Some),
        }
    }

    fn flush(&mut self) -> Result<SourceRows, ConnectorError> {
        let rows = self.decoder.rows();
        let decoded = self.decoder.finish()?;
        let arrays = self
            .origins
            .iter()
            .map(|origin| match (origin, &self.file) {
                (Origin::Text(index), _) => Ok(decoded[*index].clone()),
                (Origin::File(column), Some(file)) => column.array(file, rows),
                (Origin::File(_), None) => Err(ConnectorError::bug("rows without a file")),
            });
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        self.progress.add_rows(rows);
        Ok(SourceRows {
            letters: self.letters.take(),
            ..batch(&self.schema, arrays, rows)?.into()
        })
    }
}

#[async_trait]
impl SourceReader for Partition {
    async fn next(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        self.next_rows().await
    }

    async fn rest(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        loop {
            let rows = match self.chunk {
                Some(_) => self.decode()?,
                None => match self.queue.ahead(&mut self.place).await? {
                    Some(chunk) => self.enter(chunk)?,
                    None => return self.gathered(),
                },
            };
            if rows.is_some() {
                return Ok(rows);
            }
        }
    }
}

/// A record of a text file, which may have its line's end.
pub(crate) fn text_record(file: &InputFile, line: u64, text: &[u8]) -> Record {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Record {
        place: dead_letter::Place::Line {
            path: file.path.clone(),
            line,
        },
        key: None,
        raw: Some(text.to_vec()),
    }
}

/// A batch of arrays that are known to have `rows` rows.
pub(crate) fn batch(
    schema: &SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, ConnectorError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options)
        .map_err(|error| ConnectorError::unexpected("building a batch", error))
}
