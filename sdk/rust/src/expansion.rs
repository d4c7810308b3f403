//! Rows out of what a table function returns.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt::Display;
use std::iter::Flatten;
use std::option::IntoIter;

use crate::result::{Build, WithRoom};
use crate::types::to_schema;
use crate::{
    ArgumentList, Array, Batch, Bitmap, Built, Column, DataType, Error, Expansion, Field, Output,
    ResultValue, RowError, Values,
};

/// What a row of a table function's result may be: a value, as a scalar function may return one, or a
/// tuple of up to eight, a column each.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of a table function",
    label = "neither a value nor a tuple of values",
    note = "a row is what a #[scalar] function may return, or a tuple of up to eight of these"
)]
pub trait TableRow: Sized {
    /// How many columns it has.
    const COLUMNS: usize;

    /// Gathers rows.
    type Builders: WithRoom;

    fn data_types() -> Vec<DataType>;

    /// Why the row failed, if it did.
    fn add_to(self, builders: &mut Self::Builders) -> Result<(), String>;

    /// The same of no more rows than there is [room](WithRoom) for.
    fn add_in_room(self, builders: &mut Self::Builders) -> Result<(), String>;

    fn finish(builders: Self::Builders) -> Result<Vec<Built>, Error>;
}

/// Gathers the values of a column whose length is not known. `B` gathers those that are not NULL.
#[derive(Default)]
pub struct ColumnBuilder<B> {
    values: B,
    /// From the first NULL on.
    validity: Option<Bitmap>,
}

impl<B: WithRoom> WithRoom for ColumnBuilder<B> {
    fn with_room(rows: usize) -> Self {
        Self {
            values: B::with_room(rows),
            validity: None,
        }
    }
}

impl<B> ColumnBuilder<B> {
    #[inline(always)]
    fn push_in_room<O: Output>(&mut self, value: Option<O::Value>)
    where
        B: Build<O::Value>,
    {
        match value {
            Some(value) if !O::NULLABLE => self.values.push_in_room(value),
            value => self.push(value),
        }
    }

    // A call of it for each value is what a column would cost.
    #[inline(always)]
    pub(crate) fn push<T>(&mut self, value: Option<T>)
    where
        B: Build<T>,
    {
        if value.is_none() || self.validity.is_some() {
            self.mark::<T>(value.is_some());
        }
        match value {
            Some(value) => self.values.push(value),
            None => self.values.push_null(),
        }
    }

    #[inline(never)]
    fn mark<T>(&mut self, present: bool)
    where
        B: Build<T>,
    {
        let rows = self.values.rows();
        let validity = self.validity.get_or_insert_with(|| Bitmap::ones(rows));
        validity.push(rows, present);
    }

    pub(crate) fn finish<T: ResultValue<Builder = B>>(self) -> Result<Built, Error>
    where
        B: Build<T>,
    {
        let rows = self.values.rows();
        Built::new::<T>(T::data_type(), rows, self.validity, self.values)
    }
}

impl<O: Output> TableRow for O {
    const COLUMNS: usize = 1;
    type Builders = ColumnBuilder<<O::Value as ResultValue>::Builder>;

    fn data_types() -> Vec<DataType> {
        vec![O::Value::data_type()]
    }

    #[inline]
    fn add_to(self, builders: &mut Self::Builders) -> Result<(), String> {
        builders.push(self.into_result()?);
        Ok(())
    }

    #[inline]
    fn add_in_room(self, builders: &mut Self::Builders) -> Result<(), String> {
        builders.push_in_room::<O>(self.into_result()?);
        Ok(())
    }

    fn finish(builders: Self::Builders) -> Result<Vec<Built>, Error> {
        Ok(vec![builders.finish::<O::Value>()?])
    }
}

macro_rules! rows {
    ($($columns:literal: $($name:ident $index:tt),*;)*) => {$(
        impl<$($name: WithRoom),*> WithRoom for ($($name,)*) {
            fn with_room(rows: usize) -> Self {
                ($($name::with_room(rows),)*)
            }
        }

        impl<$($name: Output),*> TableRow for ($($name,)*) {
            const COLUMNS: usize = $columns;
            type Builders = ($(ColumnBuilder<<$name::Value as ResultValue>::Builder>,)*);

            fn data_types() -> Vec<DataType> {
                vec![$($name::Value::data_type()),*]
            }

            #[inline]
            fn add_to(self, builders: &mut Self::Builders) -> Result<(), String> {
                $(builders.$index.push(self.$index.into_result()?);)*
                Ok(())
            }

            #[inline]
            fn add_in_room(self, builders: &mut Self::Builders) -> Result<(), String> {
                $(builders.$index.push_in_room::<$name>(self.$index.into_result()?);)*
                Ok(())
            }

            fn finish(builders: Self::Builders) -> Result<Vec<Built>, Error> {
                Ok(vec![$(builders.$index.finish::<$name::Value>()?),*])
            }
        }
    )*};
}

rows! {
    1: A 0;
    2: A 0, B 1;
    3: A 0, B 1, C 2;
    4: A 0, B 1, C 2, D 3;
    5: A 0, B 1, C 2, D 3, E 4;
    6: A 0, B 1, C 2, D 3, E 4, F 5;
    7: A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    8: A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
}

/// Rows that were gathered in the guest, and how many each row of the batch has.
#[derive(Debug)]
pub struct Expanded {
    columns: Vec<Built>,
    counts: Vec<u32>,
    rows: u32,
}

impl Expanded {
    /// The rows of what `call` returns for each of `rows` rows; none without a call where `present` is
    /// 0.
    fn collect<I, E>(
        rows: usize,
        present: Option<&Bitmap>,
        mut call: impl FnMut(usize) -> Result<I, E>,
    ) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TableRow>,
        E: Display,
    {
        let mut builders = <I::Item as TableRow>::Builders::default();
        let mut counts = Vec::with_capacity(rows);
        let mut all = 0_u32;
        let mut errors = Vec::new();
        for row in 0..rows {
            let before = all;
            if present.is_none_or(|bits| bits.get(row)) {
                let pushed = call(row)
                    .map_err(|error| error.to_string())
                    .and_then(|given| {
                        given.into_iter().try_for_each(|given| {
                            all = all.checked_add(1).ok_or("more than 2³² rows")?;
                            given.add_to(&mut builders)
                        })
                    });
                if let Err(message) = pushed {
                    errors.push(RowError::new(row, message));
                }
            }
            counts.push(all - before);
        }
        if !errors.is_empty() {
            return Err(Error::Rows(errors));
        }
        Ok(Self {
            columns: <I::Item as TableRow>::finish(builders)?,
            counts,
            rows: all,
        })
    }

    /// Hands the rows, of these columns, to the host: one copy.
    pub fn into_expansion(self, fields: &[Field]) -> Result<Expansion, Error> {
        let rows = batch_of(fields, self.columns, self.rows)?;
        let counts = Array {
            length: self.counts.len() as u32,
            validity: None,
            values: Values::Uint32(self.counts),
        };
        Ok(Expansion {
            rows,
            counts: Column::new(&DataType::UInt32.wire(), &counts, Vec::new()),
        })
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (&[Built], &[u32]) {
        (&self.columns, &self.counts)
    }
}

/// Hands columns of as many rows, called so, to the host: one copy.
pub(crate) fn batch_of(fields: &[Field], columns: Vec<Built>, rows: u32) -> Result<Batch, Error> {
    if fields.len() != columns.len() {
        let (names, columns) = (fields.len(), columns.len());
        let message = format!("{names} names for rows of {columns} columns");
        return Err(Error::failed(message));
    }
    let columns = columns.into_iter().map(Built::into_column).collect();
    Ok(Batch::new(&to_schema(fields), columns, rows))
}

impl Expansion {
    /// The rows of what `call` returns for each of `rows` rows: values, or tuples of them, of the
    /// columns that are called so. An error of it fails its row.
    pub fn collect<I, E>(
        names: &[&str],
        rows: usize,
        call: impl FnMut(usize) -> Result<I, E>,
    ) -> Result<Self, Error>
    where
        I: IntoIterator<Item: TableRow>,
        E: Display,
    {
        let types = <I::Item as TableRow>::data_types();
        let fields = names.iter().zip(types);
        let fields: Vec<_> = fields
            .map(|(name, data_type)| Field::new(*name, data_type))
            .collect();
        Expanded::collect(rows, None, call)?.into_expansion(&fields)
    }
}

/// The columns of a `#[table]` function: called as it says, else as the function or `f0`, `f1`, …
pub fn columns<const NAMES: usize, A, I, E>(
    names: [&str; NAMES],
    function: &str,
    _call: impl Fn(A) -> Result<I, E>,
) -> Vec<Field>
where
    I: IntoIterator<Item: TableRow>,
{
    const {
        assert!(
            NAMES == 0 || NAMES == <I::Item as TableRow>::COLUMNS,
            "`columns(…)` names another number of columns than the rows have"
        );
    }
    let types = <I::Item as TableRow>::data_types();
    let several = types.len() > 1;
    let named = types.into_iter().enumerate().map(|(index, data_type)| {
        let name = match names.get(index) {
            Some(name) => (*name).to_owned(),
            None if several => format!("f{index}"),
            None => function.to_owned(),
        };
        Field::new(name, data_type)
    });
    named.collect()
}

/// Calls a function on every row of columns that were read.
pub fn expand<'a, A, I, E>(
    columns: &'a A::Columns,
    rows: usize,
    mut call: impl FnMut(A) -> Result<I, E>,
) -> Result<Expanded, Error>
where
    A: ArgumentList<'a>,
    I: IntoIterator<Item: TableRow>,
    E: Display,
{
    let views = crate::typed::checked_views::<A>(columns, rows)?;
    let present = A::present(columns);
    Expanded::collect(rows, present.as_ref(), |row| call(A::get(views, row)))
}

/// What a function gave. Its `rows()` are those of a `Result`, or of what is none: the compiler takes
/// the first of the two that fits.
pub struct Gave<T>(Cell<Option<T>>);

impl<T> Gave<T> {
    pub fn new(given: T) -> Self {
        Self(Cell::new(Some(given)))
    }
}

pub trait OrError {
    type Rows;
    type Error;
    fn rows(self) -> Result<Self::Rows, Self::Error>;
}

impl<T: IntoIterator, E> OrError for Gave<Result<T, E>> {
    type Rows = Flatten<IntoIter<T>>;
    type Error = E;

    fn rows(self) -> Result<Self::Rows, E> {
        let given = self.0.take().transpose()?;
        Ok(given.into_iter().flatten())
    }
}

pub trait Always {
    type Rows;
    fn rows(self) -> Result<Self::Rows, Infallible>;
}

impl<T: IntoIterator> Always for &Gave<T> {
    type Rows = Flatten<IntoIter<T>>;

    fn rows(self) -> Result<Self::Rows, Infallible> {
        Ok(self.0.take().into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Bytes, Numbers};

    /// The items of columns of numbers and texts, in words.
    fn shown(expanded: &Expanded) -> String {
        let (columns, counts) = expanded.parts();
        let columns = columns.iter().map(|column| {
            let (_, array, _) = column.parts();
            format!("{:?} {:?}", array.validity, array.values)
        });
        let columns: Vec<_> = columns.collect();
        format!("{counts:?}: {}", columns.join(", "))
    }

    #[test]
    fn rows_of_values_and_of_tuples_are_columns() {
        let columns = (Bytes::of(&["a b", "", "c"]),);
        let words = expand(&columns, 3, |(text,): (&str,)| {
            Gave::new(text.split(' ')).rows()
        });
        assert_eq!(
            shown(&words.unwrap()),
            "[2, 1, 1]: None Values::Bytes(([0, 1, 2, 2, 3], [97, 98, 99]))"
        );
        let lengths = expand(&columns, 3, |(text,): (&str,)| {
            let words = text.split_whitespace();
            let words = words.map(|word| (word.len() as i32, (word != "b").then_some(true)));
            Gave::new(words).rows()
        });
        assert_eq!(
            shown(&lengths.unwrap()),
            "[2, 0, 1]: None Values::Int32([1, 1, 1]), Some([5]) Values::Boolean([5])"
        );
    }

    #[test]
    fn a_null_has_no_rows() {
        let columns = (Numbers::of(vec![2, 0, 1], Some(Bitmap::new(vec![0b101]))),);
        let below = |(end,): (i64,)| Gave::new(0..6 / end).rows();
        let below = expand(&columns, 3, below).unwrap();
        let (_, counts) = below.parts();
        assert_eq!(counts, [3, 0, 6]);
    }

    #[test]
    fn every_bad_row_is_told() {
        let columns = (Bytes::of(&["1 2", "x", "3 y"]),);
        let whole = |(text,): (&str,)| {
            let numbers = text.split(' ').map(str::parse::<i32>);
            Gave::new(numbers.collect::<Result<Vec<_>, _>>()).rows()
        };
        let whole = expand(&columns, 3, whole);
        let each = expand(&columns, 3, |(text,): (&str,)| {
            Gave::new(text.split(' ').map(str::parse::<i32>)).rows()
        });
        for error in [whole, each] {
            let Err(Error::Rows(rows)) = error else {
                panic!("two rows are no numbers");
            };
            let rows: Vec<_> = rows.iter().map(|row| row.row).collect();
            assert_eq!(rows, [1, 2]);
        }
    }

    #[test]
    fn columns_are_called_as_they_should_be() {
        let names = |fields: Vec<Field>| -> Vec<String> {
            fields.into_iter().map(|field| field.name).collect()
        };
        let one = |(number,): (i64,)| Gave::new(vec![number]).rows();
        assert_eq!(names(columns([], "f", one)), ["f"]);
        assert_eq!(names(columns(["word"], "f", one)), ["word"]);
        let two = |(number,): (i64,)| Gave::new([(number, 1_i32)]).rows();
        assert_eq!(names(columns([], "f", two)), ["f0", "f1"]);
        assert_eq!(names(columns(["a", "b"], "f", two)), ["a", "b"]);
    }
}
