//! How far two predictions of a row lie apart.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_comparator};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Field, Float64Type};
use arrow::error::ArrowError;

/// Of each row: the largest distance between its numbers; infinite where something other than numbers
/// differs, 0 where both are NULL or both NaN.
///
/// Both arrays have the same length and type.
pub(super) fn differences(a: &ArrayRef, b: &ArrayRef) -> Result<Vec<f64>, ArrowError> {
    let rows = a.len().min(b.len());
    if a.data_type().is_numeric() {
        let (x, y) = (cast(a, &DataType::Float64)?, cast(b, &DataType::Float64)?);
        let (x, y) = (
            x.as_primitive::<Float64Type>(),
            y.as_primitive::<Float64Type>(),
        );
        let pairs = (0..rows).map(|row| match (x.is_null(row), y.is_null(row)) {
            (true, true) => 0.0,
            (false, false) => apart(x.value(row), y.value(row)),
            _ => f64::INFINITY,
        });
        return Ok(pairs.collect());
    }
    if let (DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _), true) =
        (a.data_type(), a.data_type() == b.data_type())
    {
        let large = DataType::LargeList(item_of(a.data_type()));
        let (x, y) = (cast(a, &large)?, cast(b, &large)?);
        let (x, y) = (x.as_list::<i64>(), y.as_list::<i64>());
        return (0..rows)
            .map(|row| match (x.is_null(row), y.is_null(row)) {
                (true, true) => Ok(0.0),
                (false, false) => {
                    let (left, right) = (x.value(row), y.value(row));
                    match left.len() == right.len() {
                        true => Ok(differences(&left, &right)?.into_iter().fold(0.0, f64::max)),
                        false => Ok(f64::INFINITY),
                    }
                }
                _ => Ok(f64::INFINITY),
            })
            .collect();
    }
    let compare = make_comparator(a, b, SortOptions::default())?;
    let equal = |row: usize| match compare(row, row).is_eq() {
        true => 0.0,
        false => f64::INFINITY,
    };
    Ok((0..rows).map(equal).collect())
}

/// A distance as people read it.
pub(super) fn short(distance: f64) -> String {
    let rounded = format!("{distance:.3e}");
    format!("{:?}", rounded.parse::<f64>().unwrap_or(distance))
}

fn item_of(list: &DataType) -> Arc<Field> {
    match list {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.clone()
        }
        other => Arc::new(Field::new("item", other.clone(), true)),
    }
}

fn apart(x: f64, y: f64) -> f64 {
    match x == y || (x.is_nan() && y.is_nan()) {
        true => 0.0,
        false => {
            let apart = (x - y).abs();
            if apart.is_nan() { f64::INFINITY } else { apart }
        }
    }
}
