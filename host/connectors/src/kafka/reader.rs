//! Reads one partition of a job: takes chunks of messages and decodes them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt32Array};
use arrow::compute::{filter, take};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::chunk::Chunk;
use super::metadata::MetadataColumn;
use super::source::Shared;
use crate::dead_letter::{Letters, Place, Record};
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
    /// Whether the message has no value, and so takes the row of its key back.
    TakenBack,
}

pub(super) struct Reader {
    pub shared: Arc<Shared>,
    pub schema: SchemaRef,
    /// The columns that must have a value in every row that has a value.
    pub must_have: Vec<bool>,
    /// Whether a message without a value takes a row back.
    pub takes_back: bool,
    pub origins: Vec<Origin>,
    /// None where no column comes from the key.
    pub key: Option<Box<dyn MessageDecoder>>,
    pub value: Box<dyn MessageDecoder>,
    pub letters: Letters,
    pub progress: Arc<SourceProgress>,
    pub taken: Option<Taken>,
}

/// A chunk that a reader has taken.
pub(super) struct Taken {
    chunk: Chunk,
    /// The first of its messages that is not decoded.
    next: usize,
    /// The messages that are rows of the next batch.
    rows: Vec<usize>,
    /// The rows of the decoders that belong to them.
    values: Vec<Option<u32>>,
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
            values: Vec::new(),
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
    /// Decodes messages until the decoders or the letters are full, or the chunk ends. The only
    /// waiting is for schemas; what is decoded by then is kept.
    async fn decode(&mut self) -> Result<(), ConnectorError> {
        let Some(taken) = &mut self.taken else {
            return Ok(());
        };
        while let Some(record) = taken.chunk.records.get(taken.next) {
            let key_is_full = self.key.as_ref().is_some_and(|key| key.is_full());
            let is_full = self.value.is_full() || key_is_full || self.letters.is_full();
            if !taken.halfway && is_full {
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
            let takes_back = self.takes_back && record.value.is_none();
            if !taken.halfway && !takes_back {
                let value = record.value.as_ref().map(|value| taken.chunk.bytes(value));
                let pushed = match push(self.value.as_mut(), value).await {
                    Ok(pushed) => pushed,
                    Err(failed) => {
                        let error = failed.of(&taken.chunk, taken.next, "");
                        self.letters
                            .put(error, || letter(&taken.chunk, taken.next))?;
                        false
                    }
                };
                if !pushed {
                    taken.next += 1;
                    continue;
                }
                taken.halfway = true;
            }
            if let Some(key) = &mut self.key {
                let before = key.rows();
                let bytes = record.key.as_ref().map(|key| taken.chunk.bytes(key));
                match push(key.as_mut(), bytes).await {
                    Ok(pushed) => taken.keys.push(pushed.then_some(before as u32)),
                    Err(failed) => {
                        let error = failed.of(&taken.chunk, taken.next, ", key");
                        self.letters
                            .put(error, || letter(&taken.chunk, taken.next))?;
                        // The row of its value stays behind in the decoder, and belongs to nothing.
                        taken.halfway = false;
                        taken.next += 1;
                        continue;
                    }
                }
            }
            taken.halfway = false;
            let value = (!takes_back).then(|| self.value.rows() as u32 - 1);
            taken.values.push(value);
            taken.rows.push(taken.next);
            taken.next += 1;
        }
        Ok(())
    }

    /// The rows in the decoders and the letters, if there are any, and the position behind them.
    fn flush(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        let Some(taken) = &mut self.taken else {
            return Ok(None);
        };
        let mut rows = std::mem::take(&mut taken.rows);
        let places = std::mem::take(&mut taken.values);
        let values = aligned(self.value.finish()?, &places)?;
        let keys = match &mut self.key {
            Some(key) => aligned(key.finish()?, &std::mem::take(&mut taken.keys))?,
            None => Vec::new(),
        };
        let columns = self.origins.iter().map(|origin| match origin {
            Origin::Value(index) => Ok(values[*index].clone()),
            Origin::Key(index) => Ok(keys[*index].clone()),
            Origin::Metadata(column) => column.array(&taken.chunk, &rows),
            Origin::TakenBack => {
                let taken_back = places.iter().map(|place| Some(place.is_none()));
                Ok(Arc::new(taken_back.collect::<BooleanArray>()) as ArrayRef)
            }
        });
        let mut columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        // Of a row that is taken back only the key has values.
        let may_lack = |column: usize, row: usize| {
            let is_key = matches!(self.origins.get(column), Some(Origin::Key(_)));
            !is_key && places.get(row).is_some_and(Option::is_none)
        };
        let missing = missing(&self.must_have, &columns, may_lack);
        for (row, column) in &missing {
            let message = rows[*row];
            let name = self.schema.field(*column).name();
            let error = ConnectorError::data(format!(
                "{}: column {name} is NOT NULL, but has no value",
                place(&taken.chunk, message)
            ));
            self.letters.put(error, || letter(&taken.chunk, message))?;
        }
        if !missing.is_empty() {
            let kept = |row| !missing.contains_key(&row);
            let kept: Vec<bool> = (0..rows.len()).map(kept).collect();
            let mask = BooleanArray::from(kept.clone());
            let filtered = columns.iter().map(|column| filter(column, &mask));
            columns = filtered
                .collect::<Result<_, _>>()
                .map_err(|error| ConnectorError::unexpected("rows without a NULL", error))?;
            let mut kept = kept.into_iter();
            rows.retain(|_| kept.next().unwrap_or_default());
        }
        let batch = batch(&self.schema, columns, rows.len())?;
        let records = taken
            .chunk
            .records
            .get(taken.given..taken.next)
            .unwrap_or_default();
        let length =
            |range: &Option<Range<usize>>| range.as_ref().map_or(0, |range| range.len() as u64);
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
            self.shared.queue.give_back(taken.chunk);
        }
        let letters = self.letters.take();
        let is_empty = rows.is_empty() && letters.is_empty();
        Ok((!is_empty).then_some(SourceRows {
            batch,
            runs,
            letters,
        }))
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

/// A message that could not be decoded.
fn letter(chunk: &Chunk, index: usize) -> Record {
    let split = chunk.split(index);
    let record = chunk.records.get(index);
    let bytes = |part: Option<&Range<usize>>| part.map(|range| chunk.bytes(range).to_vec());
    Record {
        place: Place::Message {
            topic: split.map_or_else(String::new, |split| split.topic.clone()),
            partition: split.map_or(0, |split| split.partition),
            offset: record.map_or(0, |record| record.offset),
            timestamp: record.and_then(|record| record.timestamp.to_millis()),
        },
        key: bytes(record.and_then(|record| record.key.as_ref())),
        raw: bytes(record.and_then(|record| record.value.as_ref())),
    }
}

/// A decoder's columns for the messages whose rows are at these places, with NULLs for those that
/// have none.
fn aligned(
    columns: Vec<ArrayRef>,
    places: &[Option<u32>],
) -> Result<Vec<ArrayRef>, ConnectorError> {
    // Places ascend: where there are as many as rows, they are all of them.
    let are_all = |column: &ArrayRef| column.len() == places.len();
    if places.iter().all(Option::is_some) && columns.iter().all(are_all) {
        return Ok(columns);
    }
    let places = UInt32Array::from(places.to_vec());
    let columns = columns.iter().map(|column| take(column, &places, None));
    let columns: Result<_, _> = columns.collect();
    columns.map_err(|error| ConnectorError::unexpected("columns of messages", error))
}

/// The rows that lack a value which they must have, with the first column of which they do.
fn missing(
    must_have: &[bool],
    columns: &[ArrayRef],
    may_lack: impl Fn(usize, usize) -> bool,
) -> BTreeMap<usize, usize> {
    let mut missing = BTreeMap::new();
    for (index, column) in columns.iter().enumerate() {
        if must_have.get(index) != Some(&true) || column.logical_null_count() == 0 {
            continue;
        }
        for row in (0..column.len()).filter(|row| column.is_null(*row) && !may_lack(index, *row)) {
            missing.entry(row).or_insert(index);
        }
    }
    missing
}
