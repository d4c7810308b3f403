//! `types.json`: values of every type, and the batches that are made of them for `echo`.

use arrow::array::{Array as _, ArrayRef, UInt32Array};
use arrow::compute::take;
use serde::Deserialize;
use serde_json::Value;

use super::case::{Call, Case, Expected, column};
use crate::plugin::types;

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    function: String,
    /// How many rows the batches have.
    sizes: Vec<usize>,
    /// Where they have NULLs.
    nulls: Vec<Nulls>,
    types: Vec<TypeCase>,
}

/// A type with some of its values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeCase {
    #[serde(rename = "type")]
    data_type: String,
    values: Vec<Value>,
}

/// Which rows of a batch are NULL.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Nulls {
    None,
    Start,
    Middle,
    End,
    All,
}

impl Nulls {
    fn has(self, row: usize, rows: usize) -> bool {
        match self {
            Nulls::None => false,
            Nulls::Start => row == 0,
            Nulls::Middle => row == rows / 2,
            Nulls::End => row + 1 == rows,
            Nulls::All => true,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Nulls::None => "without NULL",
            Nulls::Start => "with NULL at the start",
            Nulls::Middle => "with NULL in the middle",
            Nulls::End => "with NULL at the end",
            Nulls::All => "of NULL",
        }
    }
}

impl File {
    /// One for each type, with its calls.
    pub fn cases(&self) -> impl Iterator<Item = (Case, Result<Vec<Call>, String>)> {
        self.types.iter().map(|case| {
            let opened = Case {
                name: case.data_type.clone(),
                function: self.function.clone(),
                arguments: vec![case.data_type.clone()],
                returns: Some(case.data_type.clone()),
                ..Case::default()
            };
            (opened, self.calls(case))
        })
    }

    fn calls(&self, case: &TypeCase) -> Result<Vec<Call>, String> {
        let values = column(&types::parse(&case.data_type)?, &case.values)?;
        let patterns = self
            .nulls
            .iter()
            .flat_map(|nulls| self.sizes.iter().map(|size| (*nulls, *size)));
        let mut calls = patterns
            .map(|(nulls, size)| {
                let column = patterned(&values, nulls, size)?;
                let what = format!("{size} rows {}", nulls.shown());
                Ok(same(what, column))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let whole = same("its values".to_owned(), values.clone());
        calls.extend(whole.rows_by_themselves());
        let null = patterned(&values, Nulls::All, 1)?;
        calls.push(same("NULL by itself".to_owned(), null));
        Ok(calls)
    }
}

/// `echo` gives what it takes.
fn same(what: String, column: ArrayRef) -> Call {
    Call {
        what,
        rows: column.len(),
        columns: vec![column.clone()],
        expected: Expected::Values(column),
    }
}

/// The values over and over, with NULL where the pattern has it.
fn patterned(values: &ArrayRef, nulls: Nulls, rows: usize) -> Result<ArrayRef, String> {
    let length = values.len().max(1);
    let places = (0..rows).map(|row| (!nulls.has(row, rows)).then_some((row % length) as u32));
    let places: UInt32Array = places.collect();
    take(values, &places, None).map_err(|error| error.to_string())
}
