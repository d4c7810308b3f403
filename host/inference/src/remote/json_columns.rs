//! Columns as JSON: the parameters of a method, and what it gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, UInt64Type};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::value::RawValue;

use super::bentoml::Form;
use crate::array::list_item;
use crate::definition::type_name;
use crate::open_inference::{element_of, narrow, read_rows, value_type};

/// An object of the parameters; NULL and what is no number are `null`. The error names the column.
pub(super) fn write_request(
    form: &Form,
    fields: &[Field],
    columns: &[ArrayRef],
    rows: usize,
) -> Result<Vec<u8>, String> {
    let columns = columns
        .iter()
        .zip(fields)
        .map(|(column, field)| {
            plain(column).map_err(|message| format!("the column '{}': {message}", field.name()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let request = Request {
        form,
        fields,
        columns: &columns,
        rows,
    };
    serde_json::to_vec(&request).map_err(|error| error.to_string())
}

struct Request<'a> {
    form: &'a Form,
    fields: &'a [Field],
    columns: &'a [ArrayRef],
    rows: usize,
}

impl Serialize for Request<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parameters = serializer.serialize_map(None)?;
        match self.form {
            Form::Named => {
                for (field, column) in self.fields.iter().zip(self.columns) {
                    parameters.serialize_entry(field.name(), &Values(column))?;
                }
            }
            Form::Rows(name) => parameters.serialize_entry(name, &Rows(self.columns, self.rows))?,
        }
        parameters.end()
    }
}

/// A list of a value a row.
struct Values<'a>(&'a ArrayRef);

/// A list of rows, each a list of a value a column.
struct Rows<'a>(&'a [ArrayRef], usize);

struct Row<'a>(&'a [ArrayRef], usize);

/// One value of a plain column.
struct Value<'a>(&'a ArrayRef, usize);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.0.len()).map(|row| Value(self.0, row)))
    }
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..self.1).map(|row| Row(self.0, row)))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_seq(Some(self.0.len()))?;
        for column in self.0 {
            values.serialize_element(&Value(column, self.1))?;
        }
        values.end()
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (column, row) = (self.0, self.1);
        if column.is_null(row) {
            return serializer.serialize_unit();
        }
        match column.data_type() {
            DataType::Boolean => serializer.serialize_bool(column.as_boolean().value(row)),
            DataType::Int64 => {
                serializer.serialize_i64(column.as_primitive::<Int64Type>().value(row))
            }
            DataType::UInt64 => {
                serializer.serialize_u64(column.as_primitive::<UInt64Type>().value(row))
            }
            DataType::Float64 => {
                serializer.serialize_f64(column.as_primitive::<Float64Type>().value(row))
            }
            DataType::Utf8 => serializer.serialize_str(column.as_string::<i32>().value(row)),
            _ => Values(&column.as_list::<i64>().value(row)).serialize(serializer),
        }
    }
}

/// A column as one of the few types that are written.
fn plain(column: &ArrayRef) -> Result<ArrayRef, String> {
    let target = plain_type(column.data_type()).ok_or_else(|| {
        format!(
            "{} is nothing that JSON can say",
            type_name(column.data_type())
        )
    })?;
    cast(column, &target).map_err(|error| error.to_string())
}

fn plain_type(data_type: &DataType) -> Option<DataType> {
    if let Some(item) = list_item(data_type) {
        let item = item.as_ref().clone();
        let plain = plain_type(item.data_type())?;
        return Some(DataType::LargeList(Arc::new(
            item.with_data_type(plain).with_nullable(true),
        )));
    }
    Some(match data_type {
        DataType::Boolean | DataType::UInt64 => data_type.clone(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Decimal128(..) => DataType::Float64,
        data_type if data_type.is_floating() => DataType::Float64,
        data_type if data_type.is_integer() => DataType::Int64,
        _ => return None,
    })
}

/// A column for each output; the error is a sentence.
pub(super) fn read_answer(
    body: &[u8],
    outputs: &[Field],
    rows: usize,
) -> Result<Vec<ArrayRef>, String> {
    let unreadable = |error: serde_json::Error| format!("its JSON cannot be read: {error}");
    let body: &RawValue = serde_json::from_slice(body).map_err(unreadable)?;
    if body.get().starts_with('{') {
        let lists: BTreeMap<String, &RawValue> =
            serde_json::from_str(body.get()).map_err(unreadable)?;
        return outputs
            .iter()
            .map(|field| {
                let list = lists.get(field.name());
                let list = list.ok_or_else(|| format!("it has no '{}'", field.name()))?;
                let values: Vec<&RawValue> = serde_json::from_str(list.get())
                    .map_err(|error| format!("'{}' is no list: {error}", field.name()))?;
                column(field, &values, rows)
            })
            .collect();
    }
    let given: Vec<&RawValue> = serde_json::from_str(body.get()).map_err(unreadable)?;
    if given.first().is_some_and(|row| row.get().starts_with('{')) {
        let rows_of: Vec<BTreeMap<String, &RawValue>> = given
            .iter()
            .map(|row| serde_json::from_str(row.get()).map_err(unreadable))
            .collect::<Result<_, _>>()?;
        let values = |field: &Field| {
            let values = rows_of.iter().enumerate().map(|(row, values)| {
                let value = values.get(field.name()).copied();
                value.ok_or_else(|| format!("row {row} has no '{}'", field.name()))
            });
            values.collect::<Result<Vec<_>, _>>()
        };
        return outputs
            .iter()
            .map(|field| column(field, &values(field)?, rows))
            .collect();
    }
    if let [field] = outputs {
        return Ok(vec![column(field, &given, rows)?]);
    }
    let rows_of: Vec<Vec<&RawValue>> = given
        .iter()
        .map(|row| serde_json::from_str(row.get()).map_err(unreadable))
        .collect::<Result<_, _>>()?;
    if let Some(row) = rows_of.iter().position(|row| row.len() != outputs.len()) {
        return Err(format!(
            "row {row} has {} values, but {} outputs are declared",
            rows_of[row].len(),
            outputs.len()
        ));
    }
    outputs
        .iter()
        .enumerate()
        .map(|(output, field)| {
            let values: Vec<_> = rows_of.iter().map(|row| row[output]).collect();
            column(field, &values, rows)
        })
        .collect()
}

/// A column out of a value a row.
fn column(field: &Field, values: &[&RawValue], rows: usize) -> Result<ArrayRef, String> {
    let name = field.name();
    if values.len() != rows {
        return Err(format!(
            "'{name}' has {} values for {rows} rows",
            values.len()
        ));
    }
    let element = element_of(value_type(field))
        .ok_or_else(|| format!("'{name}' cannot be {}", type_name(field.data_type())))?;
    let (flat, counts) =
        read_rows(element, values).map_err(|error| format!("'{name}': {error}"))?;
    let flat = narrow(name, element, &flat)?;
    let Some(item) = list_item(field.data_type()) else {
        if let Some(row) = counts.iter().position(|count| *count != 1) {
            return Err(format!("'{name}' has {} values in row {row}", counts[row]));
        }
        return cast(&flat, field.data_type()).map_err(|error| error.to_string());
    };
    if i32::try_from(flat.len()).is_err() {
        return Err(format!("'{name}' has more values than a column can hold"));
    }
    let flat = cast(&flat, item.data_type()).map_err(|error| error.to_string())?;
    let offsets = OffsetBuffer::<i32>::from_lengths(counts);
    let list = ListArray::try_new(Arc::clone(item), offsets, flat, None);
    list.and_then(|list| cast(&list, field.data_type()))
        .map_err(|error| format!("'{name}': {error}"))
}
