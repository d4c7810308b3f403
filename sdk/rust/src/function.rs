//! The shape of a scalar function.

use crate::{Batch, Column, Error, Field, OpenContext, Row, Signature, Value};

/// One row in, one value out.
///
/// [`#[scalar]`](crate::scalar) makes one of a plain function. Written by hand, a function has
/// parameters, arguments of any type, and a state that is made once, in `open`:
///
/// ```
/// use wasmill_sdk::{
///     ArgumentList, Batch, Column, DataType, Error, Field, OpenContext, Parameter, ScalarFunction,
///     Signature, Arguments,
/// };
///
/// struct Power {
///     exponent: i32,
/// }
///
/// impl ScalarFunction for Power {
///     fn signature() -> Signature {
///         Signature::new("power")
///             .description("x to a fixed power")
///             .arguments(Arguments::Exact(vec![Field::new("x", DataType::Float64)]))
///             .returns(Field::new("power", DataType::Float64))
///             .parameter(Parameter::optional("exponent", "a whole number").default("2"))
///     }
///
///     fn open(context: &OpenContext) -> Result<Self, Error> {
///         let exponent = context.parsed("exponent")?.unwrap_or(2);
///         Ok(Self { exponent })
///     }
///
///     fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
///         rows.map(|(x,): (f64,)| x.powi(self.exponent))
///     }
/// }
///
/// wasmill_sdk::plugin!(Power);
/// ```
pub trait ScalarFunction: Sized + 'static {
    /// What the function offers. Must not depend on anything that a job grants.
    fn signature() -> Signature;

    /// Checks parameters and argument types, once; what it returns serves many batches.
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

    /// A batch: the result has as many rows, of the type that `returns` gave.
    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error>;

    /// One row, at low latency. By default a batch of one row.
    fn eval(&mut self, row: Row) -> Result<Value, Error> {
        let rows = row.into_batch()?;
        self.batch_eval(&rows)?.value()
    }
}
