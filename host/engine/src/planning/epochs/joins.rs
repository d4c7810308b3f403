//! Joins in plans that are executed epoch by epoch.

use std::sync::Arc;

use datafusion::{common::JoinType, physical_plan::joins::HashJoinExec};

use super::{ABLE, JoinKeys, Node, Obstacle, Planner, Rows, part, rebuilt, windows::window_of};
use crate::planning::{
    endless::{as_scan, ends, followed},
    replay::Replay,
    windows::WindowEnd,
};

impl Planner {
    /// Whether a join is of two tables without end, and not of windows of them.
    pub(super) fn is_interval_join(&self, join: &HashJoinExec) -> bool {
        let (left, right) = (join.left(), join.right());
        !ends(left) && !ends(right) && windows_joined(left, right, join.on()).is_none()
    }

    pub(super) fn join(
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
                let (right, rows) = self.final_rows(right)?;
                let left: Node = Arc::new(replayed(left));
                Ok((rebuilt(plan, vec![left, right])?, rows))
            }
            (false, true) => {
                check_replayed(join_type)?;
                let (left, rows) = self.final_rows(left)?;
                let right: Node = Arc::new(replayed(right));
                Ok((rebuilt(plan, vec![left, right])?, rows))
            }
            (false, false) => {
                let Some((of_left, of_right)) = windows_joined(left, right, on) else {
                    return Err(part("a join of two tables without end", ABLE));
                };
                let ((of_left, at_left), (of_right, at_right)) = (of_left, of_right);
                if of_left.is_of_processing_time() != of_right.is_of_processing_time() {
                    return Err(part(
                        "a join of windows over processing time with windows over the time of rows",
                        "make the windows of both over processing time, or of both over columns \
                         with a WATERMARK",
                    ));
                }
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

/// A part that ends, given in every epoch; read again as soon as one of its tables wants it.
pub(super) fn replayed(plan: &Node) -> Replay {
    let scans = followed(plan);
    let reloads = scans.iter().filter_map(|scan| as_scan(scan)?.reload());
    Replay::new(Arc::clone(plan), reloads.min())
}

/// The windows that a join puts together, each with the column of its ends.
fn windows_joined(
    left: &Node,
    right: &Node,
    on: &[JoinKeys],
) -> Option<((WindowEnd, usize), (WindowEnd, usize))> {
    on.iter().find_map(|(a, b)| {
        let (_, of_left, at_left) = window_of([a].into_iter(), left)?;
        let (_, of_right, at_right) = window_of([b].into_iter(), right)?;
        Some(((of_left, at_left), (of_right, at_right)))
    })
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
