//! What was expected, and what came.

use arrow::array::ArrayRef;
use wasmill_plugin::PluginError;

use super::case::{ErrorKind, Expected, ExpectedError};
use crate::plugin::shown::json;

/// The first row that is another one, as an error.
pub fn difference(expected: &ArrayRef, given: &ArrayRef) -> Result<(), String> {
    if expected.len() != given.len() {
        return Err(format!(
            "expected {} rows, got {}",
            expected.len(),
            given.len()
        ));
    }
    // Most are the same to the bit; NaN may be another one.
    if expected == given {
        return Ok(());
    }
    for row in 0..expected.len() {
        let (wanted, got) = (json(expected, row), json(given, row));
        if wanted != got {
            return Err(format!(
                "row {row}: expected {}, got {}",
                cut(&wanted),
                cut(&got)
            ));
        }
    }
    Ok(())
}

/// What came of a call, if it is not what was to come.
pub fn outcome(expected: &Expected, given: &Result<ArrayRef, PluginError>) -> Result<(), String> {
    match (expected, given) {
        (Expected::Values(expected), Ok(given)) => difference(expected, given),
        (Expected::Error(expected), Err(error)) => expected.difference(error),
        (Expected::Values(expected), Err(error)) => {
            let row = match error {
                PluginError::Rows { rows, .. } => rows.first().map_or(0, |first| first.row),
                _ => 0,
            };
            let wanted = match row < expected.len() {
                true => cut(&json(expected, row)),
                false => "rows".to_owned(),
            };
            let error = flat(&error.to_string());
            Err(format!(
                "row {row}: expected {wanted}, got the error: {error}"
            ))
        }
        (Expected::Error(expected), Ok(given)) => {
            let row = expected.rows.keys().next().copied().unwrap_or(0);
            let got = match row < given.len() {
                true => cut(&json(given, row)),
                false => "rows".to_owned(),
            };
            Err(format!(
                "row {row}: expected {}, got {got}",
                expected.shown()
            ))
        }
    }
}

impl ExpectedError {
    /// The kind with its first text.
    pub fn shown(&self) -> String {
        let text = self.text.as_ref().or_else(|| self.rows.values().next());
        let kind = self.kind.name();
        match text {
            Some(text) => format!("the error `{text}` ({kind})"),
            None => format!("an error ({kind})"),
        }
    }

    /// What is not as expected, as an error.
    pub fn difference(&self, error: &PluginError) -> Result<(), String> {
        let (kind, text) = match error {
            PluginError::Refused { message, .. } => (ErrorKind::Invalid, Some(message)),
            PluginError::Failed { message, .. } => (ErrorKind::Failed, Some(message)),
            PluginError::Rows { .. } => (ErrorKind::Rows, None),
            PluginError::UnknownFunction { .. } => (ErrorKind::UnknownFunction, None),
            PluginError::UnknownParameter { .. } => (ErrorKind::UnknownParameter, None),
            PluginError::MissingParameter { .. } => (ErrorKind::MissingParameter, None),
            PluginError::WrongArguments { .. } => (ErrorKind::WrongArguments, None),
            PluginError::UngrantedModel { .. } => (ErrorKind::ModelNotGranted, None),
            PluginError::NoTimes { .. } => (ErrorKind::NoTimes, None),
            PluginError::BadData { .. } => (ErrorKind::BadData, None),
            _ => return Err(self.instead_of(error)),
        };
        let same_text = match (&self.text, text) {
            (Some(expected), Some(text)) => expected == text,
            (Some(_), None) => false,
            (None, _) => true,
        };
        if kind != self.kind || !same_text {
            return Err(self.instead_of(error));
        }
        match error {
            PluginError::Rows { rows, .. } => self.rows_difference(rows),
            _ => Ok(()),
        }
    }

    fn instead_of(&self, error: &PluginError) -> String {
        let error = flat(&error.to_string());
        format!("expected {}, got the error: {error}", self.shown())
    }

    fn rows_difference(&self, given: &[wasmill_plugin::RowError]) -> Result<(), String> {
        for bad in given {
            let got = cut(&bad.message);
            match self.rows.get(&bad.row) {
                Some(expected) if *expected == bad.message => {}
                Some(expected) => {
                    return Err(format!(
                        "row {}: expected the error `{expected}`, got `{got}`",
                        bad.row
                    ));
                }
                None => {
                    return Err(format!("row {}: expected no error, got `{got}`", bad.row));
                }
            }
        }
        let told = |row: usize| given.iter().any(|bad| bad.row == row);
        match self
            .rows
            .iter()
            .find(|(row, _)| given.len() < self.rows.len() && !told(**row))
        {
            Some((row, expected)) => Err(format!(
                "row {row}: expected the error `{expected}`, got none"
            )),
            None => Ok(()),
        }
    }
}

/// An error's lines as one.
pub fn flat(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.join("; ")
}

fn cut(text: &str) -> String {
    const LONGEST: usize = 200;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
