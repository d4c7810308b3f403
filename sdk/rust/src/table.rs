//! The shape of a table function.

use crate::{Batch, Error, Expansion, Field, OpenContext, Signature};

/// One row in, any number of rows out.
///
/// [`#[table]`](macro@crate::table) makes one of a plain function. Written by hand, a function has
/// parameters, arguments of any type, and a state that is made once, in `open`:
///
/// ```
/// use wasmill_sdk::{
///     Arguments, Batch, DataType, Error, Expansion, Field, OpenContext, Parameter, Read, Signature,
///     TableFunction,
/// };
///
/// /// Every part of a text that is some characters long.
/// struct Parts {
///     length: usize,
/// }
///
/// impl TableFunction for Parts {
///     fn signature() -> Signature {
///         Signature::new("parts")
///             .arguments(Arguments::Exact(vec![Field::new("text", DataType::Utf8)]))
///             .columns(vec![
///                 Field::new("start", DataType::Int64),
///                 Field::new("part", DataType::Utf8),
///             ])
///             .parameter(Parameter::optional("length", "of a part").default("3"))
///     }
///
///     fn open(context: &OpenContext) -> Result<Self, Error> {
///         let length = context.parsed("length")?.unwrap_or(3);
///         Ok(Self { length })
///     }
///
///     fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error> {
///         let texts = rows.column(0).bytes()?;
///         Expansion::collect(&["start", "part"], texts.rows(), |row| {
///             let text: Vec<char> = match texts.is_present(row) {
///                 true => texts.text(row).chars().collect(),
///                 false => return Ok(Vec::new()),
///             };
///             let parts = text.windows(self.length).enumerate();
///             let parts = parts.map(|(start, part)| (start as i64, part.iter().collect::<String>()));
///             Ok::<_, String>(parts.collect())
///         })
///     }
/// }
///
/// wasmill_sdk::plugin!(Parts);
/// ```
pub trait TableFunction: Sized + 'static {
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

    /// A batch: the rows of its first row, then those of its second, …, of the columns that `returns`
    /// gave, and how many each has.
    fn batch_eval(&mut self, rows: &Batch) -> Result<Expansion, Error>;
}
