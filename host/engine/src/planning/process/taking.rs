//! A process function in a plan without end: what its node takes of an epoch, gives in the next, and
//! keeps.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::{Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::ExecutionPlan,
};
use futures::StreamExt;
use wasmill_state::Chunk;

use super::{exec::ProcessRows, state::Partition};
use crate::{
    job::machine_time,
    planning::holding::{Holding, Released, spread},
};

#[async_trait]
impl Holding for ProcessRows {
    fn input(&self) -> &Arc<dyn ExecutionPlan> {
        self.inputs().0
    }

    async fn take(
        &self,
        partition: usize,
        mut rows: SendableRecordBatchStream,
        context: Arc<TaskContext>,
    ) -> Result<()> {
        let mut worker = self.worker(partition, context)?;
        let moment = self.moment();
        let mut given = worker.fire(moment).await?;
        while let Some(batch) = rows.next().await {
            given.extend(worker.rows(batch?, moment).await?);
        }
        self.part(partition).expire(moment)?;
        self.parts.given[partition].lock().extend(given);
        Ok(())
    }

    fn release(&self) -> Result<Vec<Released>> {
        self.parts.broadcast.begin();
        let released = self.parts.given.iter().map(|given| {
            let given = std::mem::take(&mut *given.lock());
            Box::new(given.into_iter().map(Ok)) as Released
        });
        Ok(released.collect())
    }

    fn is_due(&self) -> bool {
        let moment = self.moment();
        let mut given = self.parts.given.iter();
        given.any(|given| !given.lock().is_empty())
            || self.parts.partitions.iter().any(|part| part.is_due(moment))
    }

    fn next_due(&self) -> Option<i64> {
        let parts = self.parts.partitions.iter();
        parts.filter_map(Partition::next_due).min()
    }

    fn save(&self) -> Result<Vec<Chunk>> {
        let parts = self.parts.partitions.iter();
        Ok(parts.flat_map(Partition::save).collect())
    }

    fn clear(&self) -> Result<()> {
        self.parts.partitions.iter().for_each(Partition::clear);
        self.parts
            .given
            .iter()
            .for_each(|given| given.lock().clear());
        Ok(())
    }

    fn restore(&self, saved: RecordBatch) -> Result<()> {
        let now = machine_time();
        spread(
            &self.partitioning_held()?,
            saved,
            |partition, batch| match self.parts.partitions.get(partition) {
                Some(part) => part.restore(&batch, now),
                None => internal_err!("partition {partition} of {}", self.parts.partitions.len()),
            },
        )
    }

    fn schema_held(&self) -> SchemaRef {
        self.rule().spec.schema()
    }

    fn describe(&self) -> String {
        self.rule().describe()
    }
}
