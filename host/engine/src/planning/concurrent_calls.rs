//! Calls of models that servers compute: the requests of several batches are on their way at once.
//!
//! A projection computes one batch after the other, and so waits for each answer. Its calls are cut to
//! requests here, and several are made beside each other; a plan is still drained when its input ends, so
//! nothing is on its way between two epochs.

use std::{fmt, sync::Arc};

use datafusion::{
    common::{
        DataFusionError, Result,
        runtime::SpawnedTask,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{ScalarFunctionExpr, projection::Projector},
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, projection::ProjectionExec,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{endless::as_node, model_function::ModelFunction, node::plan_node};

/// How calls may run beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Concurrency {
    /// Rows of a call.
    pub rows: usize,
    /// Calls at once in a partition.
    pub calls: usize,
    /// What is answered first may come out first.
    pub unordered: bool,
}

impl Concurrency {
    /// What both allow.
    fn and(self, other: Concurrency) -> Concurrency {
        Concurrency {
            rows: self.rows.min(other.rows),
            calls: self.calls.min(other.calls),
            unordered: self.unordered && other.unordered,
        }
    }

    /// Of the models that a projection calls.
    fn of(projection: &ProjectionExec) -> Result<Option<Concurrency>> {
        let mut all: Option<Concurrency> = None;
        for given in projection.expr() {
            given.expr.apply(|expr| {
                let call =
                    (expr.as_ref() as &dyn std::any::Any).downcast_ref::<ScalarFunctionExpr>();
                let function = call.and_then(|call| {
                    (call.fun().inner().as_ref() as &dyn std::any::Any)
                        .downcast_ref::<ModelFunction>()
                });
                if let Some(found) = function.and_then(ModelFunction::concurrency) {
                    all = Some(all.map_or(found, |all| all.and(found)));
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(all)
    }
}

/// A plan whose calls of servers' models are made beside each other; their rows may only change their
/// order where the query allows it and the plan's reader does.
pub(super) fn with_concurrent_calls(
    plan: Arc<dyn ExecutionPlan>,
    may_be_unordered: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let transformed = plan.transform_up(|plan| {
        let Some(projection) = as_node::<ProjectionExec>(&plan) else {
            return Ok(Transformed::no(plan));
        };
        let Some(mut concurrency) = Concurrency::of(projection)? else {
            return Ok(Transformed::no(plan));
        };
        concurrency.unordered &= may_be_unordered;
        let calls = ConcurrentCalls::new(projection.clone(), concurrency)?;
        Ok(Transformed::yes(Arc::new(calls) as _))
    })?;
    Ok(transformed.data)
}

/// The projection that a node is, whether or not its calls are made beside each other.
pub(super) fn as_projection(plan: &Arc<dyn ExecutionPlan>) -> Option<&ProjectionExec> {
    let concurrent = as_node::<ConcurrentCalls>(plan).map(|calls| &calls.projection);
    concurrent.or_else(|| as_node(plan))
}

/// A projection some of whose batches are computed at once.
pub(super) struct ConcurrentCalls {
    input: Arc<dyn ExecutionPlan>,
    projection: ProjectionExec,
    projector: Arc<Projector>,
    concurrency: Concurrency,
}

impl ConcurrentCalls {
    fn new(projection: ProjectionExec, mut concurrency: Concurrency) -> Result<Self> {
        // What is above may count on an order that the rows have.
        concurrency.unordered &= projection.properties().output_ordering().is_none();
        let exprs = projection.projection_expr();
        let projector = exprs.make_projector_with_schema_metadata(
            &projection.input().schema(),
            &projection.schema(),
        )?;
        Ok(ConcurrentCalls {
            input: Arc::clone(projection.input()),
            projection,
            projector: Arc::new(projector),
            concurrency,
        })
    }

    /// The same over another input.
    fn of_input(&self, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let exprs = self.projection.expr().to_vec();
        let schema = self.projection.schema();
        let projection = ProjectionExec::try_new_with_schema_metadata(exprs, input, &schema)?;
        ConcurrentCalls::new(projection, self.concurrency)
    }
}

impl fmt::Debug for ConcurrentCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrentCalls").finish_non_exhaustive()
    }
}

impl DisplayAs for ConcurrentCalls {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let Concurrency {
            rows,
            calls,
            unordered,
        } = self.concurrency;
        let exprs: Vec<_> = self
            .projection
            .expr()
            .iter()
            .map(ToString::to_string)
            .collect();
        let mode = if unordered {
            "ALLOW_UNORDERED"
        } else {
            "ORDERED"
        };
        let exprs = exprs.join(", ");
        write!(
            f,
            "ConcurrentCalls: expr=[{exprs}], rows={rows}, calls={calls}, mode={mode}"
        )
    }
}

impl ExecutionPlan for ConcurrentCalls {
    plan_node!("ConcurrentCalls", input);

    fn properties(&self) -> &Arc<PlanProperties> {
        self.projection.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![!self.concurrency.unordered]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let Concurrency {
            rows,
            calls,
            unordered,
        } = self.concurrency;
        let input = self.input.execute(partition, context)?;
        let pieces = input.map_ok(move |batch| {
            let starts = (0..batch.num_rows()).step_by(rows.max(1));
            let piece =
                move |start| batch.slice(start, rows.min(batch.num_rows().saturating_sub(start)));
            stream::iter(starts.map(piece).map(Ok::<_, DataFusionError>))
        });
        let projector = Arc::clone(&self.projector);
        let computed = pieces.try_flatten().map(move |piece| {
            let projector = Arc::clone(&projector);
            async move {
                let piece = piece?;
                // A call waits for its answer on its thread.
                let call = SpawnedTask::spawn_blocking(move || projector.project_batch(&piece));
                let computed = call.join_unwind().await;
                computed.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
            }
        });
        let schema = Arc::clone(self.projector.output_schema());
        let computed = match unordered {
            true => computed.buffer_unordered(calls.max(1)).boxed(),
            false => computed.buffered(calls.max(1)).boxed(),
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, computed)))
    }
}
