//! `--expect`: what was to come, beside what came.

use std::path::Path;

use arrow::array::ArrayRef;
use serde_json::Value;

use super::failure::Failure;
use super::rows::read;
use super::shown::json;
use super::values;
use crate::output::Output;

/// Differences that are told.
const SHOWN: usize = 10;

/// JSON in a file, or as it was given.
pub fn expected(text: &str) -> Result<Vec<Value>, Failure> {
    let path = Path::new(text);
    let (text, what) = match path.exists() {
        true => (read(path)?, format!("{} is no JSON", path.display())),
        false => (
            text.to_owned(),
            "--expect is neither a file nor JSON".to_owned(),
        ),
    };
    let values = serde_json::Deserializer::from_str(&text).into_iter();
    values
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::wrong(format!("{what}: {error}")))
}

/// What has been compared.
#[derive(Default)]
pub struct Comparison {
    rows: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Compares rows; `of` stands before their numbers: `side output odd, `.
    pub fn add(&mut self, of: &str, expected: &[&Value], got: &ArrayRef) -> Result<(), Failure> {
        let wanted = values::column(got.data_type(), expected).map_err(|wrong| {
            let place = format!("--expect, {of}row {}", wrong.row);
            Failure::wrong(format!("{place}: {}", wrong.message))
        })?;
        let text = |array: &ArrayRef, row: usize| match row < array.len() {
            true => json(array, row),
            false => "nothing".to_owned(),
        };
        let differences = (0..wanted.len().max(got.len())).filter_map(|row| {
            let (wanted, got) = (text(&wanted, row), text(got, row));
            (wanted != got).then(|| format!("\n  {of}row {row}: expected {wanted}, got {got}"))
        });
        self.differences.extend(differences);
        self.rows += got.len();
        Ok(())
    }

    /// An error tells the differences.
    pub fn tell(self, output: &Output) -> Result<(), Failure> {
        if self.differences.is_empty() {
            let (rows, plural) = (self.rows, if self.rows == 1 { "" } else { "s" });
            output.note(&format!("{rows} row{plural} as expected"));
            return Ok(());
        }
        let count = self.differences.len();
        let more = if count > SHOWN { "\n  …" } else { "" };
        Err(Failure::failed(format!(
            "{count} row{} not as expected:{}{more}",
            if count == 1 { " is" } else { "s are" },
            self.differences[..count.min(SHOWN)].concat()
        )))
    }
}
