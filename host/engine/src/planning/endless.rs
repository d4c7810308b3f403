//! Which plans run without end.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;

use super::{
    Pipeline, SourceScan,
    holding::Holding,
    intervals::Waiting,
    process::{BroadcastTable, ProcessRows},
    ranks::TopRows,
    windows::{Hold, Sessions},
};

/// Nodes that give the same rows whether a stream goes through them whole or in pieces.
pub(super) const STATELESS: &[&str] = &[
    "CoalesceBatchesExec",
    "ConcurrentCalls",
    "CooperativeExec",
    "ExpandedRows",
    "FilterExec",
    "GuardedCalls",
    "InterleaveExec",
    "ProctimeColumn",
    "ProjectionExec",
    "UnionExec",
    "UnnestExec",
];

/// Nodes that only bring rows into other partitions or another order.
pub(super) const MOVING: &[&str] = &[
    "CoalesceBatchesExec",
    "CoalescePartitionsExec",
    "RepartitionExec",
    "SortExec",
    "SortPreservingMergeExec",
];

/// Whether one of these pipelines runs until it is stopped.
pub(crate) fn is_endless(pipelines: &[Pipeline]) -> bool {
    !pipelines.iter().all(|pipeline| ends(&pipeline.plan))
}

/// A LIMIT ends whatever is below it.
pub(super) fn ends(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match as_scan(plan) {
        Some(scan) => scan.is_bounded(),
        None => is_limit(plan) || plan.children().into_iter().all(ends),
    }
}

fn is_limit(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.fetch().is_some() && plan.name() != "SortExec"
}

/// The first part of a plan, in words, for which a table without end would have to end.
pub(super) fn breaks(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
    let mut children = plan.children().into_iter();
    if let Some(found) = children.find_map(breaks) {
        return Some(found);
    }
    let name = plan.name();
    let passes = STATELESS.contains(&name) || (MOVING.contains(&name) && name != "SortExec");
    let works = passes || is_limit(plan) || as_scan(plan).is_some();
    let endless = !plan.children().into_iter().all(ends);
    (endless && !works).then(|| in_words(name))
}

pub(super) fn in_words(name: &str) -> String {
    let words = [
        ("Changes", "a table of changes"),
        ("ExpandedRows", "a table function"),
        ("GuardedCalls", "a function with 'on-error' = 'dead-letter'"),
        ("ProcessRows", "a process function"),
        ("Join", "a join"),
        ("Aggregate", "an aggregation"),
        ("Window", "a window function"),
        ("Sort", "ORDER BY"),
        ("Limit", "LIMIT"),
        ("DataSource", "rows of its own"),
        ("PlaceholderRow", "rows of its own"),
    ];
    let known = words.iter().find(|(part, _)| name.contains(part));
    known.map_or(name, |(_, words)| words).to_owned()
}

/// The leaves that are read epoch by epoch, in the plan's order.
pub(crate) fn followed(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    match as_scan(plan) {
        Some(_) => vec![Arc::clone(plan)],
        None => plan.children().into_iter().flat_map(followed).collect(),
    }
}

/// The process functions of a plan, each behind those below it.
pub(super) fn processes(plan: &Arc<dyn ExecutionPlan>) -> Vec<&ProcessRows> {
    let below = plan.children().into_iter().flat_map(processes);
    below.chain(as_node::<ProcessRows>(plan)).collect()
}

/// The nodes that hold rows from one epoch to the next, each behind those below it.
pub(super) fn holding(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let below = plan.children().into_iter().flat_map(holding);
    let own = as_holding(plan).map(|_| Arc::clone(plan));
    below.chain(own).collect()
}

pub(crate) fn as_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&SourceScan> {
    (plan.as_ref() as &dyn std::any::Any).downcast_ref()
}

pub(crate) fn as_holding(plan: &Arc<dyn ExecutionPlan>) -> Option<&dyn Holding> {
    let hold = as_node::<Hold>(plan).map(|node| node as &dyn Holding);
    let sessions = || as_node::<Sessions>(plan).map(|node| node as &dyn Holding);
    let ranks = || as_node::<TopRows>(plan).map(|node| node as &dyn Holding);
    let waiting = || as_node::<Waiting>(plan).map(|node| node as &dyn Holding);
    let process = || as_node::<ProcessRows>(plan).map(|node| node as &dyn Holding);
    let broadcast = || as_node::<BroadcastTable>(plan).map(|node| node as &dyn Holding);
    let rows = hold.or_else(sessions).or_else(ranks).or_else(waiting);
    rows.or_else(process).or_else(broadcast)
}

pub(super) fn as_node<T: 'static>(plan: &Arc<dyn ExecutionPlan>) -> Option<&T> {
    (plan.as_ref() as &dyn std::any::Any).downcast_ref()
}
