//! One partition at work: calls of the function, with the state of their keys.

use std::sync::Arc;

use datafusion::{
    arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray},
    common::{Result, internal_datafusion_err},
};
use parking_lot::Mutex;
use wasmill_plugin::{KeyedCall, PluginError, ProcessError, Processed, StateCharge};
use wasmill_state::{
    Chunk, Keeper,
    keyed::{CallKeys, DueTimers, Fired, KeyedState},
};
use wasmill_udf::{OnError, UdfError, rows_of};

use super::{
    broadcast::Current,
    guest_state::{StateReader, state_change},
    rule::{Moment, Origin, ProcessRule, as_milliseconds, as_times},
    side::SideTable,
};
use crate::{error::EngineError, planning::external};

/// Timers that one call gets at most.
pub(super) const MOST_TIMERS: usize = 8192;

/// See the module.
pub(super) struct Partition {
    rule: Arc<ProcessRule>,
    state: Arc<Mutex<KeyedState>>,
    charge: Mutex<StateCharge>,
}

/// What calls have given.
#[derive(Default)]
pub(super) struct Outcome {
    pub rows: Vec<RecordBatch>,
    pub sides: Vec<(Arc<SideTable>, RecordBatch)>,
}

impl Partition {
    pub(super) fn new(rule: &Arc<ProcessRule>, keeper: &Keeper) -> Result<Self> {
        let state = KeyedState::new(Arc::clone(&rule.spec), keeper.clone())?;
        Ok(Partition {
            charge: Mutex::new(rule.function.state_charge()),
            rule: Arc::clone(rule),
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Calls the function with rows of the input. After an error nothing has changed.
    pub(super) fn rows(
        &self,
        batch: &RecordBatch,
        moment: Moment,
        broadcast: Option<&Current>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let rule = &self.rule;
        let rows = batch.num_rows();
        let keys = self.state.lock().begin(rule.key_columns(batch), rows)?;
        let times = rule.time_column(batch);
        let origin = Origin {
            keys: keys.columns.clone(),
            numbers: keys.numbers.clone(),
            times: times.cloned(),
        };
        let times = times.map(as_milliseconds).transpose()?;
        let arguments = rule.arguments(batch);
        self.call(keys, None, moment, broadcast, times, |call| {
            let about = rows_of(&rule.function, rows);
            rule.function.process(arguments, rows, about, call)
        })
        .and_then(|processed| self.take(processed, &origin, outcome))
    }

    /// The timers that are due, at most so many, earliest first.
    pub(super) fn due(&self, moment: Moment, most: Option<usize>) -> Result<Option<DueTimers>> {
        let mut state = self.state.lock();
        let most = most.unwrap_or(MOST_TIMERS);
        Ok(state.due(moment.watermark, moment.now, most)?)
    }

    /// Calls the function with timers that are due. After an error nothing has changed.
    pub(super) fn fire(
        &self,
        timers: DueTimers,
        moment: Moment,
        broadcast: Option<&Current>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let rule = &self.rule;
        let DueTimers {
            keys,
            names,
            at,
            fired,
        } = timers;
        let origin = Origin {
            keys: keys.columns.clone(),
            numbers: keys.numbers.clone(),
            times: rule.time_type().map(|of| as_times(&at, of)).transpose()?,
        };
        let names: ArrayRef = Arc::new(names);
        let at: ArrayRef = Arc::new(at);
        let times = rule.time.as_ref().map(|_| Arc::clone(&at));
        self.call(keys, Some(fired), moment, broadcast, times, |call| {
            rule.function.fire(names, at, call)
        })
        .and_then(|processed| self.take(processed, &origin, outcome))
    }

    /// Timers are gone on which the function failed.
    pub(super) fn forget(&self, timers: DueTimers, moment: Moment) -> Result<()> {
        let mut state = self.state.lock();
        let DueTimers { keys, fired, .. } = timers;
        Ok(state.apply(keys, Some(fired), Vec::new(), moment.now)?)
    }

    /// What a letter tells of timers: their keys, names and times.
    pub(super) fn as_rows(&self, timers: &DueTimers) -> Result<RecordBatch> {
        let rule = &self.rule;
        let origin = Origin {
            keys: timers.keys.columns.clone(),
            numbers: timers.keys.numbers.clone(),
            times: None,
        };
        let names: StringArray = timers.names.clone();
        let at: Int64Array = timers.at.clone();
        origin.letter(rule, names, at)
    }

    fn call(
        &self,
        keys: CallKeys,
        fired: Option<Fired>,
        moment: Moment,
        broadcast: Option<&Current>,
        times: Option<ArrayRef>,
        call: impl FnOnce(
            KeyedCall,
        ) -> std::result::Result<
            std::result::Result<Processed, PluginError>,
            ProcessError,
        >,
    ) -> Result<Processed> {
        let rule = &self.rule;
        let count = u32::try_from(keys.count).unwrap_or(u32::MAX);
        let fields = rule.spec.keys().clone();
        let columns = keys.columns.clone();
        let numbers = keys.numbers.clone();
        let keys = Arc::new(keys);
        let reader = StateReader {
            state: Arc::clone(&self.state),
            keys: Arc::clone(&keys),
            now: moment.now,
        };
        let reader = Box::new(reader);
        let mut given = KeyedCall::new((fields, columns), count, numbers, moment.now, reader)
            .times(times)
            .watermark(rule.watermark(moment));
        if let Some(current) = broadcast {
            let Current {
                schema,
                columns,
                rows,
                version,
            } = current.clone();
            given = given.broadcast(schema.fields().clone(), columns, rows, version);
        }
        let called = call(given);
        let keys = Arc::try_unwrap(keys);
        let keys = keys.map_err(|_| internal_datafusion_err!("a call holds its keys"))?;
        let mut state = self.state.lock();
        let processed = match called {
            Ok(Ok(processed)) => processed,
            failed => {
                state.cancel(keys);
                return Err(match failed {
                    Ok(Err(error)) => external(self.of_rows(error)),
                    Err(ProcessError::Plugin(error)) => external(UdfError::Plugin(error)),
                    Err(ProcessError::State(reason)) => external(EngineError::Environment {
                        message: format!("the state of '{}' cannot be read: {reason}", rule.name),
                        hint: None,
                    }),
                    Ok(Ok(_)) => internal_datafusion_err!("a call has not failed"),
                });
            }
        };
        let Processed { rows, changes } = processed;
        let changes = changes.into_iter().map(state_change).collect();
        state.apply(keys, fired, changes, moment.now)?;
        let bytes = state.bytes() as u64;
        drop(state);
        let mut charge = self.charge.lock();
        let charged = rule.function.charge_state(&mut charge, bytes);
        charged.map_err(|error| external(UdfError::Plugin(error)))?;
        Ok(Processed {
            rows,
            changes: Vec::new(),
        })
    }

    /// An error at which the guest was at work on rows.
    fn of_rows(&self, error: PluginError) -> UdfError {
        let rule = &self.rule;
        match rule.on_error {
            OnError::Fail | OnError::Null => UdfError::Plugin(error),
            OnError::DeadLetter => UdfError::Rows {
                function: rule.name.clone(),
                error: Box::new(error),
                batch_time: rule.function.limits().batch_time,
            },
        }
    }

    fn take(&self, processed: Processed, origin: &Origin, outcome: &mut Outcome) -> Result<()> {
        for given in processed.rows {
            if given.origins.is_empty() {
                continue;
            }
            match given.side {
                None => outcome.rows.push(self.rule.result(&given, origin)?),
                Some(side) => {
                    if let Some(Some(table)) = self.rule.sides.get(side) {
                        let rows = self.rule.side(&given, table, origin)?;
                        outcome.sides.push((Arc::clone(table), rows));
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_due(&self, moment: Moment) -> bool {
        self.state.lock().is_due(moment.watermark, moment.now)
    }

    /// When the machine's clock comes to the first timer of its own.
    pub(super) fn next_due(&self) -> Option<i64> {
        self.state.lock().next_processing()
    }

    /// Forgets what is too old.
    pub(super) fn expire(&self, moment: Moment) -> Result<()> {
        Ok(self.state.lock().expire(moment.now)?)
    }

    pub(super) fn save(&self) -> Vec<Chunk> {
        self.state.lock().chunks().cloned().collect()
    }

    pub(super) fn restore(&self, saved: &RecordBatch, now: i64) -> Result<()> {
        Ok(self.state.lock().restore(saved, now)?)
    }

    pub(super) fn clear(&self) {
        self.state.lock().clear();
    }
}
