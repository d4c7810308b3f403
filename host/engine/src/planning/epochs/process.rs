//! Process functions in plans that are executed epoch by epoch.

use std::{collections::BTreeSet, sync::Arc};

use super::{ABLE, Node, Obstacle, Planner, Rows, joins::replayed, part, replaced::not_with};
use crate::planning::{
    endless::ends,
    process::{BroadcastTable, ProcessRows},
};

/// Levels from the rows that a function takes to those that it gives: in one epoch it takes rows, and
/// timers up to the watermark of its level, in the next it gives what comes of them. So what is above
/// has that watermark an epoch later still.
pub(super) const LEVELS: usize = 2;

impl Planner {
    pub(super) fn process(
        &self,
        plan: &Node,
        process: &ProcessRows,
    ) -> Result<(Node, Rows), Obstacle> {
        let (input, broadcast) = process.inputs();
        let (input, level) = match self.plan(input)? {
            (input, Rows::Static) if broadcast.is_none_or(ends) => {
                drop(input);
                return Ok((Arc::clone(plan), Rows::Static));
            }
            (_, Rows::Static) => {
                return Err(part(
                    "a process function over a table that ends, with a broadcast table that does not",
                    "let the table that is processed be the one without end",
                ));
            }
            (input, Rows::Flowing { level, .. }) => (input, level),
            (_, Rows::Partial { .. }) => {
                return Err(part("a process function over an aggregation", ABLE));
            }
            (_, Rows::Replaced { changes, .. }) => {
                return Err(not_with("a process function over", changes));
            }
        };
        if process.needs_rowtime() {
            return Err(part(
                "a process function whose on_time is no time attribute",
                "declare WATERMARK FOR the column in CREATE TABLE, for example \
                 WATERMARK FOR ts AS ts - INTERVAL '5' SECOND",
            ));
        }
        let broadcast = match broadcast {
            None => None,
            Some(table) if ends(table) => Some(Arc::new(replayed(table)) as Node),
            Some(table) => {
                let (table, keys) = match self.plan(table)? {
                    (table, Rows::Flowing { .. }) => (table, None),
                    (
                        table,
                        Rows::Replaced {
                            keys,
                            changes: true,
                        },
                    ) => (table, Some(keys)),
                    (_, Rows::Replaced { changes, .. }) => {
                        return Err(not_with("a broadcast table of", changes));
                    }
                    _ => return Err(part("a broadcast table of an aggregation", ABLE)),
                };
                Some(Arc::new(BroadcastTable::new(table, keys, &self.store)?) as Node)
            }
        };
        let clock = Arc::clone(&self.clock);
        let process = process.without_end(input, broadcast, level, clock, &self.store)?;
        let rows = Rows::Flowing {
            level: level + LEVELS,
            whole: BTreeSet::new(),
        };
        Ok((Arc::new(process), rows))
    }
}
