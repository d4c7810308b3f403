//! A table for a process function: its keys, its arguments and its times, out of rows by name.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use wasmill_plugin::{Arguments, Signature};

use crate::plugin::failure::Failure;
use crate::plugin::rows::Written;
use crate::plugin::types;

/// Columns of rows, as a call takes them.
pub struct KeyedRows {
    /// Of PARTITION BY.
    pub keys: Vec<ArrayRef>,
    pub arguments: Vec<ArrayRef>,
    /// Int64 in milliseconds since 1970, or timestamps.
    pub times: Option<ArrayRef>,
    /// The number of the first one, among all of the table.
    pub first: u64,
    pub rows: usize,
}

/// Rows with what their columns are.
pub struct Table {
    pub keys: Vec<FieldRef>,
    pub arguments: Vec<FieldRef>,
    pub rows: KeyedRows,
}

impl KeyedRows {
    pub fn slice(&self, range: &Range<usize>) -> Self {
        let slice = |column: &ArrayRef| column.slice(range.start, range.len());
        KeyedRows {
            keys: self.keys.iter().map(slice).collect(),
            arguments: self.arguments.iter().map(slice).collect(),
            times: self.times.as_ref().map(slice),
            first: self.first + range.start as u64,
            rows: range.len(),
        }
    }
}

impl Table {
    /// Columns by their names: those that the function says it takes, or all, where it takes any; keys
    /// and times may be among them. `types` says what a column is that the function does not.
    pub fn new(
        written: &Written,
        signature: &Signature,
        types: Option<&str>,
        keys: &[String],
        time: Option<&str>,
    ) -> Result<Self, Failure> {
        let typed = types.map(types::parse_list).transpose();
        let typed = typed.map_err(|reason| Failure::wrong(format!("--types: {reason}")))?;
        let typed = typed.unwrap_or_default();
        let declared: &[FieldRef] = match &signature.arguments {
            Arguments::Exact(fields) => fields,
            _ => &[],
        };
        let known = |name: &str| {
            let mut fields = declared.iter().chain(&typed);
            let field = fields.find(|field| field.name() == name);
            field.map(|field| field.data_type().clone())
        };
        let column = |name: &str, otherwise: &dyn Fn() -> Result<DataType, Failure>| {
            let data_type = known(name).map_or_else(otherwise, Ok)?;
            let field: FieldRef = Arc::new(Field::new(name, data_type, true));
            let column = written.column(&field, declared)?;
            Ok::<_, Failure>((field, column))
        };
        let names = match &signature.arguments {
            Arguments::Exact(fields) => fields.iter().map(|field| field.name().clone()).collect(),
            _ => written.names(),
        };
        let of_all = match &signature.arguments {
            Arguments::Variadic(field) => Some(field.data_type()),
            _ => None,
        };
        let key = |name: &String| column(name, &|| written.guess(name));
        let argument = |name: &String| {
            column(name, &|| match of_all {
                Some(data_type) => Ok(data_type.clone()),
                None => written.guess(name),
            })
        };
        let keys = keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
        let arguments = names.iter().map(argument).collect::<Result<Vec<_>, _>>()?;
        let times = time.map(|name| {
            let (field, times) = column(name, &|| written.time_type(name))?;
            match field.data_type() {
                DataType::Int64 | DataType::Timestamp(..) => Ok(times),
                other => Err(Failure::wrong(format!(
                    "--time: `{name}` is {}, which is no time",
                    types::name(other)
                ))
                .hint("it is a timestamp, or an int64 of milliseconds since 1970")),
            }
        });
        let times = times.transpose()?;
        let (key_fields, keys) = keys.into_iter().unzip();
        let (argument_fields, arguments) = arguments.into_iter().unzip();
        Ok(Table {
            keys: key_fields,
            arguments: argument_fields,
            rows: KeyedRows {
                keys,
                arguments,
                times,
                first: 0,
                rows: written.len(),
            },
        })
    }
}
