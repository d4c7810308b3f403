//! Models that a server computes: the providers `open-inference` and `bentoml`.
//!
//! A call's rows go out in requests of at most `batch.max-rows`, at most `max-concurrent-operations` of
//! them at once for all callers of a model; the others are not made yet, so a server that is slow costs
//! time and no memory. What failed because the server is away is sent again.

mod bentoml;
mod breaker;
mod calls;
mod failure;
mod grpc;
mod http;
mod json_columns;
mod open_inference;
mod options;
mod rest;
mod runtime;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::Field;

use crate::model::check_columns;
use crate::{InferenceError, Model, ModelDefinition, Requests};
use calls::{Calls, Protocol};
use options::{BENTOML_OPTIONS, OPEN_INFERENCE_OPTIONS, RemoteOptions};

/// A model of a server that a `CREATE MODEL` statement declares.
pub(crate) struct RemoteModel {
    name: String,
    version: String,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    calls: Arc<Calls>,
}

/// A protocol that is ready for calls, and the version that the server says its model has.
struct Connected {
    protocol: Box<dyn Protocol>,
    version: String,
}

impl RemoteModel {
    /// Asks a server of the Open Inference Protocol whether it is ready, and for the model's tensors.
    pub fn load_open_inference(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let options = RemoteOptions::read(definition, OPEN_INFERENCE_OPTIONS)?;
        let connected = open_inference::connect(definition, &options)?;
        Ok(Self::new(definition, options, connected))
    }

    /// Asks a server of BentoML whether it is ready, and for its methods.
    pub fn load_bentoml(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let options = RemoteOptions::read(definition, BENTOML_OPTIONS)?;
        let connected = bentoml::connect(definition, &options)?;
        Ok(Self::new(definition, options, connected))
    }

    fn new(definition: &ModelDefinition, options: RemoteOptions, connected: Connected) -> Self {
        Self {
            name: definition.name.clone(),
            version: connected.version,
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
            calls: Arc::new(Calls::new(&definition.name, options, connected.protocol)),
        }
    }
}

impl Model for RemoteModel {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> String {
        self.version.clone()
    }

    fn requests(&self) -> Option<Requests> {
        Some(self.calls.requests())
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        check_columns(&self.name, &self.inputs, columns, rows)?;
        if rows == 0 {
            let outputs = self.outputs.iter();
            return Ok(outputs
                .map(|field| new_empty_array(field.data_type()))
                .collect());
        }
        let calls = Arc::clone(&self.calls);
        let columns = columns.to_vec();
        runtime::wait(async move { calls.predict(&columns, rows, deadline).await })?
    }
}

impl fmt::Debug for RemoteModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteModel")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("server", &self.calls.server())
            .finish_non_exhaustive()
    }
}
