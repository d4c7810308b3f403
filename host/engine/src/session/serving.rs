//! What a script declares, for those who serve it: models, and scalar functions as models.

use std::sync::Arc;

use futures::{FutureExt, future::BoxFuture};
use wasmill_inference::{Model, VersionedModel, Watch};
use wasmill_plugin::Kind;

use super::Session;
use crate::{
    error::{EngineError, did_you_mean},
    planning::say,
    sql::{ObjectKind, Statement},
};

/// A model that can be served, and is looked after until this is dropped.
#[derive(Debug)]
pub struct Servable {
    pub model: Arc<dyn Model>,
    _watch: Option<Watch>,
}

impl Session {
    /// Parses a script and takes its models, functions and settings into the catalog; its tables, views
    /// and jobs are left alone, so nothing is read or written.
    ///
    /// `name` is what messages call the script.
    pub fn declare<'a>(
        &'a self,
        name: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<(), EngineError>> {
        async move {
            self.plan_statements(name, text, is_declaration).await?;
            Ok(())
        }
        .boxed()
    }

    /// The names of the models that were declared.
    pub fn model_names(&self) -> Vec<String> {
        self.shared.catalog.read().models.keys().cloned().collect()
    }

    /// A declared model, or a declared scalar function as one, loaded and ready. Another version of a model
    /// takes over while it is served, as its definition says.
    ///
    /// # Errors
    /// When nothing has that name, when the model cannot be loaded, or when a function is no scalar one or
    /// takes arguments of any type.
    pub fn servable(&self, name: &str) -> Result<Servable, EngineError> {
        let (model, function) = {
            let catalog = self.shared.catalog.read();
            (catalog.model(name).ok(), catalog.function(name).ok())
        };
        if let Some(model) = model {
            return self.watched(model.load(&self.shared)?);
        }
        let Some(function) = function else {
            let catalog = self.shared.catalog.read();
            let functions = catalog.functions.values();
            let mut names: Vec<_> = catalog.models.keys().cloned().collect();
            names.extend(functions.map(|function| function.name.clone()));
            return Err(
                EngineError::job(format!("there is no model or function '{name}'"))
                    .with_hint(did_you_mean(name, &names, "declared are")),
            );
        };
        if function.kind != Kind::Scalar {
            let message = format!(
                "the function '{name}' is {} one, and only scalar ones can be served",
                match function.kind {
                    Kind::Aggregate => "an aggregate".to_owned(),
                    kind => format!("a {}", kind.name()),
                }
            );
            return Err(EngineError::job(message));
        }
        match &function.scalar {
            Some(scalar) => Ok(Servable {
                model: scalar.as_model()?,
                _watch: None,
            }),
            None => Err(EngineError::job(format!(
                "the function '{name}' takes arguments of any type, so it cannot be served"
            ))),
        }
    }
}

impl Session {
    /// Has new versions, and what ALTER MODEL makes of the model, take over as soon as they are ready: each
    /// call has one.
    fn watched(&self, model: Arc<VersionedModel>) -> Result<Servable, EngineError> {
        let messages = self.shared.connectors.stderr.clone();
        model.tell(Some(Arc::new(move |model: &VersionedModel| {
            model.take_over();
            for notice in model.take_notices() {
                say(&messages, &notice);
            }
        })));
        let watch = Watch::begin(&model).map_err(|error| EngineError::Environment {
            message: format!("cannot start a thread: {error}"),
            hint: None,
        })?;
        Ok(Servable {
            model,
            _watch: Some(watch),
        })
    }
}

/// Whether a statement is about models, functions or settings.
fn is_declaration(statement: &Statement) -> bool {
    let kind = match statement {
        Statement::CreateModel(_)
        | Statement::CreateFunction(_)
        | Statement::Setting(Some(_))
        | Statement::Reset(_) => return true,
        Statement::Drop { kind, .. } => kind,
        Statement::Alter(alter) => &alter.kind,
        _ => return false,
    };
    matches!(kind, ObjectKind::Model | ObjectKind::Function)
}
