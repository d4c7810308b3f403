//! Rows in the binary format of COPY.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Time64MicrosecondType, TimestampMicrosecondType};
use arrow::error::ArrowError;
use bytes::Bytes;
use tokio_postgres::types::Oid;
use uuid::Uuid;

use super::numeric::write_numeric;
use super::types::Wire;
use crate::ConnectorError;

/// What a COPY begins with: a signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// Days from 1970, Arrow's first, to 2000, PostgreSQL's.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// Encodes rows for one table.
#[derive(Debug)]
pub(super) struct Encoder {
    /// `schema.table`, for messages.
    pub table: String,
    /// A name and a wire type for each column.
    pub columns: Vec<(String, Wire)>,
    /// Behind a row's last column stand its number, and whether it takes the row of its key back.
    pub numbered: bool,
}

impl Encoder {
    /// The rows; they are numbered from `first` on.
    pub(super) fn encode(
        &self,
        batch: &RecordBatch,
        first: i64,
        taken_back: bool,
    ) -> Result<Bytes, ConnectorError> {
        let mut cast = Vec::with_capacity(self.columns.len());
        for ((name, wire), column) in self.columns.iter().zip(batch.columns()) {
            let column = as_wire(wire, column);
            cast.push(column.map_err(|error| self.refused(name, &error.to_string()))?);
        }
        let values: Option<Vec<_>> = self
            .columns
            .iter()
            .zip(&cast)
            .map(|((_, wire), column)| Values::of(wire, column))
            .collect();
        let values =
            values.ok_or_else(|| ConnectorError::bug("a column that PostgreSQL cannot hold"))?;
        let count = values.len() + if self.numbered { 2 } else { 0 };
        let count = i16::try_from(count).map_err(|_| {
            ConnectorError::job("a table of PostgreSQL cannot have as many columns".to_owned())
        })?;
        let mut out = Vec::with_capacity(batch.num_rows() * (2 + 12 * values.len()));
        for (row, number) in (0..batch.num_rows()).zip(first..) {
            out.extend_from_slice(&count.to_be_bytes());
            for (values, (name, _)) in values.iter().zip(&self.columns) {
                let written = values.write_nullable(row, &mut out);
                written.map_err(|wrong| self.refused(name, &wrong))?;
            }
            if self.numbered {
                out.extend_from_slice(&8i32.to_be_bytes());
                out.extend_from_slice(&number.to_be_bytes());
                out.extend_from_slice(&1i32.to_be_bytes());
                out.push(u8::from(taken_back));
            }
        }
        Ok(out.into())
    }

    fn refused(&self, column: &str, wrong: &str) -> ConnectorError {
        let table = &self.table;
        ConnectorError::data(format!("cannot write {table}, column {column}: {wrong}"))
    }
}

fn as_wire(wire: &Wire, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let wanted = wire.arrow_type(column.data_type());
    if *column.data_type() == wanted {
        return Ok(column.clone());
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(column, &wanted, &strict)
}

/// A column, cast to what its wire type takes.
enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int2(&'a Int16Array),
    Int4(&'a Int32Array),
    Int8(&'a Int64Array),
    Numeric(&'a Decimal128Array),
    Float4(&'a Float32Array),
    Float8(&'a Float64Array),
    Text(&'a StringArray),
    Jsonb(&'a StringArray),
    Uuid(&'a StringArray),
    Bytea(&'a BinaryArray),
    Date(&'a Date32Array),
    Time(&'a arrow::array::PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a arrow::array::PrimitiveArray<TimestampMicrosecondType>),
    Array {
        lists: &'a ListArray,
        items: Box<Values<'a>>,
        oid: Oid,
    },
}

impl<'a> Values<'a> {
    fn of(wire: &Wire, array: &'a dyn Array) -> Option<Self> {
        Some(match wire {
            Wire::Boolean => Self::Boolean(array.as_boolean_opt()?),
            Wire::Int2 => Self::Int2(array.as_primitive_opt()?),
            Wire::Int4 => Self::Int4(array.as_primitive_opt()?),
            Wire::Int8 => Self::Int8(array.as_primitive_opt()?),
            Wire::Numeric => Self::Numeric(array.as_primitive_opt()?),
            Wire::Float4 => Self::Float4(array.as_primitive_opt()?),
            Wire::Float8 => Self::Float8(array.as_primitive_opt()?),
            Wire::Text => Self::Text(array.as_string_opt()?),
            Wire::Jsonb => Self::Jsonb(array.as_string_opt()?),
            Wire::Uuid => Self::Uuid(array.as_string_opt()?),
            Wire::Bytea => Self::Bytea(array.as_binary_opt()?),
            Wire::Date => Self::Date(array.as_primitive_opt()?),
            Wire::Time => Self::Time(array.as_primitive_opt()?),
            Wire::Timestamp => Self::Timestamp(array.as_primitive_opt()?),
            Wire::Array { item, oid } => {
                let lists = array.as_list_opt::<i32>()?;
                Self::Array {
                    items: Box::new(Self::of(item, lists.values())?),
                    lists,
                    oid: *oid,
                }
            }
        })
    }

    fn array(&self) -> &'a dyn Array {
        match *self {
            Self::Boolean(array) => array,
            Self::Int2(array) => array,
            Self::Int4(array) => array,
            Self::Int8(array) => array,
            Self::Numeric(array) => array,
            Self::Float4(array) => array,
            Self::Float8(array) => array,
            Self::Text(array) | Self::Jsonb(array) | Self::Uuid(array) => array,
            Self::Bytea(array) => array,
            Self::Date(array) => array,
            Self::Time(array) => array,
            Self::Timestamp(array) => array,
            Self::Array { lists, .. } => lists,
        }
    }

    /// Appends a value behind its length, or the length -1 for NULL. The error says what is wrong
    /// with the value.
    fn write_nullable(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let start = out.len();
        if self.array().is_null(row) {
            out.extend_from_slice(&(-1i32).to_be_bytes());
            return Ok(());
        }
        out.extend_from_slice(&[0; 4]);
        self.write(row, out)?;
        let length = i32::try_from(out.len() - start - 4)
            .map_err(|_| "a value is larger than 2 GiB".to_owned())?;
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Appends a value that is not NULL.
    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::Boolean(array) => out.push(array.value(row).into()),
            Self::Int2(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Int4(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Int8(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Numeric(array) => write_numeric(array.value(row), array.scale(), out),
            Self::Float4(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Float8(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Jsonb(array) => {
                // The version of the format.
                out.push(1);
                out.extend_from_slice(array.value(row).as_bytes());
            }
            Self::Uuid(array) => {
                let text = array.value(row);
                let uuid = Uuid::try_parse(text).map_err(|_| {
                    // The longest spelling has 45 characters.
                    format!("'{text:.50}' is not a UUID")
                })?;
                out.extend_from_slice(uuid.as_bytes());
            }
            Self::Bytea(array) => out.extend_from_slice(array.value(row)),
            Self::Date(array) => {
                let days = array.value(row).checked_sub(EPOCH_DAYS);
                let days = days.ok_or("a date is out of range")?;
                out.extend_from_slice(&days.to_be_bytes());
            }
            Self::Time(array) => out.extend_from_slice(&array.value(row).to_be_bytes()),
            Self::Timestamp(array) => {
                let micros = array.value(row).checked_sub(EPOCH_MICROS);
                let micros = micros.ok_or("a timestamp is out of range")?;
                out.extend_from_slice(&micros.to_be_bytes());
            }
            Self::Array { lists, items, oid } => {
                let offsets = lists.value_offsets();
                let (begin, end) = (offsets[row] as usize, offsets[row + 1] as usize);
                let length = offsets[row + 1] - offsets[row];
                let dimensions = i32::from(length > 0);
                let has_nulls = (begin..end).any(|item| items.array().is_null(item));
                for part in [dimensions, has_nulls.into(), oid.cast_signed()] {
                    out.extend_from_slice(&part.to_be_bytes());
                }
                if length > 0 {
                    // PostgreSQL counts the items from 1.
                    for part in [length, 1] {
                        out.extend_from_slice(&part.to_be_bytes());
                    }
                }
                for item in begin..end {
                    items.write_nullable(item, out)?;
                }
            }
        }
        Ok(())
    }
}
