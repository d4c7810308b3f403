//! The provider `lightgbm`.

use std::sync::Arc;

use super::forest::Forest;
use crate::definition::ModelFile;
use crate::forest::ForestModel;
use crate::{InferenceError, Model, ModelDefinition};

/// Reads and checks the LightGBM model that a definition names.
pub(crate) fn load(definition: &ModelDefinition) -> Result<Arc<dyn Model>, InferenceError> {
    let model = ForestModel::load(definition, |file| parse(definition, file))?;
    Ok(Arc::new(model))
}

fn parse(definition: &ModelDefinition, file: &ModelFile) -> Result<Forest, InferenceError> {
    Forest::parse(&file.bytes).map_err(|error| {
        let of_lightgbm = file.bytes.starts_with(b"tree\n") || file.bytes.starts_with(b"tree\r\n");
        let (line, message, hint) = match of_lightgbm {
            true => (
                error.line,
                format!("the model is damaged: {}", error.message),
                "save the model again with Booster.save_model, and copy it as it is",
            ),
            false => (
                None,
                "this is not a LightGBM text model".into(),
                "save the model with Booster.save_model('model.txt'); its first line is 'tree'",
            ),
        };
        InferenceError::File {
            model: definition.name.clone(),
            path: file.path.clone(),
            line,
            message,
            hint: Some(hint.into()),
        }
    })
}
