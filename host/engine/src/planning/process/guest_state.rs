//! A process function over the state of its keys: what of a call's is the host's is done here, for the
//! engine and for whoever tries a function.

use std::sync::Arc;

use datafusion::arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array},
    compute::take,
    datatypes::Fields,
    error::ArrowError,
};
use parking_lot::Mutex;
use wasmill_plugin::{
    Function, KeyedCall, PluginError, ProcessError, ProcessRows, Processed, Rows, StateChange,
    StateCharge,
};
use wasmill_state::{
    Chunk, Keeper, StateStore,
    keyed::{CallKeys, DueTimers, Fired, KeyedSpec, KeyedState},
};

use super::slots::{StateReader, state_change};
use crate::job;

/// Timers that one call gets at most.
pub const MOST_TIMERS: usize = 8192;

/// The time at which a call is made.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// In milliseconds since 1970: `i64::MIN` before the first rows, `i64::MAX` behind the last.
    pub watermark: i64,
    /// The machine's clock.
    pub now: i64,
}

/// The rows of the broadcast table, as calls see them.
#[derive(Debug, Clone)]
pub struct BroadcastRows {
    pub fields: Fields,
    pub columns: Vec<ArrayRef>,
    pub rows: u32,
    /// Another one for other rows.
    pub version: u64,
}

/// What a call is given of the job.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub moment: Moment,
    pub broadcast: Option<&'a BroadcastRows>,
}

/// What a call has given.
pub struct Answer {
    pub rows: Vec<ProcessRows>,
    keys: Vec<ArrayRef>,
    numbers: UInt32Array,
}

impl Answer {
    /// The keys of rows by their origins: the columns of PARTITION BY.
    pub fn keys(&self, origins: &UInt32Array) -> Result<Vec<ArrayRef>, ArrowError> {
        let numbers = take(&self.numbers, origins, None)?;
        key_columns(&self.keys, numbers.as_ref())
    }
}

/// Why a call failed. After the first two nothing has changed.
#[derive(Debug)]
pub enum CallError {
    /// The function did, at work on these rows or timers: others may go well.
    Rows(Box<PluginError>),
    /// It did whatever the rows are.
    Plugin(Box<PluginError>),
    /// The state cannot be read or written.
    State(String),
}

impl Moment {
    /// The watermark before the first rows.
    pub const BEGINNING: i64 = job::BEGINNING;
    /// The watermark behind the last row.
    pub const END: i64 = i64::MAX;
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

/// State by key of one partition of a process function, and calls over it.
pub struct GuestState {
    function: Arc<Function>,
    spec: Arc<KeyedSpec>,
    /// Rows have times.
    timed: bool,
    state: Arc<Mutex<KeyedState>>,
    charge: Mutex<StateCharge>,
}

impl GuestState {
    /// `timed`: whether the query says which column is the time of rows.
    pub fn new(
        function: &Arc<Function>,
        spec: &Arc<KeyedSpec>,
        timed: bool,
        store: &Arc<StateStore>,
    ) -> Result<Self, ArrowError> {
        let keeper = Keeper::new(store, spec.schema());
        let state = KeyedState::new(Arc::clone(spec), keeper)?;
        Ok(GuestState {
            charge: Mutex::new(function.state_charge()),
            function: Arc::clone(function),
            spec: Arc::clone(spec),
            timed,
            state: Arc::new(Mutex::new(state)),
        })
    }

    /// Calls the function with rows: their keys, its arguments, their times (Int64, milliseconds since
    /// 1970). `about` numbers them in log lines.
    pub fn rows(
        &self,
        keys: &[ArrayRef],
        arguments: &[ArrayRef],
        times: Option<ArrayRef>,
        about: Rows,
        count: usize,
        given: Surroundings<'_>,
    ) -> Result<Answer, CallError> {
        let keys = self.state.lock().begin(keys, count)?;
        self.call(keys, None, times, given, |function, call| {
            function.process(arguments, count, about, call)
        })
    }

    /// The timers that are due, at most so many, earliest first. They stay until they have fired.
    pub fn due(&self, moment: Moment, most: usize) -> Result<Option<DueTimers>, ArrowError> {
        let mut state = self.state.lock();
        state.due(moment.watermark, moment.now, most)
    }

    /// Calls the function with timers that are due.
    pub fn fire(&self, timers: DueTimers, given: Surroundings<'_>) -> Result<Answer, CallError> {
        let (names, at): (ArrayRef, ArrayRef) = (Arc::new(timers.names), Arc::new(timers.at));
        let times = self.timed.then(|| Arc::clone(&at));
        let fired = Some(timers.fired);
        self.call(timers.keys, fired, times, given, |function, call| {
            function.fire(names, at, call)
        })
    }

    /// The first timer that is due is gone, without a call.
    pub fn forget_first(&self, moment: Moment) -> Result<(), ArrowError> {
        let mut state = self.state.lock();
        match state.due(moment.watermark, moment.now, 1)? {
            Some(DueTimers { keys, fired, .. }) => {
                state.apply(keys, Some(fired), Vec::new(), moment.now)
            }
            None => Ok(()),
        }
    }

    fn call(
        &self,
        keys: CallKeys,
        fired: Option<Fired>,
        times: Option<ArrayRef>,
        given: Surroundings<'_>,
        call: impl FnOnce(&Function, KeyedCall) -> Result<Result<Processed, PluginError>, ProcessError>,
    ) -> Result<Answer, CallError> {
        let Surroundings { moment, broadcast } = given;
        let keys = Arc::new(keys);
        let reader = Box::new(StateReader {
            state: Arc::clone(&self.state),
            keys: Arc::clone(&keys),
            now: moment.now,
        });
        let columns = (self.spec.keys().clone(), keys.columns.clone());
        let count = u32::try_from(keys.count).unwrap_or(u32::MAX);
        let numbers = UInt32Array::from(keys.numbers.clone());
        let known = self.timed && moment.watermark > Moment::BEGINNING;
        let mut keyed =
            KeyedCall::new(columns, count, numbers.values().clone(), moment.now, reader)
                .times(times)
                .watermark(known.then_some(moment.watermark));
        if let Some(table) = broadcast.cloned() {
            keyed = keyed.broadcast(table.fields, table.columns, table.rows, table.version);
        }
        let called = call(&self.function, keyed);
        let keys = Arc::try_unwrap(keys);
        let keys = keys.map_err(|_| CallError::State("a call holds its keys".to_owned()))?;
        let failed = match called {
            Ok(Ok(processed)) => {
                let of = keys.columns.clone();
                self.apply(keys, fired, processed.changes, moment)?;
                return Ok(Answer {
                    rows: processed.rows,
                    keys: of,
                    numbers,
                });
            }
            Ok(Err(error)) => CallError::Rows(Box::new(error)),
            Err(ProcessError::Plugin(error)) => error.into(),
            Err(ProcessError::State(reason)) => CallError::State(reason),
        };
        self.state.lock().cancel(keys);
        Err(failed)
    }

    fn apply(
        &self,
        keys: CallKeys,
        fired: Option<Fired>,
        changes: Vec<StateChange>,
        moment: Moment,
    ) -> Result<(), CallError> {
        let changes = changes.into_iter().map(state_change).collect();
        let mut state = self.state.lock();
        state.apply(keys, fired, changes, moment.now)?;
        state.expire(moment.now)?;
        Ok(self.count(&state)?)
    }

    /// Counts what there is.
    fn count(&self, state: &KeyedState) -> Result<(), PluginError> {
        let mut charge = self.charge.lock();
        self.function
            .charge_state(&mut charge, state.bytes() as u64)
    }

    pub fn is_due(&self, moment: Moment) -> bool {
        self.state.lock().is_due(moment.watermark, moment.now)
    }

    /// How many timers wait.
    pub fn timers(&self) -> usize {
        self.state.lock().timers_waiting()
    }

    /// When the machine's clock comes to the first timer of its own.
    pub fn next_processing(&self) -> Option<i64> {
        self.state.lock().next_processing()
    }

    /// Forgets what is too old.
    pub(super) fn expire(&self, moment: Moment) -> Result<(), CallError> {
        let mut state = self.state.lock();
        state.expire(moment.now)?;
        Ok(self.count(&state)?)
    }

    pub(super) fn chunks(&self) -> Vec<Chunk> {
        self.state.lock().chunks().cloned().collect()
    }

    /// Takes rows of chunks of this partition's keys.
    pub(super) fn restore(&self, saved: &RecordBatch, now: i64) -> Result<(), CallError> {
        let mut state = self.state.lock();
        state.restore(saved, now)?;
        Ok(self.count(&state)?)
    }

    pub(super) fn clear(&self) {
        self.state.lock().clear();
    }
}

/// Tells timers that are set again and again from many: so many times as many as there were may fire
/// while time does not come further, or behind the last row.
const MOST_TIMES: usize = 1_000;
/// And so many in any case.
const MANY: usize = 10_000;

/// See [`MOST_TIMES`].
#[derive(Debug)]
pub struct TimerCalls {
    most: usize,
    latest: i64,
    calls: usize,
    fired: usize,
}

impl TimerCalls {
    /// As many timers wait.
    pub fn new(waiting: usize) -> Self {
        TimerCalls {
            most: waiting.saturating_mul(MOST_TIMES).max(MANY),
            latest: i64::MIN,
            calls: 0,
            fired: 0,
        }
    }

    /// Before a call with these timers. Where they go on without end, what is wrong with the function,
    /// and what its author can do.
    pub fn next(
        &mut self,
        timers: &DueTimers,
        moment: Moment,
        function: &str,
    ) -> Result<(), (String, &'static str)> {
        let last = timers.at.values().last().copied().unwrap_or(self.latest);
        if last > self.latest && moment.watermark < Moment::END {
            (self.calls, self.fired) = (0, 0);
        }
        self.latest = last.max(self.latest);
        self.fired = self.fired.saturating_add(timers.at.len());
        if self.fired > self.most {
            let when = match moment.watermark {
                Moment::END => "behind the last row it",
                _ => "it",
            };
            let calls = self.calls;
            let message = format!(
                "function {function} sets timers without end: {when} was called {calls} times for \
                 timers, and set more each time"
            );
            return Err((message, ENDLESS));
        }
        self.calls += 1;
        Ok(())
    }
}

const ENDLESS: &str = "a timer must be later than the one it is set in; behind the last row the watermark is \
                       the greatest there is, and none should be set";

/// The columns of keys by their numbers.
pub(super) fn key_columns(
    keys: &[ArrayRef],
    numbers: &dyn Array,
) -> Result<Vec<ArrayRef>, ArrowError> {
    keys.iter().map(|key| take(key, numbers, None)).collect()
}
