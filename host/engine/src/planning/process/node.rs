//! Process functions in a logical plan, and the way from there to a physical one.

use std::{
    cmp::Ordering,
    collections::HashSet,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use async_trait::async_trait;
use datafusion::{
    catalog::Session,
    common::{DFSchemaRef, Result, internal_err},
    logical_expr::{
        Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};

use super::{exec::ProcessRows, rule::ProcessRule};

/// See the module.
#[derive(Clone)]
pub(super) struct ProcessNode {
    /// See [`ProcessRule`] for its columns.
    input: LogicalPlan,
    broadcast: Option<LogicalPlan>,
    rule: Arc<ProcessRule>,
    schema: DFSchemaRef,
}

impl ProcessNode {
    pub(super) fn new(
        input: LogicalPlan,
        broadcast: Option<LogicalPlan>,
        rule: Arc<ProcessRule>,
        schema: DFSchemaRef,
    ) -> Self {
        ProcessNode {
            input,
            broadcast,
            rule,
            schema,
        }
    }
}

impl fmt::Debug for ProcessNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessNode")
            .field("input", &self.input)
            .field("function", &self.rule.name)
            .finish_non_exhaustive()
    }
}

/// Two calls are never the same: each has state of its own.
impl PartialEq for ProcessNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rule, &other.rule)
            && self.input == other.input
            && self.broadcast == other.broadcast
    }
}

impl Eq for ProcessNode {}

impl Hash for ProcessNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.rule).hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for ProcessNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for ProcessNode {
    fn name(&self) -> &str {
        "ProcessRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        [Some(&self.input), self.broadcast.as_ref()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// What it gives depends on all rows of a key.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ProcessRows: function={}", self.rule.name)
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut inputs = inputs.into_iter();
        let (Some(input), broadcast, None) = (inputs.next(), inputs.next(), inputs.next()) else {
            return internal_err!("ProcessRows has one input, and maybe a broadcast table");
        };
        Ok(ProcessNode {
            input,
            broadcast,
            rule: Arc::clone(&self.rule),
            schema: Arc::clone(&self.schema),
        })
    }
}

/// Plans the node.
pub(in crate::planning) struct ProcessPlanner;

#[async_trait]
impl ExtensionPlanner for ProcessPlanner {
    async fn plan_extension(
        &self,
        _: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &dyn Session,
        _: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<ProcessNode>() else {
            return Ok(None);
        };
        let (input, broadcast) = match inputs {
            [input] => (input, None),
            [input, broadcast] => (input, Some(Arc::clone(broadcast))),
            _ => return internal_err!("ProcessRows has {} inputs", inputs.len()),
        };
        let rule = Arc::clone(&node.rule);
        let process = ProcessRows::new(Arc::clone(input), broadcast, rule)?;
        Ok(Some(Arc::new(process)))
    }
}
