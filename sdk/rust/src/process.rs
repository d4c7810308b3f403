//! The shape of a process function.

use crate::{
    Batch, Bytes, Error, Field, Keyed, Numbers, OpenContext, OutputRows, Read, SideRows, Signature,
    Slot,
};

/// Rows of many keys in, any number of rows out, at once or later: with state by key, and timers.
///
/// [`#[process]`](macro@crate::process) makes one of a type that is what is kept of a key. Written by
/// hand, a function has parameters and arguments of any type, and does with a whole batch as it likes:
///
/// ```
/// use wasmill_sdk::{
///     Arguments, Batch, Clock, Column, DataType, Error, Field, Keyed, OpenContext, OutputRows,
///     Parameter, ProcessFunction, Signature, Slot, Timers,
/// };
///
/// /// How many rows of a key have come when none has come for a while.
/// struct Visits {
///     gap: i64,
/// }
///
/// impl ProcessFunction for Visits {
///     fn signature() -> Signature {
///         Signature::new("visits")
///             .arguments(Arguments::Exact(vec![]))
///             .columns(vec![Field::new("rows", DataType::Int64)])
///             .parameter(Parameter::required("gap", "milliseconds"))
///     }
///
///     fn open(context: &OpenContext) -> Result<Self, Error> {
///         let gap = context.parsed("gap")?.unwrap_or_default();
///         Ok(Self { gap })
///     }
///
///     fn slots(&self) -> Vec<Slot> {
///         vec![Slot::value("rows", DataType::Int64)]
///     }
///
///     fn batch_eval(&mut self, _rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
///         let Some(times) = keyed.times() else {
///             return Err(Error::invalid("visits needs a time"));
///         };
///         let times = times.numbers::<i64>()?;
///         let mut counts: Vec<_> = keyed.read(0).numbers::<i64>()?.iter().collect();
///         let mut ends = vec![i64::MIN; counts.len()];
///         for (key, time) in keyed.numbers().into_iter().zip(times.items()) {
///             *counts[key as usize].get_or_insert(0) += 1;
///             ends[key as usize] = ends[key as usize].max(time + self.gap);
///         }
///         let keys: Vec<u32> = (0..counts.len() as u32).collect();
///         keyed.write(0, &keys, &Column::from_values(counts)?);
///         keyed.set_timers(Clock::Event, "end", &keys, &ends);
///         Ok(vec![])
///     }
///
///     fn on_timers(&mut self, _timers: &Timers, keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
///         let counts = keyed.read(0).numbers::<i64>()?;
///         let keys = keyed.numbers();
///         let rows = (0..).zip(&keys).map(|(timer, key)| (timer, counts.items()[*key as usize]));
///         let output = OutputRows::collect(&["rows"], rows)?;
///         let none = keys.iter().map(|_| None::<i64>);
///         keyed.write(0, &keys, &Column::from_values(none)?);
///         Ok(vec![output])
///     }
/// }
///
/// wasmill_sdk::plugin!(Visits);
/// ```
pub trait ProcessFunction: Sized + 'static {
    /// What the function offers. Must not depend on anything that a job grants.
    fn signature() -> Signature;

    /// Checks parameters and argument types, once; what it returns serves many batches.
    fn open(context: &OpenContext) -> Result<Self, Error>;

    /// The result's columns. By default those of the signature.
    fn returns(&self) -> Result<Vec<Field>, Error> {
        Self::signature().returns.ok_or_else(|| {
            Error::failed(
                "the signature leaves the result's columns to `returns`, which is not written",
            )
        })
    }

    /// What is kept of each key; each slot has a name of its own. [`Keyed`] knows them by place.
    fn slots(&self) -> Vec<Slot>;

    /// Rows beside the result, each of a name of its own.
    fn side_outputs(&self) -> Vec<SideRows> {
        Vec::new()
    }

    /// The columns of the broadcast table, if there is one.
    fn broadcast(&self) -> Option<Vec<Field>> {
        None
    }

    /// Rows in the order in which they came. After an error nothing has changed, and rows that it does
    /// not name may come again.
    fn batch_eval(&mut self, rows: &Batch, keyed: &Keyed) -> Result<Vec<OutputRows>, Error>;

    /// Timers whose time has come, earliest first. They are gone, unless the call sets them anew.
    fn on_timers(&mut self, _timers: &Timers, _keyed: &Keyed) -> Result<Vec<OutputRows>, Error> {
        Ok(Vec::new())
    }
}

/// Timers whose time has come.
#[derive(Clone, Debug)]
pub struct Timers {
    names: Bytes,
    at: Numbers<i64>,
}

impl Timers {
    pub(crate) fn read(timers: &Batch) -> Result<Self, Error> {
        let (names, at) = (Bytes::read_from(timers, 0)?, Read::read_from(timers, 1)?);
        Self::new(names, at)
    }

    pub(crate) fn new(names: Bytes, at: Numbers<i64>) -> Result<Self, Error> {
        if names.rows() != at.rows() {
            return Err(Error::failed("the host gave columns of different lengths"));
        }
        Ok(Self { names, at })
    }

    pub fn len(&self) -> usize {
        self.at.items().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name by which a timer was set; panics past the end.
    #[inline]
    pub fn name(&self, timer: usize) -> &str {
        self.names.text(timer)
    }

    /// The time for which it was set, milliseconds since 1970; panics past the end.
    #[inline]
    pub fn at(&self, timer: usize) -> i64 {
        self.at.items()[timer]
    }
}
