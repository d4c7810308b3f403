//! Messages that are one value's bytes, as Flink's `raw` format reads and writes them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::array::{
    ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use super::{MessageDecoder, MessageEncoder, Messages, Pushed, SchemaReference};
use crate::format::{Format, MAX_BATCH_BYTES, Wrong, excerpt};
use crate::options::Options;
use crate::registry::ConnectorOption;
use crate::text::{a_type, type_name};
use crate::{ConnectorError, TableDefinition};

pub(crate) const FORMAT: Format = Format {
    name: "raw",
    options: &[
        ConnectorOption::new(
            "raw.charset",
            Some("UTF-8"),
            "how a STRING is written: UTF-8",
        ),
        ConnectorOption::new(
            "raw.endianness",
            Some("big-endian"),
            "big-endian or little-endian: the order of a number's bytes",
        ),
    ],
};

/// What a table's messages in this format are.
#[derive(Debug, Clone)]
pub(super) struct RawOptions {
    field: Field,
    little_endian: bool,
}

impl RawOptions {
    pub(super) fn parse(
        definition: &TableDefinition,
        options: &Options<'_>,
        fields: &[Field],
    ) -> Result<Self, ConnectorError> {
        let charset = options.text("raw.charset").unwrap_or("UTF-8");
        if !["utf-8", "utf8"].contains(&charset.to_ascii_lowercase().as_str()) {
            return Err(options.invalid("raw.charset", "'UTF-8', so far"));
        }
        let endianness = options.choice("raw.endianness", &["big-endian", "little-endian"])?;
        let [field] = fields else {
            let names: Vec<_> = fields.iter().map(|field| field.name().as_str()).collect();
            return Err(ConnectorError::job(format!(
                "table {}: the format raw carries one column, not {} ({})",
                definition.name,
                fields.len(),
                names.join(", ")
            )));
        };
        if RawColumn::new(field.data_type()).is_none() {
            return Err(ConnectorError::job(format!(
                "table {}: column {} is {}, which the format raw cannot carry",
                definition.name,
                field.name(),
                type_name(field.data_type())
            ))
            .with_hint(
                "it carries BOOLEAN, TINYINT, SMALLINT, INT, BIGINT, FLOAT, DOUBLE, STRING and BYTES"
                    .to_owned(),
            ));
        }
        Ok(Self {
            field: field.clone(),
            little_endian: endianness == Some("little-endian"),
        })
    }
}

enum RawColumn {
    Boolean(BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Utf8(StringBuilder),
    Binary(BinaryBuilder),
}

/// A number's bytes in the one order or the other.
trait Bytes: ArrowPrimitiveType {
    fn read(bytes: &[u8], little_endian: bool) -> Option<Self::Native>;
    fn write(value: Self::Native, little_endian: bool, out: &mut Vec<u8>);
}

macro_rules! bytes_of {
    ($($kind:ty),*) => {$(
        impl Bytes for $kind {
            fn read(bytes: &[u8], little_endian: bool) -> Option<Self::Native> {
                let bytes = bytes.try_into().ok()?;
                Some(match little_endian {
                    true => Self::Native::from_le_bytes(bytes),
                    false => Self::Native::from_be_bytes(bytes),
                })
            }

            fn write(value: Self::Native, little_endian: bool, out: &mut Vec<u8>) {
                out.extend_from_slice(&match little_endian {
                    true => value.to_le_bytes(),
                    false => value.to_be_bytes(),
                });
            }
        }
    )*};
}

bytes_of!(
    Int8Type,
    Int16Type,
    Int32Type,
    Int64Type,
    Float32Type,
    Float64Type
);

impl RawColumn {
    fn new(kind: &DataType) -> Option<Self> {
        Some(match kind {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int8 => Self::Int8(PrimitiveBuilder::new()),
            DataType::Int16 => Self::Int16(PrimitiveBuilder::new()),
            DataType::Int32 => Self::Int32(PrimitiveBuilder::new()),
            DataType::Int64 => Self::Int64(PrimitiveBuilder::new()),
            DataType::Float32 => Self::Float32(PrimitiveBuilder::new()),
            DataType::Float64 => Self::Float64(PrimitiveBuilder::new()),
            DataType::Utf8 => Self::Utf8(StringBuilder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            _ => return None,
        })
    }

    /// Appends a value; `false` and nothing if the bytes are none.
    fn push(&mut self, bytes: &[u8], little_endian: bool) -> bool {
        fn number<T: Bytes>(
            values: &mut PrimitiveBuilder<T>,
            bytes: &[u8],
            little_endian: bool,
        ) -> bool {
            let value = T::read(bytes, little_endian);
            value.map(|value| values.append_value(value)).is_some()
        }
        match self {
            Self::Boolean(values) => match bytes {
                [byte] => values.append_value(*byte != 0),
                _ => return false,
            },
            Self::Int8(values) => return number(values, bytes, little_endian),
            Self::Int16(values) => return number(values, bytes, little_endian),
            Self::Int32(values) => return number(values, bytes, little_endian),
            Self::Int64(values) => return number(values, bytes, little_endian),
            Self::Float32(values) => return number(values, bytes, little_endian),
            Self::Float64(values) => return number(values, bytes, little_endian),
            Self::Utf8(values) => match std::str::from_utf8(bytes) {
                Ok(text) => values.append_value(text),
                Err(_) => return false,
            },
            Self::Binary(values) => values.append_value(bytes),
        }
        true
    }

    fn push_null(&mut self) {
        match self {
            Self::Boolean(values) => values.append_null(),
            Self::Int8(values) => values.append_null(),
            Self::Int16(values) => values.append_null(),
            Self::Int32(values) => values.append_null(),
            Self::Int64(values) => values.append_null(),
            Self::Float32(values) => values.append_null(),
            Self::Float64(values) => values.append_null(),
            Self::Utf8(values) => values.append_null(),
            Self::Binary(values) => values.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Int8(values) => Arc::new(values.finish()),
            Self::Int16(values) => Arc::new(values.finish()),
            Self::Int32(values) => Arc::new(values.finish()),
            Self::Int64(values) => Arc::new(values.finish()),
            Self::Float32(values) => Arc::new(values.finish()),
            Self::Float64(values) => Arc::new(values.finish()),
            Self::Utf8(values) => Arc::new(values.finish()),
            Self::Binary(values) => Arc::new(values.finish()),
        }
    }
}

pub(super) struct RawDecoder {
    options: RawOptions,
    column: RawColumn,
    /// Whether the column is asked for, and not only the number of rows.
    wanted: bool,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

impl RawDecoder {
    pub(super) fn new(
        options: RawOptions,
        wanted: bool,
        batch_rows: usize,
    ) -> Result<Self, ConnectorError> {
        let column = RawColumn::new(options.field.data_type());
        Ok(Self {
            column: column.ok_or_else(|| ConnectorError::bug("no raw column"))?,
            options,
            wanted,
            rows: 0,
            bytes: 0,
            batch_rows,
        })
    }

    fn explain(&self, message: &[u8]) -> Wrong {
        let kind = self.options.field.data_type();
        let wrong = match kind {
            DataType::Utf8 => Wrong::new(format!("'{}' is not UTF-8 text", excerpt(message))),
            _ => Wrong::new(format!("{} bytes are not {}", message.len(), a_type(kind))),
        };
        wrong.at(format!("column {}", self.options.field.name()))
    }
}

#[async_trait]
impl MessageDecoder for RawDecoder {
    fn push(&mut self, message: &[u8]) -> Pushed {
        if self.wanted && !self.column.push(message, self.options.little_endian) {
            return Pushed::Wrong(self.explain(message));
        }
        self.rows += 1;
        self.bytes += message.len();
        Pushed::Row
    }

    fn push_absent(&mut self) -> Pushed {
        if self.wanted && !self.options.field.is_nullable() {
            let wrong = Wrong::new("the message is NULL, but its column declared NOT NULL");
            let name = self.options.field.name();
            return Pushed::Wrong(wrong.at(format!("column {name}")));
        }
        if self.wanted {
            self.column.push_null();
        }
        self.rows += 1;
        Pushed::Row
    }

    async fn learn(&mut self, _schema: SchemaReference) -> Result<(), ConnectorError> {
        Err(ConnectorError::bug("the format raw has no schemas"))
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    fn finish(&mut self) -> Result<Vec<ArrayRef>, ConnectorError> {
        self.rows = 0;
        self.bytes = 0;
        Ok(match self.wanted {
            true => vec![self.column.finish()],
            false => Vec::new(),
        })
    }
}

pub(super) struct RawEncoder {
    options: RawOptions,
}

impl RawEncoder {
    pub(super) fn new(options: RawOptions) -> Self {
        Self { options }
    }
}

#[async_trait]
impl MessageEncoder for RawEncoder {
    async fn begin(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn encode(
        &mut self,
        batch: &RecordBatch,
        messages: &mut Messages,
    ) -> Result<(), ConnectorError> {
        fn number<T: Bytes>(array: &ArrayRef, row: usize, little_endian: bool, out: &mut Vec<u8>) {
            T::write(array.as_primitive::<T>().value(row), little_endian, out);
        }
        let array = batch.column(0);
        let little_endian = self.options.little_endian;
        for row in 0..array.len() {
            if array.is_null(row) {
                messages.end_absent();
                continue;
            }
            let out = &mut messages.bytes;
            match array.data_type() {
                DataType::Boolean => out.push(array.as_boolean().value(row).into()),
                DataType::Int8 => number::<Int8Type>(array, row, little_endian, out),
                DataType::Int16 => number::<Int16Type>(array, row, little_endian, out),
                DataType::Int32 => number::<Int32Type>(array, row, little_endian, out),
                DataType::Int64 => number::<Int64Type>(array, row, little_endian, out),
                DataType::Float32 => number::<Float32Type>(array, row, little_endian, out),
                DataType::Float64 => number::<Float64Type>(array, row, little_endian, out),
                DataType::Utf8 => {
                    out.extend_from_slice(array.as_string::<i32>().value(row).as_bytes());
                }
                DataType::Binary => out.extend_from_slice(array.as_binary::<i32>().value(row)),
                other => return Err(ConnectorError::bug(format!("no raw bytes for {other}"))),
            }
            messages.end();
        }
        Ok(())
    }
}
