//! Lists in lists as tensors, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, GenericListArray, OffsetSizeTrait,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

use crate::array::list_item;
use crate::tensor::columns::convert;

/// The values of lists `depth` deep, and the dimensions that all rows have.
///
/// `declared` are the dimensions that the model says, which stand for those of lists that are empty.
/// The error is a sentence that names the row.
pub(super) fn flatten(
    column: &ArrayRef,
    depth: usize,
    declared: &[i64],
) -> Result<(Vec<usize>, ArrayRef), String> {
    let mut dimensions = Vec::with_capacity(depth);
    let mut values = Arc::clone(column);
    // Of lists at this depth that one row has.
    let mut lists = 1_usize;
    for level in 0..depth {
        let (lengths, items) = open(&values)?;
        let known = declared.get(level).and_then(|size| (*size).try_into().ok());
        let row = |place: usize| place / lists;
        if let Some(null) = (0..values.len()).find(|place| values.is_null(*place)) {
            return Err(format!(
                "row {} {} NULL, and a tensor has no value for it",
                row(null),
                if level == 0 {
                    "is"
                } else {
                    "has a list that is"
                }
            ));
        }
        let expected = known.or(lengths.first().copied()).unwrap_or(0);
        if let Some(place) = lengths.iter().position(|length| *length != expected) {
            return Err(format!(
                "row {} has a list of {} items instead of {expected}",
                row(place),
                lengths[place]
            ));
        }
        lists = lists.saturating_mul(expected.max(1));
        dimensions.push(expected);
        values = items;
    }
    Ok((dimensions, values))
}

/// The lengths of lists, and their items one after the other.
fn open(column: &ArrayRef) -> Result<(Vec<usize>, ArrayRef), String> {
    fn variable<O: OffsetSizeTrait>(column: &ArrayRef) -> (Vec<usize>, ArrayRef) {
        let list = column.as_list::<O>();
        let offsets = list.offsets();
        let (first, last) = (offsets[0].as_usize(), offsets[list.len()].as_usize());
        let items = list.values().slice(first, last - first);
        (offsets.lengths().collect(), items)
    }
    match column.data_type() {
        DataType::List(_) => Ok(variable::<i32>(column)),
        DataType::LargeList(_) => Ok(variable::<i64>(column)),
        DataType::FixedSizeList(_, size) => {
            let size = usize::try_from(*size).unwrap_or(0);
            let list = column.as_fixed_size_list();
            let first = if list.is_empty() {
                0
            } else {
                list.value_offset(0)
            };
            let first = usize::try_from(first).unwrap_or(0);
            let items = list.values().slice(first, size * list.len());
            Ok((vec![size; list.len()], items))
        }
        other => Err(format!("a list is needed, not {other}")),
    }
}

/// Makes `rows` values of a type out of the elements of a tensor: each row has a value, or lists of
/// the `dimensions`.
pub(super) fn nest(
    data_type: &DataType,
    values: &ArrayRef,
    rows: usize,
    dimensions: &[usize],
) -> Result<ArrayRef, String> {
    let Some((length, rest)) = dimensions.split_first() else {
        return convert(values, data_type);
    };
    let item = list_item(data_type).ok_or_else(|| format!("{data_type} is not a list"))?;
    let too_many = || format!("{rows} lists of {length} items are more than a column can hold");
    let count = rows.checked_mul(*length).ok_or_else(too_many)?;
    let items = nest(item.data_type(), values, count, rest)?;
    let list: ArrayRef = match data_type {
        DataType::FixedSizeList(_, size) if usize::try_from(*size) != Ok(*length) => {
            return Err(format!("lists of {length} items came instead of {size}"));
        }
        DataType::FixedSizeList(_, size) => Arc::new(
            FixedSizeListArray::try_new_with_length(Arc::clone(item), *size, items, None, rows)
                .map_err(|error| error.to_string())?,
        ),
        DataType::LargeList(_) => Arc::new(
            GenericListArray::<i64>::try_new(
                Arc::clone(item),
                OffsetBuffer::from_lengths(std::iter::repeat_n(*length, rows)),
                items,
                None,
            )
            .map_err(|error| error.to_string())?,
        ),
        _ if i32::try_from(count).is_err() => return Err(too_many()),
        _ => Arc::new(
            GenericListArray::<i32>::try_new(
                Arc::clone(item),
                OffsetBuffer::from_lengths(std::iter::repeat_n(*length, rows)),
                items,
                None,
            )
            .map_err(|error| error.to_string())?,
        ),
    };
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int8Array;

    #[test]
    fn more_items_than_a_column_can_hold_are_an_error() {
        let values: ArrayRef = Arc::new(Int8Array::from(Vec::<i8>::new()));
        let lists = |rows, width| {
            let lists = DataType::new_list(DataType::Int8, true);
            nest(&lists, &values, rows, &[width]).unwrap_err()
        };
        assert_eq!(
            lists(1 << 16, 1 << 15),
            "65536 lists of 32768 items are more than a column can hold"
        );
        assert_eq!(
            lists(2, usize::MAX),
            "2 lists of 18446744073709551615 items are more than a column can hold"
        );
    }
}
