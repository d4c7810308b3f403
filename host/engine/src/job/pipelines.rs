//! Pipelines: the partitions of a query, each into a writer of its own, one commit at the end.
//!
//! All pipelines of a statement set run at once. The first error, or a cancellation, stops the
//! others and takes back what all of them wrote; only when every writer has finished are the sinks
//! committed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use datafusion::execution::TaskContext;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wasmill_connectors::{SinkTransaction, SourceProgress};

use super::{
    letters::{LetterKind, begin_letters},
    observer::{JobObserver, observe_sources},
    partition::{Partition, joined},
};
use crate::{
    error::EngineError,
    planning::{Pipeline, connector_error},
};

/// What an INSERT or a statement set did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobReport {
    /// Rows that the sources gave.
    pub rows_in: u64,
    /// Rows that the sinks took.
    pub rows_out: u64,
    /// Values and rows that `ignore-parse-errors` turned into NULL or left out.
    pub ignored: u64,
    /// Rows for which functions with `'on-error' = 'null'` gave NULL because they failed on them.
    pub nulls: u64,
    /// Rows that came after their window was over, and are in no result.
    pub late: u64,
    /// The table that has them.
    pub late_table: Option<String>,
    /// One for each INSERT.
    pub sinks: Vec<SinkReport>,
    /// One for each dead-letter table that took letters.
    pub dead_letters: Vec<SinkReport>,
    /// The job has no end, and was told to stop.
    pub stopped: Option<Stopped>,
}

/// How a job without end was stopped: all rows that it read are in its sinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// The checkpoint that the job goes on from when it is run again, if it takes any.
    pub checkpoint: Option<u64>,
}

/// What one INSERT, or the errors of a statement, wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkReport {
    pub table: String,
    pub rows: u64,
}

struct Running {
    pipeline: Pipeline,
    transaction: Arc<dyn SinkTransaction>,
    rows: Arc<AtomicU64>,
    sources: Vec<Arc<SourceProgress>>,
}

impl Running {
    fn written(&self) -> Written<'_> {
        Written {
            pipeline: &self.pipeline,
            rows: &self.rows,
            sources: &self.sources,
            late: 0,
        }
    }
}

/// What a report tells of one pipeline.
pub(super) struct Written<'a> {
    pub pipeline: &'a Pipeline,
    pub rows: &'a AtomicU64,
    pub sources: &'a [Arc<SourceProgress>],
    pub late: u64,
}

pub(crate) async fn run_pipelines(
    pipelines: Vec<Pipeline>,
    context: Arc<TaskContext>,
    observer: &Arc<JobObserver>,
) -> Result<JobReport, EngineError> {
    let mut running: Vec<Running> = Vec::with_capacity(pipelines.len());
    for pipeline in pipelines {
        match pipeline.sink.begin(pipeline.overwrite).await {
            Ok(transaction) => running.push(Running {
                sources: observe_sources(&pipeline.plan, observer),
                pipeline,
                transaction,
                rows: Arc::default(),
            }),
            Err(error) => {
                abort(&running).await;
                return Err(connector_error(&error));
            }
        }
    }
    // A child, so that an error here stops the partitions without cancelling the whole job.
    let stop = observer.cancellation().child_token();
    let outcome = run_partitions(&running, &context, observer, &stop).await;
    let outcome = match outcome {
        Ok(()) if observer.is_cancelled() => Err(EngineError::Cancelled),
        outcome => outcome,
    };
    if let Err(error) = outcome {
        abort(&running).await;
        return Err(error);
    }
    for (index, run) in running.iter().enumerate() {
        if let Err(error) = run.transaction.commit().await {
            abort(&running[index..]).await;
            return Err(connector_error(&error));
        }
    }
    Ok(report(running.iter().map(Running::written)))
}

async fn abort(running: &[Running]) {
    for run in running {
        run.transaction.abort().await;
    }
}

pub(super) fn report<'a>(pipelines: impl Iterator<Item = Written<'a>>) -> JobReport {
    let mut report = JobReport::default();
    for Written {
        pipeline,
        rows,
        sources,
        late,
    } in pipelines
    {
        let rows = rows.load(Ordering::Relaxed);
        let written = SinkReport {
            table: pipeline.table.clone(),
            rows,
        };
        match (&pipeline.letters, rows) {
            (None, _) => {
                report.rows_out += rows;
                report.sinks.push(written);
            }
            (Some(letters), _) if letters.kind() == LetterKind::SideOutput => {
                report.rows_out += rows;
                report.sinks.push(written);
            }
            (Some(_), 0) => {}
            (Some(letters), _) => match letters.kind() {
                LetterKind::BadRecords => report.dead_letters.push(written),
                LetterKind::LateRows => report.late_table = Some(written.table),
                LetterKind::SideOutput => {}
            },
        }
        report.late += late;
        for source in sources {
            report.rows_in += source.rows.load(Ordering::Relaxed);
            report.ignored += source.ignored.load(Ordering::Relaxed);
        }
    }
    report
}

/// Runs all partitions of all pipelines to their ends, or to the first error.
async fn run_partitions(
    running: &[Running],
    context: &Arc<TaskContext>,
    observer: &Arc<JobObserver>,
    stop: &CancellationToken,
) -> Result<(), EngineError> {
    let letters = begin_letters(running.iter().map(|run| &run.pipeline), 1);
    let mut tasks = JoinSet::new();
    for run in running {
        let plan = &run.pipeline.plan;
        for partition in Partition::all(&run.pipeline, plan, &run.rows, observer) {
            let transaction = Arc::clone(&run.transaction);
            let context = Arc::clone(context);
            let stop = stop.clone();
            let letters = run.pipeline.letters.is_none().then(|| Arc::clone(&letters));
            let work = async move {
                let _letters = letters;
                let writer = transaction.writer(partition.partition).await;
                let mut writer = writer.map_err(|error| connector_error(&error))?;
                partition.run(context, writer.as_mut()).await?;
                let finished = writer.finish().await;
                finished.map_err(|error| connector_error(&error))
            };
            tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Err(EngineError::Cancelled),
                    result = work => result,
                }
            });
        }
    }
    drop(letters);
    let mut outcome = Ok(());
    while let Some(finished) = tasks.join_next().await {
        let result = joined(finished);
        if let Err(error) = result {
            stop.cancel();
            // What the others say after this is only that they were stopped.
            if outcome.is_ok() {
                outcome = Err(error);
            }
        }
    }
    outcome
}
