//! Arrays of a guest as the columns that its function said it gives.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, ListArray, StructArray, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Fields, UInt32Type};

use super::build::reason;
use crate::state::Batch;

/// `array` as a column of `field`: the same type, but for the names and nullability of nested
/// fields, which the `column` constructor does not know and which are taken from `field`.
pub(crate) fn adopt(array: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    if !field.is_nullable() && array.null_count() > 0 {
        return Err(format!(
            "{} nulls in the column `{}`, which is NOT NULL",
            array.null_count(),
            field.name()
        ));
    }
    if array.data_type() == field.data_type() {
        return Ok(array.clone());
    }
    let adopted: Result<ArrayRef, _> = match (array.data_type(), field.data_type()) {
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let items = adopt(list.values(), item)?;
            ListArray::try_new(
                item.clone(),
                list.offsets().clone(),
                items,
                list.nulls().cloned(),
            )
            .map(|array| Arc::new(array) as _)
        }
        (DataType::FixedSizeList(_, got), DataType::FixedSizeList(item, size)) if got == size => {
            let list = array.as_fixed_size_list();
            let items = retyped(list.values(), item)?;
            let nulls = list.nulls().cloned();
            FixedSizeListArray::try_new_with_length(item.clone(), *size, items, nulls, list.len())
                .map(|array| Arc::new(array) as _)
        }
        (DataType::Struct(got), DataType::Struct(fields)) if got.len() == fields.len() => {
            let structure = array.as_struct();
            let columns = structure
                .columns()
                .iter()
                .zip(fields)
                .map(|(column, field)| retyped(column, field))
                .collect::<Result<_, _>>()?;
            let nulls = structure.nulls().cloned();
            StructArray::try_new_with_length(fields.clone(), columns, nulls, structure.len())
                .map(|array| Arc::new(array) as _)
        }
        (got, expected) => {
            return Err(format!("expected {expected}, got {got}"));
        }
    };
    adopted.map_err(reason)
}

/// The columns of rows that a guest gave, as those of these fields, which must have their names.
pub(crate) fn adopt_rows(given: &Batch, columns: &Fields) -> Result<Vec<ArrayRef>, String> {
    if given.fields.len() != columns.len() {
        let (given, wanted) = (given.fields.len(), columns.len());
        return Err(format!("rows of {given} columns, not of {wanted}"));
    }
    let arrays = given.columns.iter().zip(&given.fields).zip(columns);
    arrays
        .enumerate()
        .map(|(index, ((array, given), column))| match given.name() {
            name if name != column.name() => Err(format!(
                "column {index} of its rows is called `{name}`, not `{}`",
                column.name()
            )),
            _ => adopt(array, column)
                .map_err(|reason| format!("column {index} of its rows: {reason}")),
        })
        .collect()
}

/// Numbers that a guest gave, of which none is null; `what` they are.
pub(crate) fn uint32<'a>(what: &str, numbers: &'a ArrayRef) -> Result<&'a UInt32Array, String> {
    match numbers.as_primitive_opt::<UInt32Type>() {
        None => Err(format!("{what} of {}, not of UInt32", numbers.data_type())),
        Some(found) if found.null_count() > 0 => {
            Err(format!("{} nulls among its {what}", found.null_count()))
        }
        Some(found) => Ok(found),
    }
}

/// [`adopt`] where nulls under a null parent are fine: the parent's constructor checks the rest.
fn retyped(array: &ArrayRef, field: &Field) -> Result<ArrayRef, String> {
    adopt(array, &field.clone().with_nullable(true))
}
