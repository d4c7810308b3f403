//! A scalar function as a model, for those who serve it: columns in, one out.

use std::{fmt, sync::Arc, time::Instant};

use arrow::{array::ArrayRef, datatypes::Field};
use wasmill_inference::{InferenceError, Model};
use wasmill_plugin::{Function, OpenOptions, Plugin, PluginError};

use super::diagnose::plugin_error;
use crate::error::EngineError;

/// A scalar function whose arguments are declared, with all that it is opened with.
pub(crate) struct DeclaredScalar {
    pub plugin: Arc<Plugin>,
    /// Its name in the plugin.
    pub function: String,
    pub open: OpenOptions,
}

impl DeclaredScalar {
    /// Opens it once more, for calls that are no job's.
    pub(crate) fn as_model(&self) -> Result<Arc<dyn Model>, EngineError> {
        let name = &self.open.sql_name;
        let function = self.plugin.open(&self.function, self.open.clone());
        let function = function.map_err(|error| plugin_error(&error))?;
        let inputs = function.arguments().iter();
        let output = function.returns().as_ref().clone().with_name(name.as_str());
        Ok(Arc::new(FunctionModel {
            name: name.clone(),
            version: self.plugin.sha256().chars().take(12).collect(),
            inputs: inputs.map(|field| field.as_ref().clone()).collect(),
            outputs: [output],
            function,
        }))
    }
}

impl fmt::Debug for DeclaredScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclaredScalar")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

/// Its limits are the function's own: a call ends by `limit.wall-time`, whatever the deadline is.
struct FunctionModel {
    name: String,
    /// The first 12 hexadecimal digits of the SHA-256 of the component.
    version: String,
    inputs: Vec<Field>,
    outputs: [Field; 1],
    function: Arc<Function>,
}

impl Model for FunctionModel {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        _deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let given = self.function.call(columns, rows);
        given
            .map(|column| vec![column])
            .map_err(|error| self.failed(&error))
    }
}

impl FunctionModel {
    /// The same fault in the terms of models.
    fn failed(&self, error: &PluginError) -> InferenceError {
        match plugin_error(error) {
            EngineError::Data { message, hint } => InferenceError::Data {
                model: self.name.clone(),
                message,
                hint,
            },
            EngineError::Environment { message, hint } => {
                InferenceError::Environment { message, hint }
            }
            error => InferenceError::Runtime {
                model: self.name.clone(),
                message: error.to_string(),
            },
        }
    }
}

impl fmt::Debug for FunctionModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionModel")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
