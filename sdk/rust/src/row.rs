//! The row path: SQL values to columns of one row, and back.

use crate::bindings::wasmill::udf::columns as wire;
use crate::types::to_schema;
use crate::{Array, Batch, Bitmap, Column, DataType, Error, Field, TimeUnit, Value, Values};

/// The arguments of one row.
#[derive(Debug)]
pub struct Row<'a> {
    values: Vec<Value>,
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// The arguments of a row, of the types of `fields`.
    pub fn new(values: Vec<Value>, fields: &'a [Field]) -> Result<Self, Error> {
        if values.len() != fields.len() {
            return Err(Error::invalid(format!(
                "a row has {} values, the function was opened with {} arguments",
                values.len(),
                fields.len()
            )));
        }
        Ok(Self { values, fields })
    }

    /// The arguments' names and types, as the function was opened with them.
    pub fn fields(&self) -> &'a [Field] {
        self.fields
    }

    /// The arguments themselves.
    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// A batch of this row alone.
    pub fn into_batch(self) -> Result<Batch, Error> {
        let fields = self.fields;
        let columns = self.values.into_iter().zip(fields).enumerate();
        let columns = columns
            .map(|(index, (value, field))| {
                into_column(value, &field.data_type).ok_or_else(|| {
                    Error::invalid(format!(
                        "argument {} ('{}') is not of its type, {:?}",
                        index + 1,
                        field.name,
                        field.data_type
                    ))
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Batch::new(&to_schema(fields), columns, 1))
    }
}

impl Column {
    /// The first value of a column, as the row path returns it.
    pub fn value(self) -> Result<Value, Error> {
        if self.length() == 0 {
            return Err(Error::failed("the result of one row has no row"));
        }
        let data_type = self.data_type();
        if is_nested(&data_type) {
            let null = self.null_count() > 0;
            return Ok(if null {
                Value::Null
            } else {
                Value::Nested(self)
            });
        }
        let array = self.read();
        Ok(plain_value(&data_type, array).unwrap_or(Value::Nested(self)))
    }
}

/// Types whose values travel as a column of one row.
pub(crate) fn is_nested(data_type: &wire::DataType) -> bool {
    match data_type {
        wire::DataType::Time64
        | wire::DataType::Decimal128(_)
        | wire::DataType::List
        | wire::DataType::FixedSizeList(_)
        | wire::DataType::Struct => true,
        wire::DataType::Timestamp(timestamp) => timestamp.unit != TimeUnit::Microsecond,
        _ => false,
    }
}

/// The first item of an array; none where it is of a nested type or has no item.
pub(crate) fn plain_value(data_type: &wire::DataType, array: Array) -> Option<Value> {
    if array.validity.is_some_and(|bits| !Bitmap::new(bits).get(0)) {
        return Some(Value::Null);
    }
    Some(match (data_type, array.values) {
        (_, Values::Boolean(bits)) => Value::Boolean(bits.first()? & 1 == 1),
        (_, Values::Int8(items)) => Value::Int64((*items.first()?).into()),
        (_, Values::Int16(items)) => Value::Int64((*items.first()?).into()),
        (wire::DataType::Date32, Values::Int32(items)) => Value::Date32(*items.first()?),
        (_, Values::Int32(items)) => Value::Int64((*items.first()?).into()),
        (wire::DataType::Timestamp(_), Values::Int64(items)) => {
            Value::TimestampMicros(*items.first()?)
        }
        (_, Values::Int64(items)) => Value::Int64(*items.first()?),
        (_, Values::Uint8(items)) => Value::Uint64((*items.first()?).into()),
        (_, Values::Uint16(items)) => Value::Uint64((*items.first()?).into()),
        (_, Values::Uint32(items)) => Value::Uint64((*items.first()?).into()),
        (_, Values::Uint64(items)) => Value::Uint64(*items.first()?),
        (_, Values::Float32(items)) => Value::Float32(*items.first()?),
        (_, Values::Float64(items)) => Value::Float64(*items.first()?),
        (_, Values::Bytes((offsets, mut bytes))) => {
            bytes.truncate(usize::try_from(*offsets.get(1)?).ok()?);
            match data_type {
                wire::DataType::Utf8 => Value::Utf8(String::from_utf8(bytes).ok()?),
                _ => Value::Binary(bytes),
            }
        }
        (_, Values::Int128(_) | Values::Offsets(_) | Values::None) => return None,
    })
}

/// A column of this one value; none where the value is not of the type.
fn into_column(value: Value, data_type: &DataType) -> Option<Column> {
    if let Value::Nested(column) = value {
        return Some(column);
    }
    if let Value::Null = value {
        return Some(nulls(data_type, 1));
    }
    let values = plain_values(value, data_type)?;
    let array = Array {
        length: 1,
        validity: None,
        values,
    };
    Some(Column::new(&data_type.wire(), &array, Vec::new()))
}

/// The buffers of one value of a type that is not nested.
pub(crate) fn plain_values(value: Value, data_type: &DataType) -> Option<Values> {
    Some(match (value, data_type) {
        (Value::Boolean(bit), DataType::Boolean) => Values::Boolean(vec![bit.into()]),
        (Value::Int64(item), DataType::Int8) => Values::Int8(vec![item.try_into().ok()?]),
        (Value::Int64(item), DataType::Int16) => Values::Int16(vec![item.try_into().ok()?]),
        (Value::Int64(item), DataType::Int32) => Values::Int32(vec![item.try_into().ok()?]),
        (Value::Int64(item), DataType::Int64) => Values::Int64(vec![item]),
        (Value::Uint64(item), DataType::UInt8) => Values::Uint8(vec![item.try_into().ok()?]),
        (Value::Uint64(item), DataType::UInt16) => Values::Uint16(vec![item.try_into().ok()?]),
        (Value::Uint64(item), DataType::UInt32) => Values::Uint32(vec![item.try_into().ok()?]),
        (Value::Uint64(item), DataType::UInt64) => Values::Uint64(vec![item]),
        (Value::Float32(item), DataType::Float32) => Values::Float32(vec![item]),
        (Value::Float64(item), DataType::Float64) => Values::Float64(vec![item]),
        (Value::Utf8(text), DataType::Utf8) => bytes(text.into_bytes())?,
        (Value::Binary(binary), DataType::Binary) => bytes(binary)?,
        (Value::TimestampMicros(ticks), DataType::Timestamp(TimeUnit::Microsecond, _)) => {
            Values::Int64(vec![ticks])
        }
        (Value::Date32(days), DataType::Date32) => Values::Int32(vec![days]),
        _ => return None,
    })
}

fn bytes(bytes: Vec<u8>) -> Option<Values> {
    let end = i32::try_from(bytes.len()).ok()?;
    Some(Values::Bytes((vec![0, end], bytes)))
}

/// Nothing but NULL.
fn nulls(data_type: &DataType, rows: usize) -> Column {
    let mut children = Vec::new();
    let values = match data_type {
        DataType::Boolean => Values::Boolean(vec![0; rows.div_ceil(8)]),
        DataType::Int8 => Values::Int8(vec![0; rows]),
        DataType::Int16 => Values::Int16(vec![0; rows]),
        DataType::Int32 | DataType::Date32 => Values::Int32(vec![0; rows]),
        DataType::Int64 | DataType::Time64 | DataType::Timestamp(..) => {
            Values::Int64(vec![0; rows])
        }
        DataType::UInt8 => Values::Uint8(vec![0; rows]),
        DataType::UInt16 => Values::Uint16(vec![0; rows]),
        DataType::UInt32 => Values::Uint32(vec![0; rows]),
        DataType::UInt64 => Values::Uint64(vec![0; rows]),
        DataType::Float32 => Values::Float32(vec![0.0; rows]),
        DataType::Float64 => Values::Float64(vec![0.0; rows]),
        DataType::Utf8 | DataType::Binary => Values::Bytes((vec![0; rows + 1], Vec::new())),
        DataType::Decimal128(..) => Values::Int128(vec![0; 2 * rows]),
        DataType::List(item) => {
            children.push(nulls(&item.data_type, 0));
            Values::Offsets(vec![0; rows + 1])
        }
        DataType::FixedSizeList(item, size) => {
            children.push(nulls(&item.data_type, rows * *size as usize));
            Values::None
        }
        DataType::Struct(fields) => {
            children.extend(fields.iter().map(|field| nulls(&field.data_type, rows)));
            Values::None
        }
    };
    let array = Array {
        length: rows as u32,
        validity: Some(Bitmap::zeros(rows).into_bytes()),
        values,
    };
    Column::new(&data_type.wire(), &array, children)
}
