//! Reads one partition of a job: takes chunks of messages and decodes them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::chunk::Chunk;
use super::metadata::MetadataColumn;
use super::source::Shared;
use crate::filesystem::batch;
use crate::format::Wrong;
use crate::message::{MessageDecoder, Pushed};
use crate::{ConnectorError, SourceProgress, SourceReader, SourceRows, SplitRun};

/// Where a column of the batches comes from.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    /// The key decoder's column of this index.
    Key(usize),
    /// The value decoder's column of this index.
    Value(usize),
    Metadata(MetadataColumn),
}

pub(super) struct Reader {
    pub shared: Arc<Shared>,
    pub schema: SchemaRef,
    pub origins: Vec<Origin>,
    /// None where no column comes from the key.
    pub key: Option<Box<dyn MessageDecoder>>,
    pub value: Box<dyn MessageDecoder>,
    pub progress: Arc<SourceProgress>,
    pub taken: Option<Taken>,
}

/// A chunk that a reader has taken.
pub(super) struct Taken {
    chunk: Chunk,
    /// The first of its messages that is not decoded.
    next: usize,
    /// The messages whose rows are in the decoders.
    rows: Vec<usize>,
    /// The rows of the key decoder that belong to them.
    keys: Vec<Option<u32>>,
    /// Whether the value of the message at `next` is pushed, and only its key is missing.
    halfway: bool,
    /// The first message that is behind all rows given.
    given: usize,
}

impl Taken {
    fn new(chunk: Chunk) -> Self {
        Taken {
            chunk,
            next: 0,
            rows: Vec::new(),
            keys: Vec::new(),
            halfway: false,
            given: 0,
        }
    }
}

#[async_trait]
impl SourceReader for Reader {
    async fn next(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        loop {
            if let Some(rows) = self.rest().await? {
                return Ok(Some(rows));
            }
            match self.shared.queue.take().await? {
                Some(chunk) => self.taken = Some(Taken::new(chunk)),
                None => return Ok(None),
            }
        }
    }

    async fn rest(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        while self.taken.is_some() {
            self.decode().await?;
            if let Some(rows) = self.flush()? {
                return Ok(Some(rows));
            }
        }
        Ok(None)
    }
}

impl Reader {
    /// Decodes messages until the decoders are full or the chunk ends. The only waiting is for
    /// schemas; what is decoded by then is kept.
    async fn decode(&mut self) -> Result<(), ConnectorError> {
        let Some(taken) = &mut self.taken else {
            return Ok(());
        };
        while let Some(record) = taken.chunk.records.get(taken.next) {
            let key_is_full = self.key.as_ref().is_some_and(|key| key.is_full());
            if !taken.halfway && (self.value.is_full() || key_is_full) {
                return Ok(());
            }
            let revoked = taken
                .chunk
                .split(taken.next)
                .is_none_or(|split| split.revoked.load(Ordering::Acquire));
            if revoked && !taken.halfway {
                taken.next += 1;
                continue;
            }
            if !taken.halfway {
                let value = record.value.as_ref().map(|value| taken.chunk.bytes(value));
                let pushed = push(self.value.as_mut(), value).await;
                let pushed = pushed.map_err(|failed| failed.of(&taken.chunk, taken.next, ""))?;
                if !pushed {
                    taken.next += 1;
                    continue;
                }
                taken.halfway = true;
            }
            if let Some(key) = &mut self.key {
                let before = key.rows();
                let bytes = record.key.as_ref().map(|key| taken.chunk.bytes(key));
                let pushed = push(key.as_mut(), bytes).await;
                let pushed =
                    pushed.map_err(|failed| failed.of(&taken.chunk, taken.next, ", key"))?;
                taken.keys.push(pushed.then_some(before as u32));
            }
            taken.halfway = false;
            taken.rows.push(taken.next);
            taken.next += 1;
        }
        Ok(())
    }

    /// The rows in the decoders, if there are any, and the position behind them.
    fn flush(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        let Some(taken) = &mut self.taken else {
            return Ok(None);
        };
        let rows = std::mem::take(&mut taken.rows);
        let batch = match rows.is_empty() {
            true => None,
            false => {
                let values = self.value.finish()?;
                let keys = match &mut self.key {
                    Some(key) => aligned(key.finish()?, &std::mem::take(&mut taken.keys))?,
                    None => Vec::new(),
                };
                let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.origins.len());
                for (origin, field) in self.origins.iter().zip(self.schema.fields()) {
                    let column = match origin {
                        Origin::Value(index) => values[*index].clone(),
                        Origin::Key(index) => keys[*index].clone(),
                        Origin::Metadata(column) => column.array(&taken.chunk, &rows)?,
                    };
                    if !field.is_nullable()
                        && column.logical_null_count() > 0
                        && let Some(row) = (0..column.len()).find(|row| column.is_null(*row))
                    {
                        let name = field.name();
                        return Err(ConnectorError::data(format!(
                            "{}: column {name} is NOT NULL, but has no value",
                            place(&taken.chunk, rows[row])
                        )));
                    }
                    columns.push(column);
                }
                Some(batch(&self.schema, columns, rows.len())?)
            }
        };
        let records = taken
            .chunk
            .records
            .get(taken.given..taken.next)
            .unwrap_or_default();
        let length = |range: &Option<std::ops::Range<usize>>| {
            range.as_ref().map_or(0, |range| range.len() as u64)
        };
        self.progress.add_bytes(
            records
                .iter()
                .map(|record| length(&record.key) + length(&record.value))
                .sum(),
        );
        self.progress.add_rows(rows.len());
        let mut runs = Vec::new();
        let (mut begin, mut counted) = (0, 0);
        for (split, end) in &taken.chunk.runs {
            let through = (*end).min(taken.next);
            if through > begin.max(taken.given) {
                self.shared
                    .advance(split, taken.chunk.records[through - 1].offset + 1);
            }
            let behind = rows.partition_point(|row| *row < *end);
            if behind > counted {
                runs.push(SplitRun {
                    split: split.id.clone(),
                    rows: behind - counted,
                });
            }
            (begin, counted) = (*end, behind);
        }
        taken.given = taken.next;
        if taken.next >= taken.chunk.records.len()
            && let Some(taken) = self.taken.take()
        {
            for (split, _) in &taken.chunk.runs {
                split.waiting.fetch_sub(1, Ordering::AcqRel);
            }
        }
        Ok(batch.map(|batch| SourceRows { batch, runs }))
    }
}

/// Why a message could not be decoded.
enum Failed {
    Wrong(Wrong),
    Error(ConnectorError),
}

impl Failed {
    /// Of a part of a message: its value (""), its key (", key").
    fn of(self, chunk: &Chunk, index: usize, part: &str) -> ConnectorError {
        let place = format!("{}{part}", place(chunk, index));
        match self {
            Failed::Wrong(wrong) => wrong.into_error(place),
            Failed::Error(ConnectorError::Data { message, hint }) => {
                ConnectorError::data(format!("{place}: {message}")).with_hint(hint)
            }
            Failed::Error(error) => error,
        }
    }
}

/// Whether the message became a row.
async fn push(decoder: &mut dyn MessageDecoder, message: Option<&[u8]>) -> Result<bool, Failed> {
    loop {
        let pushed = match message {
            Some(message) => decoder.push(message),
            None => decoder.push_absent(),
        };
        match pushed {
            Pushed::Row => return Ok(true),
            Pushed::Ignored => return Ok(false),
            Pushed::Wants(schema) => decoder.learn(schema).await.map_err(Failed::Error)?,
            Pushed::Wrong(wrong) => return Err(Failed::Wrong(wrong)),
        }
    }
}

/// `topic 'orders', partition 0, offset 17`
fn place(chunk: &Chunk, index: usize) -> String {
    let split = chunk.split(index);
    let (topic, partition) = split.map_or(("", 0), |split| (split.topic.as_str(), split.partition));
    let offset = chunk.records.get(index).map_or(0, |record| record.offset);
    format!("topic '{topic}', partition {partition}, offset {offset}")
}

/// The key's columns with NULLs where a message has no key.
fn aligned(columns: Vec<ArrayRef>, keys: &[Option<u32>]) -> Result<Vec<ArrayRef>, ConnectorError> {
    if keys.iter().all(Option::is_some) {
        return Ok(columns);
    }
    let places = UInt32Array::from(keys.to_vec());
    let columns = columns.iter().map(|column| take(column, &places, None));
    let columns: Result<_, _> = columns.collect();
    columns.map_err(|error| ConnectorError::unexpected("columns of keys", error))
}
