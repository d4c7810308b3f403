//! Jobs without end: epoch after epoch, and a checkpoint now and then.
//!
//! Invariant: a checkpoint holds the positions of all sources and what all sinks have stored of the
//! rows before them. It is written after the sinks have stored the rows and before they show them; a
//! job that goes on from it shows them first, whether or not that had happened. So no row is lost,
//! and none is twice in a sink that can commit.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use datafusion::{
    execution::TaskContext,
    physical_plan::{ExecutionPlan, execution_plan::reset_plan_states},
};
use tokio::{task::JoinSet, time::Instant};
use wasmill_connectors::{SharedWriter, SinkTransaction, SinkWriter, SourceProgress};

use super::{
    checkpoints::{Checkpoint, Checkpoints},
    epoch::{EpochLimits, Following, Gate},
    observer::{JobObserver, observe_sources},
    partition::{Partition, joined},
    pipelines::{JobReport, Stopped, Written, report},
};
use crate::{
    error::EngineError,
    planning::{Pipeline, SourceScan, as_scan, connector_error, execution_error, scans},
};

/// How a job without end runs.
#[derive(Clone)]
pub(crate) struct EndlessSettings {
    pub limits: EpochLimits,
    /// Between two checkpoints; `None` where there are none.
    pub interval: Option<Duration>,
    /// Where the checkpoints of all jobs are.
    pub folder: PathBuf,
    /// The job's name among them.
    pub name: String,
    pub retained: usize,
    /// Names this run, unless it goes on from a checkpoint of another.
    pub run: String,
    /// Where the user reads what happens.
    pub messages: SharedWriter,
}

/// One INSERT.
struct Flow {
    /// Its place among the INSERTs of the job.
    index: usize,
    pipeline: Pipeline,
    scans: Vec<Arc<dyn ExecutionPlan>>,
    rows: Arc<AtomicU64>,
    sources: Vec<Arc<SourceProgress>>,
    /// What it writes between two checkpoints.
    transaction: Option<Arc<dyn SinkTransaction>>,
    /// One a partition.
    writers: Vec<Option<Box<dyn SinkWriter>>>,
}

impl Flow {
    /// The job's run, as its sink knows it: several INSERTs may write to one folder.
    fn run(&self, job: &str) -> String {
        format!("{job}-{}", self.index)
    }

    /// Names it in a checkpoint.
    fn key(&self) -> String {
        format!("{}:{}", self.index, self.pipeline.table)
    }
}

/// Runs pipelines without an [`obstacle`] until their tables end or the job is told to stop.
pub(crate) async fn run_endless(
    pipelines: Vec<Pipeline>,
    context: Arc<TaskContext>,
    observer: &Arc<JobObserver>,
    settings: &EndlessSettings,
) -> Result<JobReport, EngineError> {
    let pipelines = pipelines.into_iter().enumerate();
    let flows = pipelines.map(|(index, pipeline)| Flow {
        index,
        scans: scans(&pipeline.plan),
        rows: Arc::default(),
        sources: observe_sources(&pipeline.plan, observer),
        transaction: None,
        writers: Vec::new(),
        pipeline,
    });
    let mut job = Endless::start(flows.collect(), context, observer, settings).await?;
    let outcome = job.run(settings.interval).await;
    if outcome.is_err() {
        job.abort().await;
    }
    let stopped = outcome?;
    Ok(JobReport {
        stopped: stopped.then_some(Stopped {
            checkpoint: job.checkpoints.is_some().then_some(job.last),
        }),
        ..report(job.flows.iter().map(|flow| Written {
            table: &flow.pipeline.table,
            rows: &flow.rows,
            sources: &flow.sources,
        }))
    })
}

struct Endless {
    flows: Vec<Flow>,
    gate: Arc<Gate>,
    context: Arc<TaskContext>,
    observer: Arc<JobObserver>,
    checkpoints: Option<Checkpoints>,
    /// Names this run through all of its restarts.
    run: String,
    /// The last checkpoint.
    last: u64,
    /// Rows that the sources had given by then.
    rows_then: u64,
}

impl Endless {
    async fn start(
        flows: Vec<Flow>,
        context: Arc<TaskContext>,
        observer: &Arc<JobObserver>,
        settings: &EndlessSettings,
    ) -> Result<Self, EngineError> {
        let checkpoints = match settings.interval {
            Some(_) => {
                let folder = settings.folder.join(&settings.name);
                Some(Checkpoints::open(folder, settings.retained)?)
            }
            None => None,
        };
        let found = match &checkpoints {
            Some(checkpoints) => checkpoints.latest()?,
            None => None,
        };
        let goes_on = found.is_some();
        let checkpoint = found.unwrap_or_else(|| Checkpoint::new(0, &settings.run));
        let mut job = Endless {
            flows,
            gate: Arc::new(Gate::new(settings.limits)),
            context,
            observer: Arc::clone(observer),
            checkpoints,
            run: checkpoint.run.clone(),
            last: checkpoint.id,
            rows_then: 0,
        };
        if let (1.., Some(checkpoints)) = (checkpoint.id, &job.checkpoints) {
            job.check_compatible(&checkpoint, checkpoints)?;
            let message = format!(
                "going on from checkpoint {} in {}\n",
                checkpoint.id,
                checkpoints.folder().display()
            );
            if let Ok(mut messages) = settings.messages.lock() {
                // Who does not listen need not be told.
                messages.write_all(message.as_bytes()).ok();
            }
        }
        for flow in &mut job.flows {
            let prepared = checkpoint.sinks.get(&flow.key());
            let run = flow.run(&job.run);
            let recovered = flow.pipeline.sink.recover(&run, prepared).await;
            recovered.map_err(|error| connector_error(&error))?;
        }
        for (key, scan) in job.keyed_scans() {
            if let Some(scan) = as_scan(&scan) {
                let followed = scan.follow(checkpoint.sources.get(&key), &job.gate).await;
                followed.map_err(|error| connector_error(&error))?;
            }
        }
        if let (false, Some(checkpoints)) = (goes_on, &job.checkpoints) {
            // From here on the run has a name, by which what it leaves behind is found again.
            checkpoints.write(&checkpoint)?;
        }
        job.begin().await?;
        Ok(job)
    }

    /// A checkpoint of other tables cannot be gone on from.
    fn check_compatible(
        &self,
        checkpoint: &Checkpoint,
        checkpoints: &Checkpoints,
    ) -> Result<(), EngineError> {
        let sources: Vec<_> = self.keyed_scans().into_iter().map(|(key, _)| key).collect();
        let sinks: Vec<_> = self.flows.iter().map(Flow::key).collect();
        let changes = [
            changes("reads", &sources, &checkpoint.sources),
            changes("writes", &sinks, &checkpoint.sinks),
        ];
        let changes: Vec<_> = changes.into_iter().flatten().collect();
        if changes.is_empty() {
            return Ok(());
        }
        Err(EngineError::job(format!(
            "the job cannot go on from checkpoint {} in {}: {}",
            checkpoint.id,
            checkpoints.folder().display(),
            changes.join("; ")
        ))
        .with_hint(
            "to start anew remove that folder, or give the job another name with SET 'pipeline.name'"
                .to_owned(),
        ))
    }

    fn keyed_scans(&self) -> Vec<(String, Arc<dyn ExecutionPlan>)> {
        let mut keyed = Vec::new();
        for flow in &self.flows {
            for (place, scan) in flow.scans.iter().enumerate() {
                let table = as_scan(scan).map_or("", SourceScan::table);
                let key = format!("{}.{place}:{table}", flow.index);
                keyed.push((key, Arc::clone(scan)));
            }
        }
        keyed
    }

    fn following(&self) -> impl Iterator<Item = &Following> {
        let scans = self.flows.iter().flat_map(|flow| &flow.scans);
        scans.filter_map(|scan| as_scan(scan)?.following())
    }

    /// Starts the writing up to the next checkpoint.
    async fn begin(&mut self) -> Result<(), EngineError> {
        for flow in &mut self.flows {
            let run = flow.run(&self.run);
            let begun = flow.pipeline.sink.begin_checkpoint(&run, self.last + 1);
            let transaction = begun.await.map_err(|error| connector_error(&error))?;
            flow.transaction = Some(transaction);
        }
        Ok(())
    }

    /// Answers whether it was stopped; otherwise its tables have ended.
    async fn run(&mut self, interval: Option<Duration>) -> Result<bool, EngineError> {
        let due = || interval.and_then(|interval| Instant::now().checked_add(interval));
        let mut checkpoint_at = due();
        loop {
            self.epoch(checkpoint_at).await?;
            let stopped = self.observer.is_cancelled();
            let ended = self.following().all(Following::has_ended);
            if stopped || ended {
                self.checkpoint(true).await?;
                if ended && let Some(checkpoints) = self.checkpoints.take() {
                    checkpoints.remove()?;
                }
                return Ok(!ended);
            }
            if checkpoint_at.is_some_and(|instant| instant <= Instant::now()) {
                self.checkpoint(false).await?;
                checkpoint_at = due();
            }
        }
    }

    /// Lets the plans of all pipelines give what the sources have.
    async fn epoch(&mut self, checkpoint_at: Option<Instant>) -> Result<(), EngineError> {
        self.gate.open();
        let mut tasks = JoinSet::new();
        for (index, flow) in self.flows.iter_mut().enumerate() {
            // As new: a plan keeps account of every execution, and some nodes allow only one.
            let plan = reset_plan_states(Arc::clone(&flow.pipeline.plan))
                .map_err(|error| execution_error(&error))?;
            let transaction = flow.transaction.as_ref();
            let transaction = transaction.ok_or_else(|| EngineError::bug("no transaction"))?;
            for partition in Partition::all(&flow.pipeline, &plan, &flow.rows, &self.observer) {
                let place = partition.partition;
                if flow.writers.len() <= place {
                    flow.writers.resize_with(place + 1, || None);
                }
                let writer = flow.writers[place].take();
                let transaction = Arc::clone(transaction);
                let context = Arc::clone(&self.context);
                tasks.spawn(async move {
                    let mut writer = match writer {
                        Some(writer) => writer,
                        None => {
                            let begun = transaction.writer(place).await;
                            begun.map_err(|error| connector_error(&error))?
                        }
                    };
                    partition.run(context, writer.as_mut()).await?;
                    Ok((index, place, writer))
                });
            }
        }
        let stop = self.observer.cancellation();
        let mut closing = std::pin::pin!(self.gate.close_in_time(checkpoint_at, stop));
        let mut closed = false;
        loop {
            let finished = tokio::select! {
                finished = tasks.join_next() => finished,
                () = &mut closing, if !closed => {
                    closed = true;
                    continue;
                }
            };
            // An error drops the set, which ends the other tasks.
            match finished {
                Some(finished) => {
                    let (index, place, writer) = joined(finished)?;
                    self.flows[index].writers[place] = Some(writer);
                }
                None => return Ok(()),
            }
        }
    }

    /// Between two epochs: stores what was written and where the sources are, and shows it.
    async fn checkpoint(&mut self, last: bool) -> Result<(), EngineError> {
        let rows = self.rows_read();
        if !last && rows == self.rows_then {
            return Ok(());
        }
        let mut checkpoint = Checkpoint::new(self.last + 1, &self.run);
        let mut transactions = Vec::new();
        for flow in &mut self.flows {
            for writer in flow.writers.drain(..).flatten() {
                let finished = writer.finish().await;
                finished.map_err(|error| connector_error(&error))?;
            }
            let Some(transaction) = &flow.transaction else {
                continue;
            };
            let prepared = transaction.prepare().await;
            let prepared = prepared.map_err(|error| connector_error(&error))?;
            transactions.push(Arc::clone(transaction));
            checkpoint.sinks.insert(flow.key(), prepared);
        }
        for (key, scan) in self.keyed_scans() {
            if let Some(following) = as_scan(&scan).and_then(SourceScan::following) {
                checkpoint.sources.insert(key, following.position());
            }
        }
        // From here on nothing may be taken back: the checkpoint may be on disk even if writing it failed.
        for flow in &mut self.flows {
            flow.transaction = None;
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.write(&checkpoint)?;
        }
        for transaction in transactions {
            let committed = transaction.commit().await;
            committed.map_err(|error| connector_error(&error))?;
        }
        self.last = checkpoint.id;
        self.rows_then = rows;
        match last {
            true => Ok(()),
            false => self.begin().await,
        }
    }

    fn rows_read(&self) -> u64 {
        let sources = self.flows.iter().flat_map(|flow| &flow.sources);
        sources
            .map(|source| source.rows.load(Ordering::Relaxed))
            .sum()
    }

    /// Takes back what no checkpoint holds.
    async fn abort(&mut self) {
        for flow in &mut self.flows {
            flow.writers.clear();
            if let Some(transaction) = flow.transaction.take() {
                transaction.abort().await;
            }
        }
    }
}

/// In words, which tables a job has that a checkpoint has not, and the other way round.
fn changes<V>(verb: &str, now: &[String], then: &BTreeMap<String, V>) -> Option<String> {
    let table = |key: &String| {
        let (_, table) = key.split_once(':').unwrap_or_default();
        format!("'{table}'")
    };
    if now.len() == then.len() && now.iter().all(|key| then.contains_key(key)) {
        return None;
    }
    let list = |keys: Vec<String>| match keys.is_empty() {
        true => "no table".to_owned(),
        false => keys.join(", "),
    };
    Some(format!(
        "it {verb} {}, the checkpoint is of a job that {verb} {}",
        list(now.iter().map(table).collect()),
        list(then.keys().map(table).collect())
    ))
}
