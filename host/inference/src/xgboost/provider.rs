//! The provider `xgboost`.

use std::sync::Arc;

use super::forest::Forest;
use super::model_file::{is_json, is_ubjson};
use crate::definition::ModelFile;
use crate::forest::{ForestModel, Output, PredictOptions};
use crate::{InferenceError, Model, ModelDefinition};

/// Reads and checks the XGBoost model that a definition names.
pub(crate) fn load(definition: &ModelDefinition) -> Result<Arc<dyn Model>, InferenceError> {
    let model = ForestModel::load(definition, |file| parse(definition, file))?;
    Ok(Arc::new(model))
}

fn parse(definition: &ModelDefinition, file: &ModelFile) -> Result<Forest, InferenceError> {
    let failed = |line, message: String, hint: &str| InferenceError::File {
        model: definition.name.clone(),
        path: file.path.clone(),
        line,
        message,
        hint: Some(hint.into()),
    };
    if !is_json(&file.bytes) && !is_ubjson(&file.bytes) {
        return Err(failed(
            None,
            "this is not an XGBoost model in JSON or UBJSON".into(),
            "save the model with Booster.save_model('model.json') or 'model.ubj'",
        ));
    }
    let forest = Forest::parse(&file.bytes).map_err(|error| {
        failed(
            error.line,
            format!("the model cannot be used: {}", error.message),
            "where the file is damaged, save the model again with Booster.save_model, and copy it as it is",
        )
    })?;
    check_linear(definition, &forest)?;
    Ok(forest)
}

/// Refuses options that say nothing to a linear model.
fn check_linear(definition: &ModelDefinition, forest: &Forest) -> Result<(), InferenceError> {
    let options = PredictOptions::parse(definition)?;
    let option = match options {
        _ if !forest.is_linear() => return Ok(()),
        _ if options.output == Output::LeafIndex => "'output' = 'leaf-index'",
        _ if options.start_iteration > 0 => "'start-iteration'",
        _ if options.num_iteration.is_some() => "'num-iteration'",
        _ => return Ok(()),
    };
    let message = format!("the option {option} is for trees, but the model is linear (gblinear)");
    Err(InferenceError::definition(&definition.name, message).with_hint("leave the option out"))
}
