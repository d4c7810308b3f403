//! A model as the job declared it, loaded at its first use.

use std::{collections::BTreeMap, sync::Arc, time::Instant};

use arrow::{
    array::ArrayRef,
    datatypes::{Field, FieldRef},
};
use parking_lot::Mutex;
use wasmill_inference::{Model, ModelDefinition};

use crate::{
    error::{EngineError, Location},
    planning::{Shared, model_error},
    sql::{ModelColumn, Options},
};

#[derive(Debug)]
pub(crate) struct DeclaredModel {
    pub name: String,
    pub temporary: bool,
    pub inputs: Vec<ModelColumn>,
    pub outputs: Vec<ModelColumn>,
    pub comment: Option<String>,
    pub options: Options,
    pub location: Option<Location>,
    loaded: Mutex<Option<Arc<dyn Model>>>,
}

impl DeclaredModel {
    pub(crate) fn new(
        name: String,
        temporary: bool,
        columns: (Vec<ModelColumn>, Vec<ModelColumn>),
        comment: Option<String>,
        options: Options,
        location: Option<Location>,
    ) -> Self {
        DeclaredModel {
            name,
            temporary,
            inputs: columns.0,
            outputs: columns.1,
            comment,
            options,
            location,
            loaded: Mutex::new(None),
        }
    }

    /// The same declaration under another name or with other options; not loaded.
    pub(crate) fn altered(&self, name: String, options: Options) -> Self {
        DeclaredModel::new(
            name,
            self.temporary,
            (self.inputs.clone(), self.outputs.clone()),
            self.comment.clone(),
            options,
            self.location.clone(),
        )
    }

    /// The model, read from its file, or asked for at its server, at the first call.
    pub(crate) fn load(&self, shared: &Shared) -> Result<Arc<dyn Model>, EngineError> {
        let mut loaded = self.loaded.lock();
        if let Some(model) = loaded.as_ref() {
            return Ok(Arc::clone(model));
        }
        let mut options = self.options.values.clone();
        refuse_variables(&options, shared).map_err(|error| error.at(|| self.location.clone()))?;
        let Some(provider) = options.remove("provider") else {
            return Err(
                EngineError::job(format!("the model '{}' has no 'provider'", self.name))
                    .with_hint("WITH ('provider' = 'lightgbm', 'path' = 'model.txt')".to_owned())
                    .at(|| self.location.clone()),
            );
        };
        let fields = |columns: &[ModelColumn]| {
            columns
                .iter()
                .map(|column| {
                    let declared = &column.declared;
                    Field::new(
                        &column.name.text,
                        declared.data_type.clone(),
                        declared.nullable,
                    )
                })
                .collect()
        };
        let definition = ModelDefinition {
            name: self.name.clone(),
            provider,
            options,
            inputs: fields(&self.inputs),
            outputs: fields(&self.outputs),
            base: shared.connectors.base.clone(),
        };
        let model = wasmill_inference::load(&definition)
            .map_err(|error| model_error(&error).at(|| self.location.clone()))?;
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }
}

/// A variable of the host goes where the job says, so it must be one that the job could grant.
fn refuse_variables(
    options: &BTreeMap<String, String>,
    shared: &Shared,
) -> Result<(), EngineError> {
    let allowed = |allowed: &Vec<String>| allowed.iter().any(|grant| grant == "env");
    if shared.allowed_grants.as_ref().is_none_or(allowed) {
        return Ok(());
    }
    match options.iter().find(|(_, value)| value.contains("${env:")) {
        Some((key, value)) => Err(EngineError::job(format!(
            "this host does not allow '{key}' = '{value}'"
        ))
        .with_hint(
            "whoever runs it says whether jobs may have its variables: `wasmill run --allow-grant env`"
                .to_owned(),
        )),
        None => Ok(()),
    }
}

/// A model of ours as what a plugin may be granted.
#[derive(Debug)]
pub(crate) struct HostedModel {
    model: Arc<dyn Model>,
    inputs: Vec<FieldRef>,
    outputs: Vec<FieldRef>,
}

impl HostedModel {
    pub(crate) fn new(model: Arc<dyn Model>) -> Self {
        let fields = |fields: &[Field]| fields.iter().cloned().map(Arc::new).collect();
        HostedModel {
            inputs: fields(model.inputs()),
            outputs: fields(model.outputs()),
            model,
        }
    }
}

impl wasmill_plugin::Model for HostedModel {
    fn inputs(&self) -> &[FieldRef] {
        &self.inputs
    }

    fn outputs(&self) -> &[FieldRef] {
        &self.outputs
    }

    fn version(&self) -> String {
        self.model.version().to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, wasmill_plugin::ModelError> {
        self.model
            .predict(columns, rows, deadline)
            .map_err(|error| wasmill_plugin::ModelError::Failed(error.to_string()))
    }
}
