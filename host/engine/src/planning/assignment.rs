//! Which types a column may be filled from without a CAST: Flink's implicit casts.

use arrow::datatypes::DataType;

/// Whether a value of type `from` may be written to a column of type `to` as it is or by a cast
/// that loses nothing but precision of a floating-point number.
pub(super) fn assigns(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    if from == to || matches!(from, Null) {
        return true;
    }
    match (from, to) {
        (from, to) if is_string(from) => is_string(to),
        (from, to) if is_binary(from) => is_binary(to),
        (from, to) if integer_bits(from).is_some() => {
            let bits = integer_bits(from).unwrap_or(u8::MAX);
            match to {
                Float16 | Float32 | Float64 => true,
                Decimal128(..) | Decimal256(..) => true,
                to => integer_bits(to).is_some_and(|to| bits <= to),
            }
        }
        (Float16 | Float32, Float32 | Float64) | (Float64, Float64) => true,
        (
            Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..),
            Float32 | Float64 | Decimal128(..) | Decimal256(..),
        ) => true,
        (Date32 | Date64, Date32) => true,
        (Time32(_) | Time64(_), Time32(_) | Time64(_)) => true,
        (Timestamp(..), Timestamp(..) | Date32 | Time32(_) | Time64(_)) => true,
        (List(from) | LargeList(from) | FixedSizeList(from, _), List(to) | LargeList(to)) => {
            assigns(from.data_type(), to.data_type())
        }
        (FixedSizeList(from, length), FixedSizeList(to, same)) => {
            length == same && assigns(from.data_type(), to.data_type())
        }
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(from, to)| assigns(from.data_type(), to.data_type()))
        }
        (Map(from, _), Map(to, _)) => assigns(from.data_type(), to.data_type()),
        (Dictionary(_, value), to) => assigns(value, to),
        (Interval(_) | Duration(_), Interval(_)) => true,
        _ => false,
    }
}

/// Whether a model's input of type `to` may be given a column of type `from`: as
/// [`assigns`], and any number is good for a floating-point input.
pub(super) fn feeds(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (from, DataType::Float32 | DataType::Float64) if from.is_numeric() => true,
        (
            DataType::List(from) | DataType::LargeList(from) | DataType::FixedSizeList(from, _),
            DataType::List(to) | DataType::LargeList(to) | DataType::FixedSizeList(to, _),
        ) => feeds(from.data_type(), to.data_type()),
        (from, to) => assigns(from, to),
    }
}

fn is_string(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_binary(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

/// The widest signed integer counts as wide as an unsigned one of its size: the unsigned ones are
/// counts and row numbers of the query engine, which stay below 2⁶³.
fn integer_bits(data_type: &DataType) -> Option<u8> {
    Some(match data_type {
        DataType::Int8 => 8,
        DataType::Int16 | DataType::UInt8 => 16,
        DataType::Int32 | DataType::UInt16 => 32,
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => 64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn casts_are_flinks() {
        use DataType::*;
        for (from, to) in [
            (Int32, Int64),
            (Int64, Float64),
            (Float32, Float64),
            (Int32, Decimal128(10, 0)),
            (Decimal128(3, 1), Float64),
            (Null, Utf8),
        ] {
            assert!(assigns(&from, &to), "{from} → {to}");
        }
        for (from, to) in [
            (Int64, Int32),
            (Float64, Float32),
            (Float64, Int32),
            (Utf8, Int32),
            (Int32, Utf8),
            (Boolean, Int32),
            (Float64, Decimal128(10, 2)),
        ] {
            assert!(!assigns(&from, &to), "{from} → {to}");
        }
        assert!(feeds(&Float64, &Float32));
        assert!(!feeds(&Utf8, &Float64));
    }
}
