//! One INSERT of a job without end.

use std::sync::{Arc, atomic::AtomicU64};

use datafusion::physical_plan::ExecutionPlan;
use wasmill_connectors::{SinkTransaction, SinkWriter, SourceProgress};

use super::{
    epoch::Following,
    observer::{JobObserver, observe_sources},
};
use crate::planning::{Pipeline, as_scan, followed};

pub(super) struct Flow {
    /// Its place among the INSERTs of the job.
    pub index: usize,
    pub pipeline: Pipeline,
    /// The leaves that are read epoch by epoch.
    pub scans: Vec<Arc<dyn ExecutionPlan>>,
    pub rows: Arc<AtomicU64>,
    pub sources: Vec<Arc<SourceProgress>>,
    /// What it writes between two checkpoints.
    pub transaction: Option<Arc<dyn SinkTransaction>>,
    /// One a partition.
    pub writers: Vec<Option<Box<dyn SinkWriter>>>,
}

impl Flow {
    pub(super) fn all(pipelines: Vec<Pipeline>, observer: &Arc<JobObserver>) -> Vec<Self> {
        let pipelines = pipelines.into_iter().enumerate();
        let flows = pipelines.map(|(index, pipeline)| Flow {
            index,
            scans: followed(&pipeline.plan),
            rows: Arc::default(),
            sources: observe_sources(&pipeline.plan, observer),
            transaction: None,
            writers: Vec::new(),
            pipeline,
        });
        flows.collect()
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
