//! The join itself: of the rows that are new on one side with all of the other.
//!
//! What an outer join gives besides are the rows for which no partner can come any more, as far as they
//! go with none of the rows that the other side still holds: it holds all that they may have gone with.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array},
        datatypes::SchemaRef,
    },
    common::{DataFusionError, JoinSide, JoinType, Result, internal_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, ReplaceChildrenOptions,
        joins::{HashJoinExec, HashJoinExecBuilder, PartitionMode},
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::{StreamExt, stream};
use parking_lot::{Mutex, MutexGuard};

use super::{
    Waiting,
    rows::{Part, Rows},
};
use crate::planning::node::plan_node;

/// In every epoch, joins the rows that are new on the left with all of the right, and those that are
/// new on the right with what was on the left before; and gives the rows without a partner, if it is an
/// outer join.
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
    /// Of a row.
    time: Arc<dyn PhysicalExpr>,
    outer: bool,
    rows: Arc<[Mutex<Rows>]>,
}

impl Side {
    fn new(waiting: Waiting) -> Self {
        Side {
            time: Arc::clone(waiting.time()),
            outer: waiting.is_outer(),
            rows: Arc::clone(waiting.rows()),
            input: Arc::new(waiting),
        }
    }

    /// The rows for a partition of the join; a side of one partition is for all of them.
    fn partition(&self, partition: usize) -> Result<MutexGuard<'_, Rows>> {
        let place = if self.rows.len() == 1 { 0 } else { partition };
        match self.rows.get(place) {
            Some(rows) => Ok(rows.lock()),
            None => internal_err!("partition {partition} of {}", self.rows.len()),
        }
    }

    /// The rows that find no partner any more, if it gives them, and all on the other side that they may
    /// have gone with.
    fn closing(&self, other: &Side, partition: usize) -> Result<Option<(Vec<Part>, Vec<Part>)>> {
        let for_all = self.rows.len() == 1;
        if !self.outer || (for_all && partition > 0) {
            return Ok(None);
        }
        let closing = self.partition(partition)?.closing_rows();
        if closing.is_empty() {
            return Ok(None);
        }
        let partners = match for_all {
            true => {
                let partitions = other.rows.iter();
                partitions.flat_map(|rows| rows.lock().all_rows()).collect()
            }
            false => other.partition(partition)?.all_rows(),
        };
        Ok(Some((closing, partners)))
    }

    fn table(&self, parts: Vec<Part>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let partition = Arc::new(Parts {
            schema: Arc::clone(&schema),
            time: Arc::clone(&self.time),
            parts,
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

    fn over(&self, left: Vec<Part>, right: Vec<Part>) -> Result<HashJoinExecBuilder> {
        let inputs = vec![self.left.table(left)?, self.right.table(right)?];
        let join = self.join.builder().with_new_children(inputs)?;
        let join = join.with_partition_mode(PartitionMode::CollectLeft);
        Ok(join.reset_state())
    }

    /// The pairs of rows that go with each other.
    fn pairs(
        &self,
        left: Vec<Part>,
        right: Vec<Part>,
        build: JoinSide,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let join = self.over(left, right)?.with_type(JoinType::Inner).build()?;
        match build {
            JoinSide::Right => join.swap_inputs(PartitionMode::CollectLeft),
            _ => Ok(Arc::new(join)),
        }
    }

    /// The rows that have found no partner, with NULLs in its place.
    fn unpaired(
        &self,
        side: JoinSide,
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Result<Option<SendableRecordBatchStream>> {
        let (found, kind) = match side {
            JoinSide::Right => {
                let found = self.right.closing(&self.left, partition)?;
                (
                    found.map(|(right, left)| (left, right)),
                    JoinType::RightAnti,
                )
            }
            _ => (
                self.left.closing(&self.right, partition)?,
                JoinType::LeftAnti,
            ),
        };
        let Some((left, right)) = found else {
            return Ok(None);
        };
        let join = self.over(left, right)?.with_type(kind);
        let join = join.with_projection(None).build()?;
        // Those that are asked about are few: it is they that are put into the hash table.
        let alone = match side {
            JoinSide::Right => join.swap_inputs(PartitionMode::CollectLeft)?,
            _ => Arc::new(join),
        };
        let rows = alone.execute(0, Arc::clone(context))?;
        let columns = self.columns(side);
        let schema = self.schema();
        let padded = rows.map(move |rows| padded(&rows?, &columns, &schema));
        Ok(Some(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            padded,
        ))))
    }

    /// For each column of the result, which one of a side it is; none if it is the other's.
    fn columns(&self, side: JoinSide) -> Vec<Option<usize>> {
        let left = self.left.input.schema().fields().len();
        let of_side = |column: usize| match side {
            JoinSide::Right => column.checked_sub(left),
            _ => Some(column).filter(|column| *column < left),
        };
        match &self.join.projection {
            Some(columns) => columns.iter().map(|column| of_side(*column)).collect(),
            None => (0..self.schema().fields().len()).map(of_side).collect(),
        }
    }
}

/// Rows with these of their columns, and NULLs in the others.
fn padded(
    rows: &RecordBatch,
    columns: &[Option<usize>],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let columns = columns
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column {
            Some(column) => Arc::clone(rows.column(*column)),
            None => new_null_array(field.data_type(), rows.num_rows()),
        });
    as_schema(columns.collect(), rows.num_rows(), schema)
}

fn as_schema(columns: Vec<ArrayRef>, rows: usize, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = Arc::clone(schema);
    Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
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
    plan_node!(@ "IntervalJoin");

    fn properties(&self) -> &Arc<PlanProperties> {
        self.join.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left.input, &self.right.input]
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
            ..side.clone()
        };
        Ok(Arc::new(IntervalJoin {
            join: self.join.builder().build()?,
            left: side(&self.left, left),
            right: side(&self.right, right),
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows_of = |side: &Side| {
            let rows = side.partition(partition)?;
            Ok::<_, DataFusionError>((rows.new_rows(), rows.old_rows()))
        };
        let (new_left, old_left) = rows_of(&self.left)?;
        let (new_right, old_right) = rows_of(&self.right)?;
        let mut parts = Vec::new();
        // What is new is few: it is put into the hash table, the rest goes by.
        if !new_left.is_empty() {
            let all_right = [new_right.as_slice(), &old_right].concat();
            let pairs = self.pairs(new_left, all_right, JoinSide::Left)?;
            parts.push(pairs.execute(0, Arc::clone(&context))?);
        }
        if !new_right.is_empty() && !old_left.is_empty() {
            let pairs = self.pairs(old_left, new_right, JoinSide::Right)?;
            parts.push(pairs.execute(0, Arc::clone(&context))?);
        }
        for side in [JoinSide::Left, JoinSide::Right] {
            parts.extend(self.unpaired(side, partition, &context)?);
        }
        let schema = self.schema();
        // What may be NULL in an outer join may not in an inner one.
        let rows = stream::iter(parts).flatten().map(move |rows| {
            let rows = rows?;
            as_schema(rows.columns().to_vec(), rows.num_rows(), &schema)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// Parts of chunks that are read one by one.
#[derive(Debug)]
struct Parts {
    schema: SchemaRef,
    time: Arc<dyn PhysicalExpr>,
    parts: Vec<Part>,
}

impl PartitionStream for Parts {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (parts, time) = (self.parts.clone().into_iter(), Arc::clone(&self.time));
        let batches = parts.map(move |part| part.load(&time));
        let schema = Arc::clone(&self.schema);
        Box::pin(RecordBatchStreamAdapter::new(schema, stream::iter(batches)))
    }
}
