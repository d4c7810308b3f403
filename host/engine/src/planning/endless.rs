//! Which plans run without end, and how they run epoch by epoch.
//!
//! A plan is executed anew for every epoch. Nodes that look at one row at a time need nothing for
//! that. Below nodes that work window by window, [`Hold`] keeps the rows of a window until its time is
//! over. A table with an end beside one without is read once and replayed. All else is refused.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
};

use datafusion::{
    common::{JoinType, Result},
    physical_expr::{PhysicalExpr, expressions::Column},
    physical_plan::{
        ExecutionPlan, ReplaceChildrenOptions,
        aggregates::{AggregateExec, AggregateMode},
        execution_plan::ChildrenPropertiesMode,
        joins::{CrossJoinExec, HashJoinExec, NestedLoopJoinExec},
        windows::{BoundedWindowAggExec, WindowAggExec},
    },
};

use super::{
    Pipeline, SourceScan,
    replay::Replay,
    windows::{Ends, Hold, Holding, LateRows, Reduction, Sessions, WindowEnd, WindowId},
};
use crate::job::Clock;

/// Nodes that give the same rows whether a stream goes through them whole or in pieces.
const STATELESS: &[&str] = &[
    "CoalesceBatchesExec",
    "CooperativeExec",
    "FilterExec",
    "InterleaveExec",
    "ProjectionExec",
    "UnionExec",
    "UnnestExec",
];

/// Nodes that only bring rows into other partitions or another order.
const MOVING: &[&str] = &[
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
fn ends(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match as_scan(plan) {
        Some(scan) => scan.is_bounded(),
        None => is_limit(plan) || plan.children().into_iter().all(ends),
    }
}

fn is_limit(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.fetch().is_some() && plan.name() != "SortExec"
}

/// The first part of a plan, in words, for which a table without end would have to end.
pub(crate) fn breaks(plan: &Arc<dyn ExecutionPlan>) -> Option<String> {
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

fn in_words(name: &str) -> String {
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
    known.map_or(name, |(_, words)| words).to_owned()
}

/// The leaves that are read epoch by epoch, in the plan's order.
pub(crate) fn followed(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    match as_scan(plan) {
        Some(_) => vec![Arc::clone(plan)],
        None => plan.children().into_iter().flat_map(followed).collect(),
    }
}

/// The nodes that hold rows from one epoch to the next, each behind those below it.
pub(crate) fn holding(plan: &Arc<dyn ExecutionPlan>) -> Vec<Arc<dyn ExecutionPlan>> {
    let below = plan.children().into_iter().flat_map(holding);
    let own = as_holding(plan).map(|_| Arc::clone(plan));
    below.chain(own).collect()
}

pub(crate) fn as_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&SourceScan> {
    (plan.as_ref() as &dyn std::any::Any).downcast_ref()
}

pub(crate) fn as_holding(plan: &Arc<dyn ExecutionPlan>) -> Option<&dyn Holding> {
    let hold = as_node::<Hold>(plan).map(|node| node as &dyn Holding);
    hold.or_else(|| as_node::<Sessions>(plan).map(|node| node as &dyn Holding))
}

fn as_node<T: 'static>(plan: &Arc<dyn ExecutionPlan>) -> Option<&T> {
    (plan.as_ref() as &dyn std::any::Any).downcast_ref()
}

/// A pipeline whose plan is executed epoch by epoch.
pub(crate) struct EpochPipeline {
    pub pipeline: Pipeline,
    /// The time of its windows; none if it has no windows.
    pub clock: Option<Arc<Clock>>,
    /// Rows that came after their window was over.
    pub late: Arc<AtomicU64>,
}

/// Why a plan cannot be executed epoch by epoch.
#[derive(Debug)]
pub(crate) enum Obstacle {
    /// A part of it, in words, and what to do instead.
    Part(String, &'static str),
    Internal(datafusion::common::DataFusionError),
}

impl From<datafusion::common::DataFusionError> for Obstacle {
    fn from(error: datafusion::common::DataFusionError) -> Self {
        Obstacle::Internal(error)
    }
}

fn part(words: impl Into<String>, hint: &'static str) -> Obstacle {
    Obstacle::Part(words.into(), hint)
}

const ABLE: &str = "over tables without end a query may project, filter, call functions, unite \
                    tables, join a table that ends, and aggregate, rank or join by windows: \
                    GROUP BY window_start, window_end over TUMBLE, HOP, CUMULATE or SESSION";

/// Makes a pipeline's plan one that is executed epoch by epoch.
pub(crate) fn epoch_pipeline(pipeline: &Pipeline) -> Result<EpochPipeline, Obstacle> {
    let plan = &pipeline.plan;
    let levels = depth(plan);
    let planner = Planner {
        clock: Arc::new(Clock::new(levels)),
        late: Arc::default(),
    };
    let (plan, rows) = planner.plan(plan)?;
    if let Rows::Static = rows {
        planner.check_followable(&plan)?;
    }
    let clock = (!holding(&plan).is_empty()).then_some(planner.clock);
    Ok(EpochPipeline {
        pipeline: Pipeline {
            plan,
            ..pipeline.clone()
        },
        clock,
        late: planner.late,
    })
}

/// Nodes above each other, and so levels of windows at most.
fn depth(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let below = plan.children().into_iter().map(depth).max();
    below.unwrap_or(0) + 1
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
}

type Node = Arc<dyn ExecutionPlan>;

/// What must be equal on the left and the right side of a join.
type JoinKeys = (Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>);

struct Planner {
    clock: Arc<Clock>,
    late: Arc<AtomicU64>,
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
        if let Some(aggregate) = as_node::<AggregateExec>(plan) {
            return self.aggregate(plan, aggregate);
        }
        if let Some(sessions) = as_node::<Sessions>(plan) {
            return self.sessions(plan, sessions);
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
            return self.join(plan, *join.join_type(), join.on());
        }
        if let Some(join) = as_node::<NestedLoopJoinExec>(plan) {
            return self.join(plan, *join.join_type(), &[]);
        }
        if as_node::<CrossJoinExec>(plan).is_some() {
            return self.join(plan, JoinType::Inner, &[]);
        }
        self.other(plan)
    }

    fn other(&self, plan: &Node) -> Result<(Node, Rows), Obstacle> {
        let children = plan.children().into_iter();
        let children: Vec<_> = children
            .map(|child| self.plan(child))
            .collect::<Result<_, _>>()?;
        if children.iter().all(|(_, rows)| *rows == Rows::Static) {
            return Ok((Arc::clone(plan), Rows::Static));
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
        for (child, rows) in &children {
            let rows = match rows {
                Rows::Static => {
                    self.check_followable(child)?;
                    flowing()
                }
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

    /// A part with an end that is read once, epoch by epoch, as the rest is.
    fn check_followable(&self, plan: &Node) -> Result<(), Obstacle> {
        if as_scan(plan).is_some() {
            return Ok(());
        }
        let name = plan.name();
        let passes = STATELESS.contains(&name) || MOVING.contains(&name);
        if plan.children().is_empty() || !passes || plan.fetch().is_some() {
            return Err(part(in_words(name), ABLE));
        }
        let mut children = plan.children().into_iter();
        children.try_for_each(|child| self.check_followable(child))
    }

    fn aggregate(&self, plan: &Node, node: &AggregateExec) -> Result<(Node, Rows), Obstacle> {
        let (input, rows) = self.plan(node.input())?;
        match (node.mode(), rows) {
            (_, Rows::Static) => Ok((Arc::clone(plan), Rows::Static)),
            (
                AggregateMode::Partial | AggregateMode::Single | AggregateMode::SinglePartitioned,
                Rows::Flowing { level, whole },
            ) => {
                let groups = node.group_expr();
                let keys = groups.expr().iter().map(|(expr, _)| expr);
                let Some((place, window, index)) = window_of(keys, &input) else {
                    return Err(part("an aggregation without a window", ABLE));
                };
                if whole.contains(&window.id) {
                    let rows = Rows::Flowing { level, whole };
                    return Ok((rebuilt(plan, vec![input])?, rows));
                }
                if !groups.is_single() || node.limit_options().is_some() {
                    return Err(part("grouping sets or a LIMIT in an aggregation", ABLE));
                }
                let input = self.in_time(input, level, &window, index)?;
                let partial = Rows::Partial {
                    level,
                    window,
                    index: place,
                };
                if *node.mode() == AggregateMode::Partial {
                    return Ok((rebuilt(plan, vec![input])?, partial));
                }
                self.two_steps(node, input, partial)
            }
            (
                AggregateMode::Final | AggregateMode::FinalPartitioned,
                Rows::Partial {
                    level,
                    window,
                    index,
                },
            ) => {
                let held = self.hold_partial(input, node, level, &window, index);
                Ok((rebuilt(plan, vec![held])?, whole(level, [window.id])))
            }
            (AggregateMode::PartialReduce, rows @ Rows::Partial { .. }) => {
                Ok((rebuilt(plan, vec![input])?, rows))
            }
            // Above whole windows, an aggregation of two steps is whole in each epoch.
            (
                AggregateMode::Final
                | AggregateMode::FinalPartitioned
                | AggregateMode::PartialReduce,
                rows @ Rows::Flowing { .. },
            ) => Ok((rebuilt(plan, vec![input])?, rows)),
            (_, Rows::Partial { .. }) => Err(part("an aggregation of an aggregation", ABLE)),
        }
    }

    fn sessions(&self, plan: &Node, node: &Sessions) -> Result<(Node, Rows), Obstacle> {
        let Some(input) = plan.children().first().copied() else {
            return Err(part(in_words(plan.name()), ABLE));
        };
        match self.plan(input)? {
            (_, Rows::Static) => Ok((Arc::clone(plan), Rows::Static)),
            (input, Rows::Flowing { level, .. }) => {
                check_time(node.end())?;
                let (clock, late) = (Arc::clone(&self.clock), Arc::clone(&self.late));
                let sessions = node.without_end(input, level, clock, late);
                Ok((Arc::new(sessions), whole(level, [node.end().id])))
            }
            (_, Rows::Partial { .. }) => Err(part("sessions of an aggregation", ABLE)),
        }
    }

    /// An aggregation in one step, as one in two with the rows held between them.
    fn two_steps(
        &self,
        node: &AggregateExec,
        input: Node,
        partial: Rows,
    ) -> Result<(Node, Rows), Obstacle> {
        let Rows::Partial {
            level,
            window,
            index,
        } = partial
        else {
            return Err(part("an aggregation", ABLE));
        };
        let first = AggregateExec::try_new(
            AggregateMode::Partial,
            node.group_expr().clone(),
            node.aggr_expr().to_vec(),
            node.filter_expr().to_vec(),
            input,
            node.input_schema(),
        )?;
        let (groups, aggregates) = (first.group_expr().as_final(), first.aggr_expr().to_vec());
        let mode = match node.mode() {
            AggregateMode::Single => AggregateMode::Final,
            _ => AggregateMode::FinalPartitioned,
        };
        let held = self.hold_partial(Arc::new(first), node, level, &window, index);
        let last = AggregateExec::try_new(
            mode,
            groups,
            aggregates,
            node.filter_expr().to_vec(),
            held,
            node.input_schema(),
        )?;
        Ok((Arc::new(last), whole(level, [window.id])))
    }

    fn hold_partial(
        &self,
        input: Node,
        node: &AggregateExec,
        level: usize,
        window: &WindowEnd,
        index: usize,
    ) -> Node {
        let group_by = match node.mode() {
            AggregateMode::Final | AggregateMode::FinalPartitioned => node.group_expr().clone(),
            _ => node.group_expr().as_final(),
        };
        let reduction = Reduction {
            group_by,
            aggregates: node.aggr_expr().to_vec(),
            input_schema: node.input_schema(),
        };
        self.hold(input, level, window, index, Some(reduction))
    }

    fn hold(
        &self,
        input: Node,
        level: usize,
        window: &WindowEnd,
        index: usize,
        reduction: Option<Reduction>,
    ) -> Node {
        let ends = Ends {
            index,
            zone: window.zone.clone(),
        };
        let clock = Arc::clone(&self.clock);
        Arc::new(Hold::new(input, ends, level, clock, reduction))
    }

    /// Leaves out what comes too late.
    fn in_time(
        &self,
        input: Node,
        level: usize,
        window: &WindowEnd,
        index: usize,
    ) -> Result<Node, Obstacle> {
        check_time(window)?;
        let ends = Ends {
            index,
            zone: window.zone.clone(),
        };
        let (clock, late) = (Arc::clone(&self.clock), Arc::clone(&self.late));
        Ok(Arc::new(LateRows::new(input, ends, level, clock, late)))
    }

    /// Ranks and the like, over partitions of rows.
    fn window_function(
        &self,
        plan: &Node,
        keys: &[&[Arc<dyn PhysicalExpr>]],
    ) -> Result<(Node, Rows), Obstacle> {
        let Some(input) = plan.children().first().copied() else {
            return Err(part(in_words(plan.name()), ABLE));
        };
        if ends(input) {
            return Ok((Arc::clone(plan), Rows::Static));
        }
        let mut of = keys.iter().map(|keys| window_of(keys.iter(), input));
        let Some(Some((_, window, index))) = of.next() else {
            return Err(part(
                "a window function without PARTITION BY window_end",
                ABLE,
            ));
        };
        if !of.all(|found| found.is_some_and(|(_, other, _)| other.id == window.id)) {
            return Err(part("window functions over different windows", ABLE));
        }
        let (input, rows) = self.whole_windows(input, &window, index)?;
        Ok((rebuilt(plan, vec![input])?, rows))
    }

    /// Below nodes that only move rows, has whole windows given.
    fn whole_windows(
        &self,
        plan: &Node,
        window: &WindowEnd,
        index: usize,
    ) -> Result<(Node, Rows), Obstacle> {
        if let ([input], true) = (plan.children().as_slice(), MOVING.contains(&plan.name())) {
            let (input, rows) = self.whole_windows(input, window, index)?;
            return Ok((rebuilt(plan, vec![input])?, rows));
        }
        let (input, rows) = self.plan(plan)?;
        match rows {
            Rows::Flowing { level, whole: ids } if !ids.contains(&window.id) => {
                let input = self.in_time(input, level, window, index)?;
                let held = self.hold(input, level, window, index, None);
                Ok((held, whole(level, [window.id])))
            }
            rows => Ok((input, rows)),
        }
    }

    fn join(
        &self,
        plan: &Node,
        join_type: JoinType,
        on: &[JoinKeys],
    ) -> Result<(Node, Rows), Obstacle> {
        let children = plan.children();
        let [left, right] = children.as_slice() else {
            return Err(part("a join", ABLE));
        };
        match (ends(left), ends(right)) {
            (true, true) => Ok((Arc::clone(plan), Rows::Static)),
            (true, false) => {
                check_replayed(join_type.swap())?;
                let (right, rows) = self.plan(right)?;
                let left: Node = Arc::new(Replay::new(Arc::clone(left)));
                Ok((rebuilt(plan, vec![left, right])?, rows))
            }
            (false, true) => {
                check_replayed(join_type)?;
                let (left, rows) = self.plan(left)?;
                let right: Node = Arc::new(Replay::new(Arc::clone(right)));
                Ok((rebuilt(plan, vec![left, right])?, rows))
            }
            (false, false) => {
                let ends = on.iter().find_map(|(a, b)| {
                    Some((
                        window_of([a].into_iter(), left)?,
                        window_of([b].into_iter(), right)?,
                    ))
                });
                let Some(((_, of_left, at_left), (_, of_right, at_right))) = ends else {
                    return Err(part("a join of two tables without end", ABLE));
                };
                let (left, left_rows) = self.whole_windows(left, &of_left, at_left)?;
                let (right, right_rows) = self.whole_windows(right, &of_right, at_right)?;
                let rows = match (left_rows, right_rows) {
                    (Rows::Flowing { level, .. }, Rows::Flowing { level: other, .. })
                        if level == other =>
                    {
                        Rows::Flowing {
                            level,
                            whole: [of_left.id, of_right.id].into(),
                        }
                    }
                    _ => {
                        return Err(part(
                            "a join of windows with windows over windows",
                            "join windows over the tables themselves",
                        ));
                    }
                };
                Ok((rebuilt(plan, vec![left, right])?, rows))
            }
        }
    }
}

fn check_time(window: &WindowEnd) -> Result<(), Obstacle> {
    match window.of_time_attribute {
        true => Ok(()),
        false => Err(part(
            "windows over a column that is no time attribute",
            "declare WATERMARK FOR the column in CREATE TABLE, for example \
             WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
        )),
    }
}

fn flowing() -> Rows {
    Rows::Flowing {
        level: 0,
        whole: BTreeSet::new(),
    }
}

/// Behind what holds rows of `level` back.
fn whole(level: usize, ids: impl Into<BTreeSet<WindowId>>) -> Rows {
    Rows::Flowing {
        level: level + 1,
        whole: ids.into(),
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

/// The right side is given again in every epoch: its rows may only go with rows of the left side.
fn check_replayed(join_type: JoinType) -> Result<(), Obstacle> {
    match join_type {
        JoinType::Inner
        | JoinType::Left
        | JoinType::LeftSemi
        | JoinType::LeftAnti
        | JoinType::LeftMark => Ok(()),
        _ => Err(part(
            "an outer join that keeps rows of a table that ends",
            "join so that all rows of the table without end are kept",
        )),
    }
}

/// Of these expressions over a plan's rows, the first that is a window's end: which one, the window,
/// and the column.
fn window_of<'a>(
    keys: impl Iterator<Item = &'a Arc<dyn PhysicalExpr>>,
    input: &Node,
) -> Option<(usize, WindowEnd, usize)> {
    let schema = input.schema();
    keys.enumerate().find_map(|(place, key)| {
        let column = (key.as_ref() as &dyn std::any::Any).downcast_ref::<Column>()?;
        let field = schema.fields().get(column.index())?;
        Some((place, WindowEnd::of(field)?, column.index()))
    })
}

fn rebuilt(plan: &Node, children: Vec<Node>) -> Result<Node> {
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(plan).replace_children(children, anew)
}
