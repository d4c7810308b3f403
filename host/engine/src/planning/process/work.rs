//! A partition's rows and timers on their way through the function.

use std::{cell::RefCell, sync::Arc};

use datafusion::{
    arrow::array::RecordBatch,
    common::{DataFusionError, Result},
    execution::TaskContext,
};
use tokio::task::yield_now;
use wasmill_udf::{FailedRow, OnError, Spared, Stop, spare};

use super::{
    exec::ProcessRows,
    guest_state::{BroadcastRows, MOST_TIMERS, Moment, Surroundings, TimerCalls},
    rule::ProcessRule,
    state::{Outcome, Partition},
};
use crate::{error::EngineError, planning::external};

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

    async fn broadcast(&self) -> Result<Option<Arc<BroadcastRows>>> {
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
        let given = Surroundings {
            moment,
            broadcast: broadcast.as_deref(),
        };
        let mut outcome = Outcome::default();
        if !self.node.rule().leaves_out() {
            self.part().rows(&batch, given, &mut outcome)?;
            return give(outcome).await;
        }
        let Spared { failed, .. } = {
            let outcome = RefCell::new(&mut outcome);
            spare(&batch, &[], |batch| {
                self.check_stop()?;
                let mut outcome = outcome.borrow_mut();
                self.part().rows(batch, given, &mut outcome)?;
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
        let mut calls = TimerCalls::new(self.part().timers());
        // Timers that are tried by themselves before several go together again.
        let mut singles = 0;
        while self.part().is_due(moment) {
            if self.stop().is_some_and(Stop::is_stopped) {
                // They stay.
                break;
            }
            let broadcast = self.broadcast().await?;
            let most = if singles > 0 { 1 } else { MOST_TIMERS };
            let Some(timers) = self.part().due(moment, most)? else {
                break;
            };
            // Those that are tried by themselves have been counted.
            if singles == 0 {
                let name = &self.node.rule().name;
                let counted = calls.next(&timers, moment, name);
                counted.map_err(|(message, hint)| endless(message, hint))?;
            }
            let single = timers.at.len() == 1;
            let letters = match single && self.node.rule().leaves_out() {
                true => Some(self.part().as_rows(&timers)?),
                false => None,
            };
            let mut outcome = Outcome::default();
            let given = Surroundings {
                moment,
                broadcast: broadcast.as_deref(),
            };
            let fired = self.part().fire(timers, given, &mut outcome);
            match (fired, letters) {
                (Ok(()), _) => {}
                (Err(error), Some(letters)) => {
                    let failed = FailedRow::new(0, error)?;
                    self.part().forget_first(moment)?;
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
}

fn endless(message: String, hint: &str) -> DataFusionError {
    external(EngineError::Plugin {
        message,
        hint: Some(hint.to_owned()),
        location: None,
    })
}
