//! Columns of booleans and of lists, out of what a function returns.

use crate::result::{Build, Built, ListItem, ResultValue, WithRoom, collect_fallible, offsets};
use crate::{Bitmap, DataType, Date, Error, Field, Output, Timestamp, Values};

/// Gathers booleans.
#[derive(Default)]
pub struct BooleanBuilder {
    bits: Bitmap,
    rows: usize,
}

impl ResultValue for bool {
    type Builder = BooleanBuilder;

    fn data_type() -> DataType {
        DataType::Boolean
    }
}

impl WithRoom for BooleanBuilder {
    fn with_room(_rows: usize) -> Self {
        Self::default()
    }
}

impl Build<bool> for BooleanBuilder {
    #[inline]
    fn push(&mut self, value: bool) {
        self.bits.push(self.rows, value);
        self.rows += 1;
    }

    #[inline]
    fn push_null(&mut self) {
        self.push(false);
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn finish(self) -> Result<(Values, Vec<Built>), Error> {
        Ok((Values::Boolean(self.bits.into_bytes()), Vec::new()))
    }
}

macro_rules! list_items {
    ($($type:ty),*) => {$( impl ListItem for $type {} )*};
}

list_items!(
    bool, i8, i16, i32, i64, u16, u32, u64, f32, f64, Date, Timestamp, String
);

impl<T: ListItem> ListItem for Option<T> {}

/// Gathers lists of what returns of `T` hold.
pub struct ListBuilder<T> {
    ends: Vec<usize>,
    items: Vec<T>,
}

impl<T> Default for ListBuilder<T> {
    fn default() -> Self {
        Self {
            ends: Vec::new(),
            items: Vec::new(),
        }
    }
}

impl<T: ListItem + Output> ResultValue for Vec<T> {
    type Builder = ListBuilder<T>;

    fn data_type() -> DataType {
        DataType::List(Box::new(Field::item(T::Value::data_type())))
    }
}

impl<T> WithRoom for ListBuilder<T> {
    fn with_room(rows: usize) -> Self {
        Self {
            ends: Vec::with_capacity(rows),
            items: Vec::new(),
        }
    }
}

impl<T: ListItem + Output> Build<Vec<T>> for ListBuilder<T> {
    fn push(&mut self, value: Vec<T>) {
        self.items.extend(value);
        self.ends.push(self.items.len());
    }

    fn push_null(&mut self) {
        self.ends.push(self.items.len());
    }

    fn rows(&self) -> usize {
        self.ends.len()
    }

    fn finish(self) -> Result<(Values, Vec<Built>), Error> {
        let offsets = offsets(&self.ends)?;
        let mut items = self.items.into_iter();
        let child = collect_fallible(items.len(), |_| match items.next() {
            Some(item) => item.into_result(),
            None => Ok(None),
        })?;
        Ok((Values::Offsets(offsets), vec![child]))
    }
}
