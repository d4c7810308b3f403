//! Ways to make the contract's error.

use crate::bindings::wasmill::udf::inference::InferenceError;
use crate::{Error, RowError};

impl Error {
    /// The job is wrong: a bad parameter, bad argument types.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// The function itself failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }

    /// One row of the batch is bad.
    pub fn row(row: usize, message: impl Into<String>) -> Self {
        Self::Rows(vec![RowError::new(row, message)])
    }
}

impl RowError {
    /// What is wrong with a row, counted from 0 in its batch.
    pub fn new(row: usize, message: impl Into<String>) -> Self {
        Self {
            row: u32::try_from(row).unwrap_or(u32::MAX),
            message: message.into(),
        }
    }
}

impl From<InferenceError> for Error {
    fn from(error: InferenceError) -> Self {
        match error {
            InferenceError::NotGranted(message) | InferenceError::Invalid(message) => {
                Self::Invalid(message)
            }
            InferenceError::Failed(message) => Self::Failed(message),
        }
    }
}
