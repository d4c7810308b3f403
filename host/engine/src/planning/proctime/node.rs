//! A column of processing time in a logical plan, and the way from there to a physical one.
//!
//! An expression may be computed more than once for a row, wherever DataFusion copies it to. A window's
//! bounds and all that is computed of the time of a row need one time, so it is a node that gives it.

use std::{cmp::Ordering, collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{Field, FieldRef},
    catalog::Session,
    common::{Column, DFSchema, DFSchemaRef, Result, internal_err},
    logical_expr::{
        Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNode,
        UserDefinedLogicalNodeCore, physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};

use super::exec::ProctimeColumn;
use crate::planning::relations::free_name;

/// All columns of `input`, and behind them when each row was worked on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ProctimeNode {
    input: LogicalPlan,
    /// Of the column that it adds.
    field: FieldRef,
    schema: DFSchemaRef,
}

impl ProctimeNode {
    fn new(input: LogicalPlan, field: FieldRef) -> Result<Self> {
        let schema = input.schema();
        let own = schema
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let fields = own.chain([(None, Arc::clone(&field))]).collect();
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        Ok(ProctimeNode {
            input,
            field,
            schema: Arc::new(schema),
        })
    }
}

/// The same columns as `input`, with the time of each row taken once in the one that is of processing
/// time.
pub(in crate::planning) fn with_proctime(input: LogicalPlan, time: &Column) -> Result<LogicalPlan> {
    let schema = Arc::clone(input.schema());
    let names: Vec<_> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let name = free_name(&names, "processing time");
    let field = Field::clone(schema.field(schema.index_of_column(time)?));
    let node = ProctimeNode::new(input, Arc::new(field.with_name(&name)))?;
    let plan = LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    });
    let columns = schema.columns().into_iter().map(|column| {
        if column != *time {
            return Expr::Column(column);
        }
        Expr::Column(Column::new_unqualified(&name)).alias_qualified(column.relation, column.name)
    });
    let columns = columns.collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

impl PartialOrd for ProctimeNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for ProctimeNode {
    fn name(&self) -> &str {
        "Proctime"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        HashSet::from([self.field.name().clone()])
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.input.schema().fields().len();
        let own = output_columns.iter().copied();
        Some(vec![own.filter(|index| *index < width).collect()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Proctime")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return internal_err!("Proctime has one input");
        };
        ProctimeNode::new(input, Arc::clone(&self.field))
    }
}

/// Plans the node.
pub(in crate::planning) struct ProctimePlanner;

#[async_trait]
impl ExtensionPlanner for ProctimePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<ProctimeNode>() else {
            return Ok(None);
        };
        let [input] = inputs else {
            return internal_err!("Proctime has one input");
        };
        let column = ProctimeColumn::new(Arc::clone(input), Arc::clone(&node.field), None);
        Ok(Some(Arc::new(column)))
    }
}
