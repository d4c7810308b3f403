//! What the fuzz targets call: the border's checks, without a guest. Compiled for fuzzing
//! and tests only.

use arrow::array::{Array as _, ArrayRef};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{ArrowNativeType, DataType as ArrowType};

use crate::arrays;
use crate::contract::{
    Array, DataType, DecimalType, Field, Schema, TimeUnit, TimestampType, Values,
};
use crate::items::Items;
use crate::types::{from_schema, to_schema};

/// Levels of columns that a run builds; the contract allows 16.
const DEPTH: usize = 18;

/// Reads what a guest hands to the `column` constructor out of the bytes: it is an array that Arrow
/// itself finds sound and that crosses the border unchanged, or an error. Answers whether it is an array.
pub fn column(bytes: &[u8]) -> bool {
    build(&mut Input(bytes), 0).is_ok()
}

/// Reads a schema out of the bytes: it is refused, or the fields say the same again.
pub fn schema(bytes: &[u8]) {
    let mut input = Input(bytes);
    let fields = (0..input.byte() % 12).map(|_| Field {
        name: input.text(),
        data_type: input.data_type(),
        nullable: input.byte() & 1 == 0,
        children: input.indices(),
    });
    let fields = fields.collect();
    let schema = Schema {
        fields,
        columns: input.indices(),
    };
    if let Ok(fields) = from_schema(&schema) {
        assert_eq!(to_schema(&fields), Ok(schema));
    }
}

fn build(input: &mut Input<'_>, depth: usize) -> Result<ArrayRef, String> {
    let data_type = input.data_type();
    let children = match &data_type {
        DataType::List | DataType::FixedSizeList(_) => 1,
        DataType::Struct => usize::from(input.byte() % 4),
        // Too many, now and then.
        _ => usize::from(input.byte() == 255),
    };
    let children = match depth < DEPTH {
        true => (0..children)
            .map(|_| build(input, depth + 1))
            .collect::<Result<Vec<_>, _>>()?,
        false => Vec::new(),
    };
    let length = input.length();
    let validity = (input.byte() & 1 == 0).then(|| input.items(length.div_ceil(8)));
    let values = input.values(&data_type, length);
    let array = Array {
        length: u32::try_from(length).unwrap_or(u32::MAX),
        validity,
        values,
    };
    let column = arrays::build(&data_type, array, children)?;
    check(&data_type, &column);
    Ok(column)
}

fn check(data_type: &DataType, column: &ArrayRef) {
    // Arrow's own check finds no decimal of a negative scale right.
    if !has_negative_scale(column.data_type()) {
        let sound = column.to_data().validate_full();
        assert!(sound.is_ok(), "{sound:?} in a column of {data_type:?}");
    }
    let carried = arrays::read(column).expect("what came in can go out");
    assert_eq!(carried.length as usize, column.len());
    let children = (0..)
        .map_while(|index| arrays::child(column, index))
        .collect();
    let again = arrays::build(data_type, carried, children);
    assert_eq!(
        again.as_deref(),
        Ok(column.as_ref()),
        "over the border and back"
    );
}

fn has_negative_scale(data_type: &ArrowType) -> bool {
    match data_type {
        ArrowType::Decimal128(_, scale) => *scale < 0,
        ArrowType::List(item) | ArrowType::FixedSizeList(item, _) => {
            has_negative_scale(item.data_type())
        }
        ArrowType::Struct(fields) => fields
            .iter()
            .any(|field| has_negative_scale(field.data_type())),
        _ => false,
    }
}

/// Bytes that are read as whatever is wanted; zeros behind their end.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Mostly small: what a length is must be believable to reach what is behind its check.
    fn length(&mut self) -> usize {
        match self.byte() {
            255 => usize::try_from(self.number() & u64::from(u32::MAX)).unwrap_or(usize::MAX),
            small => usize::from(small % 70),
        }
    }

    /// `wanted`, or nearly as many.
    fn count(&mut self, wanted: usize) -> usize {
        match self.byte() {
            254 => wanted.saturating_sub(1),
            255 => wanted.saturating_add(1),
            _ => wanted,
        }
        .min(1 << 12)
    }

    fn items<T: ArrowNativeType + Pod>(&mut self, wanted: usize) -> Items<T> {
        let count = self.count(wanted);
        Items(ScalarBuffer::from(
            (0..count).map(|_| T::of(self)).collect::<Vec<_>>(),
        ))
    }

    /// Mostly ascending.
    fn offsets(&mut self, length: usize) -> Items<i32> {
        let count = self.count(length.saturating_add(1));
        let mut offset = 0_i32;
        let offsets = (0..count).map(|_| {
            let now = offset;
            offset = match self.byte() {
                255 => i32::of(self),
                254 => now.wrapping_sub(1),
                step => now.wrapping_add(i32::from(step % 5)),
            };
            now
        });
        Items(ScalarBuffer::from(offsets.collect::<Vec<_>>()))
    }

    fn bytes_behind(&mut self, offsets: &Items<i32>) -> Items<u8> {
        let last = offsets.0.last().copied().unwrap_or_default();
        let wanted = usize::try_from(last).unwrap_or_default();
        self.items(wanted)
    }

    fn text(&mut self) -> String {
        let length = usize::from(self.byte() % 80);
        let bytes: Vec<u8> = (0..length).map(|_| self.byte()).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn indices(&mut self) -> Vec<u32> {
        let count = self.byte() % 6;
        (0..count).map(|_| u32::from(self.byte() % 16)).collect()
    }

    fn data_type(&mut self) -> DataType {
        match self.byte() % 20 {
            0 => DataType::Boolean,
            1 => DataType::Int8,
            2 => DataType::Int16,
            3 => DataType::Int32,
            4 => DataType::Int64,
            5 => DataType::UInt8,
            6 => DataType::UInt16,
            7 => DataType::UInt32,
            8 => DataType::UInt64,
            9 => DataType::Float32,
            10 => DataType::Float64,
            11 => DataType::Utf8,
            12 => DataType::Binary,
            13 => DataType::Date32,
            14 => DataType::Time64,
            15 => DataType::Timestamp(TimestampType {
                unit: match self.byte() % 4 {
                    0 => TimeUnit::Second,
                    1 => TimeUnit::Millisecond,
                    2 => TimeUnit::Microsecond,
                    _ => TimeUnit::Nanosecond,
                },
                timezone: (self.byte() & 1 == 0).then(|| self.text()),
            }),
            16 => DataType::Decimal128(DecimalType {
                precision: self.byte(),
                scale: self.byte().cast_signed(),
            }),
            17 => DataType::List,
            18 => DataType::FixedSizeList(match self.byte() {
                255 => u32::of(self),
                small => u32::from(small % 5),
            }),
            _ => DataType::Struct,
        }
    }

    /// Of the type, or now and then of another.
    fn values(&mut self, data_type: &DataType, length: usize) -> Values {
        let other;
        let data_type = match self.byte() {
            255 => {
                other = self.data_type();
                &other
            }
            _ => data_type,
        };
        match data_type {
            DataType::Boolean => Values::Boolean(self.items(length.div_ceil(8))),
            DataType::Int8 => Values::Int8(self.items(length)),
            DataType::Int16 => Values::Int16(self.items(length)),
            DataType::Int32 | DataType::Date32 => Values::Int32(self.items(length)),
            DataType::Int64 | DataType::Time64 | DataType::Timestamp(_) => {
                Values::Int64(self.items(length))
            }
            DataType::UInt8 => Values::UInt8(self.items(length)),
            DataType::UInt16 => Values::UInt16(self.items(length)),
            DataType::UInt32 => Values::UInt32(self.items(length)),
            DataType::UInt64 => Values::UInt64(self.items(length)),
            DataType::Float32 => Values::Float32(self.items(length)),
            DataType::Float64 => Values::Float64(self.items(length)),
            DataType::Utf8 | DataType::Binary => {
                let offsets = self.offsets(length);
                let bytes = self.bytes_behind(&offsets);
                Values::Bytes((offsets, bytes))
            }
            DataType::Decimal128(_) => Values::Int128(self.items(length.saturating_mul(2))),
            DataType::List => Values::Offsets(self.offsets(length)),
            DataType::FixedSizeList(_) | DataType::Struct => Values::None,
        }
    }
}

/// A number that is made of bytes.
trait Pod {
    fn of(input: &mut Input<'_>) -> Self;
}

macro_rules! pod {
    ($($number:ty)*) => {
        $(impl Pod for $number {
            fn of(input: &mut Input<'_>) -> Self {
                Self::from_le_bytes(std::array::from_fn(|_| input.byte()))
            }
        })*
    };
}

pod!(i8 i16 i32 i64 u8 u16 u32 u64);

/// Finite, so that what is compared is equal.
impl Pod for f32 {
    fn of(input: &mut Input<'_>) -> Self {
        f32::from(i16::of(input))
    }
}

impl Pod for f64 {
    fn of(input: &mut Input<'_>) -> Self {
        f64::from(i32::of(input))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fuzzing does for hours, for a moment, without looking at what it reaches.
    #[test]
    fn random_bytes_are_columns_and_schemas_or_errors() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as u8
        };
        let mut columns = 0;
        for _ in 0..100_000 {
            let length = usize::from(random()) * 2;
            let bytes: Vec<u8> = (0..length).map(|_| random()).collect();
            columns += u32::from(column(&bytes));
            schema(&bytes);
        }
        assert!(columns > 10_000, "{columns}");
    }
}
