//! The shape of an aggregate function.

use crate::{Batch, Column, Error, Field, OpenContext, Signature};

/// The rows of a group in, one value out.
///
/// [`#[aggregate]`](macro@crate::aggregate) makes one of a type that is one group. Written by hand, a
/// function has parameters and arguments of any type, and keeps its groups as it likes:
///
/// ```
/// use wasmill_sdk::{
///     Accumulators, AggregateFunction, Arguments, Batch, Column, DataType, Error, Field,
///     OpenContext, Parameter, Read, Signature,
/// };
///
/// /// How many values are above a limit.
/// struct CountAbove {
///     limit: f64,
/// }
///
/// struct Counts {
///     limit: f64,
///     counts: Vec<i64>,
/// }
///
/// impl AggregateFunction for CountAbove {
///     type Accumulators = Counts;
///
///     fn signature() -> Signature {
///         Signature::new("count_above")
///             .arguments(Arguments::Exact(vec![Field::new("x", DataType::Float64)]))
///             .returns(Field::new("count", DataType::Int64))
///             .parameter(Parameter::required("limit", "a number"))
///     }
///
///     fn open(context: &OpenContext) -> Result<Self, Error> {
///         let limit = context.parsed("limit")?.unwrap_or_default();
///         Ok(Self { limit })
///     }
///
///     fn state_fields(&self) -> Vec<Field> {
///         vec![Field::new("count", DataType::Int64)]
///     }
///
///     fn accumulators(&self) -> Counts {
///         Counts { limit: self.limit, counts: Vec::new() }
///     }
/// }
///
/// impl Accumulators for Counts {
///     fn update(&mut self, rows: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
///         self.counts.resize(count as usize, 0);
///         let values = rows.column(0).numbers::<f64>()?;
///         for (value, group) in values.iter().zip(groups) {
///             if value.is_some_and(|value| value > self.limit) {
///                 self.counts[*group as usize] += 1;
///             }
///         }
///         Ok(())
///     }
///
///     fn merge(&mut self, states: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
///         self.counts.resize(count as usize, 0);
///         let counts = states.column(0).numbers::<i64>()?;
///         for (more, group) in counts.iter().zip(groups) {
///             self.counts[*group as usize] += more.unwrap_or(0);
///         }
///         Ok(())
///     }
///
///     fn state(&mut self, count: u32) -> Result<Vec<Column>, Error> {
///         Ok(vec![self.evaluate(count)?])
///     }
///
///     fn evaluate(&mut self, count: u32) -> Result<Column, Error> {
///         Column::from_values(self.counts[..count as usize].iter().copied())
///     }
///
///     fn forget(&mut self, count: u32) {
///         self.counts.drain(..count as usize);
///     }
/// }
///
/// wasmill_sdk::plugin!(CountAbove);
/// ```
pub trait AggregateFunction: Sized + 'static {
    type Accumulators: Accumulators;

    /// What the function offers. Must not depend on anything that a job grants.
    fn signature() -> Signature;

    /// Checks parameters and argument types, once.
    fn open(context: &OpenContext) -> Result<Self, Error>;

    /// The result's type. By default the one of the signature.
    fn returns(&self) -> Result<Field, Error> {
        let columns = Self::signature().returns.unwrap_or_default();
        columns.into_iter().next().ok_or_else(|| {
            Error::failed(
                "the signature leaves the result's type to `returns`, which is not written",
            )
        })
    }

    /// The columns of a group's state, at least one, each with a name of its own: they travel between
    /// partitions and stand in checkpoints.
    fn state_fields(&self) -> Vec<Field>;

    /// Whether [`Accumulators::retract`] is written.
    fn retracts(&self) -> bool {
        false
    }

    /// No groups yet.
    fn accumulators(&self) -> Self::Accumulators;
}

/// The groups of an aggregate function, numbered from 0.
pub trait Accumulators: 'static {
    /// Adds each row to the group whose number `groups` has for it, one a row. There are `count` groups
    /// from then on, never fewer than before; those that are new are empty.
    fn update(&mut self, rows: &Batch, groups: &[u32], count: u32) -> Result<(), Error>;

    /// Takes back rows that were added.
    fn retract(&mut self, _rows: &Batch, _groups: &[u32]) -> Result<(), Error> {
        Err(Error::failed("this function takes no rows back"))
    }

    /// Adds what other accumulators gave as their `state`, as `update` adds rows.
    fn merge(&mut self, states: &Batch, groups: &[u32], count: u32) -> Result<(), Error>;

    /// The states of the first `count` groups, a row a group:
    /// [`state_fields`](AggregateFunction::state_fields)' columns.
    fn state(&mut self, count: u32) -> Result<Vec<Column>, Error>;

    /// The values of the first `count` groups, which stay as they are.
    fn evaluate(&mut self, count: u32) -> Result<Column, Error>;

    /// Forgets the first `count` groups; the others are numbered from 0 again.
    fn forget(&mut self, count: u32);
}
