//! Flink's functions of arrays and maps where DataFusion has none, or means something else by the
//! name.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array},
        compute::{concat, take},
        datatypes::{DataType, Int32Type},
    },
    common::{Result, ScalarValue, exec_err, plan_err},
};

use super::function::{Function, Parameter::*, Rows, gives};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("element", &[Any], item, |rows| {
        let lists = rows.array(0).as_list::<i32>();
        let places =
            (0..rows.count).map(|row| match (lists.is_null(row), lists.value_length(row)) {
                (true, _) | (_, 0) => Ok(None),
                (false, 1) => Ok(u32::try_from(lists.value_offsets()[row]).ok()),
                (false, length) => exec_err!("ELEMENT: the array has {length} elements, not one"),
            });
        let places = places.collect::<Result<UInt32Array>>()?;
        Ok(take(lists.values(), &places, None)?)
    }),
    Function::new(
        "array_contains",
        &[Any, Any],
        |given, zone| item(given, zone).map(|_| DataType::Boolean),
        |rows| {
            let found =
                (0..rows.count).map(|row| Ok(search(rows, row)?.map(|place| place.is_some())));
            Ok(Arc::new(found.collect::<Result<BooleanArray>>()?))
        },
    ),
    Function::new(
        "array_position",
        &[Any, Any],
        |given, zone| item(given, zone).map(|_| DataType::Int32),
        |rows| {
            rows.to_numbers::<Int32Type>(|row| {
                let place = search(rows, row)?.flatten();
                Ok(i32::try_from(place.map_or(0, |place| place + 1)).ok())
            })
        },
    ),
    Function::new(
        "array_remove",
        &[Any, Any],
        |given, zone| item(given, zone).and(gives::first(given, zone)),
        |rows| {
            let lists = rows.array(0).as_list::<i32>();
            let kept = (0..rows.count).map(|row| {
                if lists.is_null(row) {
                    return Ok(None);
                }
                let items = lists.value(row);
                let needle = ScalarValue::try_from_array(rows.array(1), row)?;
                let mut places = Vec::new();
                for place in 0..items.len() {
                    if !is(&items, place, &needle)? {
                        places.extend(u32::try_from(place));
                    }
                }
                Ok(Some(take(&items, &UInt32Array::from(places), None)?))
            });
            list_of(&rows.returns, &kept.collect::<Result<Vec<_>>>()?)
        },
    ),
];

/// The type of the items of the first argument.
fn item(given: &[DataType], _: Option<&str>) -> Result<DataType> {
    match given.first() {
        Some(DataType::List(item)) => Ok(item.data_type().clone()),
        _ => plan_err!("the argument must be an ARRAY"),
    }
}

fn is(items: &ArrayRef, place: usize, needle: &ScalarValue) -> Result<bool> {
    if items.is_null(place) || needle.is_null() {
        return Ok(items.is_null(place) && needle.is_null());
    }
    let item = ScalarValue::try_from_array(items, place)?;
    if item.data_type() == needle.data_type() {
        return Ok(item == *needle);
    }
    Ok(needle
        .cast_to(&item.data_type())
        .is_ok_and(|needle| needle == item))
}

/// Where the second argument is first in the array; None of a NULL array.
fn search(rows: &Rows, row: usize) -> Result<Option<Option<usize>>> {
    let lists = rows.array(0).as_list::<i32>();
    if lists.is_null(row) {
        return Ok(None);
    }
    let items = lists.value(row);
    let needle = ScalarValue::try_from_array(rows.array(1), row)?;
    for place in 0..items.len() {
        if is(&items, place, &needle)? {
            return Ok(Some(Some(place)));
        }
    }
    Ok(Some(None))
}

/// Lists of these items, of this type.
fn list_of(data_type: &DataType, lists: &[Option<ArrayRef>]) -> Result<ArrayRef> {
    use datafusion::arrow::{
        array::new_empty_array,
        buffer::{NullBuffer, OffsetBuffer},
    };
    let DataType::List(item) = data_type else {
        return exec_err!("the argument must be an ARRAY");
    };
    let lengths = lists.iter().map(|list| list.as_ref().map_or(0, Array::len));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let items: Vec<&dyn Array> = lists.iter().flatten().map(AsRef::as_ref).collect();
    let items = match items.is_empty() {
        true => new_empty_array(item.data_type()),
        false => concat(&items)?,
    };
    let valid: Vec<bool> = lists.iter().map(Option::is_some).collect();
    let nulls = Some(NullBuffer::from(valid)).filter(|nulls| nulls.null_count() > 0);
    Ok(Arc::new(ListArray::try_new(
        Arc::clone(item),
        offsets,
        items,
        nulls,
    )?))
}
