//! Which rows of which epoch a call is about: what the lines of a guest's log are told with.

use std::fmt::{self, Display};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// In which epoch a job is. Who runs the job tells it; its functions read it.
#[derive(Clone, Debug, Default)]
pub struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Begins the next one, and gives its number; the first is 1.
    pub fn begin(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// No epoch runs any more.
    pub fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// None of a job that has no epochs: one with an end.
    pub fn current(&self) -> Option<u64> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            epoch => Some(epoch),
        }
    }
}

/// Rows of a function, numbered from 0 in each epoch as they come to it, from all partitions; at least
/// one. A guest does not tell at which row it is, so these are the rows of the batch that it was called
/// with: one, where it was called for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(pub Range<u64>);

/// `17` or `0-8191`.
impl Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.0;
        match end.saturating_sub(start) {
            0 | 1 => write!(f, "{start}"),
            _ => write!(f, "{start}-{}", end - 1),
        }
    }
}

/// How many rows have come to a function in an epoch.
#[derive(Debug, Default)]
pub(crate) struct RowCount {
    epoch: Option<u64>,
    rows: u64,
}

impl RowCount {
    /// The next rows of an epoch.
    pub fn next(&mut self, epoch: Option<u64>, rows: usize) -> Rows {
        if self.epoch != epoch {
            *self = Self { epoch, rows: 0 };
        }
        let start = self.rows;
        self.rows = start.saturating_add(rows as u64);
        Rows(start..self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_anew_in_each_epoch() {
        let (epoch, mut count) = (Epoch::default(), RowCount::default());
        let mut told = Vec::new();
        let mut next = |epoch: &Epoch, rows| {
            told.push(format!(
                "{:?} {}",
                epoch.current(),
                count.next(epoch.current(), rows)
            ));
        };
        next(&epoch, 1);
        next(&epoch, 8192);
        epoch.begin();
        next(&epoch, 2);
        next(&epoch, 1);
        epoch.begin();
        next(&epoch, 3);
        epoch.end();
        next(&epoch, 1);
        assert_eq!(
            told,
            [
                "None 0",
                "None 1-8192",
                "Some(1) 0-1",
                "Some(1) 2",
                "Some(2) 0-2",
                "None 0"
            ]
        );
    }
}
