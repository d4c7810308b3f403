//! A store at work, and how long its user waits for it.

use std::{
    fmt,
    time::{Duration, Instant},
};

use arrow::array::RecordBatch;

use crate::{Result, Size, rows::times, stores::Store};

/// A checkpoint is due after so many epochs.
const INTERVAL: u64 = 100;

/// What has come of a workload.
pub struct Worked {
    rows: u64,
    /// Waited for the store.
    waited: Duration,
    /// Waited for a checkpoint at most.
    longest: Duration,
    /// From the time that a checkpoint was due until it was kept, at most.
    kept: Duration,
    /// What has to be there when the store is opened again.
    held: Held,
}

impl fmt::Display for Worked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} {} {}",
            self.rows,
            self.waited.as_secs_f64(),
            self.longest.as_secs_f64(),
            self.kept.as_secs_f64(),
            self.held
        )
    }
}

/// Rows, and the sum of their times.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub rows: u64,
    pub times: i64,
}

impl Held {
    pub fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        self.times += times(batch).values().iter().sum::<i64>();
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rows, self.times)
    }
}

/// Hands rows to a store, epoch by epoch, with a checkpoint now and then.
pub struct Measured<'a> {
    store: &'a mut dyn Store,
    epoch: u64,
    rows: u64,
    waited: Duration,
    longest: Duration,
    kept: Duration,
    /// Since when a checkpoint is.
    due: Option<Instant>,
    limit: Duration,
}

impl<'a> Measured<'a> {
    pub fn new(store: &'a mut dyn Store, size: Size) -> Self {
        Measured {
            store,
            epoch: 0,
            rows: 0,
            waited: Duration::ZERO,
            longest: Duration::ZERO,
            kept: Duration::ZERO,
            due: None,
            limit: size.limit(),
        }
    }

    pub fn waiting<T>(&mut self, work: impl FnOnce(&mut dyn Store) -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let done = work(&mut *self.store);
        self.waited += started.elapsed();
        done
    }

    /// So many rows were an epoch. Answers whether there is time for another.
    pub fn end_epoch(&mut self, rows: usize) -> Result<bool> {
        self.waiting(|store| store.end_epoch())?;
        self.rows += rows as u64;
        self.epoch += 1;
        if self.epoch.is_multiple_of(INTERVAL) {
            self.due.get_or_insert_with(Instant::now);
        }
        self.checkpoint()?;
        Ok(self.waited < self.limit)
    }

    fn checkpoint(&mut self) -> Result<()> {
        let Some(since) = self.due else {
            return Ok(());
        };
        let started = Instant::now();
        let kept = self.waiting(|store| store.checkpoint())?;
        self.longest = self.longest.max(started.elapsed());
        if kept {
            self.kept = self.kept.max(since.elapsed());
            self.due = None;
        }
        Ok(())
    }

    /// Has all that there is in a checkpoint. `held`: what that is.
    pub fn finish(mut self, held: Held) -> Result<Worked> {
        self.due.get_or_insert_with(Instant::now);
        while self.due.is_some() {
            self.checkpoint()?;
            // It may write beside the epochs, of which there are none any more.
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Worked {
            rows: self.rows,
            waited: self.waited,
            longest: self.longest,
            kept: self.kept,
            held,
        })
    }
}
