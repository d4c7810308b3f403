//! A model as the job declared it, loaded at its first use.

use std::{collections::BTreeMap, sync::Arc, thread, time::Instant};

use arrow::{
    array::ArrayRef,
    datatypes::{Field, FieldRef},
};
use parking_lot::Mutex;
use wasmill_inference::{Model, ModelDefinition, VersionedModel};

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
    loaded: Mutex<Option<Arc<VersionedModel>>>,
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

    /// The model, if it has been used.
    pub(crate) fn loaded(&self) -> Option<Arc<VersionedModel>> {
        self.loaded.lock().clone()
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

    /// The model, if a job runs with it.
    fn in_use(&self) -> Option<Arc<VersionedModel>> {
        self.loaded().filter(|model| model.is_in_use())
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.in_use().is_some()
    }

    /// Whether another declaration of that name has the same columns and options.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let same = |own: &[ModelColumn], others: &[ModelColumn]| {
            let columns = |columns: &[ModelColumn]| -> Vec<_> {
                let columns = columns.iter();
                columns
                    .map(|column| (column.name.text.clone(), column.declared.clone()))
                    .collect()
            };
            columns(own) == columns(others)
        };
        self.options.values == other.options.values
            && same(&self.inputs, &other.inputs)
            && same(&self.outputs, &other.outputs)
    }

    /// What a job that runs with the model goes on with, by a declaration that takes the place of
    /// `before`. Its version is loaded and tried here.
    pub(crate) fn follow(&self, before: &Self, shared: &Shared) -> Result<(), EngineError> {
        let Some(model) = before.in_use() else {
            return Ok(());
        };
        let altered = model.alter(&self.definition(shared)?);
        altered.map_err(|error| model_error(&error))?;
        *self.loaded.lock() = Some(model);
        Ok(())
    }

    /// The model, read from its file, or asked for at its server, at the first call.
    pub(crate) fn load(&self, shared: &Shared) -> Result<Arc<VersionedModel>, EngineError> {
        let mut loaded = self.loaded.lock();
        if let Some(model) = loaded.as_ref() {
            return Ok(Arc::clone(model));
        }
        let model = VersionedModel::open(&self.definition(shared)?)
            .map_err(|error| model_error(&error).at(|| self.location.clone()))?;
        let notices = model.take_notices();
        shared.warnings.lock().extend(notices);
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }

    fn definition(&self, shared: &Shared) -> Result<ModelDefinition, EngineError> {
        let mut options = self.options.values.clone();
        refuse_variables(&options, shared).map_err(|error| error.at(|| self.location.clone()))?;
        let Some(provider) = options.remove("provider") else {
            return Err(
                EngineError::job(format!("the model '{}' has no 'provider'", self.name))
                    .with_hint("WITH ('provider' = 'lightgbm', 'path' = 'model.txt')".to_owned())
                    .at(|| self.location.clone()),
            );
        };
        if provider == "onnx" {
            // A model is called by as many partitions at once.
            let partitions = shared.settings.read().parallelism().max(1);
            let processors = thread::available_parallelism().map_or(1, usize::from);
            let threads = (processors / partitions).max(1);
            let said = options.entry("intra-op-threads".to_owned());
            said.or_insert_with(|| threads.to_string());
        }
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
        Ok(ModelDefinition {
            name: self.name.clone(),
            provider,
            options,
            inputs: fields(&self.inputs),
            outputs: fields(&self.outputs),
            base: shared.connectors.base.clone(),
        })
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
        self.model.version()
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
