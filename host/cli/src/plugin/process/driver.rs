//! Calls of a process function, as the engine makes them: state by key, timers, time that is given.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int64Array, UInt32Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Fields, TimeUnit};
use arrow::error::ArrowError;
use parking_lot::Mutex;
use wasmill_engine::{StateReader, state_change, state_spec};
use wasmill_plugin::{
    Function, KeyedCall, PluginError, ProcessError, ProcessRows, Processed, Rows, StateCharge,
};
use wasmill_state::keyed::{CallKeys, DueTimers, Fired, KeyedSpec, KeyedState};
use wasmill_state::{Keeper, StateStore};

use super::given::Collected;
use super::{Given, KeyedRows};
use crate::plugin::failure::Failure;
use crate::plugin::trace::Trace;

/// Timers that one call gets at most.
const MOST_TIMERS: usize = 8192;
/// Calls with timers in which time does not come further, and calls behind the last row.
const MOST_CALLS: usize = 10_000;

/// The time at which a call is made, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub watermark: i64,
    /// The machine's clock.
    pub now: i64,
}

impl Moment {
    /// The watermark before the first rows.
    pub const BEGINNING: i64 = i64::MIN;
    /// The watermark behind the last row.
    pub const END: i64 = i64::MAX;
}

/// Why a call, or what it is about, failed.
#[derive(Debug)]
pub enum CallError {
    /// The function did; nothing has changed.
    Plugin(Box<PluginError>),
    /// It did for timers, as this says.
    Timers(String, Box<PluginError>),
    /// The state cannot be read or written.
    State(String),
    /// Timers are set without end.
    EndlessTimers,
}

/// A function with all that is kept for it.
pub struct Driver {
    function: Arc<Function>,
    spec: Arc<KeyedSpec>,
    state: Arc<Mutex<KeyedState>>,
    charge: StateCharge,
    /// The type of the times of rows.
    time: Option<DataType>,
    broadcast: Option<Broadcast>,
    collected: Collected,
    trace: Option<Arc<Trace>>,
}

struct Broadcast {
    columns: Vec<ArrayRef>,
    rows: u32,
    version: u64,
}

/// What rows of a call come of.
pub(super) struct Origin {
    pub keys: Vec<ArrayRef>,
    pub numbers: Vec<u32>,
    pub times: Option<ArrayRef>,
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
        let state = KeyedState::new(Arc::clone(&spec), Keeper::new(&store, spec.schema()))?;
        Ok(Driver {
            charge: function.state_charge(),
            function,
            spec,
            state: Arc::new(Mutex::new(state)),
            time,
            broadcast: None,
            collected,
            trace,
        })
    }

    /// The broadcast table from now on, in the columns that the function wants.
    pub fn broadcast(&mut self, columns: Vec<ArrayRef>, rows: usize) {
        let version = self.broadcast.as_ref().map_or(1, |last| last.version + 1);
        self.broadcast = Some(Broadcast {
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
        let keys = self.state.lock().begin(&rows.keys, rows.rows)?;
        let times = rows.times.as_ref().map(milliseconds).transpose()?;
        let origin = Origin {
            keys: keys.columns.clone(),
            numbers: keys.numbers.clone(),
            times: rows.times.clone(),
        };
        let (arguments, count) = (&rows.arguments, rows.rows);
        let about = Rows(rows.first..rows.first + count as u64);
        let given = self.call(keys, None, moment, times, name, |function, call| {
            function.process(arguments, count, about, call)
        })?;
        Ok(self.collected.add(given, &origin)?)
    }

    /// Fires the timers that are due, call by call, until there are none.
    pub fn timers(&mut self, moment: Moment) -> Result<(), CallError> {
        let (mut calls, mut latest) = (0, i64::MIN);
        while let Some((fired, at)) = self.fire(moment, MOST_TIMERS)? {
            calls = match at > latest && moment.watermark < Moment::END {
                true => 0,
                false => calls + 1,
            };
            latest = at.max(latest);
            if calls > MOST_CALLS && fired < MOST_TIMERS {
                return Err(CallError::EndlessTimers);
            }
        }
        Ok(())
    }

    /// One call with timers that are due, at most so many: how many there were and the time of the last
    /// one. None if none is due.
    pub fn fire(&mut self, moment: Moment, most: usize) -> Result<Option<(usize, i64)>, CallError> {
        let Some(timers) = self.due(moment, most)? else {
            return Ok(None);
        };
        let DueTimers {
            keys,
            names,
            at,
            fired,
        } = timers;
        let (first, last) = (at.values().first(), at.values().last());
        let (first, last) = (*first.unwrap_or(&0), *last.unwrap_or(&0));
        let name = match first == last {
            true => format!("timers at {first}"),
            false => format!("timers at {first} to {last}"),
        };
        let count = at.len();
        let origin = Origin {
            keys: keys.columns.clone(),
            numbers: keys.numbers.clone(),
            times: self.time.as_ref().map(|of| times(&at, of)).transpose()?,
        };
        let (names, at): (ArrayRef, ArrayRef) = (Arc::new(names), Arc::new(at));
        let times = self.time.as_ref().map(|_| Arc::clone(&at));
        let given = self.call(keys, Some(fired), moment, times, &name, |function, call| {
            function.fire(names, at, call)
        });
        let given = given.map_err(|error| match error {
            CallError::Plugin(error) => CallError::Timers(name, error),
            other => other,
        })?;
        self.collected.add(given, &origin)?;
        Ok(Some((count, last)))
    }

    /// The first timer that is due is gone, without a call.
    pub fn forget_first(&mut self, moment: Moment) -> Result<(), CallError> {
        if let Some(DueTimers { keys, fired, .. }) = self.due(moment, 1)? {
            let mut state = self.state.lock();
            state.apply(keys, Some(fired), Vec::new(), moment.now)?;
        }
        Ok(())
    }

    /// Whether there are timers of the machine's clock.
    pub fn waits_for_clock(&self) -> bool {
        self.state.lock().next_processing().is_some()
    }

    fn due(&self, moment: Moment, most: usize) -> Result<Option<DueTimers>, CallError> {
        let mut state = self.state.lock();
        Ok(state.due(moment.watermark, moment.now, most)?)
    }

    fn call(
        &mut self,
        keys: CallKeys,
        fired: Option<Fired>,
        moment: Moment,
        times: Option<ArrayRef>,
        name: &str,
        call: impl FnOnce(&Function, KeyedCall) -> Result<Result<Processed, PluginError>, ProcessError>,
    ) -> Result<Vec<ProcessRows>, CallError> {
        let keys = Arc::new(keys);
        let reader = Box::new(StateReader {
            state: Arc::clone(&self.state),
            keys: Arc::clone(&keys),
            now: moment.now,
        });
        let known = self.time.is_some() && moment.watermark > Moment::BEGINNING;
        let columns = (self.spec.keys().clone(), keys.columns.clone());
        let count = u32::try_from(keys.count).unwrap_or(u32::MAX);
        let numbers = keys.numbers.clone();
        let mut given = KeyedCall::new(columns, count, numbers, moment.now, reader)
            .times(times)
            .watermark(known.then_some(moment.watermark));
        if let (Some(table), Some(fields)) = (&self.broadcast, self.function.broadcast()) {
            let columns = table.columns.clone();
            given = given.broadcast(fields.clone(), columns, table.rows, table.version);
        }
        let function = &self.function;
        let called = match &self.trace {
            Some(trace) => trace.time(name, || call(function, given)),
            None => call(function, given),
        };
        let keys = Arc::try_unwrap(keys);
        let keys = keys.map_err(|_| CallError::State("a call holds its keys".to_owned()))?;
        let mut state = self.state.lock();
        let Processed { rows, changes } = match called {
            Ok(Ok(processed)) => processed,
            Ok(Err(error)) | Err(ProcessError::Plugin(error)) => {
                state.cancel(keys);
                return Err(error.into());
            }
            Err(ProcessError::State(reason)) => {
                state.cancel(keys);
                return Err(CallError::State(reason));
            }
        };
        let changes = changes.into_iter().map(state_change).collect();
        state.apply(keys, fired, changes, moment.now)?;
        state.expire(moment.now)?;
        let bytes = state.bytes() as u64;
        drop(state);
        let charged = function.charge_state(&mut self.charge, bytes);
        charged?;
        Ok(rows)
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

impl Origin {
    /// Keys and times of the rows or timers that these numbers name.
    pub fn of(
        &self,
        origins: &UInt32Array,
    ) -> Result<(Vec<ArrayRef>, Option<ArrayRef>), ArrowError> {
        let numbers = take(&UInt32Array::from(self.numbers.clone()), origins, None)?;
        let numbers = numbers.as_ref();
        let keys = self.keys.iter().map(|key| take(key, numbers, None));
        let times = self.times.as_ref();
        let times = times.map(|times| take(times, origins, None)).transpose()?;
        Ok((keys.collect::<Result<_, _>>()?, times))
    }
}

impl From<PluginError> for CallError {
    fn from(error: PluginError) -> Self {
        CallError::Plugin(Box::new(error))
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
            CallError::EndlessTimers => Failure::failed(format!(
                "function {function} sets timers without end: it was called {MOST_CALLS} times for \
                 timers, and set more each time"
            ))
            .hint(
                "a timer must be later than the one it is set in; behind the last row the watermark is \
                 the greatest there is, and none should be set",
            ),
        }
    }
}
