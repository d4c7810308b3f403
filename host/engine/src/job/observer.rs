//! What a job has done so far, and the way to stop it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use wasmill_connectors::{SourceProgress, SourceStatistics};

use crate::planning::SourceScan;

/// Watches a job from outside: counters for a progress bar, and a way to cancel.
///
/// Counters only grow; several statements of a script add up.
#[derive(Debug, Default)]
pub struct JobObserver {
    sources: Mutex<Vec<WatchedSource>>,
    rows_written: AtomicU64,
    cancellation: CancellationToken,
}

#[derive(Debug)]
struct WatchedSource {
    progress: Arc<SourceProgress>,
    statistics: Option<SourceStatistics>,
}

impl JobObserver {
    pub fn new() -> Self {
        JobObserver::default()
    }

    /// Rows that sources have given.
    pub fn rows_read(&self) -> u64 {
        self.sum(|source| source.progress.rows.load(Ordering::Relaxed))
    }

    /// Bytes that sources have consumed, as stored (compressed, if they are).
    pub fn bytes_read(&self) -> u64 {
        self.sum(|source| source.progress.bytes.load(Ordering::Relaxed))
    }

    /// Values and rows that `ignore-parse-errors` turned into NULL or left out.
    pub fn ignored(&self) -> u64 {
        self.sum(|source| source.progress.ignored.load(Ordering::Relaxed))
    }

    /// Bytes of all sources, if all know them.
    pub fn total_bytes(&self) -> Option<u64> {
        self.total(|statistics| statistics.bytes)
    }

    /// Rows of all sources, if all know them.
    pub fn total_rows(&self) -> Option<u64> {
        self.total(|statistics| statistics.rows)
    }

    /// Rows that sinks have taken.
    pub fn rows_written(&self) -> u64 {
        self.rows_written.load(Ordering::Relaxed)
    }

    /// Stops the running statement: its sinks show nothing of it.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Whether the job was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }

    pub(crate) fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    pub(crate) fn add_rows_written(&self, rows: u64) {
        self.rows_written.fetch_add(rows, Ordering::Relaxed);
    }

    fn sum(&self, value: impl Fn(&WatchedSource) -> u64) -> u64 {
        self.sources.lock().iter().map(value).sum()
    }

    fn total(&self, value: impl Fn(&SourceStatistics) -> Option<u64>) -> Option<u64> {
        let sources = self.sources.lock();
        if sources.is_empty() {
            return None;
        }
        sources
            .iter()
            .map(|source| source.statistics.as_ref().and_then(&value))
            .sum()
    }
}

/// Adds the sources of a plan to what `observer` counts; returns their progress.
pub(crate) fn observe_sources(
    plan: &Arc<dyn ExecutionPlan>,
    observer: &JobObserver,
) -> Vec<Arc<SourceProgress>> {
    let mut found = Vec::new();
    let mut plans = vec![Arc::clone(plan)];
    while let Some(plan) = plans.pop() {
        if let Some(scan) = (plan.as_ref() as &dyn std::any::Any).downcast_ref::<SourceScan>() {
            found.push(Arc::clone(scan.progress()));
            observer.sources.lock().push(WatchedSource {
                progress: Arc::clone(scan.progress()),
                statistics: scan.statistics().cloned(),
            });
        }
        plans.extend(plan.children().into_iter().cloned());
    }
    found
}
