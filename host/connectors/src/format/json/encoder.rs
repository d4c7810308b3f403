//! Record batches to JSON objects.

use arrow::array::{Array, AsArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::{JsonOptions, NullKey};
use crate::ConnectorError;
use crate::text::{BytesStyle, Clock, DecimalStyle, Plain, Style};

/// Encodes batches of one schema.
#[derive(Debug)]
pub(crate) struct JsonEncoder {
    options: JsonOptions,
    style: Style,
    /// `"name":` of each column.
    names: Vec<Vec<u8>>,
}

impl JsonEncoder {
    pub(crate) fn new(options: JsonOptions, schema: &SchemaRef) -> Self {
        let clock = match options.iso_timestamps {
            true => Clock::Iso,
            false => Clock::Sql,
        };
        Self {
            style: Style {
                timestamp: clock,
                instant: clock,
                time: Clock::Sql,
                decimal: match options.plain_decimals {
                    true => DecimalStyle::Plain,
                    false => DecimalStyle::Scientific,
                },
                bytes: BytesStyle::Base64,
            },
            options,
            names: schema
                .fields()
                .iter()
                .map(|field| {
                    let mut name = Vec::new();
                    string(field.name(), &mut name);
                    name.push(b':');
                    name
                })
                .collect(),
        }
    }

    /// Appends one object for each row; `end` comes behind each.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        out: &mut Vec<u8>,
        mut end: impl FnMut(&mut Vec<u8>),
    ) -> Result<(), ConnectorError> {
        let columns = batch.columns().iter();
        let values: Vec<_> = columns
            .map(|array| Value::of(array))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            out.push(b'{');
            let mut first = true;
            for (value, name) in values.iter().zip(&self.names) {
                if self.options.ignore_null_fields && value.is_null(row) {
                    continue;
                }
                if !first {
                    out.push(b',');
                }
                first = false;
                out.extend_from_slice(name);
                self.value(value, row, out)?;
            }
            out.push(b'}');
            end(out);
        }
        Ok(())
    }

    fn value(
        &self,
        value: &Value<'_>,
        row: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ConnectorError> {
        if value.is_null(row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match value {
            Value::Plain(_, Plain::Utf8(array)) => string(array.value(row), out),
            Value::Plain(_, plain) => {
                let finite = match plain {
                    Plain::Float32(array) => array.value(row).is_finite(),
                    Plain::Float64(array) => array.value(row).is_finite(),
                    Plain::Boolean(_) | Plain::Decimal(..) => true,
                    Plain::Int8(_) | Plain::Int16(_) | Plain::Int32(_) | Plain::Int64(_) => true,
                    _ => false,
                };
                if !finite {
                    out.push(b'"');
                }
                plain.write(row, &self.style, out);
                if !finite {
                    out.push(b'"');
                }
            }
            Value::List(_, offsets, items) => {
                out.push(b'[');
                for item in offsets[row] as usize..offsets[row + 1] as usize {
                    if item > offsets[row] as usize {
                        out.push(b',');
                    }
                    self.value(items, item, out)?;
                }
                out.push(b']');
            }
            Value::Row(_, fields) => {
                out.push(b'{');
                let mut first = true;
                for (name, field) in fields {
                    if self.options.ignore_null_fields && field.is_null(row) {
                        continue;
                    }
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    string(name, out);
                    out.push(b':');
                    self.value(field, row, out)?;
                }
                out.push(b'}');
            }
            Value::Map(_, offsets, keys, values) => {
                out.push(b'{');
                let mut first = true;
                for entry in offsets[row] as usize..offsets[row + 1] as usize {
                    let Some(key) = self.key(keys, entry)? else {
                        continue;
                    };
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    string(key, out);
                    out.push(b':');
                    self.value(values, entry, out)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn key<'a>(
        &'a self,
        keys: &'a Value<'_>,
        entry: usize,
    ) -> Result<Option<&'a str>, ConnectorError> {
        match (keys, &self.options.null_key) {
            (keys, NullKey::Drop) if keys.is_null(entry) => Ok(None),
            (keys, NullKey::Literal(literal)) if keys.is_null(entry) => Ok(Some(literal)),
            (Value::Plain(_, Plain::Utf8(array)), _) if !array.is_null(entry) => {
                Ok(Some(array.value(entry)))
            }
            _ => Err(
                ConnectorError::data("a MAP has a NULL key, which JSON cannot carry").with_hint(
                    "'json.map-null-key.mode' = 'DROP' or 'LITERAL' writes such maps".to_owned(),
                ),
            ),
        }
    }
}

/// A column of any type, taken apart.
enum Value<'a> {
    Plain(&'a dyn Array, Plain<'a>),
    List(&'a dyn Array, &'a [i32], Box<Value<'a>>),
    Row(&'a dyn Array, Vec<(&'a str, Value<'a>)>),
    Map(&'a dyn Array, &'a [i32], Box<Value<'a>>, Box<Value<'a>>),
}

impl<'a> Value<'a> {
    fn of(array: &'a dyn Array) -> Result<Self, ConnectorError> {
        if let Some(plain) = Plain::of(array) {
            return Ok(Self::Plain(array, plain));
        }
        if let Some(list) = array.as_list_opt::<i32>() {
            let items = Self::of(list.values())?;
            return Ok(Self::List(array, list.value_offsets(), Box::new(items)));
        }
        if let Some(map) = array.as_map_opt() {
            let keys = Box::new(Self::of(map.keys())?);
            let values = Box::new(Self::of(map.values())?);
            return Ok(Self::Map(array, map.value_offsets(), keys, values));
        }
        let Some(row) = array.as_struct_opt() else {
            let kind = array.data_type();
            return Err(ConnectorError::bug(format!("no JSON for {kind}")));
        };
        let fields = row.fields().iter().zip(row.columns());
        let fields = fields.map(|(field, column)| Ok((field.name().as_str(), Self::of(column)?)));
        Ok(Self::Row(
            array,
            fields.collect::<Result<_, ConnectorError>>()?,
        ))
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Plain(array, _)
            | Self::List(array, ..)
            | Self::Row(array, _)
            | Self::Map(array, ..) => array.is_null(row),
        }
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0C => b"\\f",
            0x00..=0x1F => b"\\u",
            _ => continue,
        };
        out.extend_from_slice(&text.as_bytes()[from..at]);
        out.extend_from_slice(escape);
        if escape == b"\\u" {
            out.extend_from_slice(format!("{byte:04x}").as_bytes());
        }
        from = at + 1;
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
    out.push(b'"');
}
