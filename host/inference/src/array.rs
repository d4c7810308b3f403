//! Lists of numbers as rows of a matrix, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, ListArray, OffsetSizeTrait, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, FieldRef};

/// The item of a list type.
pub(crate) fn list_item(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item)
        }
        _ => None,
    }
}

/// The items of a list column, row after row, each row `width` long; those of a NULL row are NULL.
/// The error is a sentence that names the row.
pub(crate) fn matrix(column: &ArrayRef, width: usize) -> Result<ArrayRef, String> {
    let (values, starts): (&ArrayRef, Box<dyn Fn(usize) -> usize>) = match column.data_type() {
        DataType::FixedSizeList(_, size) => {
            if usize::try_from(*size) != Ok(width) {
                return Err(format!(
                    "every row has a list of {size} items instead of {width}"
                ));
            }
            let list = column.as_fixed_size_list();
            (
                list.values(),
                Box::new(|row| list.value_offset(row) as usize),
            )
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            refuse_other_length(column, list.offsets(), width)?;
            (
                list.values(),
                Box::new(|row| list.value_offsets()[row] as usize),
            )
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            refuse_other_length(column, list.offsets(), width)?;
            (
                list.values(),
                Box::new(|row| list.value_offsets()[row] as usize),
            )
        }
        other => return Err(format!("a list is needed, not {other}")),
    };
    if column.null_count() == 0 {
        let start = if column.is_empty() { 0 } else { starts(0) };
        return Ok(values.slice(start, column.len() * width));
    }
    let places: UInt64Array = (0..column.len())
        .flat_map(|row| {
            let start = column.is_valid(row).then(|| starts(row));
            (0..width).map(move |item| start.map(|start| (start + item) as u64))
        })
        .collect();
    take(values, &places, None).map_err(|error| error.to_string())
}

fn refuse_other_length<O: OffsetSizeTrait>(
    column: &ArrayRef,
    offsets: &OffsetBuffer<O>,
    width: usize,
) -> Result<(), String> {
    let wrong = |(row, length): &(usize, usize)| *length != width && column.is_valid(*row);
    match offsets.lengths().enumerate().find(wrong) {
        Some((row, length)) => Err(format!(
            "row {row} has a list of {length} items instead of {width}"
        )),
        None => Ok(()),
    }
}

/// Makes a column of the list type `data_type` from a matrix whose rows are `width` long.
pub(crate) fn list_of(
    data_type: &DataType,
    values: &ArrayRef,
    rows: usize,
    width: usize,
) -> Result<ArrayRef, String> {
    let item = list_item(data_type).ok_or_else(|| format!("{data_type} is not a list"))?;
    let values = cast(values, item.data_type()).map_err(|e| e.to_string())?;
    match data_type {
        DataType::FixedSizeList(_, size) => {
            FixedSizeListArray::try_new_with_length(Arc::clone(item), *size, values, None, rows)
                .map(|list| Arc::new(list) as ArrayRef)
        }
        _ => {
            if rows
                .checked_mul(width)
                .is_none_or(|items| i32::try_from(items).is_err())
            {
                return Err(format!(
                    "{rows} lists of {width} items are more than a column can hold"
                ));
            }
            let offsets = OffsetBuffer::<i32>::from_lengths(std::iter::repeat_n(width, rows));
            ListArray::try_new(Arc::clone(item), offsets, values, None)
                .and_then(|list| cast(&list, data_type))
        }
    }
    .map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Int8Array;

    #[test]
    fn more_items_than_a_column_can_hold_are_an_error() {
        let values: ArrayRef = Arc::new(Int8Array::from(Vec::<i8>::new()));
        let lists = |rows, width| {
            list_of(
                &DataType::new_list(DataType::Int8, true),
                &values,
                rows,
                width,
            )
            .unwrap_err()
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
