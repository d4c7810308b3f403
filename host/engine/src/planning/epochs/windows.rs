//! Windows in plans that are executed epoch by epoch.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    physical_expr::{PhysicalExpr, expressions::Column},
    physical_plan::aggregates::{AggregateExec, AggregateMode},
};

use super::{ABLE, Node, Obstacle, Planner, Rows, has_proctime, part, rebuilt, replaced::not_with};
use crate::{
    job::Clock,
    planning::{
        endless::{MOVING, ends, in_words},
        proctime::ProctimeColumn,
        windows::{Ends, Hold, LateRows, Reduction, Sessions, WindowEnd, WindowId},
    },
};

impl Planner {
    pub(super) fn aggregate(
        &self,
        plan: &Node,
        node: &AggregateExec,
    ) -> Result<(Node, Rows), Obstacle> {
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
            (_, Rows::Replaced { changes, .. }) => Err(not_with("an aggregation of", changes)),
        }
    }

    pub(super) fn sessions(&self, plan: &Node, node: &Sessions) -> Result<(Node, Rows), Obstacle> {
        let Some(input) = plan.children().first().copied() else {
            return Err(part(in_words(plan.name()), ABLE));
        };
        match self.plan(input)? {
            (_, Rows::Static) => Ok((Arc::clone(plan), Rows::Static)),
            (input, Rows::Flowing { level, .. }) => {
                check_time(node.end(), &input)?;
                let (clock, late) = (self.clock_of(node.end()), Arc::clone(&self.late));
                let sessions = node.without_end(input, level, clock, late, &self.store);
                Ok((Arc::new(sessions), whole(level, [node.end().id])))
            }
            (_, Rows::Partial { .. }) => Err(part("sessions of an aggregation", ABLE)),
            (_, Rows::Replaced { changes, .. }) => Err(not_with("sessions of", changes)),
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
        let clock = self.clock_of(window);
        Arc::new(Hold::new(input, ends, level, clock, reduction, &self.store))
    }

    /// Leaves out what comes too late.
    fn in_time(
        &self,
        input: Node,
        level: usize,
        window: &WindowEnd,
        index: usize,
    ) -> Result<Node, Obstacle> {
        check_time(window, &input)?;
        let ends = Ends {
            index,
            zone: window.zone.clone(),
        };
        let (clock, late) = (self.clock_of(window), Arc::clone(&self.late));
        Ok(Arc::new(LateRows::new(input, ends, level, clock, late)))
    }

    fn clock_of(&self, window: &WindowEnd) -> Arc<Clock> {
        Arc::clone(match window.is_of_processing_time() {
            true => &self.machine,
            false => &self.clock,
        })
    }

    /// Rows get their processing time by the clock of the windows above: none is late.
    pub(super) fn proctime(
        &self,
        plan: &Node,
        node: &ProctimeColumn,
    ) -> Result<(Node, Rows), Obstacle> {
        let Some(input) = plan.children().first().copied() else {
            return Err(part(in_words(plan.name()), ABLE));
        };
        match self.final_rows(input)? {
            (_, Rows::Static) => Ok((Arc::clone(plan), Rows::Static)),
            (input, rows) => {
                let column = node.without_end(input, Arc::clone(&self.machine));
                Ok((Arc::new(column), rows))
            }
        }
    }

    /// Ranks and the like, over partitions of rows.
    pub(super) fn window_function(
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
    pub(super) fn whole_windows(
        &self,
        plan: &Node,
        window: &WindowEnd,
        index: usize,
    ) -> Result<(Node, Rows), Obstacle> {
        if let ([input], true) = (plan.children().as_slice(), MOVING.contains(&plan.name())) {
            let (input, rows) = self.whole_windows(input, window, index)?;
            return Ok((rebuilt(plan, vec![input])?, rows));
        }
        let (input, rows) = self.final_rows(plan)?;
        match rows {
            Rows::Flowing { level, whole: ids } if !ids.contains(&window.id) => {
                let input = self.in_time(input, level, window, index)?;
                let held = self.hold(input, level, window, index, None);
                Ok((held, whole(level, [window.id])))
            }
            rows => Ok((input, rows)),
        }
    }
}

/// Windows are over once time has come to their end: so all rows must be of the same time.
fn check_time(window: &WindowEnd, input: &Node) -> Result<(), Obstacle> {
    if window.time.is_none() {
        return Err(part(
            "windows over a column that is no time attribute",
            "declare WATERMARK FOR the column in CREATE TABLE, for example \
             WATERMARK FOR ts AS ts - INTERVAL '5' SECOND; or take a column that is AS PROCTIME()",
        ));
    }
    match unites_times(input) {
        false => Ok(()),
        true => Err(part(
            "a union of windows over processing time with windows over the time of rows",
            "unite what windows give, not what goes into them",
        )),
    }
}

/// Whether a plan unites rows that have got a processing time with rows that have not.
fn unites_times(plan: &Node) -> bool {
    let children = plan.children();
    match plan.name() {
        // All rows get one here.
        "ProctimeColumn" => false,
        "UnionExec" | "InterleaveExec" => {
            let timed = children.iter().filter(|child| has_proctime(child)).count();
            timed > 0 && timed < children.len()
        }
        _ => children.into_iter().any(unites_times),
    }
}

/// Behind what holds rows of `level` back.
pub(super) fn whole(level: usize, ids: impl Into<BTreeSet<WindowId>>) -> Rows {
    Rows::Flowing {
        level: level + 1,
        whole: ids.into(),
    }
}

/// Of these expressions over a plan's rows, the first that is a window's end: which one, the window,
/// and the column.
pub(super) fn window_of<'a>(
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
