//! Sessions that are not over: their rows, by key.

use std::collections::{BTreeSet, HashMap};

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, TimestampMillisecondArray},
        compute::interleave_record_batch,
        row::{RowConverter, SortField},
    },
    common::{Result, internal_err},
};

/// Rows of sessions that were given may lie beside as many that were not, or beside these.
const SPARE_ROWS: usize = 8192;

/// A key's values, as bytes.
type Key = Box<[u8]>;

/// One partition's sessions. Two rows of a key are of one session if their times are no further apart
/// than the gap, or if rows between them are; it ends a gap after its last row.
pub(super) struct OpenSessions {
    /// In milliseconds.
    gap: i64,
    /// None where there are no keys: all rows have the same.
    converter: Option<RowConverter>,
    batches: HashMap<usize, RecordBatch>,
    next_batch: usize,
    sessions: HashMap<u64, Session>,
    next_session: u64,
    by_key: HashMap<Key, Vec<u64>>,
    /// Sessions by their ends.
    by_end: BTreeSet<(i64, u64)>,
    stored_rows: usize,
    open_rows: usize,
}

struct Session {
    key: Key,
    start: i64,
    end: i64,
    /// Batch and row, as they came.
    rows: Vec<(usize, usize)>,
}

/// Rows, each with the start and end of its session.
pub(super) struct ClosedRows {
    pub rows: RecordBatch,
    pub starts: TimestampMillisecondArray,
    pub ends: TimestampMillisecondArray,
}

impl OpenSessions {
    /// `gap` in milliseconds, of keys with these types.
    pub(super) fn new(gap: i64, keys: Vec<SortField>) -> Result<Self> {
        let converter = match keys.is_empty() {
            true => None,
            false => Some(RowConverter::new(keys)?),
        };
        Ok(OpenSessions {
            gap,
            converter,
            batches: HashMap::new(),
            next_batch: 0,
            sessions: HashMap::new(),
            next_session: 0,
            by_key: HashMap::new(),
            by_end: BTreeSet::new(),
            stored_rows: 0,
            open_rows: 0,
        })
    }

    /// Takes rows, and answers which came after their session was over, with time at `watermark`: they
    /// are left out.
    pub(super) fn add(
        &mut self,
        batch: RecordBatch,
        keys: &[ArrayRef],
        times: &TimestampMillisecondArray,
        watermark: i64,
    ) -> Result<Vec<u32>> {
        let keys = match &self.converter {
            Some(converter) => Some(converter.convert_columns(keys)?),
            None => None,
        };
        let place = self.next_batch;
        self.next_batch += 1;
        let (mut late, before) = (Vec::new(), self.open_rows);
        for (row, time) in times.iter().enumerate() {
            let Some(time) = time else {
                return internal_err!("a row of a session without a time");
            };
            let key = keys.as_ref().map(|keys| Key::from(keys.row(row).as_ref()));
            if !self.add_row(key.unwrap_or_default(), time, (place, row), watermark) {
                late.push(row as u32);
            }
        }
        if self.open_rows > before {
            self.stored_rows += batch.num_rows();
            self.batches.insert(place, batch);
        }
        Ok(late)
    }

    /// Answers whether the row came in time.
    fn add_row(&mut self, key: Key, time: i64, row: (usize, usize), watermark: i64) -> bool {
        let (mut start, mut end) = (time, time.saturating_add(self.gap));
        let mut joined = Vec::new();
        if let Some(of_key) = self.by_key.get(&key) {
            // What joins two sessions is no further than the gap from both; neither is any other.
            for id in of_key {
                if let Some(session) = self.sessions.get(id)
                    && session.start <= end
                    && session.end >= start
                {
                    joined.push(*id);
                }
            }
        }
        for id in &joined {
            if let Some(session) = self.sessions.get(id) {
                start = start.min(session.start);
                end = end.max(session.end);
            }
        }
        if end.saturating_sub(1) <= watermark {
            return false;
        }
        let mut rows = Vec::new();
        for id in &joined {
            if let Some(session) = self.remove(*id) {
                rows.extend(session.rows);
            }
        }
        rows.push(row);
        self.open_rows += 1;
        let id = self.next_session;
        self.next_session += 1;
        self.by_end.insert((end, id));
        self.by_key.entry(key.clone()).or_default().push(id);
        let session = Session {
            key,
            start,
            end,
            rows,
        };
        self.sessions.insert(id, session);
        true
    }

    fn remove(&mut self, id: u64) -> Option<Session> {
        let session = self.sessions.remove(&id)?;
        self.by_end.remove(&(session.end, id));
        if let Some(of_key) = self.by_key.get_mut(&session.key) {
            of_key.retain(|other| *other != id);
            if of_key.is_empty() {
                self.by_key.remove(&session.key);
            }
        }
        Some(session)
    }

    /// Whether a session is over when time has come to `watermark`.
    pub(super) fn is_due(&self, watermark: i64) -> bool {
        let first = self.first_end();
        first.is_some_and(|end| end.saturating_sub(1) <= watermark)
    }

    pub(super) fn first_end(&self) -> Option<i64> {
        self.by_end.first().map(|(end, _)| *end)
    }

    /// Gives the rows of the sessions that are over when time has come to `watermark`.
    pub(super) fn close(&mut self, watermark: i64) -> Result<Option<ClosedRows>> {
        let (mut rows, mut starts, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        while let Some((end, id)) = self.by_end.first().copied() {
            if end.saturating_sub(1) > watermark {
                break;
            }
            let Some(session) = self.remove(id) else {
                return internal_err!("a session that is not there");
            };
            starts.extend(session.rows.iter().map(|_| session.start));
            ends.extend(session.rows.iter().map(|_| session.end));
            rows.extend(session.rows);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        self.open_rows -= rows.len();
        let closed = ClosedRows {
            rows: self.gather(&rows)?,
            starts: starts.into(),
            ends: ends.into(),
        };
        if self.stored_rows > 2 * self.open_rows + SPARE_ROWS {
            self.compact()?;
        }
        Ok(Some(closed))
    }

    /// All rows of open sessions.
    pub(super) fn rows(&self) -> Result<Option<RecordBatch>> {
        let rows: Vec<_> = self
            .sessions
            .values()
            .flat_map(|session| session.rows.iter().copied())
            .collect();
        match rows.is_empty() {
            true => Ok(None),
            false => self.gather(&rows).map(Some),
        }
    }

    fn gather(&self, rows: &[(usize, usize)]) -> Result<RecordBatch> {
        let mut batches = Vec::new();
        let mut places = HashMap::new();
        let mut indices = Vec::with_capacity(rows.len());
        for (batch, row) in rows {
            let place = match places.get(batch) {
                Some(place) => *place,
                None => {
                    let Some(found) = self.batches.get(batch) else {
                        return internal_err!("rows of a session that are not there");
                    };
                    batches.push(found);
                    places.insert(*batch, batches.len() - 1);
                    batches.len() - 1
                }
            };
            indices.push((place, *row));
        }
        Ok(interleave_record_batch(&batches, &indices)?)
    }

    /// Puts the rows of open sessions into one batch, so that the others can go.
    fn compact(&mut self) -> Result<()> {
        let rows = self.rows()?;
        self.batches.clear();
        self.stored_rows = self.open_rows;
        let Some(rows) = rows else {
            return Ok(());
        };
        let place = self.next_batch;
        self.next_batch += 1;
        let mut next = 0;
        // In the order in which `rows` has taken them.
        for session in self.sessions.values_mut() {
            for row in &mut session.rows {
                *row = (place, next);
                next += 1;
            }
        }
        self.batches.insert(place, rows);
        Ok(())
    }
}
