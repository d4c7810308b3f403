//! The models of a server, and the one way that a request takes to one of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use wasmill_inference::Model;
use wasmill_inference::open_inference::rest::ModelMetadata;
use wasmill_inference::open_inference::{Tensor, TensorColumns};

use crate::refusal::Refusal;
use crate::serving::ServerLimits;

/// What says of itself what it is.
pub(crate) const PLATFORM: &str = "wasmill";

/// Why a server does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A model has a column for which the protocol has no datatype.
    #[error("the model '{model}' cannot be served: {message}")]
    Column { model: String, message: String },
    /// Two models have one name.
    #[error("two models are called '{0}'")]
    SameName(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        address: String,
        reason: std::io::Error,
    },
    /// The system gives no more connections.
    #[error("the server ended: {0}")]
    Ended(std::io::Error),
}

/// A model under the name that clients call it by.
pub struct ServedModel {
    pub(crate) name: String,
    model: Arc<dyn Model>,
    inputs: TensorColumns,
    outputs: TensorColumns,
}

impl ServedModel {
    /// # Errors
    /// When a column of the model is of a type for which the protocol has no datatype.
    pub fn new(name: impl Into<String>, model: Arc<dyn Model>) -> Result<Self, ServerError> {
        let name = name.into();
        let refused = |message| ServerError::Column {
            model: name.clone(),
            message,
        };
        Ok(Self {
            inputs: TensorColumns::new(model.inputs()).map_err(refused)?,
            outputs: TensorColumns::new(model.outputs()).map_err(refused)?,
            name,
            model,
        })
    }

    pub(crate) fn version(&self) -> String {
        self.model.version()
    }

    /// What is said of it to those who ask.
    pub(crate) fn metadata(&self) -> ModelMetadata {
        ModelMetadata {
            name: self.name.clone(),
            versions: vec![self.version()],
            platform: PLATFORM.to_owned(),
            inputs: self.inputs.metadata(),
            outputs: self.outputs.metadata(),
        }
    }

    /// Refuses a version, if one is asked for, that is not the one that serves.
    fn check_version(&self, asked: &str, serving: &str) -> Result<(), Refusal> {
        if asked.is_empty() || asked == serving {
            return Ok(());
        }
        Err(Refusal::unknown(format!(
            "the model '{}' has the version '{serving}', not '{}'",
            self.name,
            shown(asked)
        )))
    }

    /// Computes on the calling thread.
    fn predict(&self, asked: &Asked, deadline: Instant) -> Result<Predicted, Refusal> {
        let Asked {
            version,
            tensors,
            wanted,
        } = asked;
        let invalid = |message| Refusal::invalid(format!("model '{}': {message}", self.name));
        let outputs = self.model.outputs();
        if let Some(unknown) = wanted
            .iter()
            .find(|name| outputs.iter().all(|field| field.name() != *name))
        {
            return Err(invalid(format!("it gives no '{unknown}'")));
        }
        let (columns, rows) = self.inputs.read(tensors).map_err(invalid)?;
        let predicted = self
            .model
            .predict_with_version(&columns, rows, Some(deadline));
        let (predicted, serving) = predicted?;
        // Another one may have taken over since the model was found.
        self.check_version(version, &serving)?;
        let wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        let tensors = self.outputs.write(&predicted, rows, wanted);
        let failed = |message| Refusal::failed(format!("model '{}': {message}", self.name));
        Ok(Predicted {
            tensors: tensors.map_err(failed)?,
            version: serving,
        })
    }
}

/// A request for predictions.
pub(crate) struct Asked {
    /// Any where it is empty.
    pub version: String,
    pub tensors: Vec<Tensor>,
    /// Names of outputs; all where there are none.
    pub wanted: Vec<String>,
}

/// The answer to one.
pub(crate) struct Predicted {
    pub tensors: Vec<Tensor>,
    /// What gave it.
    pub version: String,
}

/// A stranger's text in a message.
fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

impl fmt::Debug for ServedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedModel")
            .field("name", &self.name)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

/// All models of a server.
pub(crate) struct Models {
    by_name: BTreeMap<String, Arc<ServedModel>>,
    /// Models at work.
    turns: Arc<Semaphore>,
    pub limits: ServerLimits,
    stopping: AtomicBool,
}

impl Models {
    pub fn new(models: Vec<ServedModel>, limits: ServerLimits) -> Result<Self, ServerError> {
        let mut by_name = BTreeMap::new();
        for model in models {
            if let Some(model) = by_name.insert(model.name.clone(), Arc::new(model)) {
                return Err(ServerError::SameName(model.name.clone()));
            }
        }
        Ok(Self {
            by_name,
            turns: Arc::new(Semaphore::new(
                limits.concurrency.clamp(1, Semaphore::MAX_PERMITS),
            )),
            limits,
            stopping: AtomicBool::new(false),
        })
    }

    /// From now on it says that it is not ready; what is at work goes on.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Relaxed)
    }

    /// The model of a name, of a version or, where that is empty, of any.
    pub fn find(&self, name: &str, version: &str) -> Result<&Arc<ServedModel>, Refusal> {
        let model = self
            .by_name
            .get(name)
            .ok_or_else(|| Refusal::unknown(format!("there is no model '{}'", shown(name))))?;
        model.check_version(version, &model.version())?;
        Ok(model)
    }

    /// Waits for a turn, and computes on a thread that may block. One that has begun goes on when nobody
    /// waits any more, and has its turn until then.
    pub async fn predict(
        &self,
        model: &Arc<ServedModel>,
        asked: Asked,
        deadline: Instant,
    ) -> Result<Predicted, Refusal> {
        let predicted = async {
            let turn = Arc::clone(&self.turns).acquire_owned().await;
            let turn = turn.map_err(|_| Refusal::busy("the server ends"))?;
            let model = Arc::clone(model);
            let work = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                model.predict(&asked, deadline)
            });
            work.await
                .map_err(|_| Refusal::failed("the model has panicked"))?
        };
        timeout_at(deadline.into(), predicted)
            .await
            .unwrap_or_else(|_| Err(Refusal::late()))
    }
}
