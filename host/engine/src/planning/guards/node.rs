//! Guarded expressions in a logical plan, and the way from there to a physical one.

use std::{cmp::Ordering, collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::Field,
    catalog::Session,
    common::{DFSchema, DFSchemaRef, Result, internal_err},
    logical_expr::{
        Expr, ExprSchemable, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};

use super::exec::GuardedCalls;

/// All columns of `input`, and behind them the values of expressions; the rows are left out for which
/// a function in them fails.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct GuardNode {
    input: LogicalPlan,
    exprs: Vec<Expr>,
    /// Of the columns that it adds, one an expression.
    names: Vec<String>,
    schema: DFSchemaRef,
}

impl GuardNode {
    pub(super) fn new(input: LogicalPlan, exprs: Vec<Expr>, names: Vec<String>) -> Result<Self> {
        let own = input.schema();
        let mut fields: Vec<_> = own
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)))
            .collect();
        for (expr, name) in exprs.iter().zip(&names) {
            let (_, field) = expr.to_field(own.as_ref())?;
            let field = Field::new(name, field.data_type().clone(), true);
            fields.push((None, Arc::new(field)));
        }
        let schema = DFSchema::new_with_metadata(fields, own.metadata().clone())?;
        Ok(GuardNode {
            input,
            exprs,
            names,
            schema: Arc::new(schema),
        })
    }
}

impl PartialOrd for GuardNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => self.exprs.partial_cmp(&other.exprs),
            ordering => ordering,
        }
    }
}

impl UserDefinedLogicalNodeCore for GuardNode {
    fn name(&self) -> &str {
        "GuardedCalls"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.exprs.clone()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.names.iter().cloned().collect()
    }

    /// Those of its expressions are added by who asks.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.input.schema().fields().len();
        let own = output_columns.iter().copied();
        Some(vec![own.filter(|index| *index < width).collect()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("GuardedCalls")
    }

    fn with_exprs_and_inputs(
        &self,
        exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return internal_err!("GuardedCalls has one input");
        };
        GuardNode::new(input, exprs, self.names.clone())
    }
}

/// Plans the node.
pub(in crate::planning) struct GuardPlanner;

#[async_trait]
impl ExtensionPlanner for GuardPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<GuardNode>() else {
            return Ok(None);
        };
        let [input] = inputs else {
            return internal_err!("GuardedCalls has one input");
        };
        let schema = node.input.schema();
        let exprs = node.exprs.iter();
        let exprs = exprs.map(|expr| planner.create_physical_expr(expr, schema, session, context));
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        let calls = exprs.into_iter().zip(node.names.iter().cloned()).collect();
        Ok(Some(Arc::new(GuardedCalls::new(Arc::clone(input), calls)?)))
    }
}
