//! Groups of a typed function: `#[aggregate]`'s.

use std::fmt::Display;

use crate::typed::checked_views;
use crate::{
    Accumulators, ArgumentList, Batch, Built, Column, Error, Field, Output, RowError, TableRow,
};

/// One group, as `#[aggregate]` writes it for its type.
pub trait Group: Default + 'static {
    /// Whether it takes rows back.
    const RETRACTS: bool;

    fn update(groups: &mut [Self], rows: &Batch, numbers: &[u32]) -> Result<(), Error>;
    fn retract(groups: &mut [Self], rows: &Batch, numbers: &[u32]) -> Result<(), Error>;
    fn merge(groups: &mut [Self], states: &Batch, numbers: &[u32]) -> Result<(), Error>;
    fn states(groups: &[Self]) -> Result<Vec<Column>, Error>;
    fn values(groups: &[Self]) -> Result<Column, Error>;
}

/// The groups that there are.
pub struct Groups<G>(Vec<G>);

impl<G> Default for Groups<G> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<G: Group> Groups<G> {
    fn grown(&mut self, count: u32) -> &mut [G] {
        let count = self.0.len().max(count as usize);
        self.0.resize_with(count, G::default);
        &mut self.0
    }

    fn first(&self, count: u32) -> Result<&[G], Error> {
        self.0
            .get(..count as usize)
            .ok_or_else(|| Error::failed(format!("there are no {count} groups")))
    }
}

impl<G: Group> Accumulators for Groups<G> {
    fn update(&mut self, rows: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
        G::update(self.grown(count), rows, groups)
    }

    fn retract(&mut self, rows: &Batch, groups: &[u32]) -> Result<(), Error> {
        G::retract(&mut self.0, rows, groups)
    }

    fn merge(&mut self, states: &Batch, groups: &[u32], count: u32) -> Result<(), Error> {
        G::merge(self.grown(count), states, groups)
    }

    fn state(&mut self, count: u32) -> Result<Vec<Column>, Error> {
        G::states(self.first(count)?)
    }

    fn evaluate(&mut self, count: u32) -> Result<Column, Error> {
        G::values(self.first(count)?)
    }

    fn forget(&mut self, count: u32) {
        self.0.drain(..self.0.len().min(count as usize));
    }
}

/// What a method that adds a row may return: nothing, or why the row fails.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a method that gives nothing returns",
    label = "neither nothing nor a `Result<(), E>`"
)]
pub trait Added {
    fn added(self) -> Result<(), String>;
}

impl Added for () {
    #[inline]
    fn added(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> Added for Result<(), E> {
    fn added(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Calls a method for every row of columns that were read, with the row's group; not where an argument
/// is NULL that must not be.
#[inline(never)]
pub fn fold<'a, A, G, R>(
    columns: &'a A::Columns,
    groups: &mut [G],
    numbers: &[u32],
    mut add: impl FnMut(&mut G, A) -> R,
) -> Result<(), Error>
where
    A: ArgumentList<'a>,
    R: Added,
{
    let views = checked_views::<A>(columns, numbers.len())?;
    let present = A::present(columns);
    let mut errors = Vec::new();
    // One loop, so that what is called in it is inlined there; in a function of its own, so that it has
    // the registers for itself.
    for (row, &number) in numbers.iter().enumerate() {
        if present.as_ref().is_some_and(|bits| !bits.get(row)) {
            continue;
        }
        let Some(group) = groups.get_mut(number as usize) else {
            return Err(no_group(number));
        };
        if let Err(message) = add(group, A::get(views, row)).added() {
            errors.push(RowError::new(row, message));
        }
    }
    match errors.is_empty() {
        true => Ok(()),
        false => Err(Error::Rows(errors)),
    }
}

#[cold]
fn no_group(number: u32) -> Error {
    Error::failed(format!("there is no group {number}"))
}

/// The columns of a state of this type, by the names of `merge`'s arguments.
pub fn state_fields<const NAMES: usize, G, R: TableRow>(
    names: [&str; NAMES],
    _state: impl Fn(&G) -> R,
) -> Vec<Field> {
    const {
        assert!(
            NAMES == R::COLUMNS,
            "`merge` takes another number of values than `state` gives"
        );
    }
    let types = R::data_types().into_iter();
    let named = names.into_iter().zip(types);
    named
        .map(|(name, data_type)| Field::new(name, data_type))
        .collect()
}

/// What `state` gives for each group, column by column.
pub fn states<G, R: TableRow>(groups: &[G], state: impl Fn(&G) -> R) -> Result<Vec<Column>, Error> {
    let mut builders = R::Builders::default();
    for group in groups {
        state(group).add_to(&mut builders).map_err(Error::failed)?;
    }
    let built = R::finish(builders)?.into_iter();
    Ok(built.map(Built::into_column).collect())
}

/// What `evaluate` gives for each group.
pub fn values<G, R: Output>(groups: &[G], evaluate: impl Fn(&G) -> R) -> Result<Column, Error> {
    Column::from_values(groups.iter().map(evaluate))
}

/// The type of what `evaluate` gives.
pub fn value_type<G, R: Output>(_evaluate: impl Fn(&G) -> R) -> crate::DataType {
    <R::Value as crate::ResultValue>::data_type()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Numbers;

    #[test]
    fn rows_go_to_their_groups_and_those_that_fail_are_told() {
        let columns = (Numbers::of(vec![1_i64, 2, 3, -4], None),);
        let mut sums = [0, 0];
        let folded = fold(&columns, &mut sums, &[0, 1, 0, 1], |sum, (x,): (i64,)| {
            if x < 0 {
                return Err(format!("{x} is negative"));
            }
            *sum += x;
            Ok(())
        });
        assert_eq!(sums, [4, 2]);
        let Err(Error::Rows(rows)) = folded else {
            panic!("-4 is negative");
        };
        let rows: Vec<_> = rows.iter().map(|row| (row.row, &*row.message)).collect();
        assert_eq!(rows, [(3, "-4 is negative")]);
    }

    #[test]
    fn a_group_that_is_not_there_is_told() {
        let columns = (Numbers::of(vec![1_i64], None),);
        let folded = fold(&columns, &mut [0], &[1], |sum, (x,): (i64,)| *sum += x);
        assert!(matches!(folded, Err(Error::Failed(message)) if message == "there is no group 1"));
    }
}
