//! The one trait that all models have, and the choice of a provider.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use arrow::datatypes::Field;

use crate::batching::{self, Batching, Queue};
use crate::definition::suggest;
use crate::{InferenceError, ModelDefinition};

/// The providers that a `CREATE MODEL` statement may name.
pub const PROVIDERS: &[&str] = &["lightgbm", "xgboost", "onnx", "open-inference", "bentoml"];

/// Those whose models are computed here, so that the rows of several callers can be one batch.
pub(crate) const BATCHED: &[&str] = &["lightgbm", "xgboost", "onnx"];

/// Requests to a server for predictions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// Rows of one (`batch.max-rows`), at least 1.
    pub rows: usize,
    /// At once, of all who use the model (`max-concurrent-operations`), at least 1.
    pub at_once: usize,
}

/// A model: one immutable version, or one after another (see
/// [`VersionedModel`](crate::VersionedModel)).
pub trait Model: Send + Sync + Debug {
    /// The declared input columns.
    fn inputs(&self) -> &[Field];

    /// The declared output columns.
    fn outputs(&self) -> &[Field];

    /// The first 12 hexadecimal digits of the SHA-256 of the model file, or its name in a folder of
    /// versions; of a server's model the version that the server says.
    fn version(&self) -> String;

    /// Computes `rows` predictions on the calling thread.
    ///
    /// `columns[i]` holds the input `i`, `rows` long; any numeric type is cast, and NULL is NaN to a
    /// floating-point input. Returns one array for each output, of its declared type.
    ///
    /// At the deadline an ONNX model is stopped before its next operator, and a model of trees
    /// after some milliseconds; the answer of a server is waited for until then.
    ///
    /// # Errors
    /// When the number, the length or a type of the columns does not fit, when a list has the wrong
    /// length, when the deadline or the model's memory limit is passed, or when the runtime or the
    /// server of the model fails.
    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError>;

    /// How a server is asked for predictions, if one computes them: a caller may have so many calls of so
    /// many rows under way at once, from as many threads.
    fn requests(&self) -> Option<Requests> {
        None
    }

    /// [`predict`](Self::predict), with the [version](Self::version) that gave the predictions; where a
    /// canary has a share of them, the version that has the others.
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict).
    fn predict_with_version(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<(Vec<ArrayRef>, String), InferenceError> {
        Ok((self.predict(columns, rows, deadline)?, self.version()))
    }
}

/// Reads and checks the model that a definition names. With the option `batch.max-rows` its callers share
/// a [`Queue`].
///
/// # Errors
/// When the definition has an unknown provider or option, when the file is missing or damaged, when
/// the declared columns do not fit the model, or when this machine lacks the model's runtime. Of a
/// server's model, when the server is not ready.
pub fn load(definition: &ModelDefinition) -> Result<Arc<dyn Model>, InferenceError> {
    if !BATCHED.contains(&definition.provider.as_str()) {
        return load_alone(definition);
    }
    let Some(batching) = Batching::of(definition)? else {
        return load_alone(definition);
    };
    let mut alone = definition.clone();
    alone
        .options
        .retain(|key, _| !batching::OPTIONS.contains(&key.as_str()));
    let queue = Queue::new(&definition.name, load_alone(&alone)?, batching);
    Ok(queue.tenant(""))
}

/// Loads a model without a queue before it.
fn load_alone(definition: &ModelDefinition) -> Result<Arc<dyn Model>, InferenceError> {
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
        #[cfg(feature = "remote")]
        "open-inference" => Ok(Arc::new(crate::remote::RemoteModel::load_open_inference(
            definition,
        )?)),
        #[cfg(feature = "remote")]
        "bentoml" => Ok(Arc::new(crate::remote::RemoteModel::load_bentoml(
            definition,
        )?)),
        #[cfg(not(feature = "remote"))]
        "open-inference" | "bentoml" => Err(InferenceError::Environment {
            message: "this program was built without remote models".into(),
            hint: Some("build it with the feature 'remote'".into()),
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
