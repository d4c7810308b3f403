//! Rows at random, the same in every run.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeListArray, ListArray,
    PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

/// Values are of no more than this, so that sums and products of a few of them fit.
const LARGEST: i64 = 1_000_000;
/// Items of a list.
const MOST_ITEMS: u64 = 8;
/// Items of a column of lists that all have the same number of them.
const MOST_IN_ALL: usize = 1 << 26;
/// Characters of a text, bytes of a byte string.
const LONGEST: u64 = 32;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Days since 1970-01-01 that dates may be away: up to 2024.
const DAYS: i64 = 20_000;

/// A generator of numbers, splitmix64.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn within(&mut self, most: i64) -> i64 {
        self.below(2 * most as u64 + 1) as i64 - most
    }

    /// Numbers of so many keys.
    pub fn keys(&mut self, rows: usize, keys: u32) -> PrimitiveArray<Int64Type> {
        self.primitive(rows, |random| random.below(keys.into()) as i64)
    }

    /// A column of so many rows, without NULL. None where plugins know no such type,
    /// or would have too many items of it.
    pub fn column(&mut self, data_type: &DataType, rows: usize) -> Option<ArrayRef> {
        Some(match data_type {
            DataType::Boolean => {
                let bits: Vec<_> = (0..rows).map(|_| self.below(2) == 1).collect();
                Arc::new(BooleanArray::from(bits))
            }
            DataType::Int8 => self.numbers::<Int8Type>(rows, |random| random.within(100) as i8),
            DataType::Int16 => {
                self.numbers::<Int16Type>(rows, |random| random.within(10_000) as i16)
            }
            DataType::Int32 => {
                self.numbers::<Int32Type>(rows, |random| random.within(LARGEST) as i32)
            }
            DataType::Int64 => self.numbers::<Int64Type>(rows, |random| random.within(LARGEST)),
            DataType::UInt8 => self.numbers::<UInt8Type>(rows, |random| random.below(100) as u8),
            DataType::UInt16 => {
                self.numbers::<UInt16Type>(rows, |random| random.below(10_000) as u16)
            }
            DataType::UInt32 => {
                self.numbers::<UInt32Type>(rows, |random| random.below(LARGEST as u64) as u32)
            }
            DataType::UInt64 => {
                self.numbers::<UInt64Type>(rows, |random| random.below(LARGEST as u64))
            }
            DataType::Float32 => self.numbers::<Float32Type>(rows, |random| random.float() as f32),
            DataType::Float64 => self.numbers::<Float64Type>(rows, Random::float),
            DataType::Utf8 => {
                let texts: Vec<_> = (0..rows).map(|_| self.text()).collect();
                Arc::new(StringArray::from(texts))
            }
            DataType::Binary => {
                let bytes: Vec<_> = (0..rows).map(|_| self.bytes()).collect();
                Arc::new(BinaryArray::from_iter_values(bytes))
            }
            DataType::Date32 => {
                self.numbers::<Date32Type>(rows, |random| random.within(DAYS) as i32)
            }
            DataType::Time64(TimeUnit::Microsecond) => self
                .numbers::<Time64MicrosecondType>(rows, |random| random.below(DAY as u64) as i64),
            DataType::Timestamp(unit, zone) => {
                let ticks = |a_second: i64| {
                    let span = DAYS * 86_400 * a_second;
                    move |random: &mut Random| random.within(span)
                };
                let zone = zone.clone();
                match unit {
                    TimeUnit::Second => {
                        let column = self.primitive::<TimestampSecondType>(rows, ticks(1));
                        Arc::new(column.with_timezone_opt(zone))
                    }
                    TimeUnit::Millisecond => {
                        let column = self.primitive::<TimestampMillisecondType>(rows, ticks(1_000));
                        Arc::new(column.with_timezone_opt(zone))
                    }
                    TimeUnit::Microsecond => {
                        let ticks = ticks(1_000_000);
                        let column = self.primitive::<TimestampMicrosecondType>(rows, ticks);
                        Arc::new(column.with_timezone_opt(zone))
                    }
                    TimeUnit::Nanosecond => {
                        let ticks = ticks(1_000_000_000);
                        let column = self.primitive::<TimestampNanosecondType>(rows, ticks);
                        Arc::new(column.with_timezone_opt(zone))
                    }
                }
            }
            DataType::Decimal128(precision, _) => {
                // As many digits as fit, but no more than those of the largest.
                let most = 10_i64.pow(u32::from(*precision).min(6)) - 1;
                let column = self
                    .primitive::<Decimal128Type>(rows, |random| i128::from(random.within(most)));
                Arc::new(column.with_data_type(data_type.clone()))
            }
            DataType::List(item) => {
                let lengths: Vec<_> = (0..rows).map(|_| self.below(MOST_ITEMS) as usize).collect();
                let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
                let items = offsets.last().map_or(0, |end| *end as usize);
                let items = self.column(item.data_type(), items)?;
                Arc::new(ListArray::try_new(item.clone(), offsets, items, None).ok()?)
            }
            DataType::FixedSizeList(item, size) => {
                let items = rows.checked_mul(usize::try_from(*size).ok()?)?;
                if items > MOST_IN_ALL {
                    return None;
                }
                let items = self.column(item.data_type(), items)?;
                Arc::new(FixedSizeListArray::try_new(item.clone(), *size, items, None).ok()?)
            }
            DataType::Struct(fields) => {
                let columns = fields
                    .iter()
                    .map(|field| self.column(field.data_type(), rows));
                let columns = columns.collect::<Option<Vec<_>>>()?;
                Arc::new(StructArray::try_new(fields.clone(), columns, None).ok()?)
            }
            _ => return None,
        })
    }

    fn primitive<T: ArrowPrimitiveType>(
        &mut self,
        rows: usize,
        mut one: impl FnMut(&mut Self) -> T::Native,
    ) -> PrimitiveArray<T> {
        PrimitiveArray::from_iter_values((0..rows).map(|_| one(self)))
    }

    fn numbers<T: ArrowPrimitiveType>(
        &mut self,
        rows: usize,
        one: impl FnMut(&mut Self) -> T::Native,
    ) -> ArrayRef {
        Arc::new(self.primitive::<T>(rows, one))
    }

    /// From -1,000 to 1,000.
    fn float(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64 * 2_000.0 - 1_000.0
    }

    /// Words of small letters.
    fn text(&mut self) -> String {
        let letters = (0..self.below(LONGEST)).map(|_| match self.below(32) {
            letter @ 0..26 => char::from(b'a' + letter as u8),
            _ => ' ',
        });
        letters.collect()
    }

    fn bytes(&mut self) -> Vec<u8> {
        (0..self.below(LONGEST))
            .map(|_| self.next() as u8)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::super::types;
    use super::*;

    #[test]
    fn every_type_has_its_values_and_they_are_the_same_again() {
        let text = "boolean, int8, uint64, float32, utf8, binary, date32, time64, \
                    timestamp(nanosecond, UTC), decimal128(2, 1), list<fixed-size-list<int8, 3>>, \
                    struct<a: int64, b: list<utf8>>";
        for field in types::parse_list(text).unwrap() {
            let data_type = field.data_type();
            let column = Random::new(1).column(data_type, 100).unwrap();
            assert_eq!((column.data_type(), column.len()), (data_type, 100));
            column.to_data().validate_full().unwrap();
            assert_eq!(&column, &Random::new(1).column(data_type, 100).unwrap());
        }
    }
}
