//! Calls of a process function, as the engine makes them: state by key, timers, time that is given.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Fields, TimeUnit};
use arrow::error::ArrowError;
use wasmill_engine::{
    Answer, BroadcastRows, CallError as Failed, GuestState, MOST_TIMERS, Moment, Surroundings,
    TimerCalls, state_spec,
};
use wasmill_plugin::{Function, PluginError, Rows};
use wasmill_state::StateStore;
use wasmill_state::keyed::DueTimers;

use super::given::Collected;
use super::{Given, KeyedRows};
use crate::plugin::failure::Failure;
use crate::plugin::trace::Trace;

/// Why a call, or what it is about, failed.
#[derive(Debug)]
pub enum CallError {
    /// The function did; nothing has changed.
    Plugin(Box<PluginError>),
    /// It did for timers, as this says.
    Timers(String, Box<PluginError>),
    /// The state cannot be read or written.
    State(String),
    /// Timers are set without end: what went on, and a hint.
    EndlessTimers(String, &'static str),
}

/// A function with all that is kept for it.
pub struct Driver {
    function: Arc<Function>,
    state: GuestState,
    /// The type of the times of rows.
    time: Option<DataType>,
    broadcast: Option<BroadcastRows>,
    collected: Collected,
    trace: Option<Arc<Trace>>,
}

impl Driver {
    /// `time`: the type of the times of rows, Int64 in milliseconds or a timestamp; none without
    /// `on_time`.
    pub fn new(
        function: Arc<Function>,
        keys: Fields,
        time: Option<DataType>,
        trace: Option<Arc<Trace>>,
    ) -> Result<Self, CallError> {
        let collected = Collected::new(&function, &keys, time.as_ref());
        let spec = state_spec(&function, keys)?;
        let store = Arc::new(StateStore::new(usize::MAX));
        Ok(Driver {
            state: GuestState::new(&function, &spec, time.is_some(), &store)?,
            function,
            time,
            broadcast: None,
            collected,
            trace,
        })
    }

    /// The broadcast table from now on, in the columns that the function wants.
    pub fn broadcast(&mut self, columns: Vec<ArrayRef>, rows: usize) {
        let version = self.broadcast.as_ref().map_or(1, |last| last.version + 1);
        self.broadcast = self.function.broadcast().map(|fields| BroadcastRows {
            fields: fields.clone(),
            columns,
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            version,
        });
    }

    /// What calls have given since it was last asked.
    pub fn take(&mut self) -> Result<Given, CallError> {
        Ok(self.collected.take()?)
    }

    /// Calls the function with a batch.
    pub fn rows(&mut self, rows: &KeyedRows, name: &str, moment: Moment) -> Result<(), CallError> {
        let times = rows.times.as_ref().map(milliseconds).transpose()?;
        let about = Rows(rows.first..rows.first + rows.rows as u64);
        let answer = self.call(name, moment, |state, given| {
            state.rows(&rows.keys, &rows.arguments, times, about, rows.rows, given)
        })?;
        Ok(self.collected.add(answer, rows.times.as_ref())?)
    }

    /// Fires the timers that are due, call by call, until there are none.
    pub fn timers(&mut self, moment: Moment) -> Result<(), CallError> {
        let mut calls = TimerCalls::new(self.state.timers());
        while let Some(timers) = self.state.due(moment, MOST_TIMERS)? {
            let name = &self.function.signature().name;
            let counted = calls.next(&timers, moment, name);
            counted.map_err(|(message, hint)| CallError::EndlessTimers(message, hint))?;
            self.fire(timers, moment)?;
        }
        Ok(())
    }

    /// Fires the first timer that is due, and says whether there was one.
    pub fn fire_first(&mut self, moment: Moment) -> Result<bool, CallError> {
        match self.state.due(moment, 1)? {
            Some(timers) => self.fire(timers, moment).map(|()| true),
            None => Ok(false),
        }
    }

    fn fire(&mut self, timers: DueTimers, moment: Moment) -> Result<(), CallError> {
        let at = timers.at.values();
        let name = match (at.first(), at.last()) {
            (Some(first), Some(last)) if first != last => format!("timers at {first} to {last}"),
            (first, _) => format!("timers at {}", first.unwrap_or(&0)),
        };
        let of = self.time.as_ref();
        let times = of.map(|of| times(&timers.at, of)).transpose()?;
        let answer = self.call(&name, moment, |state, given| state.fire(timers, given));
        let answer = answer.map_err(|error| match error {
            CallError::Plugin(error) => CallError::Timers(name, error),
            other => other,
        })?;
        Ok(self.collected.add(answer, times.as_ref())?)
    }

    /// The first timer that is due is gone, without a call.
    pub fn forget_first(&mut self, moment: Moment) -> Result<(), CallError> {
        Ok(self.state.forget_first(moment)?)
    }

    /// Whether there are timers of the machine's clock.
    pub fn waits_for_clock(&self) -> bool {
        self.state.next_processing().is_some()
    }

    fn call(
        &self,
        name: &str,
        moment: Moment,
        call: impl FnOnce(&GuestState, Surroundings<'_>) -> Result<Answer, Failed>,
    ) -> Result<Answer, CallError> {
        let broadcast = self.broadcast.as_ref();
        let given = Surroundings { moment, broadcast };
        let answer = match &self.trace {
            Some(trace) => trace.time(name, || call(&self.state, given)),
            None => call(&self.state, given),
        };
        Ok(answer?)
    }
}

/// Int64, milliseconds since 1970.
fn milliseconds(times: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match times.data_type() {
        DataType::Timestamp(_, zone) => {
            let coarse = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            cast(&cast(times, &coarse)?, &DataType::Int64)
        }
        _ => Ok(Arc::clone(times)),
    }
}

/// Milliseconds since 1970 as times of rows.
fn times(milliseconds: &Int64Array, of: &DataType) -> Result<ArrayRef, ArrowError> {
    let times: ArrayRef = Arc::new(milliseconds.clone());
    match of {
        DataType::Timestamp(_, zone) => {
            let coarse = DataType::Timestamp(TimeUnit::Millisecond, zone.clone());
            cast(&cast(&times, &coarse)?, of)
        }
        _ => Ok(times),
    }
}

impl From<Failed> for CallError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Rows(error) | Failed::Plugin(error) => CallError::Plugin(error),
            Failed::State(reason) => CallError::State(reason),
        }
    }
}

impl From<ArrowError> for CallError {
    fn from(error: ArrowError) -> Self {
        CallError::State(error.to_string())
    }
}

impl CallError {
    /// As the program tells it.
    pub fn failure(&self, function: &str) -> Failure {
        match self {
            CallError::Plugin(error) => Failure::of_call(error),
            CallError::Timers(which, error) => Failure::of_call(error).at(which),
            CallError::State(reason) => {
                Failure::failed(format!("the state of {function} cannot be used: {reason}"))
            }
            CallError::EndlessTimers(message, hint) => Failure::failed(message).hint(*hint),
        }
    }
}
