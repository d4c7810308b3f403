//! A partition's rows and timers on their way through the function.

use std::{cell::RefCell, sync::Arc};

use datafusion::{arrow::array::RecordBatch, common::Result, execution::TaskContext};
use tokio::task::yield_now;
use wasmill_udf::{FailedRow, OnError, Spared, Stop, spare};

use super::{
    broadcast::Current,
    exec::ProcessRows,
    rule::{Moment, ProcessRule},
    state::{MOST_TIMERS, Outcome, Partition},
};
use crate::{error::EngineError, planning::external};

/// Calls with timers in which time does not come further, before they are taken to be without end; and
/// calls behind the last row.
const MOST_CALLS: usize = 10_000;

/// Works on one partition.
pub(super) struct Worker {
    pub node: ProcessRows,
    pub partition: usize,
    pub context: Arc<TaskContext>,
}

impl Worker {
    fn part(&self) -> &Partition {
        self.node.part(self.partition)
    }

    fn stop(&self) -> Option<&Stop> {
        let config = self.context.session_config().options();
        config.extensions.get::<Stop>()
    }

    async fn broadcast(&self) -> Result<Option<Arc<Current>>> {
        match self.node.broadcast_input() {
            Some((input, plan)) => {
                let current = input.current(plan, Arc::clone(&self.context)).await?;
                Ok(Some(current))
            }
            None => Ok(None),
        }
    }

    /// What the function gives for rows.
    pub(super) async fn rows(
        &mut self,
        batch: RecordBatch,
        moment: Moment,
    ) -> Result<Vec<RecordBatch>> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        self.check_stop()?;
        let broadcast = self.broadcast().await?;
        let broadcast = broadcast.as_deref();
        let mut outcome = Outcome::default();
        if !self.node.rule().leaves_out() {
            self.part().rows(&batch, moment, broadcast, &mut outcome)?;
            return give(outcome).await;
        }
        let Spared { failed, .. } = {
            let given = RefCell::new(&mut outcome);
            spare(&batch, &[], |batch| {
                self.check_stop()?;
                let mut given = given.borrow_mut();
                self.part().rows(batch, moment, broadcast, &mut given)?;
                Ok(Vec::new())
            })?
        };
        if !failed.is_empty() {
            self.node.failed_rows().take(&batch, failed).await?;
        }
        give(outcome).await
    }

    /// What it gives for the timers whose time has come.
    pub(super) async fn fire(&mut self, moment: Moment) -> Result<Vec<RecordBatch>> {
        let mut rows = Vec::new();
        // Calls since time came further.
        let (mut calls, mut latest) = (0, i64::MIN);
        // Timers that are tried by themselves before several go together again.
        let mut singles = 0;
        while self.part().is_due(moment) {
            if self.stop().is_some_and(Stop::is_stopped) {
                // They stay.
                break;
            }
            let broadcast = self.broadcast().await?;
            let Some(timers) = self.part().due(moment, (singles > 0).then_some(1))? else {
                break;
            };
            let at = timers.at.values().last().copied().unwrap_or(latest);
            calls = match at > latest && moment.watermark < i64::MAX {
                true => 0,
                false => calls + 1,
            };
            latest = at.max(latest);
            if calls > MOST_CALLS && timers.at.len() < MOST_TIMERS && singles == 0 {
                return Err(external(self.node.rule().endless_timers(moment)));
            }
            let single = timers.at.len() == 1;
            let letters = match single && self.node.rule().leaves_out() {
                true => Some(self.part().as_rows(&timers)?),
                false => None,
            };
            let mut outcome = Outcome::default();
            let fired = self
                .part()
                .fire(timers, moment, broadcast.as_deref(), &mut outcome);
            match (fired, letters) {
                (Ok(()), _) => {}
                (Err(error), Some(letters)) => {
                    let failed = FailedRow::new(0, error)?;
                    if let Some(timers) = self.part().due(moment, Some(1))? {
                        self.part().forget(timers, moment)?;
                    }
                    self.node.failed_rows().take(&letters, vec![failed]).await?;
                }
                // One of them fails: each by itself from now on.
                (Err(error), None) if self.node.rule().leaves_out() && !single => {
                    FailedRow::new(0, error)?;
                    singles = MOST_TIMERS;
                    continue;
                }
                (Err(error), None) => return Err(error),
            }
            singles = singles.saturating_sub(1);
            rows.extend(give(outcome).await?);
            yield_now().await;
        }
        Ok(rows)
    }

    fn check_stop(&self) -> Result<()> {
        match self.stop() {
            Some(stop) => stop.check(&self.node.rule().name),
            None => Ok(()),
        }
    }
}

/// The rows of the result; those of side outputs are sent to their tables.
async fn give(outcome: Outcome) -> Result<Vec<RecordBatch>> {
    for (side, rows) in outcome.sides {
        side.send(rows).await?;
    }
    Ok(outcome.rows)
}

impl ProcessRule {
    /// Whether rows on which the function fails are left out.
    pub(super) fn leaves_out(&self) -> bool {
        self.on_error == OnError::DeadLetter
    }

    fn endless_timers(&self, moment: Moment) -> EngineError {
        let name = &self.name;
        let when = match moment.watermark {
            i64::MAX => "behind the last row it",
            _ => "it",
        };
        EngineError::Plugin {
            message: format!(
                "function {name} sets timers without end: {when} was called {MOST_CALLS} times for \
                 timers, and set more each time"
            ),
            hint: Some(
                "a timer must be later than the one it is set in; behind the last row the watermark is \
                 the greatest there is, and none should be set"
                    .to_owned(),
            ),
            location: None,
        }
    }
}
