//! One INSERT of a job without end.

use std::sync::{Arc, atomic::AtomicU64};

use datafusion::physical_plan::ExecutionPlan;
use wasmill_connectors::{SinkTransaction, SinkWriter, SourceProgress};

use super::{
    clock::Clock,
    epoch::Following,
    observer::{JobObserver, observe_sources},
};
use crate::planning::{EpochPipeline, Hold, Pipeline, as_hold, as_scan, followed, holding};

pub(super) struct Flow {
    /// Its place among the INSERTs of the job.
    pub index: usize,
    pub pipeline: Pipeline,
    /// The leaves that are read epoch by epoch.
    pub scans: Vec<Arc<dyn ExecutionPlan>>,
    /// The time of its windows, if it has any.
    pub clock: Option<Arc<Clock>>,
    /// The nodes that hold rows from one epoch to the next.
    pub holds: Vec<Arc<dyn ExecutionPlan>>,
    /// Rows that came after their window was over.
    pub late: Arc<AtomicU64>,
    pub rows: Arc<AtomicU64>,
    pub sources: Vec<Arc<SourceProgress>>,
    /// What it writes between two checkpoints.
    pub transaction: Option<Arc<dyn SinkTransaction>>,
    /// One a partition.
    pub writers: Vec<Option<Box<dyn SinkWriter>>>,
}

impl Flow {
    pub(super) fn all(pipelines: Vec<EpochPipeline>, observer: &Arc<JobObserver>) -> Vec<Self> {
        let pipelines = pipelines.into_iter().enumerate();
        let flows = pipelines.map(
            |(
                index,
                EpochPipeline {
                    pipeline,
                    clock,
                    late,
                },
            )| Flow {
                index,
                scans: followed(&pipeline.plan),
                holds: holding(&pipeline.plan),
                clock,
                late,
                rows: Arc::default(),
                sources: observe_sources(&pipeline.plan, observer),
                transaction: None,
                writers: Vec::new(),
                pipeline,
            },
        );
        flows.collect()
    }

    /// Between two epochs: time has gone on. Answers whether windows are over that still hold rows.
    pub(super) fn advance(&self) -> bool {
        let Some(clock) = &self.clock else {
            return false;
        };
        let watermarks = self.following().map(|(_, found)| found.watermark());
        let watermark = watermarks.min().unwrap_or(i64::MAX);
        loop {
            clock.advance(watermark);
            if self.is_due() {
                return true;
            }
            // What a level does not release the next need not wait for.
            if clock.is_settled() {
                return false;
            }
        }
    }

    fn is_due(&self) -> bool {
        let mut holds = self.holds.iter();
        holds.any(|hold| as_hold(hold).is_some_and(Hold::is_due))
    }

    /// What it holds, by names for a checkpoint.
    pub(super) fn keyed_holds(&self) -> impl Iterator<Item = (String, &Hold)> {
        let holds = self.holds.iter().enumerate();
        holds.filter_map(|(place, hold)| Some((format!("{}.{place}", self.index), as_hold(hold)?)))
    }

    /// The job's run, as its sink knows it: several INSERTs may write to one folder.
    pub(super) fn run(&self, job: &str) -> String {
        format!("{job}-{}", self.index)
    }

    /// Names it in a checkpoint.
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.index, self.pipeline.table)
    }

    /// Its tables that are read epoch by epoch, by the names that a checkpoint gives them.
    pub(super) fn following(&self) -> impl Iterator<Item = (String, Arc<Following>)> {
        self.keyed_scans()
            .filter_map(|(key, scan)| Some((key, as_scan(&scan)?.following()?)))
    }

    pub(super) fn keyed_scans(&self) -> impl Iterator<Item = (String, Arc<dyn ExecutionPlan>)> {
        let scans = self.scans.iter().enumerate();
        scans.map(|(place, scan)| {
            let table = as_scan(scan).map_or("", |scan| scan.table());
            (format!("{}.{place}:{table}", self.index), Arc::clone(scan))
        })
    }
}
