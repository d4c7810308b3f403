//! The sink `print`: rows to standard output, spelled as Flink spells them.

use std::io::ErrorKind;
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::table::SharedWriter;
use crate::text::{BytesStyle, Clock, DecimalStyle, Plain, Style, type_name};
use crate::{ConnectorContext, ConnectorError, Sink, SinkTransaction, SinkWriter, TableDefinition};

pub(crate) const CONNECTOR: Connector = Connector {
    name: "print",
    source: false,
    sink: true,
    options: &[
        ConnectorOption::new("print-identifier", None, "begins every line: id> +I[…]"),
        ConnectorOption::new(
            "standard-error",
            Some("false"),
            "prints to standard error instead of standard output",
        ),
        ConnectorOption::new(
            "sink.parallelism",
            None,
            "accepted for Flink's sake: the job's parallelism holds",
        ),
    ],
    formats: &[],
    metadata: &[],
};

pub(crate) fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    let options = Options::new(definition);
    let out = match options.flag("standard-error", false)? {
        true => context.stderr.clone(),
        false => context.stdout.clone(),
    };
    let prefix = match options.text("print-identifier") {
        Some(identifier) if !identifier.is_empty() => format!("{identifier}> "),
        _ => String::new(),
    };
    Ok(Arc::new(Print {
        schema: definition.sink_schema(),
        printer: Printer {
            prefix: prefix.into(),
            out,
        },
    }))
}

struct Print {
    schema: SchemaRef,
    printer: Printer,
}

impl std::fmt::Debug for Print {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Print")
            .field("prefix", &self.printer.prefix)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct Printer {
    prefix: Arc<str>,
    out: SharedWriter,
}

#[async_trait]
impl Sink for Print {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn begin(&self, _overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        Ok(Arc::new(self.printer.clone()))
    }
}

/// What is printed cannot be taken back: the commit only flushes.
#[async_trait]
impl SinkTransaction for Printer {
    async fn writer(&self, _partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(self.clone()))
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        self.print(&[])
    }

    async fn abort(&self) {}
}

#[async_trait]
impl SinkWriter for Printer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        let mut text = Vec::new();
        lines(&batch, &self.prefix, &mut text)?;
        self.print(&text)
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        Ok(())
    }
}

impl Printer {
    /// Prints whole lines, and flushes them.
    fn print(&self, text: &[u8]) -> Result<(), ConnectorError> {
        let mut out = match self.out.lock() {
            Ok(out) => out,
            Err(poisoned) => poisoned.into_inner(),
        };
        let printed = out.write_all(text).and_then(|()| out.flush());
        printed.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => ConnectorError::OutputClosed,
            _ => ConnectorError::io("write", "the output of print", &error),
        })
    }
}

/// Java's `toString` of everything.
const STYLE: Style = Style {
    timestamp: Clock::Local,
    instant: Clock::Instant,
    time: Clock::Local,
    decimal: DecimalStyle::Exact,
    bytes: BytesStyle::Numbers,
};

fn lines(batch: &RecordBatch, prefix: &str, out: &mut Vec<u8>) -> Result<(), ConnectorError> {
    let columns = batch.columns().iter();
    let columns: Vec<_> = columns
        .map(|array| Value::of(array))
        .collect::<Result<_, _>>()?;
    for row in 0..batch.num_rows() {
        out.extend_from_slice(prefix.as_bytes());
        write_row(&columns, row, out);
        out.push(b'\n');
    }
    Ok(())
}

fn write_row(columns: &[Value<'_>], row: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"+I[");
    for (at, column) in columns.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(b", ");
        }
        column.write(row, out);
    }
    out.push(b']');
}

/// A column of any type, taken apart.
enum Value<'a> {
    Plain(&'a dyn Array, Plain<'a>),
    List(&'a dyn Array, &'a [i32], Box<Value<'a>>),
    Row(&'a dyn Array, Vec<Value<'a>>),
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
            let kind = type_name(array.data_type());
            return Err(
                ConnectorError::job(format!("a column of type {kind} cannot be printed"))
                    .with_hint("cast it to a type of Flink's, for example STRING".to_owned()),
            );
        };
        let fields = row.columns().iter().map(|column| Self::of(column));
        Ok(Self::Row(array, fields.collect::<Result<_, _>>()?))
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let array = match self {
            Self::Plain(array, _)
            | Self::List(array, ..)
            | Self::Row(array, _)
            | Self::Map(array, ..) => array,
        };
        if array.is_null(row) {
            out.extend_from_slice(b"null");
            return;
        }
        match self {
            Self::Plain(_, plain) => plain.write(row, &STYLE, out),
            Self::List(_, offsets, items) => {
                out.push(b'[');
                for item in offsets[row] as usize..offsets[row + 1] as usize {
                    if item > offsets[row] as usize {
                        out.extend_from_slice(b", ");
                    }
                    items.write(item, out);
                }
                out.push(b']');
            }
            Self::Row(_, fields) => write_row(fields, row, out),
            Self::Map(_, offsets, keys, values) => {
                out.push(b'{');
                for entry in offsets[row] as usize..offsets[row + 1] as usize {
                    if entry > offsets[row] as usize {
                        out.extend_from_slice(b", ");
                    }
                    keys.write(entry, out);
                    out.push(b'=');
                    values.write(entry, out);
                }
                out.push(b'}');
            }
        }
    }
}
