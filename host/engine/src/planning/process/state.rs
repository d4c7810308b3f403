//! One partition at work: calls of the function, and what becomes of the rows that it gives.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{ArrayRef, RecordBatch, UInt32Array},
        compute::take,
    },
    common::{DataFusionError, Result},
};
use wasmill_state::{Chunk, StateStore, keyed::DueTimers};
use wasmill_udf::{OnError, UdfError, rows_of};

use super::{
    guest_state::{Answer, CallError, GuestState, Moment, Surroundings, key_columns},
    rule::{ProcessRule, as_milliseconds, as_times},
    side::SideTable,
};
use crate::{error::EngineError, planning::external};

/// See the module.
pub(super) struct Partition {
    rule: Arc<ProcessRule>,
    state: GuestState,
}

/// What calls have given.
#[derive(Default)]
pub(super) struct Outcome {
    pub rows: Vec<RecordBatch>,
    pub sides: Vec<(Arc<SideTable>, RecordBatch)>,
}

impl Partition {
    pub(super) fn new(rule: &Arc<ProcessRule>, store: &Arc<StateStore>) -> Result<Self> {
        let timed = rule.time.is_some();
        Ok(Partition {
            state: GuestState::new(&rule.function, &rule.spec, timed, store)?,
            rule: Arc::clone(rule),
        })
    }

    /// Calls the function with rows of the input. After an error nothing has changed.
    pub(super) fn rows(
        &self,
        batch: &RecordBatch,
        given: Surroundings<'_>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let rule = &self.rule;
        let (keys, arguments) = (rule.key_columns(batch), rule.arguments(batch));
        let of_rows = rule.time_column(batch);
        let times = of_rows.map(as_milliseconds).transpose()?;
        let rows = batch.num_rows();
        let about = rows_of(&rule.function, rows);
        let answer = self.state.rows(keys, arguments, times, about, rows, given);
        let answer = answer.map_err(|error| self.error(error))?;
        self.take(answer, of_rows, outcome)
    }

    /// The timers that are due, at most so many, earliest first.
    pub(super) fn due(&self, moment: Moment, most: usize) -> Result<Option<DueTimers>> {
        Ok(self.state.due(moment, most)?)
    }

    /// Calls the function with timers that are due. After an error nothing has changed.
    pub(super) fn fire(
        &self,
        timers: DueTimers,
        given: Surroundings<'_>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let of = self.rule.time_type();
        let times = of.map(|of| as_times(&timers.at, of)).transpose()?;
        let answer = self.state.fire(timers, given);
        let answer = answer.map_err(|error| self.error(error))?;
        self.take(answer, times.as_ref(), outcome)
    }

    /// The first timer that is due is gone: the function failed on it.
    pub(super) fn forget_first(&self, moment: Moment) -> Result<()> {
        Ok(self.state.forget_first(moment)?)
    }

    /// What a letter tells of timers: their keys, names and times.
    pub(super) fn as_rows(&self, timers: &DueTimers) -> Result<RecordBatch> {
        let numbers = UInt32Array::from(timers.keys.numbers.clone());
        let mut columns = key_columns(&timers.keys.columns, &numbers)?;
        columns.push(Arc::new(timers.names.clone()));
        columns.push(Arc::new(timers.at.clone()));
        self.rule.timer_letter(columns)
    }

    fn error(&self, error: CallError) -> DataFusionError {
        let rule = &self.rule;
        match error {
            CallError::Rows(error) if rule.on_error == OnError::DeadLetter => {
                external(UdfError::Rows {
                    function: rule.name.clone(),
                    error,
                    batch_time: rule.function.limits().batch_time,
                })
            }
            CallError::Rows(error) | CallError::Plugin(error) => external(UdfError::Plugin(*error)),
            CallError::State(reason) => external(EngineError::Environment {
                message: format!("the state of '{}' cannot be used: {reason}", rule.name),
                hint: None,
            }),
        }
    }

    /// Keys before what the function has given, the times of its origins behind.
    fn take(&self, answer: Answer, times: Option<&ArrayRef>, outcome: &mut Outcome) -> Result<()> {
        for given in &answer.rows {
            if given.origins.is_empty() {
                continue;
            }
            let side = given.side.map(|side| self.rule.sides.get(side));
            if let Some(None | Some(None)) = side {
                // Nobody wants it.
                continue;
            }
            let mut columns = answer.keys(&given.origins)?;
            columns.extend(given.columns.iter().cloned());
            if let Some(times) = times {
                columns.push(take(times, &given.origins, None)?);
            }
            match side {
                Some(Some(Some(table))) => {
                    let rows = RecordBatch::try_new(table.schema(), columns)?;
                    outcome.sides.push((Arc::clone(table), rows));
                }
                _ => outcome.rows.push(self.rule.result(columns)?),
            }
        }
        Ok(())
    }

    pub(super) fn is_due(&self, moment: Moment) -> bool {
        self.state.is_due(moment)
    }

    /// How many timers wait.
    pub(super) fn timers(&self) -> usize {
        self.state.timers()
    }

    /// When the machine's clock comes to the first timer of its own.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.state.next_processing()
    }

    /// Forgets what is too old.
    pub(super) fn expire(&self, moment: Moment) -> Result<()> {
        let expired = self.state.expire(moment);
        expired.map_err(|error| self.error(error))
    }

    pub(super) fn save(&self) -> Vec<Chunk> {
        self.state.chunks()
    }

    pub(super) fn restore(&self, saved: &RecordBatch, now: i64) -> Result<()> {
        let restored = self.state.restore(saved, now);
        restored.map_err(|error| self.error(error))
    }

    pub(super) fn clear(&self) {
        self.state.clear();
    }
}
