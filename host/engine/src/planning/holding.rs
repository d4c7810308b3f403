//! Nodes of a plan that hold rows from one epoch to the next.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::Partitioning,
    physical_plan::{ExecutionPlan, metrics::Time, repartition::BatchPartitioner},
};
use wasmill_state::Chunk;

/// Rows that a partition gives, read when they are asked for.
pub(crate) type Released = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A node that holds rows from one epoch to the next. It is where a plan is cut in two: what is below
/// it is executed in every epoch, whether or not what is above it asks for rows (a join does not ask for
/// those of one side if there are none on the other).
#[async_trait]
pub(crate) trait Holding: ExecutionPlan {
    fn input(&self) -> &Arc<dyn ExecutionPlan>;

    /// Takes the input's rows of an epoch.
    async fn take(
        &self,
        partition: usize,
        rows: SendableRecordBatchStream,
        context: Arc<TaskContext>,
    ) -> Result<()>;

    /// The rows whose time has come, by partition.
    fn release(&self) -> Result<Vec<Released>>;

    /// Whether it holds rows whose time has come.
    fn is_due(&self) -> bool;

    /// When the machine's clock comes to the end of a window that it holds, in milliseconds since 1970;
    /// none where time comes with rows.
    fn next_due(&self) -> Option<i64> {
        None
    }

    /// All that it holds, for a checkpoint.
    fn save(&self) -> Result<Vec<Chunk>>;

    /// Holds nothing any more.
    fn clear(&self) -> Result<()>;

    /// Takes what a checkpoint has. The job may have another number of partitions now.
    fn restore(&self, saved: RecordBatch) -> Result<()>;

    /// Of what it holds.
    fn schema_held(&self) -> SchemaRef {
        self.input().schema()
    }

    /// Says what the rows are, so that those of another query are not taken for them.
    fn describe(&self) -> String {
        let schema = self.schema_held();
        let columns = schema.fields().iter();
        let columns: Vec<_> = columns
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        columns.join(", ")
    }
}

/// Hands the rows of a batch to the partitions that they belong to.
pub(super) fn spread(
    partitioning: &Partitioning,
    batch: RecordBatch,
    mut add: impl FnMut(usize, RecordBatch) -> Result<()>,
) -> Result<()> {
    match partitioning {
        Partitioning::Hash(exprs, partitions) => {
            let exprs = exprs.clone();
            BatchPartitioner::new_hash_partitioner(exprs, *partitions, Time::default())?
                .partition(batch, add)
        }
        _ => add(0, batch),
    }
}
