//! Pipelines: the partitions of a query, each into a writer of its own, one commit at the end.
//!
//! All pipelines of a statement set run at once. The first error, or a cancellation, stops the
//! others and takes back what all of them wrote; only when every writer has finished are the sinks
//! committed.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arrow::{
    array::{Array, BooleanArray, RecordBatch},
    compute::{and, filter_record_batch, is_not_null},
    datatypes::SchemaRef,
};
use datafusion::{
    execution::TaskContext,
    physical_plan::{ExecutionPlan, ExecutionPlanProperties},
};
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use wasmill_connectors::{SinkTransaction, SourceProgress};

use super::observer::{JobObserver, observe_sources};
use crate::{
    error::EngineError,
    planning::{Pipeline, connector_error, execution_error},
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
    /// One for each INSERT.
    pub sinks: Vec<SinkReport>,
}

/// What one INSERT wrote.
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
    Ok(report(&running))
}

async fn abort(running: &[Running]) {
    for run in running {
        run.transaction.abort().await;
    }
}

fn report(running: &[Running]) -> JobReport {
    let sources = || running.iter().flat_map(|run| &run.sources);
    let sinks: Vec<SinkReport> = running
        .iter()
        .map(|run| SinkReport {
            table: run.pipeline.table.clone(),
            rows: run.rows.load(Ordering::Relaxed),
        })
        .collect();
    JobReport {
        rows_in: sources()
            .map(|source| source.rows.load(Ordering::Relaxed))
            .sum(),
        rows_out: sinks.iter().map(|sink| sink.rows).sum(),
        ignored: sources()
            .map(|source| source.ignored.load(Ordering::Relaxed))
            .sum(),
        sinks,
    }
}

/// Runs all partitions of all pipelines to their ends, or to the first error.
async fn run_partitions(
    running: &[Running],
    context: &Arc<TaskContext>,
    observer: &Arc<JobObserver>,
    stop: &CancellationToken,
) -> Result<(), EngineError> {
    let mut tasks = JoinSet::new();
    for run in running {
        let partitions = run.pipeline.plan.output_partitioning().partition_count();
        for partition in 0..partitions {
            let task = Partition {
                plan: Arc::clone(&run.pipeline.plan),
                partition,
                schema: run.pipeline.schema(),
                table: run.pipeline.table.clone(),
                not_null: run.pipeline.not_null.clone(),
                drop_nulls: run.pipeline.drop_nulls,
                transaction: Arc::clone(&run.transaction),
                rows: Arc::clone(&run.rows),
                observer: Arc::clone(observer),
            };
            let context = Arc::clone(context);
            let stop = stop.clone();
            tasks.spawn(async move {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => Err(EngineError::Cancelled),
                    result = task.run(context) => result,
                }
            });
        }
    }
    let mut outcome = Ok(());
    while let Some(finished) = tasks.join_next().await {
        let result = finished.unwrap_or_else(|error| {
            let panic = error.try_into_panic().ok();
            let text = panic.as_ref().and_then(|panic| {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                text.or_else(|| panic.downcast_ref::<&str>().copied())
            });
            Err(EngineError::bug(format!(
                "a part of the job panicked: {}",
                text.unwrap_or("no message")
            )))
        });
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

/// One partition of one pipeline.
struct Partition {
    plan: Arc<dyn ExecutionPlan>,
    partition: usize,
    schema: SchemaRef,
    table: String,
    not_null: Vec<usize>,
    drop_nulls: bool,
    transaction: Arc<dyn SinkTransaction>,
    rows: Arc<AtomicU64>,
    observer: Arc<JobObserver>,
}

impl Partition {
    async fn run(self, context: Arc<TaskContext>) -> Result<(), EngineError> {
        let mut stream = self
            .plan
            .execute(self.partition, context)
            .map_err(|error| execution_error(&error))?;
        let sink_error = |error| connector_error(&error);
        let mut writer = self
            .transaction
            .writer(self.partition)
            .await
            .map_err(sink_error)?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| execution_error(&error))?;
            let batch = self.enforce_not_null(batch)?;
            let rows = batch.num_rows();
            if rows == 0 {
                continue;
            }
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())
                .map_err(|error| EngineError::bug(format!("writing '{}': {error}", self.table)))?;
            writer.write(batch).await.map_err(sink_error)?;
            self.rows.fetch_add(rows as u64, Ordering::Relaxed);
            self.observer.add_rows_written(rows as u64);
        }
        writer.finish().await.map_err(sink_error)
    }

    fn enforce_not_null(&self, batch: RecordBatch) -> Result<RecordBatch, EngineError> {
        let mut keep: Option<BooleanArray> = None;
        for &index in &self.not_null {
            let column = batch.column(index);
            let nulls = column.logical_null_count();
            if nulls == 0 {
                continue;
            }
            if !self.drop_nulls {
                let name = self.schema.field(index).name();
                return Err(EngineError::Data {
                    message: format!(
                        "the column '{name}' of '{}' is NOT NULL, but {nulls} of {} rows of a batch hold NULL",
                        self.table,
                        batch.num_rows()
                    ),
                    hint: Some(
                        "filter them with WHERE … IS NOT NULL, or leave them out with \
                         SET 'table.exec.sink.not-null-enforcer' = 'drop'"
                            .into(),
                    ),
                });
            }
            let present = is_not_null(column).map_err(internal)?;
            keep = Some(match keep {
                Some(keep) => and(&keep, &present).map_err(internal)?,
                None => present,
            });
        }
        match keep {
            Some(keep) => filter_record_batch(&batch, &keep).map_err(internal),
            None => Ok(batch),
        }
    }
}

fn internal(error: arrow::error::ArrowError) -> EngineError {
    EngineError::bug(error.to_string())
}
