//! Columns out of what a function returns.

use std::fmt::Display;

use crate::row::{is_nested, plain_value};
use crate::{
    Array, Bitmap, Column, DataType, Date, Error, Field, Number, RowError, TimeUnit, Timestamp,
    Value, Values,
};

/// Rows of a block: what a loop without NULL handles a turn.
pub(crate) const BLOCK: usize = 16;

/// What a function may return: a [`ResultValue`], an [`Option`] of one, or a [`Result`] of either
/// with any error that can be shown.
#[diagnostic::on_unimplemented(
    message = "a wasmill function cannot return `{Self}`",
    label = "not a type that becomes an SQL value",
    note = "it may return bool, an integer, a float, &str, String, &[u8], Vec<u8>, Timestamp, Date, Vec<T> of these, Option<T> of these, or a Result of any of them whose error implements Display"
)]
pub trait Output: Sized {
    type Value: ResultValue;

    /// Whether it may be NULL.
    const NULLABLE: bool;

    /// The value, none for NULL; or why the row failed.
    fn into_result(self) -> Result<Option<Self::Value>, String>;

    /// A column of what `call` returns, a row each.
    fn collect(rows: usize, mut call: impl FnMut(usize) -> Self) -> Result<Built, Error> {
        collect_fallible(rows, |row| call(row).into_result())
    }

    /// The same: `block` is called with the start of a block and an offset in it, `rest` with the
    /// rows behind the last whole block.
    #[inline]
    fn collect_blocks(
        rows: usize,
        _block: impl FnMut(usize, usize) -> Self,
        rest: impl FnMut(usize) -> Self,
    ) -> Result<Built, Error> {
        Self::collect(rows, rest)
    }

    /// The same, but NULL without a call where `present` is 0.
    fn collect_present(
        rows: usize,
        present: &Bitmap,
        mut call: impl FnMut(usize) -> Self,
    ) -> Result<Built, Error> {
        collect_fallible(rows, |row| match present.get(row) {
            true => call(row).into_result(),
            false => Ok(None),
        })
    }
}

impl<T: ResultValue> Output for T {
    type Value = T;
    const NULLABLE: bool = false;

    #[inline]
    fn into_result(self) -> Result<Option<T>, String> {
        Ok(Some(self))
    }

    #[inline]
    fn collect(rows: usize, call: impl FnMut(usize) -> Self) -> Result<Built, Error> {
        T::collect_values(rows, call)
    }

    #[inline]
    fn collect_blocks(
        rows: usize,
        block: impl FnMut(usize, usize) -> Self,
        rest: impl FnMut(usize) -> Self,
    ) -> Result<Built, Error> {
        T::collect_blocks(rows, block, rest)
    }
}

impl<T: ResultValue> Output for Option<T> {
    type Value = T;
    const NULLABLE: bool = true;

    #[inline]
    fn into_result(self) -> Result<Option<T>, String> {
        Ok(self)
    }
}

impl<O: Output, E: Display> Output for Result<O, E> {
    type Value = O::Value;
    const NULLABLE: bool = O::NULLABLE;

    #[inline]
    fn into_result(self) -> Result<Option<O::Value>, String> {
        match self {
            Ok(output) => output.into_result(),
            Err(error) => Err(error.to_string()),
        }
    }
}

pub(crate) fn collect_fallible<T: ResultValue>(
    rows: usize,
    mut call: impl FnMut(usize) -> Result<Option<T>, String>,
) -> Result<Built, Error> {
    let mut errors = Vec::new();
    let built = T::collect_options(rows, |row| match call(row) {
        Ok(value) => value,
        Err(message) => {
            errors.push(RowError::new(row, message));
            None
        }
    })?;
    if errors.is_empty() {
        Ok(built)
    } else {
        Err(Error::Rows(errors))
    }
}

/// A value of a result column.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that becomes an SQL value",
    note = "a wasmill function may return bool, an integer, a float, &str, String, &[u8], Vec<u8>, Timestamp, Date, Vec<T> of these, Option<T> of these, or a Result of any of them whose error implements Display"
)]
pub trait ResultValue: Sized {
    /// Gathers values.
    type Builder: Build<Self>;

    fn data_type() -> DataType;

    #[inline]
    fn collect_values(rows: usize, mut call: impl FnMut(usize) -> Self) -> Result<Built, Error> {
        let mut builder = Self::Builder::with_room(rows);
        for row in 0..rows {
            builder.push(call(row));
        }
        Built::new(Self::data_type(), rows, None, builder)
    }

    #[inline]
    fn collect_blocks(
        rows: usize,
        _block: impl FnMut(usize, usize) -> Self,
        rest: impl FnMut(usize) -> Self,
    ) -> Result<Built, Error> {
        Self::collect_values(rows, rest)
    }

    #[inline]
    fn collect_options(
        rows: usize,
        mut call: impl FnMut(usize) -> Option<Self>,
    ) -> Result<Built, Error> {
        let mut builder = Self::Builder::with_room(rows);
        let mut validity = Bitmap::zeros(rows);
        for row in 0..rows {
            match call(row) {
                Some(value) => {
                    validity.set(row);
                    builder.push(value);
                }
                None => builder.push_null(),
            }
        }
        let validity = Some(validity).filter(|bits| !bits.all(rows));
        Built::new(Self::data_type(), rows, validity, builder)
    }
}

/// What may be an item of a list.
pub trait ListItem {}

/// Gathers rows.
pub trait WithRoom: Default {
    /// For about so many rows.
    fn with_room(rows: usize) -> Self;
}

impl WithRoom for () {
    fn with_room(_rows: usize) -> Self {}
}

/// Gathers the values of a column.
pub trait Build<T>: WithRoom {
    fn push(&mut self, value: T);

    /// The same of no more than there is [room](WithRoom) for. Numbers make no call for it: a loop in
    /// which one may be made has all that it works with on the stack.
    #[inline]
    fn push_in_room(&mut self, value: T) {
        self.push(value);
    }

    fn push_null(&mut self);
    /// How many were pushed.
    fn rows(&self) -> usize;
    /// The buffers, and the columns below.
    fn finish(self) -> Result<(Values, Vec<Built>), Error>;
}

/// A column that was gathered in the guest.
#[derive(Clone, Debug)]
pub struct Built {
    data_type: DataType,
    array: Array,
    children: Vec<Self>,
}

impl Built {
    pub(crate) fn new<T>(
        data_type: DataType,
        rows: usize,
        validity: Option<Bitmap>,
        builder: impl Build<T>,
    ) -> Result<Self, Error> {
        let (values, children) = builder.finish()?;
        Ok(Self {
            data_type,
            array: Array {
                length: rows as u32,
                validity: validity.map(Bitmap::into_bytes),
                values,
            },
            children,
        })
    }

    /// Lists of items, a list a row.
    pub(crate) fn lists(ends: &[usize], items: Self) -> Result<Self, Error> {
        Ok(Self {
            data_type: DataType::List(Box::new(Field::item(items.data_type.clone()))),
            array: Array {
                length: ends.len() as u32,
                validity: None,
                values: Values::Offsets(offsets(ends)?),
            },
            children: vec![items],
        })
    }

    /// Structs of these fields.
    pub(crate) fn structs(names: &[&str], fields: Vec<Self>) -> Self {
        let named = names.iter().zip(&fields);
        let types = named.map(|(name, field)| Field::new(*name, field.data_type.clone()));
        Self {
            data_type: DataType::Struct(types.collect()),
            array: Array {
                length: fields.first().map_or(0, |field| field.array.length),
                validity: None,
                values: Values::None,
            },
            children: fields,
        }
    }

    pub(crate) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    /// Hands the column to the host: one copy.
    pub fn into_column(self) -> Column {
        let children = self.children.into_iter().map(Self::into_column).collect();
        Column::new(&self.data_type.wire(), &self.array, children)
    }

    /// The first value, as the row path returns it.
    pub fn into_value(self) -> Result<Value, Error> {
        let wire = self.data_type.wire();
        if is_nested(&wire) {
            return self.into_column().value();
        }
        plain_value(&wire, self.array)
            .ok_or_else(|| Error::failed("the result of one row has no row"))
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (&DataType, &Array, &[Self]) {
        (&self.data_type, &self.array, &self.children)
    }
}

impl Column {
    /// A column of these values, a row each.
    pub fn from_values<O: Output>(
        values: impl IntoIterator<Item = O, IntoIter: ExactSizeIterator>,
    ) -> Result<Self, Error> {
        let mut values = values.into_iter();
        let mut missing = false;
        let built = collect_fallible(values.len(), |_| match values.next() {
            Some(value) => value.into_result(),
            None => {
                missing = true;
                Ok(None)
            }
        })?;
        if missing {
            return Err(Error::failed("an iterator ended before its own length"));
        }
        Ok(built.into_column())
    }
}

macro_rules! results {
    ($($type:ty => $data_type:expr, $stored:ty, $store:expr;)*) => {$(
        impl ResultValue for $type {
            type Builder = NumberBuilder<$stored>;

            fn data_type() -> DataType {
                $data_type
            }

            #[inline]
            fn collect_values(rows: usize, mut call: impl FnMut(usize) -> Self) -> Result<Built, Error> {
                let items: Vec<$stored> = (0..rows).map(|row| $store(call(row))).collect();
                Built::new::<Self>(Self::data_type(), rows, None, NumberBuilder { items })
            }

            // The compiler makes vector instructions of a block, and the host's clock is looked at
            // once a block.
            #[inline]
            fn collect_blocks(
                rows: usize,
                mut block: impl FnMut(usize, usize) -> Self,
                mut rest: impl FnMut(usize) -> Self,
            ) -> Result<Built, Error> {
                let mut items: Vec<$stored> = Vec::with_capacity(rows);
                let (blocks, _) = items.spare_capacity_mut()[..rows].as_chunks_mut::<BLOCK>();
                let mut whole = 0;
                for items in blocks {
                    let values = std::array::from_fn(|offset| $store(block(whole, offset)));
                    *items = <[$stored; BLOCK]>::map(values, std::mem::MaybeUninit::new);
                    whole += BLOCK;
                }
                // SAFETY: the loop has written each of these items.
                unsafe { items.set_len(whole) };
                items.extend((whole..rows).map(|row| $store(rest(row))));
                Built::new::<Self>(Self::data_type(), rows, None, NumberBuilder { items })
            }
        }

        impl Build<$type> for NumberBuilder<$stored> {
            #[inline]
            fn push(&mut self, value: $type) {
                self.items.push($store(value));
            }

            #[inline]
            fn push_in_room(&mut self, value: $type) {
                self.items.push_in_room($store(value));
            }

            #[inline]
            fn push_null(&mut self) {
                self.items.push(<$stored>::default());
            }

            #[inline]
            fn rows(&self) -> usize {
                self.items.len()
            }

            fn finish(self) -> Result<(Values, Vec<Built>), Error> {
                Ok((<$stored>::into_values(self.items), Vec::new()))
            }
        }
    )*};
}

/// Gathers numbers, and what is stored as numbers.
#[derive(Default)]
pub struct NumberBuilder<T> {
    items: Vec<T>,
}

impl<T> WithRoom for NumberBuilder<T>
where
    Self: Default,
{
    fn with_room(rows: usize) -> Self {
        Self {
            items: Vec::with_capacity(rows),
        }
    }
}

/// What has room from the start on.
pub(crate) trait PushInRoom<T> {
    /// As `push`, without a call; panics where there is no room.
    fn push_in_room(&mut self, value: T);
}

impl<T> PushInRoom<T> for Vec<T> {
    #[inline]
    fn push_in_room(&mut self, value: T) {
        if self.len() == self.capacity() {
            no_room();
        }
        self.push(value);
    }
}

#[cold]
#[inline(never)]
fn no_room() -> ! {
    panic!("more rows than there is room for");
}

results! {
    i8 => DataType::Int8, i8, |value| value;
    i16 => DataType::Int16, i16, |value| value;
    i32 => DataType::Int32, i32, |value| value;
    i64 => DataType::Int64, i64, |value| value;
    u8 => DataType::UInt8, u8, |value| value;
    u16 => DataType::UInt16, u16, |value| value;
    u32 => DataType::UInt32, u32, |value| value;
    u64 => DataType::UInt64, u64, |value| value;
    f32 => DataType::Float32, f32, |value| value;
    f64 => DataType::Float64, f64, |value| value;
    Date => DataType::Date32, i32, |value: Date| value.0;
    Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None), i64, |value: Timestamp| value.0;
}

pub(crate) fn offsets(ends: &[usize]) -> Result<Vec<i32>, Error> {
    if ends.last().is_some_and(|end| i32::try_from(*end).is_err()) {
        return Err(Error::failed(
            "the result of one batch has over 2 GiB of bytes or items",
        ));
    }
    let ends = ends.iter().map(|end| *end as i32);
    Ok(std::iter::once(0).chain(ends).collect())
}
