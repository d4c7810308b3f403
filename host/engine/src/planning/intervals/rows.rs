//! What a partition of one side holds, and which of it is looked at in an epoch.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{BooleanArray, RecordBatch},
        compute::filter_record_batch,
    },
    common::Result,
    physical_expr::PhysicalExpr,
};

use wasmill_state::Chunk;

use crate::planning::windows::milliseconds;

/// What one partition holds.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Of this epoch; they are joined in the next.
    incoming: Vec<Dated>,
    /// Of the epoch before: they are joined in this one.
    new: Vec<Dated>,
    /// Joined before; rows may come that go with them.
    old: Vec<Dated>,
    /// Where rows are given that have found no partner: the time up to which none can come any more,
    /// before this epoch and in it.
    closed: Option<(i64, i64)>,
}

#[derive(Debug)]
pub(super) struct Dated {
    pub chunk: Chunk,
    /// The times of its rows, in milliseconds since 1970.
    pub first: i64,
    pub last: i64,
}

impl Rows {
    pub(super) fn add(&mut self, dated: Option<Dated>) {
        self.incoming.extend(dated);
    }

    /// Adds rows that were joined before.
    pub(super) fn restore(&mut self, dated: Option<Dated>) {
        self.old.extend(dated);
    }

    /// Begins an epoch; the chunks that are `over` go.
    pub(super) fn turn(&mut self, closed: Option<(i64, i64)>, over: impl Fn(&Dated) -> bool) {
        let incoming = std::mem::take(&mut self.incoming);
        let joined = std::mem::replace(&mut self.new, incoming);
        self.old.extend(joined);
        self.old.retain(|dated| !over(dated));
        self.closed = closed;
    }

    pub(super) fn has_incoming(&self) -> bool {
        !self.incoming.is_empty()
    }

    /// Whether it may hold rows between these times: later than the first, no later than the second.
    pub(super) fn has_between(&self, (after, until): (i64, i64)) -> bool {
        let inside = |dated: &Dated| dated.first <= until && dated.last > after;
        after < until && self.dated().any(inside)
    }

    fn dated(&self) -> impl Iterator<Item = &Dated> {
        self.old.iter().chain(&self.new)
    }

    /// All but those of this epoch.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> {
        self.dated().map(|dated| dated.chunk.clone())
    }

    /// Rows that are to be joined in this epoch.
    pub(super) fn new_rows(&self) -> Vec<Part> {
        self.new.iter().map(Part::all).collect()
    }

    /// Rows that were joined before, and may go with others still: not those that may have been given
    /// without a partner.
    pub(super) fn old_rows(&self) -> Vec<Part> {
        let Some((after, _)) = self.closed else {
            return self.old.iter().map(Part::all).collect();
        };
        let open = self.old.iter().filter(|dated| dated.last > after);
        let open = open.map(|dated| match dated.first > after {
            true => Part::all(dated),
            false => Part::between(dated, (after, i64::MAX)),
        });
        open.collect()
    }

    /// All rows that may have gone with others.
    pub(super) fn all_rows(&self) -> Vec<Part> {
        self.dated().map(Part::all).collect()
    }

    /// Rows for which, with this epoch, no partner can come any more.
    pub(super) fn closing_rows(&self) -> Vec<Part> {
        let Some((after, until)) = self.closed else {
            return Vec::new();
        };
        let closing = |dated: &&Dated| dated.first <= until && dated.last > after;
        let old = self.old.iter().filter(closing);
        let old = old.map(|dated| Part::between(dated, (after, until)));
        // Also those that come late, or have no time.
        let new = self.new.iter().filter(|dated| dated.first <= until);
        let new = new.map(|dated| Part {
            untimed: true,
            ..Part::between(dated, (i64::MIN, until))
        });
        old.chain(new).collect()
    }
}

/// Rows of a chunk.
#[derive(Debug, Clone)]
pub(super) struct Part {
    chunk: Chunk,
    /// Later than the first of these times, and no later than the second; none are all rows.
    times: Option<(i64, i64)>,
    /// And those without a time.
    untimed: bool,
}

impl Part {
    fn all(dated: &Dated) -> Self {
        Part {
            chunk: dated.chunk.clone(),
            times: None,
            untimed: true,
        }
    }

    fn between(dated: &Dated, times: (i64, i64)) -> Self {
        Part {
            chunk: dated.chunk.clone(),
            times: Some(times),
            untimed: false,
        }
    }

    /// `time` is that of a row.
    pub(super) fn load(&self, time: &Arc<dyn PhysicalExpr>) -> Result<RecordBatch> {
        let batch = self.chunk.load()?;
        let Some((after, until)) = self.times else {
            return Ok(batch);
        };
        let times = time.evaluate(&batch)?.into_array(batch.num_rows())?;
        let inside = |time: Option<i64>| match time {
            Some(time) => time > after && time <= until,
            None => self.untimed,
        };
        let times = milliseconds(&times)?;
        let inside: BooleanArray = times.iter().map(|time| Some(inside(time))).collect();
        Ok(filter_record_batch(&batch, &inside)?)
    }
}
