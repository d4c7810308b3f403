//! The first rows of every key of one partition.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array, UInt64Array},
        compute::{interleave_record_batch, take_record_batch},
        datatypes::Int64Type,
        row::{RowConverter, Rows},
    },
    common::{Result, internal_err},
};
use wasmill_state::{Chunk, Keeper};

/// Rows that are of no use any more may lie beside as many that are, or beside these.
const SPARE_ROWS: usize = 8192;

/// Values as bytes.
type Bytes = Box<[u8]>;

/// See the module. A row that is stored has one column more than the rows that come: when it came, in
/// microseconds since 1970, later for each row of a key.
pub(super) struct TopOfKeys {
    /// Rows of a key at most, at least one.
    count: usize,
    /// Whether, of two rows that the order does not tell apart, the later is the first.
    latest: bool,
    converters: Converters,
    by_key: HashMap<Bytes, Vec<Row>>,
    chunks: BTreeMap<u32, Stored>,
    next_chunk: u32,
    stored_rows: usize,
    held_rows: usize,
    last_arrival: i64,
    /// The first place of a key that another row has taken since it was asked for.
    changed: BTreeMap<Bytes, usize>,
    /// The first rows of keys whose time has not come, where rows are given by their time.
    pending: BTreeSet<(i64, Bytes)>,
}

/// From columns to bytes that compare as they do; none where there are no columns.
pub(super) struct Converters {
    pub keys: Option<RowConverter>,
    pub order: Option<RowConverter>,
}

/// What the rows of a batch are placed by.
pub(super) struct Values {
    pub keys: Vec<ArrayRef>,
    pub order: Vec<ArrayRef>,
    /// Where rows are given by their time: milliseconds since 1970.
    pub times: Option<Vec<i64>>,
}

struct Stored {
    /// Of a batch that is being placed there is none yet.
    chunk: Option<Chunk>,
    rows: usize,
    held: usize,
}

#[derive(Debug, Clone)]
struct Row {
    order: Bytes,
    arrival: i64,
    time: i64,
    chunk: u32,
    row: u32,
}

impl Row {
    fn compare(&self, other: &Row, latest: bool) -> Ordering {
        let arrivals = match latest {
            true => other.arrival.cmp(&self.arrival),
            false => self.arrival.cmp(&other.arrival),
        };
        self.order.cmp(&other.order).then(arrivals)
    }
}

impl TopOfKeys {
    pub(super) fn new(count: usize, latest: bool, converters: Converters) -> Self {
        TopOfKeys {
            count,
            latest,
            converters,
            by_key: HashMap::new(),
            chunks: BTreeMap::new(),
            next_chunk: 0,
            stored_rows: 0,
            held_rows: 0,
            last_arrival: i64::MIN,
            changed: BTreeMap::new(),
            pending: BTreeSet::new(),
        }
    }

    /// Takes rows that come at `now`, in microseconds since 1970, with time at `watermark`. Answers which
    /// of them came too late: they would be the first of their key, but that has been given or could
    /// have been.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        values: &Values,
        now: i64,
        watermark: i64,
        keeper: &Keeper,
    ) -> Result<Vec<u32>> {
        let first = now.max(self.last_arrival.saturating_add(1));
        let arrivals = Int64Array::from_iter_values((first..).take(batch.num_rows()));
        let (taken, late) = self.place(values, &arrivals, Some(watermark))?;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(arrivals));
        self.store(columns, taken, keeper)?;
        Ok(late)
    }

    /// Takes rows as they were stored, with time at `watermark`.
    pub(super) fn restore(
        &mut self,
        batch: &RecordBatch,
        values: &Values,
        watermark: i64,
        keeper: &Keeper,
    ) -> Result<()> {
        let arrivals = batch.columns().last();
        let Some(arrivals) = arrivals.and_then(|found| found.as_primitive_opt::<Int64Type>())
        else {
            return internal_err!("rows of a rank without their arrival");
        };
        let (taken, _) = self.place(values, arrivals, None)?;
        self.store(batch.columns().to_vec(), taken, keeper)?;
        // Those before have been given.
        self.pending = self
            .pending
            .split_off(&(watermark.saturating_add(1), Bytes::default()));
        Ok(())
    }

    /// Finds the rows' places among those of their keys. Answers which rows have one, and which came too
    /// late.
    fn place(
        &mut self,
        values: &Values,
        arrivals: &Int64Array,
        now: Option<i64>,
    ) -> Result<(Vec<u32>, Vec<u32>)> {
        let keys = convert(&self.converters.keys, &values.keys)?;
        let orders = convert(&self.converters.order, &values.order)?;
        let chunk = self.next_chunk;
        self.next_chunk += 1;
        self.chunks.insert(
            chunk,
            Stored {
                chunk: None,
                rows: 0,
                held: 0,
            },
        );
        let (mut taken, mut late) = (Vec::new(), Vec::new());
        for (index, arrival) in arrivals.values().iter().enumerate() {
            self.last_arrival = self.last_arrival.max(*arrival);
            let key = bytes(&keys, index);
            let new = Row {
                order: bytes(&orders, index),
                arrival: *arrival,
                time: values.times.as_ref().map_or(i64::MAX, |times| times[index]),
                chunk,
                // The place in what is stored of the batch.
                row: taken.len() as u32,
            };
            if let (Some(_), Some(watermark)) = (&values.times, now)
                && new.time <= watermark
            {
                let first = self.by_key.get(&key).and_then(|rows| rows.first());
                if first.is_none_or(|first| new.compare(first, self.latest).is_lt()) {
                    late.push(index as u32);
                }
                continue;
            }
            if self.insert(key, new, values.times.is_some(), now.is_some()) {
                taken.push(index as u32);
            }
        }
        Ok((taken, late))
    }

    /// Answers whether the row has a place.
    fn insert(&mut self, key: Bytes, new: Row, by_time: bool, changes: bool) -> bool {
        let (count, latest) = (self.count, self.latest);
        let rows = self.by_key.entry(key.clone()).or_default();
        let place = rows.partition_point(|old| old.compare(&new, latest).is_lt());
        if place >= count {
            return false;
        }
        if by_time {
            if let Some(old) = rows.first() {
                self.pending.remove(&(old.time, key.clone()));
            }
            self.pending.insert((new.time, key.clone()));
        } else if changes {
            let first = self.changed.entry(key).or_insert(place);
            *first = place.min(*first);
        }
        if let Some(stored) = self.chunks.get_mut(&new.chunk) {
            stored.held += 1;
        }
        self.held_rows += 1;
        rows.insert(place, new);
        let dropped = (rows.len() > count).then(|| rows.pop()).flatten();
        if let Some(dropped) = dropped {
            self.leave(&dropped);
        }
        true
    }

    fn leave(&mut self, row: &Row) {
        self.held_rows -= 1;
        if let Some(stored) = self.chunks.get_mut(&row.chunk) {
            stored.held -= 1;
            if stored.held == 0 && stored.chunk.is_some() {
                self.stored_rows -= stored.rows;
                self.chunks.remove(&row.chunk);
            }
        }
    }

    /// Stores those rows of the batch placed last that have a place.
    fn store(&mut self, columns: Vec<ArrayRef>, taken: Vec<u32>, keeper: &Keeper) -> Result<()> {
        let place = self.next_chunk.saturating_sub(1);
        let held = self.chunks.get(&place).map_or(0, |stored| stored.held);
        if held == 0 {
            self.chunks.remove(&place);
            return Ok(());
        }
        let batch = RecordBatch::try_new(keeper.schema(), columns)?;
        let batch = match taken.len() == batch.num_rows() {
            true => batch,
            false => take_record_batch(&batch, &UInt32Array::from(taken))?,
        };
        self.put(place, batch, held, keeper)?;
        if self.stored_rows > 2 * self.held_rows + SPARE_ROWS {
            self.compact(keeper)?;
        }
        Ok(())
    }

    fn put(&mut self, place: u32, batch: RecordBatch, held: usize, keeper: &Keeper) -> Result<()> {
        let rows = batch.num_rows();
        self.stored_rows += rows;
        // None is needed before another.
        let chunk = Some(keeper.chunk(batch, 0)?);
        self.chunks.insert(place, Stored { chunk, rows, held });
        Ok(())
    }

    /// Puts the rows of chunks that are mostly of no use into one.
    fn compact(&mut self, keeper: &Keeper) -> Result<()> {
        let sparse = self
            .chunks
            .iter()
            .filter(|(_, stored)| 2 * stored.held < stored.rows);
        let sparse: BTreeSet<u32> = sparse.map(|(place, _)| *place).collect();
        let place = self.next_chunk;
        self.next_chunk += 1;
        let mut found = Vec::new();
        for row in self.by_key.values_mut().flatten() {
            if sparse.contains(&row.chunk) {
                found.push((row.chunk, row.row));
                (row.chunk, row.row) = (place, found.len() as u32 - 1);
            }
        }
        let batch = self.gather(&found)?;
        for place in sparse {
            if let Some(stored) = self.chunks.remove(&place) {
                self.stored_rows -= stored.rows;
            }
        }
        match batch {
            Some(batch) => self.put(place, batch, found.len(), keeper),
            None => Ok(()),
        }
    }

    /// Whether it has rows to give when time has come to `watermark`.
    pub(super) fn is_due(&self, watermark: i64) -> bool {
        let first = self.pending.first();
        !self.changed.is_empty() || first.is_some_and(|(time, _)| *time <= watermark)
    }

    /// The rows whose places have changed, with the places, counted from 1; or those whose time has
    /// come.
    pub(super) fn give(&mut self, watermark: i64) -> Result<Option<(Vec<ArrayRef>, UInt64Array)>> {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        for (key, first) in std::mem::take(&mut self.changed) {
            let of_key = self.by_key.get(&key).into_iter().flatten();
            for (row, place) in of_key.zip(1..).skip(first) {
                rows.push((row.chunk, row.row));
                places.push(place);
            }
        }
        let later = self
            .pending
            .split_off(&(watermark.saturating_add(1), Bytes::default()));
        for (_, key) in std::mem::replace(&mut self.pending, later) {
            if let Some(row) = self.by_key.get(&key).and_then(|rows| rows.first()) {
                rows.push((row.chunk, row.row));
                places.push(1);
            }
        }
        let Some(batch) = self.gather(&rows)? else {
            return Ok(None);
        };
        let mut columns = batch.columns().to_vec();
        columns.pop();
        Ok(Some((columns, places.into())))
    }

    /// Forgets the keys of which no row has come since `before`, in microseconds since 1970.
    pub(super) fn expire(&mut self, before: i64) {
        let mut gone = Vec::new();
        let waiting: BTreeSet<_> = self.pending.iter().map(|(_, key)| key).collect();
        let changed = &self.changed;
        self.by_key.retain(|key, rows| {
            let waits = changed.contains_key(key) || waiting.contains(key);
            let stays = waits || rows.iter().any(|row| row.arrival >= before);
            if !stays {
                gone.append(rows);
            }
            stays
        });
        gone.iter().for_each(|row| self.leave(row));
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks
            .values()
            .filter_map(|stored| stored.chunk.as_ref())
    }

    fn gather(&self, rows: &[(u32, u32)]) -> Result<Option<RecordBatch>> {
        let needed: BTreeSet<_> = rows.iter().map(|(chunk, _)| *chunk).collect();
        let (mut batches, mut places) = (Vec::new(), HashMap::new());
        for chunk in needed {
            let stored = self
                .chunks
                .get(&chunk)
                .and_then(|stored| stored.chunk.as_ref());
            let Some(stored) = stored else {
                return internal_err!("rows of a rank that are not there");
            };
            places.insert(chunk, batches.len());
            batches.push(stored.load()?);
        }
        if batches.is_empty() {
            return Ok(None);
        }
        let batches: Vec<_> = batches.iter().collect();
        let indices: Vec<_> = rows
            .iter()
            .map(|(chunk, row)| (places[chunk], *row as usize))
            .collect();
        Ok(Some(interleave_record_batch(&batches, &indices)?))
    }
}

fn convert(converter: &Option<RowConverter>, columns: &[ArrayRef]) -> Result<Option<Rows>> {
    let rows = converter
        .as_ref()
        .map(|converter| converter.convert_columns(columns));
    Ok(rows.transpose()?)
}

fn bytes(rows: &Option<Rows>, index: usize) -> Bytes {
    let found = rows
        .as_ref()
        .map(|rows| Bytes::from(rows.row(index).as_ref()));
    found.unwrap_or_default()
}
