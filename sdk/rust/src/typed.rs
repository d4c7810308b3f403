//! Functions of typed arguments: their columns are read, and the function is called a row each.

use crate::result::BLOCK;
use crate::{
    Batch, Bitmap, Booleans, Built, Bytes, Column, DataType, Date, Error, Field, ListItem, Lists,
    Number, Numbers, Output, Read, Row, TimeUnit, Timestamp, Value,
};

/// What a function may take. `'a` is the batch's lifetime.
#[diagnostic::on_unimplemented(
    message = "a wasmill function cannot take `{Self}`",
    label = "not a type that an SQL value becomes",
    note = "it may take bool, an integer, a float, &str, String, &[u8], Vec<u8>, Timestamp, Date, &[T] of numbers, Vec<T> of these, or Option<T> of these for what may be NULL"
)]
pub trait Argument<'a>: Sized {
    /// Its column, in the guest.
    type Column: Read;

    /// What a loop over the rows holds of the column.
    type View: Copy;

    /// Whether NULL is a value of the type; otherwise rows with NULL are NULL without a call.
    const TAKES_NULL: bool = false;

    fn data_type() -> DataType;

    /// Fails rows that hold what the type cannot.
    fn check(_column: &Self::Column) -> Result<(), Error> {
        Ok(())
    }

    /// The first rows of a column; panics where there are fewer.
    fn view(column: &'a Self::Column, rows: usize) -> Self::View;

    /// The value of a row that is present, or of any row where NULL is one; panics past the end.
    fn get(view: Self::View, row: usize) -> Self;

    /// The value of row `start + offset`, where `offset` is below [`BLOCK`] and so many rows follow
    /// `start`.
    #[inline]
    fn get_in_block(view: Self::View, start: usize, offset: usize) -> Self {
        Self::get(view, start + offset)
    }
}

impl<'a, T: Argument<'a>> Argument<'a> for Option<T> {
    type Column = T::Column;
    type View = (Option<&'a Bitmap>, T::View);
    const TAKES_NULL: bool = true;

    fn data_type() -> DataType {
        T::data_type()
    }

    fn check(column: &Self::Column) -> Result<(), Error> {
        T::check(column)
    }

    #[inline]
    fn view(column: &'a Self::Column, rows: usize) -> Self::View {
        (column.validity(), T::view(column, rows))
    }

    #[inline]
    fn get((validity, view): Self::View, row: usize) -> Self {
        let present = validity.is_none_or(|bits| bits.get(row));
        present.then(|| T::get(view, row))
    }
}

macro_rules! numbers {
    ($($type:ty => $data_type:expr, $stored:ty, $load:expr;)*) => {$(
        impl<'a> Argument<'a> for $type {
            type Column = Numbers<$stored>;
            // Cut to the number of rows, so that the compiler sees that no row is past the end.
            type View = &'a [$stored];

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn view(column: &'a Self::Column, rows: usize) -> Self::View {
                &column.items()[..rows]
            }

            #[inline]
            fn get(view: Self::View, row: usize) -> Self {
                $load(view[row])
            }

            // One check of bounds a block; what is left is an address and a constant, which is one
            // instruction.
            #[inline]
            fn get_in_block(view: Self::View, start: usize, offset: usize) -> Self {
                $load(view[start..start + BLOCK][offset])
            }
        }
    )*};
}

numbers! {
    i8 => DataType::Int8, i8, |item| item;
    i16 => DataType::Int16, i16, |item| item;
    i32 => DataType::Int32, i32, |item| item;
    i64 => DataType::Int64, i64, |item| item;
    u8 => DataType::UInt8, u8, |item| item;
    u16 => DataType::UInt16, u16, |item| item;
    u32 => DataType::UInt32, u32, |item| item;
    u64 => DataType::UInt64, u64, |item| item;
    f32 => DataType::Float32, f32, |item| item;
    f64 => DataType::Float64, f64, |item| item;
    Date => DataType::Date32, i32, Date;
    Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None), i64, Timestamp;
}

macro_rules! arguments {
    ($($type:ty => $data_type:expr, $column:ty, $get:expr;)*) => {$(
        impl<'a> Argument<'a> for $type {
            type Column = $column;
            type View = &'a $column;

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn view(column: &'a Self::Column, _rows: usize) -> Self::View {
                column
            }

            #[inline]
            fn get(view: Self::View, row: usize) -> Self {
                let get: fn(Self::View, usize) -> Self = $get;
                get(view, row)
            }
        }
    )*};
}

arguments! {
    bool => DataType::Boolean, Booleans, |column, row| column.get(row);
    &'a str => DataType::Utf8, Bytes, |column, row| column.text(row);
    String => DataType::Utf8, Bytes, |column, row| column.text(row).to_string();
    &'a [u8] => DataType::Binary, Bytes, |column, row| column.get(row);
    Vec<u8> => DataType::Binary, Bytes, |column, row| column.get(row).to_vec();
}

impl<'a, T: Number + ListItem + Argument<'a>> Argument<'a> for &'a [T] {
    type Column = Lists<Numbers<T>>;
    type View = &'a Self::Column;

    fn data_type() -> DataType {
        DataType::List(Box::new(Field::item(T::data_type())))
    }

    fn check(column: &Self::Column) -> Result<(), Error> {
        column.check_items()
    }

    #[inline]
    fn view(column: &'a Self::Column, _rows: usize) -> Self::View {
        column
    }

    #[inline]
    fn get(view: Self::View, row: usize) -> Self {
        &view.items().items()[view.range(row)]
    }
}

impl<'a, T: ListItem + Argument<'a>> Argument<'a> for Vec<T> {
    type Column = Lists<T::Column>;
    type View = (&'a Self::Column, T::View);

    fn data_type() -> DataType {
        DataType::List(Box::new(Field::item(T::data_type())))
    }

    fn check(column: &Self::Column) -> Result<(), Error> {
        if T::TAKES_NULL {
            Ok(())
        } else {
            column.check_items()
        }
    }

    #[inline]
    fn view(column: &'a Self::Column, _rows: usize) -> Self::View {
        let items = column.items();
        (column, T::view(items, items.rows()))
    }

    #[inline]
    fn get((column, items): Self::View, row: usize) -> Self {
        column.range(row).map(|item| T::get(items, item)).collect()
    }
}

/// All arguments of a function: a tuple of up to 16 [`Argument`]s.
pub trait ArgumentList<'a>: Sized {
    /// Their columns, in the guest.
    type Columns: 'static;

    /// What a loop over the rows holds of the columns.
    type Views: Copy;

    fn data_types() -> Vec<DataType>;

    /// Copies the columns out of the host.
    fn read(rows: &Batch) -> Result<Self::Columns, Error>;

    /// Columns of one row.
    fn from_row(row: Row<'_>) -> Result<Self::Columns, Error>;

    /// How many rows the columns have; the batch is asked only where there is no column.
    fn rows(columns: &Self::Columns, batch: &Batch) -> usize;

    /// Whether every column has this many rows.
    fn has_rows(columns: &Self::Columns, rows: usize) -> bool;

    /// The first rows of the columns; panics where there are fewer.
    fn view(columns: &'a Self::Columns, rows: usize) -> Self::Views;

    /// 1 where no argument is NULL that must not be; none = everywhere.
    fn present(columns: &Self::Columns) -> Option<Bitmap>;

    fn get(views: Self::Views, row: usize) -> Self;

    /// As [`Argument::get_in_block`].
    fn get_in_block(views: Self::Views, start: usize, offset: usize) -> Self;
}

macro_rules! argument_lists {
    ($(($($name:ident $index:tt),*))*) => {$(
        #[allow(
            non_snake_case,
            unused_variables,
            unused_mut,
            clippy::unused_unit,
            reason = "types name variables; the empty tuple has none"
        )]
        impl<'a, $($name: Argument<'a>),*> ArgumentList<'a> for ($($name,)*) {
            type Columns = ($($name::Column,)*);
            type Views = ($($name::View,)*);

            fn data_types() -> Vec<DataType> {
                vec![$($name::data_type()),*]
            }

            fn read(rows: &Batch) -> Result<Self::Columns, Error> {
                $(
                    let $name = $name::Column::read_from(rows, $index)?;
                    $name::check(&$name)?;
                )*
                Ok(($($name,)*))
            }

            fn from_row(row: Row<'_>) -> Result<Self::Columns, Error> {
                let mut values = row.into_values().into_iter();
                $(
                    let value = values.next().unwrap_or(Value::Null);
                    let $name = $name::Column::from_value(value, &$name::data_type())?;
                    $name::check(&$name)?;
                )*
                Ok(($($name,)*))
            }

            fn rows(columns: &Self::Columns, batch: &Batch) -> usize {
                let ($($name,)*) = columns;
                let rows: &[usize] = &[$($name.rows()),*];
                rows.first().copied().unwrap_or_else(|| batch.rows() as usize)
            }

            fn has_rows(columns: &Self::Columns, rows: usize) -> bool {
                let ($($name,)*) = columns;
                true $(&& $name.rows() == rows)*
            }

            #[inline]
            fn view(columns: &'a Self::Columns, rows: usize) -> Self::Views {
                let ($($name,)*) = columns;
                ($($name::view($name, rows),)*)
            }

            fn present(columns: &Self::Columns) -> Option<Bitmap> {
                let ($($name,)*) = columns;
                let mut present: Option<Bitmap> = None;
                $(
                    if let (false, Some(bits)) = ($name::TAKES_NULL, $name.validity()) {
                        present = Some(match present {
                            Some(others) => others.and(bits),
                            None => bits.clone(),
                        });
                    }
                )*
                present
            }

            #[inline]
            fn get(views: Self::Views, row: usize) -> Self {
                let ($($name,)*) = views;
                ($($name::get($name, row),)*)
            }

            #[inline]
            fn get_in_block(views: Self::Views, start: usize, offset: usize) -> Self {
                let ($($name,)*) = views;
                ($($name::get_in_block($name, start, offset),)*)
            }
        }
    )*};
}

argument_lists! {
    ()
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11, M 12, N 13, O 14, P 15)
}

/// Calls a function on every row of columns that were read. `fast` and `slow` are the same
/// function: one goes into the loop over blocks of rows without NULL, where its only copy is
/// inlined and can become vector instructions, the other one into the rest.
#[inline]
pub fn evaluate<'a, A: ArgumentList<'a>, O: Output>(
    columns: &'a A::Columns,
    rows: usize,
    mut fast: impl FnMut(A) -> O,
    mut slow: impl FnMut(A) -> O,
) -> Result<Built, Error> {
    let views = checked_views::<A>(columns, rows)?;
    match A::present(columns) {
        None => O::collect_blocks(
            rows,
            |start, offset| fast(A::get_in_block(views, start, offset)),
            |row| slow(A::get(views, row)),
        ),
        Some(present) => O::collect_present(rows, &present, |row| slow(A::get(views, row))),
    }
}

/// Calls a function on columns of one row.
pub fn evaluate_row<'a, A: ArgumentList<'a>, O: Output>(
    columns: &'a A::Columns,
    call: impl Fn(A) -> O,
) -> Result<Value, Error> {
    evaluate(columns, 1, &call, &call)?.into_value()
}

#[inline]
pub(crate) fn checked_views<'a, A: ArgumentList<'a>>(
    columns: &'a A::Columns,
    rows: usize,
) -> Result<A::Views, Error> {
    if A::has_rows(columns, rows) {
        Ok(A::view(columns, rows))
    } else {
        Err(Error::failed("the host gave columns of different lengths"))
    }
}

impl Batch {
    /// Calls a function of typed arguments on every row: `rows.map(|(x, y): (f64, f64)| x * y)`.
    /// NULL and errors are as in [`#[scalar]`](crate::scalar).
    pub fn map<A, C, O>(&self, mut call: impl FnMut(A) -> O) -> Result<Column, Error>
    where
        A: for<'a> ArgumentList<'a, Columns = C>,
        O: Output,
    {
        let columns = A::read(self)?;
        let rows = A::rows(&columns, self);
        let views = checked_views::<A>(&columns, rows)?;
        let built = match A::present(&columns) {
            None => O::collect(rows, |row| call(A::get(views, row))),
            Some(present) => O::collect_present(rows, &present, |row| call(A::get(views, row))),
        };
        Ok(built?.into_column())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;

    fn doubled(columns: &(Numbers<f64>,), rows: usize) -> Built {
        let double = |(x,): (f64,)| 2.0 * x;
        evaluate(columns, rows, double, double).unwrap()
    }

    #[test]
    fn rows_without_null_are_one_loop() {
        let built = doubled(&(Numbers::of(vec![1.0, 2.5], None),), 2);
        let (data_type, array, _) = built.parts();
        assert_eq!(*data_type, DataType::Float64);
        assert_eq!((array.length, &array.validity), (2, &None));
        assert!(matches!(&array.values, Values::Float64(items) if *items == [2.0, 5.0]));
    }

    #[test]
    fn whole_blocks_and_the_rows_behind_them_are_in_order() {
        for rows in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let items: Vec<f64> = (0..rows).map(|row| row as f64).collect();
            let expected: Vec<f64> = items.iter().map(|item| 2.0 * item).collect();
            let built = doubled(&(Numbers::of(items, None),), rows);
            let (_, array, _) = built.parts();
            assert!(matches!(&array.values, Values::Float64(items) if *items == expected));
        }
    }

    #[test]
    fn a_null_is_not_called() {
        let validity = Some(Bitmap::new(vec![0b101]));
        let columns = (Numbers::of(vec![1, 0, 3], validity),);
        let reciprocal = |(x,): (i32,)| 6 / x;
        let built = evaluate(&columns, 3, reciprocal, reciprocal).unwrap();
        let (_, array, _) = built.parts();
        assert_eq!(array.validity, Some(vec![0b101]));
        assert!(matches!(&array.values, Values::Int32(items) if *items == [6, 0, 2]));
    }

    #[test]
    fn every_bad_row_is_told() {
        let columns = (Bytes::of(&["1", "x", "3", "y"]),);
        let parse = |(text,): (&str,)| text.parse::<i32>();
        let Err(Error::Rows(rows)) = evaluate(&columns, 4, parse, parse) else {
            panic!("two rows are no numbers");
        };
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.row, row.message.as_str()))
            .collect();
        assert_eq!(
            rows,
            [
                (1, "invalid digit found in string"),
                (3, "invalid digit found in string")
            ]
        );
    }

    #[test]
    fn strings_and_lists_get_offsets() {
        let columns = (Bytes::of(&["a b", "", "c"]),);
        let words = |(text,): (&str,)| -> Vec<Option<String>> {
            text.split(' ')
                .map(|word| (!word.is_empty()).then(|| word.to_string()))
                .collect()
        };
        let built = evaluate(&columns, 3, words, words).unwrap();
        let (data_type, array, children) = built.parts();
        assert_eq!(
            *data_type,
            DataType::List(Box::new(Field::item(DataType::Utf8)))
        );
        assert!(matches!(&array.values, Values::Offsets(offsets) if *offsets == [0, 2, 3, 4]));
        let (_, items, _) = children[0].parts();
        assert_eq!(items.validity, Some(vec![0b1011]));
        let Values::Bytes((offsets, bytes)) = &items.values else {
            panic!("items of a list of strings are strings");
        };
        assert_eq!(
            (&offsets[..], &bytes[..]),
            (&[0, 1, 2, 2, 3][..], &b"abc"[..])
        );
    }

    #[test]
    fn columns_of_different_lengths_are_the_hosts_fault() {
        let columns = (Numbers::of(vec![1, 2], None), Numbers::of(vec![1], None));
        let add = |(a, b): (i32, i32)| a + b;
        let Err(Error::Failed(message)) = evaluate(&columns, 2, add, add) else {
            panic!("the second column has one row");
        };
        assert_eq!(message, "the host gave columns of different lengths");
    }
}
