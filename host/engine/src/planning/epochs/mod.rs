//! How plans without end run epoch by epoch.
//!
//! A plan is executed anew for every epoch. Nodes that look at one row at a time need nothing for
//! that. Below nodes that work window by window, [`Hold`](super::windows::Hold) keeps the rows of a
//! window until its time is over. A table with an end that is joined with one without is read once and
//! replayed; a query over tables with an end is read epoch by epoch, or [`Once`]. All else is refused.

mod intervals;
mod joins;
mod process;
mod ranks;
mod replaced;
mod windows;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use datafusion::{
    common::{DataFusionError, JoinType, Result},
    physical_expr::PhysicalExpr,
    physical_plan::{
        ExecutionPlan, ReplaceChildrenOptions,
        aggregates::AggregateExec,
        execution_plan::ChildrenPropertiesMode,
        filter::FilterExec,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec},
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};
use wasmill_state::StateStore;

use self::{
    replaced::{above, check_replaced, not_with},
    windows::whole,
};
use super::{
    Latecomers, Once, Pipeline, SourceScan,
    changes::Changes,
    endless::{MOVING, STATELESS, as_node, as_scan, ends, holding, in_words},
    letters::scans,
    process::ProcessRows,
    proctime::ProctimeColumn,
    windows::{Sessions, WindowEnd, WindowId},
};
use crate::job::{Clock, Letters};

/// A pipeline whose plan is executed epoch by epoch.
pub(crate) struct EpochPipeline {
    pub pipeline: Pipeline,
    /// The time of its windows; none if it has no windows.
    pub clock: Option<Arc<Clock>>,
    /// Processing time, if windows are over it.
    pub machine: Option<Arc<Clock>>,
    /// What becomes of rows that come after their time was over.
    pub late: Arc<Latecomers>,
}

/// Why a plan cannot be executed epoch by epoch.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// A part of it, in words, and what to do instead.
    Part(String, &'static str),
    Internal(DataFusionError),
}

impl From<DataFusionError> for Obstacle {
    fn from(error: DataFusionError) -> Self {
        Obstacle::Internal(error)
    }
}

fn part(words: impl Into<String>, hint: &'static str) -> Obstacle {
    Obstacle::Part(words.into(), hint)
}

const ABLE: &str = "over tables without end a query may project, filter, call functions, unite \
                    tables, join a table that ends, and aggregate, rank or join by windows: \
                    GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION";

const KEEP_ALL: &str = "write its rows to a sink that replaces them, and ask that table";

/// Makes a pipeline's plan one that is executed epoch by epoch; what it holds is of `store`, what
/// comes too late goes to `late_rows`.
pub(crate) fn epoch_pipeline(
    pipeline: &Pipeline,
    store: &Arc<StateStore>,
    ttl: Option<Duration>,
    late_rows: Option<&Arc<Letters>>,
) -> Result<EpochPipeline, Obstacle> {
    let plan = &pipeline.plan;
    let levels = depth(plan);
    let planner = Planner {
        clock: Arc::new(Clock::new(levels)),
        machine: Arc::new(Clock::of_machine(levels)),
        late: Arc::new(Latecomers::new(&pipeline.table, late_rows.cloned())),
        store: Arc::clone(store),
        ttl,
    };
    let (mut plan, rows) = planner.plan(plan)?;
    match &rows {
        Rows::Static => plan = given_but_once(plan)?,
        Rows::Replaced { keys, changes } => check_replaced(pipeline, keys, *changes)?,
        Rows::Flowing { .. } | Rows::Partial { .. } => {}
    }
    let takes_back = matches!(rows, Rows::Replaced { changes: true, .. });
    let holds = !holding(&plan).is_empty();
    Ok(EpochPipeline {
        pipeline: Pipeline {
            plan,
            takes_back,
            ..pipeline.clone()
        },
        clock: holds.then_some(planner.clock),
        machine: (holds && has_proctime(&pipeline.plan)).then_some(planner.machine),
        late: planner.late,
    })
}

/// Whether rows of a plan get a processing time.
fn has_proctime(plan: &Node) -> bool {
    as_node::<ProctimeColumn>(plan).is_some() || plan.children().into_iter().any(has_proctime)
}

/// Nodes above each other, and so levels of windows at most.
fn depth(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let below = plan.children().into_iter().map(depth).max();
    // What a process function gives comes an epoch later.
    let own = match as_node::<ProcessRows>(plan) {
        Some(_) => process::LEVELS,
        None => 1,
    };
    below.unwrap_or(0) + own
}

/// What a part of a plan gives in an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rows {
    /// All of its rows: it has an end.
    Static,
    /// Those that have come, whole windows of these calls of window functions.
    Flowing {
        /// How many times rows were held back.
        level: usize,
        whole: BTreeSet<WindowId>,
    },
    /// Partial aggregates of windows whose ends are in this column of theirs.
    Partial {
        level: usize,
        window: WindowEnd,
        index: usize,
    },
    /// Those that have come or changed; a later one replaces the earlier of the same values in these
    /// columns.
    Replaced {
        keys: Vec<usize>,
        /// They are of a table of changes: a last column more says whether a row is taken back.
        changes: bool,
    },
}

type Node = Arc<dyn ExecutionPlan>;

/// What must be equal on the left and the right side of a join.
type JoinKeys = (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>);

struct Planner {
    clock: Arc<Clock>,
    /// Of windows over processing time.
    machine: Arc<Clock>,
    late: Arc<Latecomers>,
    store: Arc<StateStore>,
    /// Keys without a row for so long are forgotten.
    ttl: Option<Duration>,
}

impl Planner {
    fn plan(&self, plan: &Node) -> Result<(Node, Rows), Obstacle> {
        if let Some(scan) = as_scan(plan) {
            let rows = match scan.is_bounded() {
                true => Rows::Static,
                false => flowing(),
            };
            return Ok((Arc::clone(plan), rows));
        }
        if let Some(changes) = as_node::<Changes>(plan)
            && !ends(plan)
        {
            let (scan, keys) = changes.parts();
            let changes = true;
            return Ok((scan, Rows::Replaced { keys, changes }));
        }
        if let Some(aggregate) = as_node::<AggregateExec>(plan) {
            return self.aggregate(plan, aggregate);
        }
        if let Some(filter) = as_node::<FilterExec>(plan)
            && !ends(plan)
            && let Some(ranks) = self.ranks(filter)?
        {
            return Ok(ranks);
        }
        if let Some(process) = as_node::<ProcessRows>(plan) {
            return self.process(plan, process);
        }
        if let Some(sessions) = as_node::<Sessions>(plan) {
            return self.sessions(plan, sessions);
        }
        if let Some(column) = as_node::<ProctimeColumn>(plan) {
            return self.proctime(plan, column);
        }
        if let Some(window) = as_node::<BoundedWindowAggExec>(plan) {
            let keys: Vec<_> = window
                .window_expr()
                .iter()
                .map(|expr| expr.partition_by())
                .collect();
            return self.window_function(plan, &keys);
        }
        if let Some(window) = as_node::<WindowAggExec>(plan) {
            let keys: Vec<_> = window
                .window_expr()
                .iter()
                .map(|expr| expr.partition_by())
                .collect();
            return self.window_function(plan, &keys);
        }
        if let Some(join) = as_node::<HashJoinExec>(plan) {
            return match self.is_interval_join(join) {
                true => self.interval_join(join),
                false => self.join(plan, *join.join_type(), join.on()),
            };
        }
        if let Some(join) = as_node::<NestedLoopJoinExec>(plan) {
            return self.join(plan, *join.join_type(), &[]);
        }
        if as_node::<CrossJoinExec>(plan).is_some() {
            return self.join(plan, JoinType::Inner, &[]);
        }
        self.other(plan)
    }

    /// Plans a part whose rows must not be replaced later.
    fn final_rows(&self, plan: &Node) -> Result<(Node, Rows), Obstacle> {
        match self.plan(plan)? {
            (_, Rows::Replaced { changes, .. }) => Err(not_with("a join with", changes)),
            planned => Ok(planned),
        }
    }

    fn other(&self, plan: &Node) -> Result<(Node, Rows), Obstacle> {
        let children = plan.children().into_iter();
        let mut children: Vec<_> = children
            .map(|child| self.plan(child))
            .collect::<Result<_, _>>()?;
        if children.iter().all(|(_, rows)| *rows == Rows::Static) {
            return Ok((Arc::clone(plan), Rows::Static));
        }
        if let [(child, rows @ Rows::Replaced { .. })] = children.as_slice() {
            return above(plan, child, rows.clone());
        }
        let name = plan.name();
        let moves = MOVING.contains(&name) && !name.starts_with("Sort");
        if plan.fetch().is_some() || !(moves || STATELESS.contains(&name)) {
            let words = match plan.fetch() {
                Some(_) => "LIMIT".to_owned(),
                None => in_words(name),
            };
            return Err(part(words, ABLE));
        }
        let mut met: Option<Rows> = None;
        for (child, rows) in &mut children {
            if *rows == Rows::Static {
                *child = given_but_once(Arc::clone(child))?;
            }
            let rows = match rows {
                Rows::Replaced { changes, .. } => return Err(not_with("a union with", *changes)),
                Rows::Static => flowing(),
                Rows::Partial { .. } if !moves => {
                    return Err(part(in_words(name), ABLE));
                }
                rows => rows.clone(),
            };
            met = Some(match met {
                None => rows,
                Some(met) => meet(met, rows)?,
            });
        }
        let rows = met.unwrap_or(Rows::Static);
        Ok((
            rebuilt(plan, children.into_iter().map(|(child, _)| child).collect())?,
            rows,
        ))
    }
}

/// A part with an end, so that its rows come but once: with those of the rest, epoch by epoch, or all in
/// one where it has to see all of them.
fn given_but_once(plan: Node) -> Result<Node, Obstacle> {
    if is_followable(&plan) {
        return Ok(plan);
    }
    match scans(&plan).into_iter().all(SourceScan::is_bounded) {
        true => Ok(Arc::new(Once::new(plan))),
        // It ends with a LIMIT, for which an epoch cannot wait.
        false => Err(part("LIMIT", ABLE)),
    }
}

fn is_followable(plan: &Node) -> bool {
    if as_scan(plan).is_some() {
        return true;
    }
    let name = plan.name();
    let passes = STATELESS.contains(&name) || MOVING.contains(&name);
    let mut children = plan.children().into_iter().peekable();
    passes && plan.fetch().is_none() && children.peek().is_some() && children.all(is_followable)
}

fn flowing() -> Rows {
    Rows::Flowing {
        level: 0,
        whole: BTreeSet::new(),
    }
}

fn meet(one: Rows, other: Rows) -> Result<Rows, Obstacle> {
    match (one, other) {
        (
            Rows::Flowing { level, whole },
            Rows::Flowing {
                level: other,
                whole: also,
            },
        ) if level == other => Ok(Rows::Flowing {
            level,
            whole: whole.intersection(&also).copied().collect(),
        }),
        _ => Err(part("a union of windows and other rows", ABLE)),
    }
}

fn rebuilt(plan: &Node, children: Vec<Node>) -> Result<Node> {
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(children, anew)
}
