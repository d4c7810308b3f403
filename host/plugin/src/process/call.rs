//! Calls of a process function, from the host's side.

use arrow::array::{Array as _, ArrayRef, UInt32Array};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use super::{Keyed, KeyedState, ProcessError, ProcessRows, Processed, SideOutput, Slot};
use crate::account::{Charge, Resource};
use crate::arrays::{adopt_rows, uint32};
use crate::epoch::Rows;
use crate::error::PluginError;
use crate::function::Function;
use crate::instance::{GivenRows, Instance};
use crate::state::{Batch, State};

/// What a call is given beside its rows.
pub struct KeyedCall {
    pub(crate) keys: Batch,
    pub(crate) numbers: ScalarBuffer<u32>,
    pub(crate) times: Option<ArrayRef>,
    pub(crate) watermark: Option<i64>,
    pub(crate) now: i64,
    pub(crate) broadcast: (Batch, u64),
    pub(crate) state: Box<dyn KeyedState>,
}

impl KeyedCall {
    /// `keys`: the columns of PARTITION BY, one row a key, `count` of them. `numbers`: of each row or
    /// timer the number of its key. `now`: the machine's clock, in milliseconds since 1970.
    pub fn new(
        (fields, keys): (Fields, Vec<ArrayRef>),
        count: u32,
        numbers: impl Into<ScalarBuffer<u32>>,
        now: i64,
        state: Box<dyn KeyedState>,
    ) -> Self {
        let nothing = Batch {
            fields: Fields::empty(),
            columns: Vec::new(),
            rows: 0,
        };
        Self {
            keys: Batch {
                fields,
                columns: keys,
                rows: count,
            },
            numbers: numbers.into(),
            times: None,
            watermark: None,
            now,
            broadcast: (nothing, 0),
            state,
        }
    }

    /// Of each row or timer its time: Int64, milliseconds since 1970.
    pub fn times(mut self, times: Option<ArrayRef>) -> Self {
        self.times = times;
        self
    }

    /// All rows up to this time have come, in milliseconds since 1970.
    pub fn watermark(mut self, watermark: Option<i64>) -> Self {
        self.watermark = watermark;
        self
    }

    /// The rows of the broadcast table, which have another version whenever they are others.
    pub fn broadcast(
        mut self,
        fields: Fields,
        columns: Vec<ArrayRef>,
        rows: u32,
        version: u64,
    ) -> Self {
        let rows = Batch {
            fields,
            columns,
            rows,
        };
        self.broadcast = (rows, version);
        self
    }
}

/// Bytes of state that are counted for a function until this is dropped.
pub struct StateCharge(Charge);

impl Function {
    /// What it keeps of each key; nothing if it is no process function.
    pub fn slots(&self) -> &[Slot] {
        self.process.as_ref().map_or(&[], |process| &process.slots)
    }

    pub fn side_outputs(&self) -> &[SideOutput] {
        self.process
            .as_ref()
            .map_or(&[], |process| &process.side_outputs)
    }

    /// The columns of its broadcast table.
    pub fn broadcast(&self) -> Option<&Fields> {
        self.process.as_ref()?.broadcast.as_ref()
    }

    /// No state yet.
    pub fn state_charge(&self) -> StateCharge {
        StateCharge(Charge::none(self.account(), Resource::StateBytes))
    }

    /// Counts so many bytes of state from now on.
    pub fn charge_state(&self, charge: &mut StateCharge, bytes: u64) -> Result<(), PluginError> {
        let charged = charge.0.set(bytes);
        charged.map_err(|excess| self.no_room("state", excess))
    }

    /// A batch of rows: `columns` are of the types that the function was opened with. Log lines are told
    /// with `about`. The inner error is one of the rows, at which a guest was at work, and after which
    /// nothing has changed.
    pub fn process(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        about: Rows,
        call: KeyedCall,
    ) -> Result<Result<Processed, PluginError>, ProcessError> {
        let batch = Batch {
            rows: self.check_columns(columns, rows)?,
            fields: self.arguments().clone(),
            columns: columns.to_vec(),
        };
        self.call_keyed(call, rows, |instance, keyed| {
            instance.about(about);
            instance.process(&self.plugin.host, batch, keyed)
        })
    }

    /// Timers whose time has come: their names and times, Int64 milliseconds since 1970.
    pub fn fire(
        &self,
        names: ArrayRef,
        at: ArrayRef,
        call: KeyedCall,
    ) -> Result<Result<Processed, PluginError>, ProcessError> {
        let fields: Vec<FieldRef> = vec![
            Field::new("name", DataType::Utf8, false).into(),
            Field::new("at", DataType::Int64, false).into(),
        ];
        let timers = at.len();
        let batch = Batch {
            fields: fields.into(),
            rows: u32::try_from(timers).unwrap_or(u32::MAX),
            columns: vec![names, at],
        };
        self.call_keyed(call, timers, |instance, keyed| {
            instance.on_timers(&self.plugin.host, batch, keyed)
        })
    }

    fn call_keyed(
        &self,
        call: KeyedCall,
        rows: usize,
        run: impl FnOnce(&mut Instance, Keyed) -> (Result<Vec<GivenRows>, PluginError>, Option<Keyed>),
    ) -> Result<Result<Processed, PluginError>, ProcessError> {
        let Some(process) = &self.process else {
            return Err(PluginError::Failed {
                function: self.label().to_owned(),
                message: "it is no process function".to_owned(),
                log: Vec::new(),
            }
            .into());
        };
        let mut instance = match self.idle.pop() {
            Some(instance) => instance,
            None => self.start()?,
        };
        let (given, keyed) = run(&mut instance, Keyed::new(&process.slots, call));
        let result = given.and_then(|given| {
            let given = given.into_iter();
            let given = given.map(|given| self.check_rows(instance.state(), given, rows));
            given.collect::<Result<Vec<_>, _>>()
        });
        self.finish(instance, rows, result.as_ref().err());
        let (changes, failed) = match keyed {
            Some(keyed) => (keyed.changes, keyed.failed),
            None => (Vec::new(), None),
        };
        if let Some(reason) = failed {
            return Err(ProcessError::State(reason));
        }
        match result {
            // The rows cannot help it.
            Err(error @ (PluginError::Sum { .. } | PluginError::NoTimes { .. })) => {
                Err(error.into())
            }
            Err(error) => Ok(Err(error)),
            Ok(rows) => Ok(Ok(Processed { rows, changes })),
        }
    }

    /// What a guest gave, if it is what it said.
    fn check_rows(
        &self,
        state: &State,
        given: GivenRows,
        rows: usize,
    ) -> Result<ProcessRows, PluginError> {
        let side = given.side.map(|side| side as usize);
        let checked = || {
            let columns = match side {
                None => self.columns(),
                Some(side) => match self.side_outputs().get(side) {
                    Some(output) => &output.columns,
                    None => {
                        return Err(format!("rows of a side output {side}, which is not there"));
                    }
                },
            };
            Ok(ProcessRows {
                side,
                columns: adopt_rows(&given.rows, columns)?,
                origins: origins(&given.origins, given.rows.rows, rows)?,
            })
        };
        checked().map_err(|reason: String| state.wrong_result(&reason))
    }
}

fn origins(origins: &ArrayRef, given: u32, rows: usize) -> Result<UInt32Array, String> {
    let numbers = uint32("origins", origins)?;
    if numbers.len() != given as usize {
        return Err(format!("{} origins for {given} rows", numbers.len()));
    }
    match arrow::compute::max(numbers) {
        Some(most) if most as usize >= rows => {
            Err(format!("a row of the origin {most}, for a call of {rows}"))
        }
        _ => Ok(numbers.clone()),
    }
}
