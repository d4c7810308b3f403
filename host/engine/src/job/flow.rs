//! One INSERT of a job without end.

use std::sync::{Arc, atomic::AtomicU64};

use datafusion::physical_plan::ExecutionPlan;
use tokio::time::Instant;
use wasmill_connectors::{SinkTransaction, SinkWriter, SourceProgress};

use super::{
    checkpoints::Checkpoint,
    clock::{Clock, instant_of},
    epoch::Following,
    observer::{JobObserver, observe_sources},
    stage::Stage,
};
use crate::{
    error::EngineError,
    planning::{
        EpochPipeline, Holding, Latecomers, Once, Pipeline, as_scan, execution_error, followed,
    },
};

pub(super) struct Flow {
    /// Its place among the INSERTs of the job.
    pub index: usize,
    pub pipeline: Pipeline,
    /// The leaves that are read epoch by epoch.
    pub scans: Vec<Arc<dyn ExecutionPlan>>,
    /// The parts that are read in one epoch.
    once: Vec<Once>,
    /// The time of its windows, if it has any.
    pub clock: Option<Arc<Clock>>,
    /// Processing time, if it has windows over it.
    pub machine: Option<Arc<Clock>>,
    /// The parts of its plan below nodes that hold rows, each behind those below it.
    pub stages: Vec<Stage>,
    /// Whether the plan above them gets rows only of what they release.
    waits_for_stages: bool,
    /// What becomes of rows that come after their time was over.
    pub late: Arc<Latecomers>,
    pub rows: Arc<AtomicU64>,
    pub sources: Vec<Arc<SourceProgress>>,
    /// What it writes between two checkpoints.
    pub transaction: Option<Arc<dyn SinkTransaction>>,
    /// One a partition.
    pub writers: Vec<Option<Box<dyn SinkWriter>>>,
}

impl Flow {
    /// The flows of these pipelines; their plans become what is above all stages.
    pub(super) fn all(
        pipelines: Vec<EpochPipeline>,
        observer: &Arc<JobObserver>,
    ) -> Result<Vec<Self>, EngineError> {
        let pipelines = pipelines.into_iter().enumerate();
        let flows = pipelines.map(|(index, found)| {
            let EpochPipeline {
                pipeline,
                clock,
                machine,
                late,
            } = found;
            let scans = followed(&pipeline.plan);
            let once = Once::all(&pipeline.plan);
            let sources = observe_sources(&pipeline.plan, observer);
            let (stages, plan) =
                Stage::cut(&pipeline.plan).map_err(|error| execution_error(&error))?;
            Ok(Flow {
                index,
                scans,
                once,
                waits_for_stages: !stages.is_empty()
                    && followed(&plan).is_empty()
                    && Once::all(&plan).is_empty(),
                stages,
                clock,
                machine,
                late,
                rows: Arc::default(),
                sources,
                transaction: None,
                writers: Vec::new(),
                pipeline: Pipeline { plan, ..pipeline },
            })
        });
        flows.collect()
    }

    /// Between two epochs: time has gone on. Answers whether windows are over that still hold rows.
    pub(super) fn advance(&self) -> bool {
        let Some(clock) = &self.clock else {
            return false;
        };
        let watermarks = self.following().map(|(_, found)| found.watermark());
        let watermark = watermarks.min().unwrap_or(i64::MAX);
        let mut clocks = vec![(clock, watermark)];
        if let Some(machine) = &self.machine {
            let ended = self.following().all(|(_, found)| found.has_ended());
            clocks.push((machine, if ended { i64::MAX } else { machine.now() - 1 }));
        }
        loop {
            for (clock, watermark) in &clocks {
                clock.advance(*watermark);
            }
            if self.is_due() {
                return true;
            }
            // What a level does not release the next need not wait for.
            if clocks.iter().all(|(clock, _)| clock.is_settled()) {
                return false;
            }
        }
    }

    /// When windows that it holds are over though no row comes.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let stages = self.stages.iter();
        let due = stages.filter_map(|stage| stage.holding().ok()?.next_due());
        due.min().map(instant_of)
    }

    /// Whether the plan above the stages may have rows in the epoch that begins.
    pub(super) fn may_give_rows(&self) -> bool {
        !self.waits_for_stages || self.is_due()
    }

    fn is_due(&self) -> bool {
        let mut stages = self.stages.iter();
        stages.any(|stage| stage.holding().is_ok_and(Holding::is_due))
    }

    /// The job begins, before or behind the epoch in which the parts that are read once are.
    pub(super) fn begin_once(&self, given: bool) -> Result<(), EngineError> {
        let mut once = self.once.iter();
        let begun = once.try_for_each(|once| once.begin(given));
        begun.map_err(|error| execution_error(&error))
    }

    /// Whether it has parts that are read once, and they have been.
    pub(super) fn is_given(&self) -> bool {
        !self.once.is_empty() && !self.reads_once()
    }

    /// Whether it has parts that are read once, and they have not been read, or not to their end.
    pub(super) fn reads_once(&self) -> bool {
        !self.once.iter().all(Once::is_through)
    }

    /// What it holds, by names for a checkpoint.
    pub(super) fn keyed_holds(&self) -> impl Iterator<Item = (String, &dyn Holding)> {
        let stages = self.stages.iter().enumerate();
        stages.filter_map(|(place, stage)| Some((self.hold_key(place), stage.holding().ok()?)))
    }

    /// The nodes that hold rows, by the same names.
    pub(super) fn keyed_nodes(&self) -> impl Iterator<Item = (String, Arc<dyn ExecutionPlan>)> {
        let stages = self.stages.iter().enumerate();
        stages.map(|(place, stage)| (self.hold_key(place), Arc::clone(stage.node())))
    }

    fn hold_key(&self, place: usize) -> String {
        format!("{}.{place}", self.index)
    }

    /// The job's run, as its sink knows it: several INSERTs may write to one folder.
    pub(super) fn run(&self, job: &str) -> String {
        format!("{job}-{}", self.index)
    }

    /// Names it in a checkpoint.
    pub(super) fn key(&self) -> String {
        format!("{}:{}", self.index, self.pipeline.table)
    }

    /// Whether it writes letters and a job that goes on from a checkpoint had not done so: it gets a
    /// dead-letter table when it has failed, or a table for late rows when there are many.
    pub(super) fn is_new_to(&self, checkpoint: &Checkpoint) -> bool {
        self.pipeline.letters.is_some() && !checkpoint.sinks.contains_key(&self.key())
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
