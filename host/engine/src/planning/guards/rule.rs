//! Takes the calls whose failures are letters out of a logical plan, into nodes of their own.

use std::{any::Any, sync::Arc};

use datafusion::{
    common::{
        Column, DFSchema, JoinType, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    logical_expr::{
        Aggregate, Expr, Extension, Filter, Join, LogicalPlan, Projection, Sort, Window,
        utils::{conjunction, split_conjunction_owned},
    },
    optimizer::AnalyzerRule,
};
use wasmill_udf::{OnError, WasmFunction};

use super::node::GuardNode;
use crate::{
    error::EngineError,
    planning::{external, relations::free_name, table_functions::ExpandNode},
};

/// See the module. The last rule of the analysis: types are what they are by then.
#[derive(Debug)]
pub(in crate::planning) struct GuardCalls;

impl AnalyzerRule for GuardCalls {
    fn name(&self) -> &str {
        "guard_calls"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| match calls_in(&plan)? {
            None => Ok(Transformed::no(plan)),
            Some(function) => Ok(Transformed::yes(rewritten(plan, &function)?)),
        })?;
        Ok(rewritten.data)
    }
}

/// A function whose failures are letters, if an expression calls one.
fn called(expr: &Expr) -> Result<Option<String>> {
    let mut found = None;
    expr.apply(|expr| {
        if let Expr::ScalarFunction(call) = expr
            && let Some(function) =
                (call.func.inner().as_ref() as &dyn Any).downcast_ref::<WasmFunction>()
            && function.on_error() == OnError::DeadLetter
        {
            found = Some(call.func.name().to_owned());
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// The same for the expressions of a node.
fn calls_in(plan: &LogicalPlan) -> Result<Option<String>> {
    if let LogicalPlan::Extension(extension) = plan
        && extension.node.as_any().is::<GuardNode>()
    {
        return Ok(None);
    }
    let mut found = None;
    plan.apply_expressions(|expr| {
        found = called(expr)?;
        Ok(match found {
            Some(_) => TreeNodeRecursion::Stop,
            None => TreeNodeRecursion::Continue,
        })
    })?;
    Ok(found)
}

fn rewritten(plan: LogicalPlan, function: &str) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Projection(node) => projection(node),
        LogicalPlan::Filter(node) => filter(node),
        LogicalPlan::Aggregate(node) => aggregate(node),
        LogicalPlan::Window(node) => window(node),
        LogicalPlan::Sort(node) => sort(node),
        LogicalPlan::Extension(node) => match node.node.as_any().downcast_ref::<ExpandNode>() {
            Some(node) => expansion(node),
            None => refused(function, "where a row cannot be left out", BELOW),
        },
        LogicalPlan::Join(node) if node.join_type == JoinType::Inner => join(node, function),
        LogicalPlan::Join(_) => refused(function, "in the condition of an outer join", BELOW),
        LogicalPlan::Values(_) => refused(function, "in VALUES", "write SELECT instead of VALUES"),
        _ => refused(function, "where a row cannot be left out", BELOW),
    }
}

const BELOW: &str = "call it in a query of its own, below: FROM (SELECT *, f(x) AS y FROM t)";

fn refused<T>(function: &str, place: &str, hint: &str) -> Result<T> {
    Err(external(
        EngineError::job(format!(
            "'{function}' has 'on-error' = 'dead-letter', and is called {place}"
        ))
        .with_hint(hint.to_owned()),
    ))
}

/// Gathers what is to be evaluated over a plan's rows.
struct Guard {
    input: Arc<LogicalPlan>,
    /// Of all columns.
    taken: Vec<String>,
    exprs: Vec<Expr>,
    names: Vec<String>,
}

impl Guard {
    fn over(input: Arc<LogicalPlan>) -> Self {
        let fields = input.schema().fields().iter();
        Guard {
            taken: fields.map(|field| field.name().clone()).collect(),
            input,
            exprs: Vec::new(),
            names: Vec::new(),
        }
    }

    /// An expression without such calls, or the column that has its values.
    fn guarded(&mut self, expr: Expr) -> Result<Expr> {
        let Some(function) = called(&expr)? else {
            return Ok(expr);
        };
        let beside = expr.exists(|expr| {
            Ok(matches!(
                expr,
                Expr::ScalarSubquery(_)
                    | Expr::InSubquery(_)
                    | Expr::Exists(_)
                    | Expr::SetComparison(_)
                    | Expr::OuterReferenceColumn(..)
            ))
        })?;
        if beside {
            let place =
                "in one expression with a subquery, or with a column of the query around it";
            return refused(&function, place, BELOW);
        }
        let mut known = self.exprs.iter().zip(&self.names);
        if let Some((_, name)) = known.find(|(known, _)| **known == expr && !expr.is_volatile()) {
            return Ok(Expr::Column(Column::new_unqualified(name)));
        }
        let name = free_name(&self.taken, "guarded");
        self.taken.push(name.clone());
        self.exprs.push(expr);
        self.names.push(name.clone());
        Ok(Expr::Column(Column::new_unqualified(name)))
    }

    fn build(self) -> Result<Arc<LogicalPlan>> {
        let input = Arc::unwrap_or_clone(self.input);
        let node = GuardNode::new(input, self.exprs, self.names)?;
        Ok(Arc::new(LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        })))
    }
}

fn projection(node: Projection) -> Result<LogicalPlan> {
    let mut guard = Guard::over(node.input);
    let mut exprs = Vec::with_capacity(node.expr.len());
    for expr in node.expr {
        let (qualifier, name) = expr.qualified_name();
        exprs.push(match called(&expr)? {
            None => expr,
            Some(_) => guard
                .guarded(expr.unalias())?
                .alias_qualified(qualifier, name),
        });
    }
    let plan = Projection::try_new(exprs, guard.build()?)?;
    Ok(LogicalPlan::Projection(plan))
}

/// What else is asked of a row is asked first: a function is not called for rows that do not pass.
fn filter(node: Filter) -> Result<LogicalPlan> {
    let schema = Arc::clone(node.input.schema());
    let (mut plain, mut calling) = (Vec::new(), Vec::new());
    for part in split_conjunction_owned(node.predicate) {
        match called(&part)? {
            None => plain.push(part),
            Some(_) => calling.push(part),
        }
    }
    let input = match conjunction(plain) {
        None => node.input,
        Some(predicate) => {
            let filter = Filter::try_new(predicate, node.input)?;
            Arc::new(LogicalPlan::Filter(filter))
        }
    };
    let mut guard = Guard::over(input);
    let calling = calling.into_iter().map(|part| guard.guarded(part));
    let predicate = conjunction(calling.collect::<Result<Vec<_>>>()?);
    let mut plan = guard.build()?;
    if let Some(predicate) = predicate {
        plan = Arc::new(LogicalPlan::Filter(Filter::try_new(predicate, plan)?));
    }
    renamed(plan, &schema)
}

fn aggregate(node: Aggregate) -> Result<LogicalPlan> {
    let mut guard = Guard::over(node.input);
    let mut groups = Vec::with_capacity(node.group_expr.len());
    for expr in node.group_expr {
        let expr = match expr {
            set @ Expr::GroupingSet(_) => inside(set, &mut guard)?,
            expr => match called(&expr)? {
                None => expr,
                Some(_) => guard.guarded(expr.unalias())?,
            },
        };
        groups.push(expr);
    }
    let aggregates = node.aggr_expr.into_iter();
    let aggregates = aggregates.map(|expr| arguments(expr, &mut guard));
    let aggregates = aggregates.collect::<Result<Vec<_>>>()?;
    let plan = Aggregate::try_new(guard.build()?, groups, aggregates)?;
    renamed(Arc::new(LogicalPlan::Aggregate(plan)), &node.schema)
}

fn window(node: Window) -> Result<LogicalPlan> {
    let own = node.input.schema().fields().len();
    let mut guard = Guard::over(node.input);
    let exprs = node.window_expr.into_iter();
    let exprs = exprs.map(|expr| arguments(expr, &mut guard));
    let exprs = exprs.collect::<Result<Vec<_>>>()?;
    let added = guard.names.len();
    let plan = Window::try_new(exprs, guard.build()?)?;
    let plan = Arc::new(LogicalPlan::Window(plan));
    // The guarded columns stand between those of the input and those of the windows.
    let columns = plan.schema().columns().into_iter().enumerate();
    let columns = columns.filter(|(index, _)| !(own..own + added).contains(index));
    let columns = columns.map(|(_, column)| column).collect();
    selected(plan, columns, &node.schema)
}

fn sort(node: Sort) -> Result<LogicalPlan> {
    let schema = Arc::clone(node.input.schema());
    let mut guard = Guard::over(node.input);
    let mut keys = Vec::with_capacity(node.expr.len());
    for mut key in node.expr {
        key.expr = guard.guarded(key.expr)?;
        keys.push(key);
    }
    let sorted = LogicalPlan::Sort(Sort {
        expr: keys,
        input: guard.build()?,
        fetch: node.fetch,
    });
    renamed(Arc::new(sorted), &schema)
}

/// Lists that are the same for all rows: they are asked for row by row.
fn expansion(node: &ExpandNode) -> Result<LogicalPlan> {
    let (input, list) = node.parts();
    let mut guard = Guard::over(Arc::new(input.clone()));
    let list = guard.guarded(list.clone())?;
    let node = node.over(Arc::unwrap_or_clone(guard.build()?), list)?;
    Ok(LogicalPlan::Extension(Extension {
        node: Arc::new(node),
    }))
}

/// What an inner join asks of its rows may as well be asked above it.
fn join(mut node: Join, function: &str) -> Result<LogicalPlan> {
    for (left, right) in &node.on {
        if called(left)?.is_some() || called(right)?.is_some() {
            return refused(function, "in the condition of a join", BELOW);
        }
    }
    let (mut plain, mut calling) = (Vec::new(), Vec::new());
    for part in node.filter.map_or(Vec::new(), split_conjunction_owned) {
        match called(&part)? {
            None => plain.push(part),
            Some(_) => calling.push(part),
        }
    }
    node.filter = conjunction(plain);
    let plan = Arc::new(LogicalPlan::Join(node));
    match conjunction(calling) {
        None => Ok(Arc::unwrap_or_clone(plan)),
        Some(predicate) => filter(Filter::try_new(predicate, plan)?),
    }
}

/// An aggregate or window function, its arguments guarded.
fn arguments(expr: Expr, guard: &mut Guard) -> Result<Expr> {
    match called(&expr)? {
        None => Ok(expr),
        Some(_) => inside(expr.unalias(), guard),
    }
}

fn inside(expr: Expr, guard: &mut Guard) -> Result<Expr> {
    let mapped = expr.map_children(|child| guard.guarded(child).map(Transformed::yes))?;
    Ok(mapped.data)
}

/// The first columns of a plan under the names of `schema`.
fn renamed(plan: Arc<LogicalPlan>, schema: &DFSchema) -> Result<LogicalPlan> {
    let columns = plan.schema().columns();
    selected(plan, columns, schema)
}

/// These columns under the names of `schema`.
fn selected(
    plan: Arc<LogicalPlan>,
    columns: Vec<Column>,
    schema: &DFSchema,
) -> Result<LogicalPlan> {
    let wanted = schema.columns().into_iter();
    let exprs = columns.into_iter().zip(wanted).map(|(column, wanted)| {
        match column.relation == wanted.relation && column.name == wanted.name {
            true => Expr::Column(column),
            false => Expr::Column(column).alias_qualified(wanted.relation, wanted.name),
        }
    });
    let plan = Projection::try_new(exprs.collect(), plan)?;
    Ok(LogicalPlan::Projection(plan))
}
