//! Arrays over the border: `column.read` out of Arrow's buffers, and the `column` constructor's
//! checks of what a guest hands in.

mod adopt;
mod build;
mod read;

pub(crate) use adopt::{adopt, adopt_rows, uint32};
pub(crate) use build::build;
pub(crate) use read::{child, read, size};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
        FixedSizeListArray, Int32Array, Int64Array, ListArray, StringArray, StructArray,
        TimestampNanosecondArray, new_null_array,
    };
    use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
    use arrow::compute::concat;
    use arrow::datatypes::{DataType, Field, Fields, Int32Type, TimeUnit};

    use super::*;
    use crate::contract;
    use crate::items::Items;
    use crate::types::to_contract;

    /// Over the border and back, as a guest would do it that copies what it reads.
    fn there_and_back(array: &ArrayRef) -> ArrayRef {
        let data_type = to_contract(array.data_type()).unwrap();
        let children = (0..)
            .map_while(|index| child(array, index))
            .map(|child| there_and_back(&child))
            .collect();
        build(&data_type, read(array).unwrap(), children).unwrap()
    }

    fn check(array: ArrayRef) {
        let field = Field::new("c", array.data_type().clone(), true);
        let nulls = new_null_array(array.data_type(), 3);
        let array = concat(&[&array, &nulls, &array]).unwrap();
        for start in 0..array.len() {
            for length in 0..=array.len() - start {
                let slice = array.slice(start, length);
                let back = adopt(&there_and_back(&slice), &field).unwrap();
                assert_eq!(back.as_ref(), slice.as_ref());
                back.to_data().validate_full().unwrap();
            }
        }
    }

    #[test]
    fn numbers_and_bits_cross_sliced_or_not() {
        let rows = 11;
        check(Arc::new(
            (0..rows)
                .map(|row| Some(row % 3 == 0))
                .collect::<BooleanArray>(),
        ));
        check(Arc::new(
            (0..rows)
                .map(|row| (row % 4 > 0).then_some(row))
                .collect::<Int64Array>(),
        ));
        for data_type in [
            DataType::Int8,
            DataType::Int16,
            DataType::Int32,
            DataType::UInt8,
            DataType::UInt16,
            DataType::UInt32,
            DataType::UInt64,
            DataType::Float32,
            DataType::Float64,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Second, None),
            DataType::Timestamp(TimeUnit::Millisecond, Some("Europe/Berlin".into())),
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Decimal128(20, 3),
        ] {
            let source: ArrayRef = match data_type {
                DataType::Date32 => Arc::new(Int32Array::from_iter_values(0..11)),
                _ => Arc::new(Int64Array::from_iter_values(0..rows)),
            };
            check(arrow::compute::cast(&source, &data_type).unwrap());
        }
        check(Arc::new(Date32Array::from(vec![Some(-1), None])));
        let zoned = TimestampNanosecondArray::from(vec![1, -1]).with_timezone("+02:00");
        check(Arc::new(zoned));
        let large = Decimal128Array::from(vec![Some(i128::MAX / 2), None, Some(-1)]);
        check(Arc::new(large.with_precision_and_scale(38, 2).unwrap()));
    }

    #[test]
    fn texts_and_nested_values_cross_sliced_or_not() {
        check(Arc::new(StringArray::from(vec![
            Some("é"),
            None,
            Some(""),
            Some("abc"),
        ])));
        check(Arc::new(BinaryArray::from(vec![
            Some(&b"\xff"[..]),
            None,
            Some(b""),
        ])));
        let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
            Some(vec![Some(4)]),
        ]);
        check(Arc::new(list.clone()));
        let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
            vec![
                Some(vec![Some(1), None]),
                None,
                Some(vec![Some(3), Some(4)]),
            ],
            2,
        );
        check(Arc::new(fixed.clone()));
        let fields = Fields::from(vec![
            Field::new("name", DataType::Utf8, true),
            Field::new("lists", list.data_type().clone(), true),
        ]);
        let names = StringArray::from(vec![Some("a"), None, Some("c"), Some("d")]);
        let columns: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(list)];
        let nulls = Some(NullBuffer::from(vec![true, true, false, true]));
        check(Arc::new(StructArray::new(fields, columns, nulls)));
    }

    /// Arrow's own check says the same of any bytes and offsets.
    #[test]
    fn texts_are_what_arrow_says_they_are() {
        let whole: [&[u8]; 4] = [b"a", "é".as_bytes(), "€".as_bytes(), "😀".as_bytes()];
        let broken: [&[u8]; 4] = [b"\x80", b"\xc3", b"\xed\xa0\x80", b"\xff"];
        let mut state = 7_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005) | 1;
            (state >> 33) as usize % bound
        };
        let mut texts = 0;
        for _ in 0..20_000 {
            let ascii = below(4) == 0;
            let mut bytes = Vec::new();
            for _ in 0..below(60) {
                let piece = match (ascii, below(400)) {
                    (false, 0) => broken[below(4)],
                    (false, _) => whole[below(4)],
                    (true, _) => whole[0],
                };
                bytes.extend_from_slice(piece);
            }
            let rows = below(5);
            let mut offsets: Vec<_> = (0..=rows).map(|_| below(bytes.len() + 1) as i32).collect();
            offsets.sort_unstable();
            let (offsets, bytes) = (ScalarBuffer::from(offsets), Buffer::from_vec(bytes));
            let arrows =
                StringArray::try_new(OffsetBuffer::new(offsets.clone()), bytes.clone(), None);
            let array = contract::Array {
                length: rows as u32,
                validity: None,
                values: contract::Values::Bytes((Items(offsets), Items(bytes.into()))),
            };
            let ours = build(&contract::DataType::Utf8, array, Vec::new());
            assert_eq!(ours.is_ok(), arrows.is_ok());
            if let (Ok(ours), Ok(arrows)) = (ours, arrows) {
                assert_eq!(ours.as_string::<i32>(), &arrows);
                texts += 1;
            }
        }
        assert!((5_000..19_000).contains(&texts), "{texts}");
    }
}
