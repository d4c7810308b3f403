//! The models of a job without end: watched for other versions, which take over between two epochs.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Notify;
use wasmill_inference::{VersionedModel, VersionsInUse, Watch};

use super::checkpoints::Checkpoint;
use crate::{error::EngineError, planning::model_error};

/// The models that a job may ask, in use until this is dropped.
pub(super) struct Models {
    models: Vec<Arc<VersionedModel>>,
    /// Something has happened to one of them.
    news: Arc<Notify>,
    _watches: Vec<Watch>,
}

impl Models {
    /// Begins to look after the models.
    pub(super) fn watched(models: &[Arc<VersionedModel>]) -> Result<Self, EngineError> {
        let news = Arc::new(Notify::new());
        let mut watches = Vec::new();
        for model in models {
            let tell = Arc::clone(&news);
            model.tell(Some(Arc::new(move |_: &VersionedModel| tell.notify_one())));
            let watch = Watch::begin(model).map_err(|error| EngineError::Environment {
                message: format!("cannot start a thread: {error}"),
                hint: None,
            });
            watches.push(watch?);
        }
        Ok(Models {
            models: models.to_vec(),
            news,
            _watches: watches,
        })
    }

    pub(super) fn news(&self) -> &Notify {
        &self.news
    }

    /// Which versions give predictions, by the models' names.
    pub(super) fn versions(&self) -> BTreeMap<String, VersionsInUse> {
        let models = self.models.iter();
        models
            .map(|model| (model.name().to_owned(), model.versions()))
            .collect()
    }

    /// Whether another version can take over.
    pub(super) fn are_ready(&self) -> bool {
        self.models.iter().any(|model| model.is_ready())
    }

    /// Has the versions that are ready serve from now on. No call may be under way.
    pub(super) fn take_over(&self) {
        for model in &self.models {
            model.take_over();
        }
    }

    /// Goes back to the versions that a checkpoint has.
    pub(super) fn go_back_to(&self, checkpoint: &Checkpoint) -> Result<(), EngineError> {
        for model in &self.models {
            if let Some(then) = checkpoint.models.get(model.name()) {
                let gone_back = model.go_back_to(then);
                gone_back.map_err(|error| model_error(&error))?;
            }
        }
        Ok(())
    }

    pub(super) fn take_notices(&self) -> Vec<String> {
        let models = self.models.iter();
        models.flat_map(|model| model.take_notices()).collect()
    }
}

impl Drop for Models {
    fn drop(&mut self) {
        for model in &self.models {
            model.tell(None);
        }
    }
}
