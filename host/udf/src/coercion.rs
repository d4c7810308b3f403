//! Which casts SQL makes for a function's arguments without being told to.
//!
//! Implicit casts follow Flink's (numbers widen; a string is never a number), with one addition:
//! an integer may narrow, because a literal is BIGINT here and INT in Flink. A value that does not
//! fit fails the cast at run time.

use arrow::datatypes::DataType;

/// Whether SQL casts `from` to `to` without being told to.
pub fn casts_implicitly(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    if from == to || *from == Null {
        return true;
    }
    match (from, to) {
        (Dictionary(_, value), _) => casts_implicitly(value, to),
        (LargeUtf8 | Utf8View, Utf8) => true,
        (LargeBinary | BinaryView | FixedSizeBinary(_), Binary) => true,
        (from, to) if from.is_integer() => to.is_integer() || to.is_floating() || is_decimal(to),
        (from, to) if from.is_floating() => to.is_floating(),
        (from, to) if is_decimal(from) => to.is_floating() || is_decimal(to),
        (Date32 | Date64, Timestamp(..) | Date32) => true,
        (Timestamp(_, from_zone), Timestamp(_, to_zone)) => {
            from_zone.is_some() == to_zone.is_some()
        }
        (Time32(_) | Time64(_), Time64(_)) => true,
        (
            List(from)
            | LargeList(from)
            | ListView(from)
            | LargeListView(from)
            | FixedSizeList(from, _),
            List(to),
        ) => casts_implicitly(from.data_type(), to.data_type()),
        (FixedSizeList(from, from_size), FixedSizeList(to, to_size)) => {
            from_size == to_size && casts_implicitly(from.data_type(), to.data_type())
        }
        (Struct(from), Struct(to)) => {
            from.len() == to.len()
                && from
                    .iter()
                    .zip(to)
                    .all(|(from, to)| casts_implicitly(from.data_type(), to.data_type()))
        }
        _ => false,
    }
}

fn is_decimal(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    )
}
