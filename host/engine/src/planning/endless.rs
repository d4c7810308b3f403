//! Which plans run without end, and which of them can run epoch by epoch.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::{Pipeline, SourceScan};

/// Nodes that give the same rows whether a stream goes through them whole or in pieces.
const STATELESS: &[&str] = &[
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "CooperativeExec",
    "FilterExec",
    "InterleaveExec",
    "ProjectionExec",
    "RepartitionExec",
    "SourceScan",
    "UnionExec",
];

/// Whether one of these pipelines runs until it is stopped.
pub(crate) fn is_endless(pipelines: &[Pipeline]) -> bool {
    !pipelines.iter().all(|pipeline| ends(&pipeline.plan))
}

/// A LIMIT ends whatever is below it.
fn ends(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match as_scan(plan) {
        Some(scan) => scan.is_bounded(),
        None => plan.fetch().is_some() || plan.children().into_iter().all(ends),
    }
}

/// The first part of a plan, in words, that keeps it from running epoch by epoch.
pub(crate) fn obstacle(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    if plan.fetch().is_some() {
        return Some("LIMIT".to_owned());
    }
    let name = plan.name();
    if STATELESS.contains(&name) {
        return plan.children().into_iter().find_map(obstacle);
    }
    let words = [
        ("Join", "a join"),
        ("Aggregate", "an aggregation"),
        ("Window", "a window function"),
        ("Sort", "ORDER BY"),
        ("Limit", "LIMIT"),
        ("DataSource", "rows of its own"),
        ("PlaceholderRow", "rows of its own"),
    ];
    let known = words.iter().find(|(part, _)| name.contains(part));
    Some(known.map_or(name, |(_, words)| words).to_owned())
}

/// The leaves that read tables, in the plan's order.
pub(crate) fn followed(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    match as_scan(plan) {
        Some(_) => vec![Arc::clone(plan)],
        None => plan.children().into_iter().flat_map(followed).collect(),
    }
}

pub(crate) fn as_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&SourceScan> {
    (plan.as_ref() as &dyn std::any::Any).downcast_ref()
}
