//! Lists made rows in a logical plan, and the way from there to a physical one.

use std::{cmp::Ordering, collections::HashSet, fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, Fields},
    catalog::Session,
    common::{DFSchema, DFSchemaRef, Result, TableReference, internal_err, plan_err},
    logical_expr::{
        Expr, ExprSchemable, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};

use super::exec::ExpandedRows;

/// The columns of `input` but the list, and behind them those of the list's items: a row each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::planning) struct ExpandNode {
    input: LogicalPlan,
    /// A column of `input`, or a call without columns, which gives all rows the same list.
    list: Expr,
    outer: bool,
    /// Of the items' columns.
    relation: TableReference,
    names: Vec<String>,
    schema: DFSchemaRef,
}

impl ExpandNode {
    /// `names` are those of the items' columns. `outer`: a row whose list is empty or NULL gives one
    /// with NULLs.
    pub(in crate::planning) fn new(
        input: LogicalPlan,
        list: Expr,
        outer: bool,
        relation: TableReference,
        names: Vec<String>,
    ) -> Result<Self> {
        let own = input.schema();
        let columns = item_columns(&list.get_type(own.as_ref())?)?;
        if columns.len() != names.len() {
            return internal_err!("{} names for {} columns", names.len(), columns.len());
        }
        let place = place(&list, own)?;
        let kept = own.iter().enumerate();
        let kept = kept.filter(|(index, _)| Some(*index) != place);
        let kept = kept.map(|(_, (qualifier, field))| (qualifier.cloned(), Arc::clone(field)));
        let added = columns.iter().zip(&names).map(|(column, name)| {
            let field = Field::new(name, column.data_type().clone(), true);
            (Some(relation.clone()), Arc::new(field) as FieldRef)
        });
        let fields = kept.chain(added).collect();
        let schema = DFSchema::new_with_metadata(fields, own.metadata().clone())?;
        Ok(ExpandNode {
            input,
            list,
            outer,
            relation,
            names,
            schema: Arc::new(schema),
        })
    }

    /// What it reads, and the list.
    pub(in crate::planning) fn parts(&self) -> (&LogicalPlan, &Expr) {
        (&self.input, &self.list)
    }

    /// The same of another list, in a column of another input.
    pub(in crate::planning) fn over(&self, input: LogicalPlan, list: Expr) -> Result<Self> {
        let (relation, names) = (self.relation.clone(), self.names.clone());
        ExpandNode::new(input, list, self.outer, relation, names)
    }

    /// Columns of the input that go on.
    fn width(&self) -> usize {
        self.schema.fields().len() - self.names.len()
    }
}

/// Where the list stands in a schema; nowhere if it is a call.
fn place(list: &Expr, schema: &DFSchema) -> Result<Option<usize>> {
    match list {
        Expr::Column(column) => schema.index_of_column(column).map(Some),
        _ => Ok(None),
    }
}

/// The columns of the rows in a list.
pub(super) fn item_columns(list: &DataType) -> Result<Fields> {
    if let DataType::List(item) = list
        && let DataType::Struct(columns) = item.data_type()
    {
        return Ok(columns.clone());
    }
    plan_err!("{list} is no list of rows")
}

impl PartialOrd for ExpandNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match self.input.partial_cmp(&other.input) {
            Some(Ordering::Equal) => self.list.partial_cmp(&other.list),
            ordering => ordering,
        }
    }
}

impl UserDefinedLogicalNodeCore for ExpandNode {
    fn name(&self) -> &str {
        "ExpandedRows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.list.clone()]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.names.iter().cloned().collect()
    }

    /// Those of the list are added by who asks.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let place = place(&self.list, self.input.schema()).ok()?;
        let own = output_columns.iter().copied();
        let own = own.filter(|index| *index < self.width());
        let own = own.map(|index| match place {
            Some(place) if index >= place => index + 1,
            _ => index,
        });
        Some(vec![own.collect()])
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "ExpandedRows: {}", self.list)
    }

    fn with_exprs_and_inputs(
        &self,
        mut exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let (Some(list), true) = (exprs.pop(), exprs.is_empty()) else {
            return internal_err!("ExpandedRows has one list");
        };
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return internal_err!("ExpandedRows has one input");
        };
        self.over(input, list)
    }
}

/// Plans the node.
pub(in crate::planning) struct ExpandPlanner;

#[async_trait]
impl ExtensionPlanner for ExpandPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<ExpandNode>() else {
            return Ok(None);
        };
        let [input] = inputs else {
            return internal_err!("ExpandedRows has one input");
        };
        let schema = node.input.schema();
        let list = planner.create_physical_expr(&node.list, schema, session, context)?;
        let fields = node.schema.fields().iter().skip(node.width());
        let fields = fields.cloned().collect();
        let expanded = ExpandedRows::new(Arc::clone(input), list, fields, node.outer)?;
        Ok(Some(Arc::new(expanded)))
    }
}
