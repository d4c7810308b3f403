//! Rows that later ones replace (of a rank, or of a table of changes), on their way to a sink that
//! replaces them too.

use std::sync::Arc;

use datafusion::{
    common::{Result, ScalarValue},
    physical_expr::{
        PhysicalExpr,
        expressions::{CaseExpr, Column, Literal, lit},
    },
    physical_plan::{
        ExecutionPlanProperties, filter::FilterExec, projection::ProjectionExec,
        projection::ProjectionExpr,
    },
};

use super::{KEEP_ALL, Node, Obstacle, Rows, part, ranks::column_of, rebuilt};
use crate::planning::{
    Pipeline,
    concurrent_calls::as_projection,
    endless::{as_node, in_words},
};

const RANK: &str = "give the sink PRIMARY KEY (…) NOT ENFORCED with the columns of PARTITION BY, and \
                    the row number where there may be several rows, and a connector that replaces \
                    rows: 'upsert-kafka' or 'postgres'; or keep the first row of each key by a time \
                    attribute: ORDER BY ts ASC, row number 1";

const CHANGES: &str = "give the sink the same PRIMARY KEY (…) NOT ENFORCED, and a connector that \
                       replaces rows: 'upsert-kafka' or 'postgres'; or let the table end with \
                       'scan.bounded.mode' = 'latest-offset'";

const KEEP: &str = "select these columns as they are, with nothing above them but other columns of \
                    the row";

/// Nodes that neither drop nor change a row.
const KEEPS_ALL: &[&str] = &[
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
];

/// The last column of changes: whether a row is taken back.
const TAKEN_BACK: &str = "taken back";

/// What cannot be done with rows that are replaced, such as "a union with".
pub(super) fn not_with(what: &str, changes: bool) -> Obstacle {
    let of = match changes {
        true => "a table of changes without end",
        false => "a rank whose rows are replaced",
    };
    let hint = if changes { CHANGES } else { KEEP_ALL };
    part(format!("{what} {of}"), hint)
}

/// Rows that are replaced may go to a sink that replaces them by the same columns.
pub(super) fn check_replaced(
    pipeline: &Pipeline,
    keys: &[usize],
    changes: bool,
) -> Result<(), Obstacle> {
    let (words, hint) = match changes {
        true => ("a table of changes without end", CHANGES),
        false => ("a rank whose rows are replaced as others come", RANK),
    };
    let Some(by) = pipeline.sink.replaces_by() else {
        return Err(part(words, hint));
    };
    let schema = pipeline.sink.schema();
    let mut by: Vec<_> = by
        .iter()
        .filter_map(|name| schema.index_of(name).ok())
        .collect();
    let mut keys = keys.to_vec();
    by.sort_unstable();
    keys.sort_unstable();
    keys.dedup();
    match (by == keys, changes) {
        (true, _) => Ok(()),
        (false, false) => Err(part(
            "a rank by other columns than the sink's PRIMARY KEY",
            hint,
        )),
        (false, true) => Err(part(
            "a table of changes by another PRIMARY KEY than the sink's",
            hint,
        )),
    }
}

/// A node over rows that are replaced.
pub(super) fn above(plan: &Node, child: &Node, rows: Rows) -> Result<(Node, Rows), Obstacle> {
    let Rows::Replaced { changes, .. } = rows else {
        return Ok((rebuilt(plan, vec![Arc::clone(child)])?, rows));
    };
    if let Some(projection) = as_projection(plan) {
        let rows = replaced_above(projection, rows)?;
        let plan = match changes {
            true => projected(projection, child)?,
            false => rebuilt(plan, vec![Arc::clone(child)])?,
        };
        return Ok((plan, rows));
    }
    if changes && let Some(filter) = as_node::<FilterExec>(plan) {
        let marked = marked(filter, child)?;
        let rows = replaced_above(&marked, rows)?;
        return Ok((Arc::new(marked), rows));
    }
    let name = plan.name();
    // In several partitions, changes of a key would overtake each other.
    if changes && name == "RepartitionExec" && child.output_partitioning().partition_count() == 1 {
        return Ok((Arc::clone(child), rows));
    }
    match KEEPS_ALL.contains(&name) && plan.fetch().is_none() {
        true => Ok((rebuilt(plan, vec![Arc::clone(child)])?, rows)),
        false => Err(not_with(&format!("{} over", in_words(name)), changes)),
    }
}

/// Above a projection: where the columns are now by which rows are replaced.
pub(super) fn replaced_above(projection: &ProjectionExec, rows: Rows) -> Result<Rows, Obstacle> {
    let Rows::Replaced { keys, changes } = rows else {
        return Ok(rows);
    };
    let place = |key| {
        let mut columns = projection.expr().iter();
        columns.position(|given| column_of(&given.expr) == Some(key))
    };
    match keys.into_iter().map(place).collect::<Option<Vec<_>>>() {
        Some(keys) => Ok(Rows::Replaced { keys, changes }),
        None if changes => Err(part(
            "a table of changes whose PRIMARY KEY is left out",
            KEEP,
        )),
        None => Err(part(
            "a rank whose PARTITION BY columns or row number are left out",
            KEEP,
        )),
    }
}

/// A projection of changes, which computes nothing of a row that is taken back.
fn projected(projection: &ProjectionExec, child: &Node) -> Result<Node> {
    let schema = child.schema();
    let taken_back = last_column(child);
    let mut exprs = Vec::with_capacity(projection.expr().len() + 1);
    for given in projection.expr() {
        let is_literal = (given.expr.as_ref() as &dyn std::any::Any).is::<Literal>();
        let expr = match column_of(&given.expr).is_some() || is_literal {
            true => Arc::clone(&given.expr),
            false => {
                let data_type = given.expr.data_type(&schema)?;
                let null = Arc::new(Literal::new(ScalarValue::try_new_null(&data_type)?));
                either(&taken_back, null, Arc::clone(&given.expr))?
            }
        };
        exprs.push(ProjectionExpr::new(expr, given.alias.clone()));
    }
    exprs.push(ProjectionExpr::new(taken_back, TAKEN_BACK.to_owned()));
    Ok(Arc::new(ProjectionExec::try_new(exprs, Arc::clone(child))?))
}

/// A filter of changes: a row that does not pass takes back the one of its key that may have passed.
fn marked(filter: &FilterExec, child: &Node) -> Result<ProjectionExec> {
    let fields = child.schema();
    let before = last_column(child);
    let passes = CaseExpr::try_new(
        None,
        vec![
            (Arc::clone(&before), lit(true)),
            (Arc::clone(filter.predicate()), lit(false)),
        ],
        Some(lit(true)),
    )?;
    let all: Vec<usize> = (0..fields.fields().len().saturating_sub(1)).collect();
    let columns = match filter.projection() {
        Some(columns) => columns.to_vec(),
        None => all,
    };
    let columns = columns.into_iter().map(|index| {
        let name = fields.field(index).name();
        ProjectionExpr::new(Arc::new(Column::new(name, index)), name.clone())
    });
    let marked = ProjectionExpr::new(Arc::new(passes), TAKEN_BACK.to_owned());
    ProjectionExec::try_new(columns.chain([marked]), Arc::clone(child))
}

fn last_column(plan: &Node) -> Arc<dyn PhysicalExpr> {
    let last = plan.schema().fields().len().saturating_sub(1);
    Arc::new(Column::new(TAKEN_BACK, last))
}

fn either(
    condition: &Arc<dyn PhysicalExpr>,
    then: Arc<dyn PhysicalExpr>,
    otherwise: Arc<dyn PhysicalExpr>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let cases = vec![(Arc::clone(condition), then)];
    Ok(Arc::new(CaseExpr::try_new(None, cases, Some(otherwise))?))
}
