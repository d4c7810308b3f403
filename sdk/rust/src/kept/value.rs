//! One value of a key.

use super::{Kept, Place};
use crate::expansion::ColumnBuilder;
use crate::result::WithRoom;
use crate::store::Store;
use crate::{
    Argument, Booleans, Built, Bytes, DataType, Date, Error, ListItem, Lists, Numbers, Output,
    Read, ResultValue, Slot, Timestamp,
};

/// A value of a state: what a result may have, and an argument may own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a value that can be kept",
    note = "bool, an integer, a float, String, Vec<u8>, Timestamp, Date or Vec<T> of these can"
)]
pub trait StateValue: Sized + 'static {
    /// Its column, in the guest.
    type Column: Read;
    /// Gathers values.
    type Builder: WithRoom;

    fn data_type() -> DataType;

    /// The value of a row that is present; panics past the end.
    fn get(column: &Self::Column, row: usize) -> Self;

    fn copy(&self) -> Self;

    /// Whether a column has the same value, to the bit.
    fn is_in(&self, column: &Self::Column, row: usize) -> bool;

    fn same(&self, other: &Self) -> bool;

    fn push(value: Option<&Self>, builder: &mut ColumnBuilder<Self::Builder>);

    fn finish(builder: ColumnBuilder<Self::Builder>) -> Result<Built, Error>;
}

macro_rules! values {
    ($($type:ty, $column:ty, $built:ty, $lent:expr, $is_in:expr, $same:expr;)*) => {$(
        impl StateValue for $type {
            type Column = $column;
            type Builder = <$built as ResultValue>::Builder;

            fn data_type() -> DataType {
                <$built as ResultValue>::data_type()
            }

            #[inline]
            fn get(column: &Self::Column, row: usize) -> Self {
                let view = <Self as Argument<'_>>::view(column, column.rows());
                <Self as Argument<'_>>::get(view, row)
            }

            #[inline]
            fn copy(&self) -> Self {
                self.clone()
            }

            #[inline]
            fn is_in(&self, column: &Self::Column, row: usize) -> bool {
                let is_in: fn(&Self, &$column, usize) -> bool = $is_in;
                is_in(self, column, row)
            }

            #[inline]
            fn same(&self, other: &Self) -> bool {
                let same: fn(&Self, &Self) -> bool = $same;
                same(self, other)
            }

            #[inline(always)]
            fn push(value: Option<&Self>, builder: &mut ColumnBuilder<Self::Builder>) {
                builder.push(value.map($lent));
            }

            fn finish(builder: ColumnBuilder<Self::Builder>) -> Result<Built, Error> {
                builder.finish::<$built>()
            }
        }

        kept! { [] $type }
    )*};
}

/// A plain value is absent where it is what a default state has; an option where it is none.
macro_rules! kept {
    ([$($of:tt)*] $type:ty) => {
        impl<$($of)*> Kept for $type {
            type Before = <Self as StateValue>::Column;

            fn slot(name: &str) -> Slot {
                Slot::value(name, <Self as StateValue>::data_type())
            }

            #[inline]
            fn load(&mut self, before: &Self::Before, of: Place) {
                let key = of.key as usize;
                if before.is_present(key) {
                    *self = StateValue::get(before, key);
                }
            }

            fn copy(&self) -> Self {
                StateValue::copy(self)
            }

            fn write<'a, H: Store>(
                host: &H,
                slot: u32,
                before: &Self::Before,
                absent: &Self,
                fields: impl Iterator<Item = &'a Self>,
            ) -> Result<(), Error> {
                let fields = fields.map(|field| (!field.same(absent)).then_some(field));
                write(host, slot, before, fields)
            }
        }
    };
}

impl<T: StateValue> Kept for Option<T> {
    type Before = T::Column;

    fn slot(name: &str) -> Slot {
        Slot::value(name, T::data_type())
    }

    #[inline]
    fn load(&mut self, before: &Self::Before, of: Place) {
        let key = of.key as usize;
        *self = before.is_present(key).then(|| T::get(before, key));
    }

    fn copy(&self) -> Self {
        self.as_ref().map(T::copy)
    }

    fn write<'a, H: Store>(
        host: &H,
        slot: u32,
        before: &Self::Before,
        _absent: &Self,
        fields: impl Iterator<Item = &'a Self>,
    ) -> Result<(), Error> {
        write(host, slot, before, fields.map(Option::as_ref))
    }
}

/// Writes the values that are others than before; none is NULL.
fn write<'a, H: Store, T: StateValue>(
    host: &H,
    slot: u32,
    before: &T::Column,
    values: impl Iterator<Item = Option<&'a T>>,
) -> Result<(), Error> {
    let (all, _) = values.size_hint();
    let (mut keys, mut builder) = (Vec::with_capacity(all), ColumnBuilder::with_room(all));
    for (key, value) in values.enumerate() {
        let same = match value {
            Some(value) => before.is_present(key) && value.is_in(before, key),
            None => !before.is_present(key),
        };
        if !same {
            keys.push(key as u32);
            T::push(value, &mut builder);
        }
    }
    if !keys.is_empty() {
        host.write(slot, &keys, T::finish(builder)?);
    }
    Ok(())
}

macro_rules! numbers {
    ($($type:ty)*) => { values! {$(
        $type, Numbers<$type>, $type, |value| *value,
            |value, column, row| *value == column.items()[row],
            |value, other| value == other;
    )*} };
}

numbers! { i8 i16 i32 i64 u8 u16 u32 u64 }

// -0.0 is not 0.0, and NaN is itself.
macro_rules! floats {
    ($($type:ty)*) => { values! {$(
        $type, Numbers<$type>, $type, |value| *value,
            |value, column, row| value.to_bits() == column.items()[row].to_bits(),
            |value, other| value.to_bits() == other.to_bits();
    )*} };
}

floats! { f32 f64 }

values! {
    Date, Numbers<i32>, Date, |value| *value,
        |value, column, row| value.0 == column.items()[row],
        |value, other| value == other;
    Timestamp, Numbers<i64>, Timestamp, |value| *value,
        |value, column, row| value.0 == column.items()[row],
        |value, other| value == other;
    bool, Booleans, bool, |value| *value,
        |value, column, row| *value == column.get(row),
        |value, other| value == other;
    String, Bytes, &'static str, String::as_str,
        |value, column, row| value.as_bytes() == column.get(row),
        |value, other| value == other;
    Vec<u8>, Bytes, &'static [u8], Vec::as_slice,
        |value, column, row| value == column.get(row),
        |value, other| value == other;
}

impl<T: StateValue + ListItem + Output> StateValue for Vec<T> {
    type Column = Lists<T::Column>;
    type Builder = <Self as ResultValue>::Builder;

    fn data_type() -> DataType {
        <Self as ResultValue>::data_type()
    }

    fn get(column: &Self::Column, row: usize) -> Self {
        let items = column.range(row);
        items.map(|item| T::get(column.items(), item)).collect()
    }

    fn copy(&self) -> Self {
        self.iter().map(T::copy).collect()
    }

    fn is_in(&self, column: &Self::Column, row: usize) -> bool {
        let items = column.range(row);
        let mut pairs = self.iter().zip(items.clone());
        self.len() == items.len() && pairs.all(|(item, row)| item.is_in(column.items(), row))
    }

    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().zip(other).all(|(item, other)| item.same(other))
    }

    fn push(value: Option<&Self>, builder: &mut ColumnBuilder<Self::Builder>) {
        builder.push(value.map(StateValue::copy));
    }

    fn finish(builder: ColumnBuilder<Self::Builder>) -> Result<Built, Error> {
        builder.finish::<Self>()
    }
}

kept! { [T: StateValue + ListItem + Output] Vec<T> }
