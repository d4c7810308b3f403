//! The one trait that all models have, and the choice of a provider.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;

use crate::definition::suggest;
use crate::{InferenceError, ModelDefinition};

/// The providers that a `CREATE MODEL` statement may name.
pub const PROVIDERS: &[&str] = &["lightgbm", "onnx", "xgboost"];

/// One immutable version of a model.
pub trait Model: Send + Sync + Debug {
    /// The declared input columns.
    fn inputs(&self) -> &[Field];

    /// The declared output columns.
    fn outputs(&self) -> &[Field];

    /// The first 12 hexadecimal digits of the SHA-256 of the model file.
    fn version(&self) -> &str;

    /// Computes `rows` predictions on the calling thread.
    ///
    /// `columns[i]` holds the input `i`, `rows` long; any numeric type is cast, and NULL is NaN to a
    /// floating-point input. Returns one array for each output, of its declared type.
    ///
    /// At the deadline an ONNX model is stopped before its next operator; a model of trees does not
    /// begin after it.
    ///
    /// # Errors
    /// When the number, the length or a type of the columns does not fit, when a list has the wrong
    /// length, when the deadline or the model's memory limit is passed, or when the runtime of the
    /// model fails.
    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError>;
}

/// Reads and checks the model that a definition names.
///
/// # Errors
/// When the definition has an unknown provider or option, when the file is missing or damaged, when
/// the declared columns do not fit the model, or when this machine lacks the model's runtime.
pub fn load(definition: &ModelDefinition) -> Result<Arc<dyn Model>, InferenceError> {
    match definition.provider.as_str() {
        "lightgbm" => crate::lightgbm::load(definition),
        "xgboost" => crate::xgboost::load(definition),
        #[cfg(feature = "onnx")]
        "onnx" => Ok(Arc::new(crate::onnx::OnnxModel::load(definition)?)),
        #[cfg(not(feature = "onnx"))]
        "onnx" => Err(InferenceError::Environment {
            message: "this program was built without ONNX".into(),
            hint: Some("build it with the feature 'onnx'".into()),
        }),
        unknown => {
            let message = format!("unknown provider '{unknown}'");
            Err(InferenceError::definition(&definition.name, message)
                .with_hint(suggest(unknown, PROVIDERS)))
        }
    }
}

/// Refuses columns that are not one for each input, `rows` long each.
pub(crate) fn check_columns(
    model: &str,
    inputs: &[Field],
    columns: &[ArrayRef],
    rows: usize,
) -> Result<(), InferenceError> {
    if columns.len() != inputs.len() {
        let message = format!(
            "{} input columns are declared, but {} came",
            inputs.len(),
            columns.len()
        );
        return Err(InferenceError::data(model, message));
    }
    for (field, column) in inputs.iter().zip(columns) {
        if column.len() != rows {
            let message = format!(
                "the column '{}' has {} rows instead of {rows}",
                field.name(),
                column.len()
            );
            return Err(InferenceError::data(model, message));
        }
    }
    Ok(())
}
