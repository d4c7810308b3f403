//! The cases of `sdk/conformance/*.json`; the README there says what the fields mean.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, FieldRef};
use serde::Deserialize;
use serde_json::Value;

use super::aggregate::Step;
use crate::plugin::{types, values};

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub cases: Vec<Case>,
}

/// A function, how it is opened, and what it gives.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Case {
    pub name: String,
    pub function: String,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Types of the contract.
    pub arguments: Vec<String>,
    /// Of a scalar or aggregate function the type of its values, of a table function a struct of its
    /// columns.
    pub returns: Option<String>,
    /// Of an aggregate function: a struct of its state's columns.
    pub state: Option<String>,
    /// It does not open.
    pub error: Option<ExpectedError>,
    /// Of a scalar or table function.
    #[serde(default)]
    pub batches: Vec<Batch>,
    /// Once more, each row as a batch of its own.
    #[serde(default)]
    pub row_by_row: bool,
    /// Opened at the same time; the batches of both take turns.
    pub beside: Option<Box<Case>>,
    /// Of an aggregate function.
    #[serde(default)]
    pub steps: Vec<Step>,
}

impl Case {
    /// Those that it opens.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        let beside = self.beside.iter();
        std::iter::once(self)
            .chain(beside.map(|case| &**case))
            .map(|case| case.function.as_str())
    }
}

/// Rows, and what comes of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// An array of arguments each.
    pub rows: Vec<Vec<Value>>,
    /// A value a row; of a table function an array of rows.
    pub gives: Option<Vec<Value>>,
    pub error: Option<ExpectedError>,
    /// The batch has so many rows: those above, over and over. So has what comes of them.
    pub repeat: Option<usize>,
}

/// Why a function does not open, or a batch fails.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    pub kind: ErrorKind,
    /// Of kinds that the host finds itself it may be left out.
    pub text: Option<String>,
    /// Which rows are bad, and why.
    #[serde(default)]
    pub rows: BTreeMap<usize, String>,
}

/// Whose error it is: the first three are the contract's, the others are found by the host.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    Invalid,
    Rows,
    Failed,
    UnknownFunction,
    UnknownParameter,
    MissingParameter,
    WrongArguments,
    ModelNotGranted,
    NoTimes,
    BadData,
}

/// A batch as the runner calls it.
pub struct Call {
    /// For messages: `batch 2`.
    pub what: String,
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
    pub expected: Expected,
}

/// What is to come of a batch.
pub enum Expected {
    Values(ArrayRef),
    Error(ExpectedError),
}

impl Case {
    /// One a column.
    pub fn arguments(&self) -> Result<Vec<FieldRef>, String> {
        fields(&self.arguments)
    }
}

/// Columns of these types, with names before them or without.
pub fn fields(texts: &[String]) -> Result<Vec<FieldRef>, String> {
    let texts = texts.iter().enumerate();
    let field = |(place, text): (usize, &String)| match types::parse_list(text)?.as_slice() {
        [field] if text.starts_with(&format!("{} ", field.name())) => Ok(Arc::clone(field)),
        [field] => {
            let name = format!("c{place}");
            Ok(Arc::new(field.as_ref().clone().with_name(name)))
        }
        _ => Err(format!("`{text}` are several columns")),
    };
    texts.map(field).collect()
}

/// A column each of what stands at its place in every row.
pub fn columns(fields: &[FieldRef], rows: &[Vec<Value>]) -> Result<Vec<ArrayRef>, String> {
    if let Some(row) = rows.iter().position(|row| row.len() != fields.len()) {
        return Err(format!("row {row} does not have {} values", fields.len()));
    }
    let fields = fields.iter().enumerate();
    fields
        .map(|(place, field)| {
            let column: Vec<_> = rows.iter().map(|row| &row[place]).collect();
            values::column(field.data_type(), &column)
                .map_err(|wrong| format!("row {}: {}", wrong.row, wrong.message))
        })
        .collect()
}

/// A column of values, a row each.
pub fn column(data_type: &DataType, rows: &[Value]) -> Result<ArrayRef, String> {
    let rows: Vec<_> = rows.iter().collect();
    values::column(data_type, &rows)
        .map_err(|wrong| format!("row {}: {}", wrong.row, wrong.message))
}

/// The rows over and over, until there are so many.
pub fn repeated(array: &ArrayRef, rows: usize) -> Result<ArrayRef, String> {
    let places = (0..rows).map(|row| (row % array.len().max(1)) as u32);
    let places = UInt32Array::from_iter_values(places);
    take(array, &places, None).map_err(|error| error.to_string())
}

impl Batch {
    /// `returns` is the type of what a call gives for a row.
    pub fn call(
        &self,
        place: usize,
        arguments: &[FieldRef],
        returns: &DataType,
    ) -> Result<Call, String> {
        let columns = columns(arguments, &self.rows)?;
        let given = self.rows.len();
        let rows = self.repeat.unwrap_or(given);
        let fit = |array: &ArrayRef| match rows == given {
            true => Ok(array.clone()),
            false => repeated(array, rows),
        };
        let expected = match (&self.gives, &self.error) {
            (Some(gives), None) if gives.len() == given => {
                Expected::Values(fit(&column(returns, gives)?)?)
            }
            (None, Some(error)) => {
                let mut error = error.clone();
                let bad = error.rows.clone();
                let all = (0..rows).filter_map(|row| Some((row, bad.get(&(row % given))?.clone())));
                error.rows = all.collect();
                Expected::Error(error)
            }
            (Some(gives), None) => {
                return Err(format!("{} results for {given} rows", gives.len()));
            }
            _ => return Err("a batch has `gives` or `error`".to_owned()),
        };
        Ok(Call {
            what: format!(
                "batch {place} of {rows} row{}",
                if rows == 1 { "" } else { "s" }
            ),
            columns: columns.iter().map(fit).collect::<Result<_, _>>()?,
            rows,
            expected,
        })
    }
}

impl Call {
    /// Each row as a call of its own.
    pub fn rows_by_themselves(&self) -> impl Iterator<Item = Call> {
        (0..self.rows).map(|row| Call {
            what: format!("{}, row {row} by itself", self.what),
            columns: self
                .columns
                .iter()
                .map(|column| column.slice(row, 1))
                .collect(),
            rows: 1,
            expected: match &self.expected {
                Expected::Values(values) => Expected::Values(values.slice(row, 1)),
                Expected::Error(error) => Expected::Error(ExpectedError {
                    rows: error
                        .rows
                        .get(&row)
                        .map(|text| (0, text.clone()))
                        .into_iter()
                        .collect(),
                    ..error.clone()
                }),
            },
        })
    }
}

impl Expected {
    /// Whether the expected error says nothing of the only row: what the row gives is not written down.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Expected::Error(error) if error.kind == ErrorKind::Rows && error.rows.is_empty())
    }
}

impl ErrorKind {
    /// As the cases call it.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::Invalid => "invalid",
            ErrorKind::Rows => "rows",
            ErrorKind::Failed => "failed",
            ErrorKind::UnknownFunction => "unknown-function",
            ErrorKind::UnknownParameter => "unknown-parameter",
            ErrorKind::MissingParameter => "missing-parameter",
            ErrorKind::WrongArguments => "wrong-arguments",
            ErrorKind::ModelNotGranted => "model-not-granted",
            ErrorKind::NoTimes => "no-times",
            ErrorKind::BadData => "bad-data",
        }
    }
}
