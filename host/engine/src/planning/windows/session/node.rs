//! SESSION in a logical plan, and the way from there to a physical one.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, Field, TimeUnit},
    catalog::Session,
    common::{DFSchema, DFSchemaRef, Result, internal_err},
    logical_expr::{
        Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
        physical_planning_context::PhysicalPlanningContext,
    },
    physical_plan::ExecutionPlan,
    physical_planner::{ExtensionPlanner, PhysicalPlanner},
};

use super::exec::{SessionRule, Sessions};
use crate::planning::windows::tags::WindowEnd;

/// All rows of `input` with the start and the end of their session behind them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::planning::windows) struct SessionNode {
    input: LogicalPlan,
    /// The time, then the keys.
    exprs: Vec<Expr>,
    /// In milliseconds.
    gap: i64,
    end: WindowEnd,
    /// The time's column, for messages.
    time: String,
    schema: DFSchemaRef,
}

impl PartialOrd for SessionNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.end.id.partial_cmp(&other.end.id)
    }
}

impl SessionNode {
    /// `names` are those of the two columns that it adds.
    pub(in crate::planning::windows) fn new(
        input: LogicalPlan,
        (time, of): (Expr, String),
        keys: Vec<Expr>,
        gap: i64,
        end: WindowEnd,
        names: [&str; 2],
    ) -> Result<Self> {
        let schema = input.schema();
        let bounds = names.map(|name| {
            let data_type = DataType::Timestamp(TimeUnit::Millisecond, None);
            (None, Arc::new(Field::new(name, data_type, false)))
        });
        let own = schema
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
        let fields = own.chain(bounds).collect();
        let schema = DFSchema::new_with_metadata(fields, schema.metadata().clone())?;
        Ok(SessionNode {
            input,
            exprs: std::iter::once(time).chain(keys).collect(),
            gap,
            end,
            time: of,
            schema: Arc::new(schema),
        })
    }
}

impl UserDefinedLogicalNodeCore for SessionNode {
    fn name(&self) -> &str {
        "SessionWindows"
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

    /// A filter below it would be one of rows, above it one of sessions.
    fn prevent_predicate_push_down_columns(&self) -> std::collections::HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "SessionWindows: gap={} ms", self.gap)
    }

    fn with_exprs_and_inputs(
        &self,
        exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
            return internal_err!("SessionWindows has one input");
        };
        Ok(SessionNode {
            input,
            exprs,
            ..self.clone()
        })
    }
}

/// Plans the node.
pub(in crate::planning) struct SessionPlanner;

#[async_trait]
impl ExtensionPlanner for SessionPlanner {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(node) = node.as_any().downcast_ref::<SessionNode>() else {
            return Ok(None);
        };
        let [input] = inputs else {
            return internal_err!("SessionWindows has one input");
        };
        let schema = node.input.schema();
        let exprs = node.exprs.iter();
        let exprs = exprs.map(|expr| planner.create_physical_expr(expr, schema, session, context));
        let mut exprs = exprs.collect::<Result<Vec<_>>>()?;
        let time = exprs.remove(0);
        let rule = SessionRule {
            time,
            keys: exprs,
            gap: node.gap,
            end: node.end.clone(),
            column: node.time.clone(),
        };
        let schema = Arc::new(node.schema.as_arrow().clone());
        Ok(Some(Arc::new(Sessions::new(
            Arc::clone(input),
            rule,
            schema,
        ))))
    }
}
