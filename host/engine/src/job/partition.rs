//! One partition of a query, on its way into a sink.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    compute::{and, filter_record_batch, is_not_null, partition},
    datatypes::{Schema, SchemaRef},
};
use datafusion::{
    execution::TaskContext,
    physical_plan::{ExecutionPlan, ExecutionPlanProperties},
};
use futures::StreamExt;
use tokio::task::JoinError;
use wasmill_connectors::SinkWriter;

use super::observer::JobObserver;
use crate::{
    error::EngineError,
    planning::{Pipeline, connector_error, execution_error},
};

/// A task's result; a panic is an error of ours.
pub(super) fn joined<T>(
    finished: Result<Result<T, EngineError>, JoinError>,
) -> Result<T, EngineError> {
    finished.unwrap_or_else(|error| {
        let panic = error.try_into_panic().ok();
        let text = panic.as_ref().and_then(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            text.or_else(|| panic.downcast_ref::<&str>().copied())
        });
        Err(EngineError::bug(format!(
            "a part of the job panicked: {}",
            text.unwrap_or("no message")
        )))
    })
}

/// One partition of one pipeline.
pub(super) struct Partition {
    pub plan: Arc<dyn ExecutionPlan>,
    pub partition: usize,
    schema: SchemaRef,
    table: String,
    not_null: Vec<usize>,
    drop_nulls: bool,
    /// The last column of the plan says which rows take others back.
    takes_back: bool,
    /// What its sink has taken.
    rows: Arc<AtomicU64>,
    observer: Arc<JobObserver>,
}

impl Partition {
    /// One for each partition of `plan`, which gives a pipeline's rows.
    pub(super) fn all(
        pipeline: &Pipeline,
        plan: &Arc<dyn ExecutionPlan>,
        rows: &Arc<AtomicU64>,
        observer: &Arc<JobObserver>,
    ) -> impl Iterator<Item = Partition> {
        let partitions = plan.output_partitioning().partition_count();
        (0..partitions).map(|partition| Partition {
            plan: Arc::clone(plan),
            partition,
            schema: pipeline.schema(),
            table: pipeline.table.clone(),
            not_null: pipeline.not_null.clone(),
            drop_nulls: pipeline.drop_nulls,
            takes_back: pipeline.takes_back,
            rows: Arc::clone(rows),
            observer: Arc::clone(observer),
        })
    }

    /// Executes the plan to its end; all rows go to `writer`.
    pub(super) async fn run(
        &self,
        context: Arc<TaskContext>,
        writer: &mut dyn SinkWriter,
    ) -> Result<(), EngineError> {
        let mut stream = self
            .plan
            .execute(self.partition, context)
            .map_err(|error| execution_error(&error))?;
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| execution_error(&error))?;
            match self.takes_back {
                true => self.write_changes(&batch, writer).await?,
                false => self.write(batch, writer).await?,
            }
        }
        Ok(())
    }

    async fn write(
        &self,
        batch: RecordBatch,
        writer: &mut dyn SinkWriter,
    ) -> Result<(), EngineError> {
        let batch = self.enforce_not_null(batch)?;
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let batch = self.named(&self.schema, batch.columns())?;
        let written = writer.write(batch).await;
        written.map_err(|error| connector_error(&error))?;
        self.count(rows);
        Ok(())
    }

    /// Writes rows and takes others back, in their order.
    async fn write_changes(
        &self,
        batch: &RecordBatch,
        writer: &mut dyn SinkWriter,
    ) -> Result<(), EngineError> {
        let last = batch.num_columns().saturating_sub(1);
        let columns: Vec<usize> = (0..last).collect();
        let rows = batch.project(&columns).map_err(internal)?;
        let Some(taken_back) = batch.column(last).as_boolean_opt() else {
            return Err(EngineError::bug("rows without whether they are taken back"));
        };
        // Each part is as long as rows of one kind follow each other.
        for part in partition(&[batch.column(last).clone()])
            .map_err(internal)?
            .ranges()
        {
            let rows = rows.slice(part.start, part.len());
            if !taken_back.value(part.start) {
                self.write(rows, writer).await?;
                continue;
            }
            let fields = self.schema.fields().iter();
            let fields = fields.map(|field| field.as_ref().clone().with_nullable(true));
            let nullable = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
            let taken = writer
                .take_back(self.named(&nullable, rows.columns())?)
                .await;
            taken.map_err(|error| connector_error(&error))?;
            self.count(part.len());
        }
        Ok(())
    }

    /// Columns under the names of the sink.
    fn named(&self, schema: &SchemaRef, columns: &[ArrayRef]) -> Result<RecordBatch, EngineError> {
        RecordBatch::try_new(Arc::clone(schema), columns.to_vec())
            .map_err(|error| EngineError::bug(format!("writing '{}': {error}", self.table)))
    }

    fn count(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        self.observer.add_rows_written(rows as u64);
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
