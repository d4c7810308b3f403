//! Jobs without end: epoch after epoch, and a checkpoint now and then.
//!
//! Invariant: a checkpoint holds the positions of all sources and what all sinks have stored of the
//! rows before them. It is written after the sinks have stored the rows and before they show them; a
//! job that goes on from it shows them first, whether or not that had happened. So no row is lost,
//! and none is twice in a sink that can commit.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use datafusion::{
    common::DataFusionError, execution::TaskContext,
    physical_plan::execution_plan::reset_plan_states,
};
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use wasmill_connectors::{ObjectFolder, SharedWriter, SinkWriter};
use wasmill_inference::{VersionedModel, VersionsInUse};
use wasmill_plugin::Epoch;
use wasmill_state::StateStore;

use super::{
    checkpoints::Checkpoints,
    epoch::{EpochLimits, Following, Gate},
    flow::Flow,
    letters::begin_letters,
    models::Models,
    observer::JobObserver,
    partition::{Partition, joined},
    pipelines::{JobReport, Stopped, Written, report},
    remote::Remote,
    restart::{RestartStrategy, Restarts},
    savepoint::SavepointPlace,
    taking::Storing,
};
use crate::{
    error::EngineError,
    planning::{EpochPipeline, connector_error, execution_error, say},
};

/// How a job without end runs.
#[derive(Clone)]
pub(crate) struct EndlessSettings {
    pub limits: EpochLimits,
    /// Between two checkpoints; `None` where there are none.
    pub interval: Option<Duration>,
    /// Where the checkpoints of all jobs are, or their copies.
    pub folder: PathBuf,
    /// Where they are on an object store.
    pub remote: Option<ObjectFolder>,
    /// The job's name among them.
    pub name: String,
    pub retained: usize,
    /// What a job without checkpoints of its own begins with.
    pub savepoint: Option<SavepointPlace>,
    pub restart: RestartStrategy,
    /// Names this run, unless it goes on from a checkpoint of another.
    pub run: String,
    /// Which epoch it is, for its functions.
    pub epoch: Epoch,
    /// Of what the pipelines hold.
    pub store: Arc<StateStore>,
    /// Those that the job may ask, each by its name.
    pub models: Vec<Arc<VersionedModel>>,
    /// Where the user reads what happens.
    pub messages: SharedWriter,
}

impl EndlessSettings {
    /// The job's checkpoints on an object store, if they are there.
    pub(super) fn remote(&self) -> Option<Remote> {
        let folder = self.remote.as_ref()?;
        Some(Remote::new(folder.folder(&self.name)))
    }
}

/// Runs pipelines without an obstacle until their tables end or the job is told to stop.
pub(crate) async fn run_endless(
    pipelines: Vec<EpochPipeline>,
    context: Arc<TaskContext>,
    observer: &Arc<JobObserver>,
    settings: &EndlessSettings,
) -> Result<JobReport, EngineError> {
    let flows = Flow::all(pipelines, observer)?;
    let decides = flows.iter().any(|flow| flow.pipeline.sink.decides());
    let checkpoints = match settings.interval {
        Some(_) => {
            let folder = settings.folder.join(&settings.name);
            // A sink that decides may not have come as far as the last one.
            let retained = settings.retained.max(if decides { 2 } else { 1 });
            let opened = Checkpoints::open(folder, retained, settings.remote())?;
            Some(Arc::new(opened))
        }
        None => None,
    };
    let mut job = Endless {
        flows,
        gate: Arc::new(Gate::new(settings.limits)),
        context,
        observer: Arc::clone(observer),
        checkpoints,
        storing: None,
        store: Arc::clone(&settings.store),
        scratch: None,
        messages: settings.messages.clone(),
        epoch: settings.epoch.clone(),
        savepoint: settings.savepoint.clone(),
        origin: None,
        process: settings.run.clone(),
        run: settings.run.clone(),
        last: 0,
        rows_then: 0,
        models: Models::watched(&settings.models)?,
        models_then: BTreeMap::new(),
    };
    let stopped = job.run_with_restarts(settings).await;
    job.say_of_models();
    settings.epoch.end();
    let stopped = stopped?;
    Ok(JobReport {
        stopped: stopped.then_some(Stopped {
            checkpoint: job.checkpoints.is_some().then_some(job.last),
        }),
        ..report(job.flows.iter().map(|flow| Written {
            pipeline: &flow.pipeline,
            rows: &flow.rows,
            sources: &flow.sources,
            late: flow.late.count(),
        }))
    })
}

/// How often a checkpoint that is due looks whether what the job holds is written.
const LOOK: Duration = Duration::from_millis(5);

/// A flow's writer of a partition.
type Writer = (usize, usize, Box<dyn SinkWriter>);

pub(super) struct Endless {
    pub(super) flows: Vec<Flow>,
    pub(super) gate: Arc<Gate>,
    context: Arc<TaskContext>,
    observer: Arc<JobObserver>,
    pub(super) checkpoints: Option<Arc<Checkpoints>>,
    /// The checkpoint that is stored while epochs run.
    pub(super) storing: Option<Storing>,
    /// What the nodes of the plans hold.
    pub(super) store: Arc<StateStore>,
    /// Where that is written in a job without checkpoints.
    pub(super) scratch: Option<TempDir>,
    messages: SharedWriter,
    epoch: Epoch,
    pub(super) savepoint: Option<SavepointPlace>,
    /// Names the savepoint that the run began with.
    pub(super) origin: Option<String>,
    /// Names this process.
    pub(super) process: String,
    /// Names this run through all of its restarts.
    pub(super) run: String,
    /// The last checkpoint.
    pub(super) last: u64,
    /// Rows that the sources had given and the sinks had taken by then.
    pub(super) rows_then: u64,
    pub(super) models: Models,
    /// The versions of the last checkpoint.
    pub(super) models_then: BTreeMap<String, VersionsInUse>,
}

impl Endless {
    /// Tells the user.
    pub(super) fn say(&self, message: &str) {
        say(&self.messages, message);
    }

    /// Tells the user what has happened to models.
    fn say_of_models(&self) {
        for notice in self.models.take_notices() {
            self.say(&notice);
        }
    }

    /// Runs the job, and begins it again where what failed lay outside of it.
    async fn run_with_restarts(&mut self, settings: &EndlessSettings) -> Result<bool, EngineError> {
        let mut restarts = Restarts::new(settings.restart);
        let mut begun = false;
        loop {
            let cancelled = self.observer.cancellation().clone();
            let gone_on = tokio::select! {
                outcome = self.go_on() => outcome,
                () = cancelled.cancelled() => return Ok(true),
            };
            let outcome = match gone_on {
                Ok(()) => {
                    begun = true;
                    self.run(settings.interval).await
                }
                Err(error) => Err(error),
            };
            let error = match outcome {
                Ok(stopped) => return Ok(stopped),
                Err(error) => error,
            };
            self.abort().await;
            let delay = match &error {
                EngineError::Environment { .. } if begun => {
                    restarts.after_failure(std::time::Instant::now())
                }
                _ => None,
            };
            let Some(delay) = delay else {
                return Err(error);
            };
            let seconds = delay.as_secs_f64();
            self.say(&format!(
                "the job failed: {error}; it begins again in {seconds:.1} s"
            ));
            tokio::select! {
                () = sleep(delay) => {}
                () = self.observer.cancellation().cancelled() => return Ok(true),
            }
        }
    }

    /// Answers whether it was stopped; otherwise its tables have ended.
    async fn run(&mut self, interval: Option<Duration>) -> Result<bool, EngineError> {
        let wanted = |(_, found): &(_, Arc<Following>)| found.wants_stored();
        let wanted = self.following().iter().filter_map(wanted).min();
        let interval = interval.or(wanted.filter(|_| self.stores_all()));
        let due = || interval.and_then(|interval| Instant::now().checked_add(interval));
        let mut checkpoint_at = due();
        loop {
            self.epoch(checkpoint_at).await?;
            self.say_of_models();
            // Windows that are over by now are given in an epoch of their own.
            while self.advance() {
                self.gated_epoch(None).await?;
            }
            self.relieve_store().await?;
            let storing = self.is_storing().await?;
            let stopped = self.observer.is_cancelled();
            let ended = self.following().iter().all(|(_, found)| found.has_ended());
            if stopped || ended {
                self.checkpoint(true).await?;
                if ended && let Some(checkpoints) = self.checkpoints.take() {
                    checkpoints.remove().await?;
                }
                return Ok(!ended);
            }
            let is_ready = self.models.are_ready();
            if is_ready && self.checkpoints.is_none() {
                self.models.take_over();
                self.say_of_models();
            }
            let is_due = checkpoint_at.is_some_and(|instant| instant <= Instant::now());
            if is_due || is_ready && self.checkpoints.is_some() {
                if !storing && self.is_store_ready().await? {
                    // The checkpoint is of what comes behind it: a replay has the same versions.
                    self.models.take_over();
                    self.say_of_models();
                    self.checkpoint(false).await?;
                    checkpoint_at = due();
                } else {
                    checkpoint_at = Instant::now().checked_add(LOOK);
                }
            }
        }
    }

    /// Time has gone on in all pipelines. Answers whether windows are over that still hold rows.
    fn advance(&self) -> bool {
        let due = self.flows.iter().filter(|flow| flow.advance());
        due.count() > 0
    }

    /// Lets the plans of all pipelines give what the sources have.
    async fn epoch(&mut self, checkpoint_at: Option<Instant>) -> Result<(), EngineError> {
        self.gate.open();
        let following = self.following();
        let idle = following.iter().filter_map(|(_, found)| found.next_idle());
        let due = self.flows.iter().filter_map(Flow::next_due);
        let wake = idle.map(Instant::from_std).chain(due).chain(checkpoint_at);
        let wake = wake.min();
        self.gated_epoch(Some(wake)).await
    }

    /// Executes all plans once. A gate that is open is closed in time; where it is closed already, the
    /// sources give only what they hold.
    async fn gated_epoch(&mut self, wake: Option<Option<Instant>>) -> Result<(), EngineError> {
        let pipelines = self.flows.iter().map(|flow| &flow.pipeline);
        let letters = begin_letters(pipelines, self.epoch.begin());
        let mut tasks: JoinSet<Result<Option<Writer>, EngineError>> = JoinSet::new();
        for (_, following) in self.following() {
            for read in following.begin() {
                let letters = Arc::clone(&letters);
                tasks.spawn(async move {
                    let _letters = letters;
                    let read = read.await;
                    read.map(|()| None).map_err(|error| connector_error(&error))
                });
            }
        }
        let failed = |error: DataFusionError| execution_error(&error);
        let mut giving = Vec::with_capacity(self.flows.len());
        for flow in &self.flows {
            giving.push(flow.may_give_rows());
            // All of them first: a stage gives what those below it release.
            for stage in &flow.stages {
                stage.release().map_err(failed)?;
            }
            for stage in &flow.stages {
                for taken in stage.takers(&self.context).map_err(failed)? {
                    let letters = Arc::clone(&letters);
                    tasks.spawn(async move {
                        let _letters = letters;
                        taken.await.map(|()| None).map_err(failed)
                    });
                }
            }
        }
        let flows = self.flows.iter_mut().zip(giving).enumerate();
        for (index, (flow, _)) in flows.filter(|(_, (_, gives))| *gives) {
            // As new: a plan keeps account of every execution, and some nodes allow only one.
            let plan = reset_plan_states(Arc::clone(&flow.pipeline.plan)).map_err(failed)?;
            let transaction = flow.transaction.as_ref();
            let transaction = transaction.ok_or_else(|| EngineError::bug("no transaction"))?;
            for partition in Partition::all(&flow.pipeline, &plan, &flow.rows, &self.observer) {
                let place = partition.partition;
                if flow.writers.len() <= place {
                    flow.writers.resize_with(place + 1, || None);
                }
                let writer = flow.writers[place].take();
                let letters = flow
                    .pipeline
                    .letters
                    .is_none()
                    .then(|| Arc::clone(&letters));
                let transaction = Arc::clone(transaction);
                let context = Arc::clone(&self.context);
                tasks.spawn(async move {
                    let _letters = letters;
                    let mut writer = match writer {
                        Some(writer) => writer,
                        None => {
                            let begun = transaction.writer(place).await;
                            begun.map_err(|error| connector_error(&error))?
                        }
                    };
                    partition.run(context, writer.as_mut()).await?;
                    Ok(Some((index, place, writer)))
                });
            }
        }
        drop(letters);
        let stop = self.observer.cancellation();
        let mut closing = std::pin::pin!(self.gate.close_in_time(
            wake.flatten(),
            self.models.news(),
            stop
        ));
        let mut closed = wake.is_none();
        let mut stopped = false;
        loop {
            let finished = tokio::select! {
                finished = tasks.join_next() => finished,
                () = stop.cancelled(), if !stopped => {
                    stopped = true;
                    // That may take long, and the sinks have nothing yet.
                    if self.flows.iter().any(Flow::reads_once) {
                        return Err(EngineError::Cancelled);
                    }
                    continue;
                }
                () = &mut closing, if !closed => {
                    closed = true;
                    continue;
                }
            };
            // An error drops the set, which ends the other tasks.
            match finished {
                Some(finished) => {
                    if let Some((index, place, writer)) = joined(finished)? {
                        self.flows[index].writers[place] = Some(writer);
                    }
                }
                None => return Ok(()),
            }
        }
    }

    /// The tables that are read epoch by epoch, by the names that a checkpoint gives them.
    pub(super) fn following(&self) -> Vec<(String, Arc<Following>)> {
        self.flows.iter().flat_map(Flow::following).collect()
    }

    /// Takes back what no checkpoint holds.
    async fn abort(&mut self) {
        self.stop_storing().await;
        for flow in &mut self.flows {
            flow.writers.clear();
            if let Some(transaction) = flow.transaction.take() {
                transaction.abort().await;
            }
        }
    }
}
