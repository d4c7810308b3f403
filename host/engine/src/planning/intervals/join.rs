//! The join itself: of the rows that are new on one side with all of the other.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{Result, internal_err, tree_node::TreeNodeRecursion},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        execution_plan::ChildrenPropertiesMode,
        joins::{HashJoinExec, PartitionMode},
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::{StreamExt, stream};
use parking_lot::Mutex;

use super::{Waiting, buffer::Rows};
use crate::state::Chunk;

/// In every epoch, joins the rows that are new on the left with all of the right, and those that are
/// new on the right with what was on the left before.
pub(in crate::planning) struct IntervalJoin {
    /// How rows are joined; over other inputs.
    join: HashJoinExec,
    left: Side,
    right: Side,
}

#[derive(Clone)]
struct Side {
    /// Is, or stands for, what holds the rows.
    input: Arc<dyn ExecutionPlan>,
    rows: Arc<[Mutex<Rows>]>,
}

impl Side {
    fn new(waiting: Waiting) -> Self {
        Side {
            rows: Arc::clone(waiting.rows()),
            input: Arc::new(waiting),
        }
    }

    /// New and old rows for a partition of the join; a side of one partition is for all of them.
    fn chunks(&self, partition: usize) -> Result<(Vec<Chunk>, Vec<Chunk>)> {
        let place = if self.rows.len() == 1 { 0 } else { partition };
        match self.rows.get(place) {
            Some(rows) => {
                let rows = rows.lock();
                Ok((rows.new_chunks(), rows.old_chunks()))
            }
            None => internal_err!("partition {partition} of {}", self.rows.len()),
        }
    }

    fn table(&self, chunks: Vec<Chunk>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let partition = Arc::new(Chunks {
            schema: Arc::clone(&schema),
            chunks,
        });
        Ok(Arc::new(StreamingTableExec::try_new(
            schema,
            vec![partition],
            None,
            [],
            false,
            None,
        )?))
    }
}

impl IntervalJoin {
    pub(in crate::planning) fn new(join: HashJoinExec, left: Waiting, right: Waiting) -> Self {
        IntervalJoin {
            join,
            left: Side::new(left),
            right: Side::new(right),
        }
    }

    fn joined(
        &self,
        left: Vec<Chunk>,
        right: Vec<Chunk>,
        build_right: bool,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let join = self
            .join
            .builder()
            .with_new_children(vec![self.left.table(left)?, self.right.table(right)?])?
            .with_partition_mode(PartitionMode::CollectLeft)
            .reset_state()
            .build()?;
        match build_right {
            true => join.swap_inputs(PartitionMode::CollectLeft),
            false => Ok(Arc::new(join)),
        }
    }
}

impl fmt::Debug for IntervalJoin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntervalJoin").finish_non_exhaustive()
    }
}

impl DisplayAs for IntervalJoin {
    fn fmt_as(&self, t: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("IntervalJoin by ")?;
        self.join.fmt_as(t, f)
    }
}

impl ExecutionPlan for IntervalJoin {
    fn name(&self) -> &'static str {
        "IntervalJoin"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left.input, &self.right.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([left, right]) = <[_; 2]>::try_from(children) else {
            return internal_err!("IntervalJoin has two children");
        };
        let side = |side: &Side, input| Side {
            input,
            rows: Arc::clone(&side.rows),
        };
        Ok(Arc::new(IntervalJoin {
            join: self.join.builder().build()?,
            left: side(&self.left, left),
            right: side(&self.right, right),
        }))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        self.replace_children(children, anew)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (new_left, old_left) = self.left.chunks(partition)?;
        let (new_right, old_right) = self.right.chunks(partition)?;
        let mut parts = Vec::new();
        // What is new is few: it is put into the hash table, the rest goes by.
        if !new_left.is_empty() {
            let all_right = [new_right.as_slice(), &old_right].concat();
            let joined = self.joined(new_left, all_right, false)?;
            parts.push(joined.execute(0, Arc::clone(&context))?);
        }
        if !new_right.is_empty() && !old_left.is_empty() {
            let joined = self.joined(old_left, new_right, true)?;
            parts.push(joined.execute(0, context)?);
        }
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            stream::iter(parts).flatten(),
        )))
    }
}

/// Chunks that are read one by one.
#[derive(Debug)]
struct Chunks {
    schema: SchemaRef,
    chunks: Vec<Chunk>,
}

impl PartitionStream for Chunks {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let chunks = self.chunks.clone().into_iter();
        let batches = chunks.map(|chunk| Ok(chunk.load()?));
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}
