//! `ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= n` in plans that are executed epoch by epoch.

use std::sync::Arc;

use datafusion::{
    common::ScalarValue,
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr, PhysicalSortExpr,
        expressions::{BinaryExpr, CastExpr, Column, Literal},
        window::StandardWindowExpr,
    },
    physical_plan::{
        ExecutionPlanProperties,
        coalesce_partitions::CoalescePartitionsExec,
        filter::FilterExec,
        projection::{ProjectionExec, ProjectionExpr},
        windows::{BoundedWindowAggExec, WindowUDFExpr},
    },
};

use super::{
    ABLE, Node, Obstacle, Planner, Rows, part,
    replaced::{not_with, replaced_above},
    whole,
    windows::window_of,
};
use crate::planning::{
    concurrent_calls::as_projection,
    endless::as_node,
    ranks::{Emission, RankRule, TopRows},
    windows::{is_processing_time, is_rowtime},
};

impl Planner {
    /// The first rows of every key, if that is what a filter keeps.
    pub(super) fn ranks(&self, filter: &FilterExec) -> Result<Option<(Node, Rows)>, Obstacle> {
        // Columns that nothing needs may be left out in between.
        let between = as_projection(filter.input());
        let ranked = between.map_or(filter.input(), |projection| projection.input());
        let Some(window) = as_node::<BoundedWindowAggExec>(ranked) else {
            return Ok(None);
        };
        let [expr] = window.window_expr() else {
            return Ok(None);
        };
        if !is_row_number(expr.as_any())
            || window_of(expr.partition_by().iter(), window.input()).is_some()
        {
            return Ok(None);
        }
        let schema = ranked.schema();
        let rank = schema.fields().len().saturating_sub(1);
        let compared = match between {
            None => Some(rank),
            Some(projection) => place_of(projection, rank),
        };
        let Some(count) = compared.and_then(|column| at_most(filter.predicate(), column)) else {
            return Err(part(
                "a rank that is not compared with a number alone",
                "WHERE row_number <= 3 gives the first three rows of each key; filter other columns \
                 in a query inside",
            ));
        };
        let (input, rows) = self.plan(&unsorted(window.input()))?;
        let level = match rows {
            Rows::Flowing { level, .. } => level,
            Rows::Replaced { changes, .. } => return Err(not_with("a rank over", changes)),
            _ => return Err(part("a rank of an aggregation", ABLE)),
        };
        let input = match expr.partition_by().is_empty()
            && input.output_partitioning().partition_count() > 1
        {
            true => Arc::new(CoalescePartitionsExec::new(input)) as Node,
            false => input,
        };
        let (rule, once) = self.rule(expr.partition_by(), expr.order_by(), count, &input);
        let keys = expr.partition_by().iter().map(column_of);
        let Some(mut keys) = keys.collect::<Option<Vec<_>>>() else {
            return Err(part(
                "a rank by expressions",
                "compute them in a query inside, and PARTITION BY their columns",
            ));
        };
        if count > 1 {
            keys.push(rank);
        }
        let time = (level, Arc::clone(&self.clock), Arc::clone(&self.late));
        let top: Node = Arc::new(TopRows::new(input, rule, schema, time, &self.store));
        let mut rows = match once {
            true => whole(level, []),
            false => Rows::Replaced {
                keys,
                changes: false,
            },
        };
        let mut plan = top;
        if let Some(between) = between {
            rows = replaced_above(between, rows)?;
            plan = Arc::new(ProjectionExec::try_new(between.expr().to_vec(), plan)?);
        }
        if let Some(projection) = filter.projection() {
            let fields = plan.schema();
            let columns = projection.iter().map(|index| {
                let name = fields.field(*index).name();
                ProjectionExpr::new(Arc::new(Column::new(name, *index)), name.clone())
            });
            let projected = ProjectionExec::try_new(columns, plan)?;
            rows = replaced_above(&projected, rows)?;
            plan = Arc::new(projected);
        }
        Ok(Some((plan, rows)))
    }

    /// What is kept, and whether a row that is given is never replaced.
    fn rule(
        &self,
        keys: &[Arc<dyn PhysicalExpr>],
        order: &[PhysicalSortExpr],
        count: usize,
        input: &Node,
    ) -> (RankRule, bool) {
        let schema = input.schema();
        let field = |by: &PhysicalSortExpr| by.expr.return_field(&schema).ok();
        let descending = order.first().is_some_and(|by| by.options.descending);
        let by_arrival = match order {
            [] => true,
            [by] => field(by).is_some_and(|field| is_processing_time(&field)),
            _ => false,
        };
        let by_time = match order {
            [by] if !descending && count == 1 => field(by)
                .is_some_and(|field| is_rowtime(&field))
                .then(|| Arc::clone(&by.expr)),
            _ => None,
        };
        let once = by_time.is_some() || (by_arrival && !descending && count == 1);
        let rule = RankRule {
            keys: keys.to_vec(),
            order: if by_arrival { vec![] } else { order.to_vec() },
            // Of two rows of the same time, the later replaces the other where the last is wanted.
            latest: descending && count == 1,
            count,
            emission: match by_time {
                Some(time) => Emission::AtWatermark { time },
                None => Emission::Changes,
            },
            ttl: self.ttl,
        };
        (rule, once)
    }
}

/// Where a projection gives a column.
fn place_of(projection: &ProjectionExec, column: usize) -> Option<usize> {
    let mut columns = projection.expr().iter();
    columns.position(|given| column_of(&given.expr) == Some(column))
}

/// Below what sorts, which ranks do themselves.
fn unsorted(plan: &Node) -> Node {
    let sorts = ["SortExec", "SortPreservingMergeExec"].contains(&plan.name());
    match (sorts && plan.fetch().is_none(), plan.children().as_slice()) {
        (true, [input]) => unsorted(input),
        _ => Arc::clone(plan),
    }
}

fn is_row_number(expr: &dyn std::any::Any) -> bool {
    let expr = expr.downcast_ref::<StandardWindowExpr>();
    let function = expr.and_then(|expr| {
        let function = expr.get_standard_func_expr().as_any();
        function.downcast_ref::<WindowUDFExpr>()
    });
    function.is_some_and(|function| function.fun().name() == "row_number")
}

/// The index of a column that an expression gives as it is, or in another type.
pub(super) fn column_of(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    let any = expr.as_ref() as &dyn std::any::Any;
    match any.downcast_ref::<CastExpr>() {
        Some(cast) => column_of(cast.expr()),
        None => Some(any.downcast_ref::<Column>()?.index()),
    }
}

/// `n`, where a predicate keeps just the rows whose column is at most `n`; at least 1.
fn at_most(predicate: &Arc<dyn PhysicalExpr>, column: usize) -> Option<usize> {
    let any = predicate.as_ref() as &dyn std::any::Any;
    let compared = any.downcast_ref::<BinaryExpr>()?;
    let number = |expr: &Arc<dyn PhysicalExpr>| {
        let any = expr.as_ref() as &dyn std::any::Any;
        match any.downcast_ref::<Literal>()?.value() {
            ScalarValue::UInt64(number) => *number,
            ScalarValue::Int64(number) => u64::try_from((*number)?).ok(),
            ScalarValue::Int32(number) => u64::try_from((*number)?).ok(),
            _ => None,
        }
    };
    let (operator, number) = match (column_of(compared.left()), column_of(compared.right())) {
        (Some(left), None) if left == column => (*compared.op(), number(compared.right())?),
        (None, Some(right)) if right == column => (compared.op().swap()?, number(compared.left())?),
        _ => return None,
    };
    let count = match operator {
        Operator::LtEq => number,
        Operator::Lt => number.checked_sub(1)?,
        Operator::Eq if number == 1 => 1,
        _ => return None,
    };
    usize::try_from(count).ok().filter(|count| *count > 0)
}
