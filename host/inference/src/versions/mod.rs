//! Versions of a model: which one serves, and how another takes its place while a job runs.
//!
//! A new version is loaded, checked against the declared columns, warmed up and asked for the golden rows
//! beside the one that serves. Only then it is ready, and whoever runs the job has it take over where no
//! call is under way: between two epochs. One that fails is not used; the old one goes on, and a notice
//! says why. Calls hold the version that they began with, so the old one is dropped when the last of them
//! ends.

mod canary;
mod choice;
mod difference;
mod folder;
mod golden;
mod options;
mod predict;
mod shadow;
mod version;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use arrow::datatypes::Field;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::{InferenceError, Model, ModelDefinition, Requests};
use choice::Choice;
use version::Version;

pub(crate) use options::OPTIONS;
pub use shadow::Difference;
pub use version::VersionId;
pub use watch::Watch;

/// A model as a job uses it, whatever version of it serves.
pub struct VersionedModel {
    name: String,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    /// The output that holds the version.
    column: Option<usize>,
    serving: RwLock<Arc<Serving>>,
    /// Held while versions are looked for and loaded.
    choice: Mutex<Choice>,
    /// Of the shadow.
    difference: Mutex<Difference>,
    notices: Mutex<Vec<String>>,
    listener: Mutex<Option<Listener>>,
}

type Listener = Arc<dyn Fn(&VersionedModel) + Send + Sync>;

/// The versions that answer calls.
#[derive(Debug, Clone)]
struct Serving {
    stable: Arc<Version>,
    canary: Option<(Arc<Version>, options::Canary)>,
    /// With the distance up to which predictions count as equal.
    shadow: Option<(Arc<Version>, f64)>,
}

/// Which versions give the predictions, for a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionsInUse {
    #[serde(flatten)]
    pub serving: VersionId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<VersionId>,
}

impl VersionedModel {
    /// Finds the versions of a model and loads those that its definition wants.
    ///
    /// Where the newest is wanted and is no good, the newest that is good serves, and a
    /// [notice](Self::take_notices) says so.
    ///
    /// # Errors
    /// Those of [`load`](crate::load), and when a wanted version is not there.
    pub fn open(definition: &ModelDefinition) -> Result<Arc<Self>, InferenceError> {
        let mut choice = Choice::of(definition)?;
        let mut notices = Vec::new();
        let serving = choice.choose(None, &mut notices)?;
        Ok(Arc::new(VersionedModel {
            name: definition.name.clone(),
            inputs: serving.stable.model.inputs().to_vec(),
            outputs: definition.outputs.clone(),
            column: choice.column,
            serving: RwLock::new(Arc::new(serving)),
            choice: Mutex::new(choice),
            difference: Mutex::default(),
            notices: Mutex::new(notices),
            listener: Mutex::default(),
        }))
    }

    /// The name that the job gives it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How often it wants to be [looked after](Self::look); `None` where its version never changes.
    pub fn interval(&self) -> Option<Duration> {
        self.choice.lock().options.interval
    }

    /// The column, if the definition names one, whose values say which rows a canary gets.
    pub fn canary_key(&self) -> Option<String> {
        let choice = self.choice.lock();
        choice.options.canary.as_ref()?.key.clone()
    }

    /// The versions that give the predictions.
    pub fn versions(&self) -> VersionsInUse {
        let serving = self.serving.read();
        let canary = serving.canary.as_ref();
        VersionsInUse {
            serving: serving.stable.id.clone(),
            canary: canary.map(|(version, _)| version.id.clone()),
        }
    }

    /// Has somebody told, on the thread where it happens, when a version is ready to
    /// [take over](Self::take_over) or there are [notices](Self::take_notices); nobody with `None`.
    /// While somebody is told, the model counts as in use.
    pub fn tell(&self, listener: Option<Listener>) {
        *self.listener.lock() = listener;
    }

    /// Whether a job runs with it.
    pub fn is_in_use(&self) -> bool {
        self.listener.lock().is_some()
    }

    /// Looks for other versions, loads and tries them. Takes as long as that does.
    pub fn look(&self) {
        let mut notices = Vec::new();
        let mut choice = self.choice.lock();
        let now = self.serving.read().clone();
        let latest = choice.ready.clone().unwrap_or_else(|| Arc::clone(&now));
        let found = choice.choose(Some(&latest), &mut notices);
        let error = match found {
            Ok(found) => {
                if !found.is_same(&latest) {
                    choice.ready = (!found.is_same(&now)).then(|| Arc::new(found));
                }
                None
            }
            Err(error) => Some(format!("{error}; {} goes on", now.stable.id)),
        };
        // Not at every look again.
        if choice.error != error {
            notices.extend(error.clone());
            choice.error = error;
        }
        let is_ready = choice.ready.is_some();
        drop(choice);
        self.note(notices, is_ready);
    }

    fn note(&self, notices: Vec<String>, is_ready: bool) {
        let is_news = is_ready || !notices.is_empty();
        self.notices.lock().extend(notices);
        let listener = self.listener.lock().clone();
        if let (true, Some(listener)) = (is_news, listener) {
            listener(self);
        }
    }

    /// Whether another version can [take over](Self::take_over).
    pub fn is_ready(&self) -> bool {
        // Who holds the lock is loading one.
        let choice = self.choice.try_lock();
        choice.is_some_and(|choice| choice.ready.is_some())
    }

    /// Has the version that is ready serve from now on; answers whether there was one.
    pub fn take_over(&self) -> bool {
        let choice = self.choice.try_lock();
        let Some(next) = choice.and_then(|mut choice| choice.ready.take()) else {
            return false;
        };
        let before = std::mem::replace(&mut *self.serving.write(), Arc::clone(&next));
        let mut said = Vec::new();
        let id = |tried: Option<&Arc<Version>>| tried.map(|version| version.id.clone());
        let shadow = |of: &Serving| id(of.shadow.as_ref().map(|(version, _)| version));
        if (shadow(&before), &before.stable.id) != (shadow(&next), &next.stable.id) {
            said.extend(self.compared(&before));
            *self.difference.lock() = Difference::default();
        }
        if before.stable.id != next.stable.id {
            said.push(format!(
                "model '{}': {} serves from here on, after {}",
                self.name, next.stable.id, before.stable.id
            ));
        }
        let canary = |of: &Serving| id(of.canary.as_ref().map(|(version, _)| version));
        if canary(&before) != canary(&next)
            && let Some((version, canary)) = &next.canary
        {
            said.push(format!(
                "model '{}': {} is the canary from here on, for {} of the rows",
                self.name, version.id, canary.share
            ));
        }
        self.notices.lock().extend(said);
        true
    }

    /// Goes back to the versions of a checkpoint, where the definition leaves it open which they are.
    ///
    /// # Errors
    /// When one of them is no longer there, or is another file now.
    pub fn go_back_to(&self, then: &VersionsInUse) -> Result<(), InferenceError> {
        let mut choice = self.choice.lock();
        choice.ready = None;
        if self.versions() == *then {
            return Ok(());
        }
        let mut notices = Vec::new();
        let now = self.serving.read().clone();
        let serving = choice.back(&now, then, &mut notices)?;
        *self.serving.write() = Arc::new(serving);
        self.notices.lock().extend(notices);
        Ok(())
    }

    /// Takes a new definition of the same columns while calls go on: its version is loaded and tried,
    /// and is then ready to take over.
    ///
    /// # Errors
    /// When its version cannot be loaded or is no good; the old definition stays.
    pub fn alter(&self, definition: &ModelDefinition) -> Result<(), InferenceError> {
        let mut altered = Choice::of(definition)?;
        let fixed = |what: &str| {
            let message = format!("{what} cannot change while a job runs with it");
            Err(InferenceError::definition(&self.name, message).with_hint("stop the job first"))
        };
        if altered.column != self.column || definition.outputs != self.outputs {
            return fixed("the outputs");
        }
        let key = |choice: &Choice| choice.options.canary.as_ref().and_then(|of| of.key.clone());
        if key(&altered).is_some() && key(&altered) != self.canary_key() {
            return fixed("'canary.key'");
        }
        let mut notices = Vec::new();
        let found = altered.choose(None, &mut notices)?;
        if found.stable.model.inputs() != self.inputs {
            return fixed("the inputs");
        }
        let mut choice = self.choice.lock();
        let same = found.is_same(&self.serving.read());
        altered.ready = (!same).then(|| Arc::new(found));
        *choice = altered;
        drop(choice);
        self.note(notices, !same);
        Ok(())
    }

    /// What has happened since the last call, for whoever runs the job.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *self.notices.lock())
    }

    /// How the shadow differs from the version that serves, over the rows that both were asked for.
    pub fn difference(&self) -> Difference {
        self.difference.lock().clone()
    }

    /// The same as a line for the user, if rows have been compared.
    pub fn difference_notice(&self) -> Option<String> {
        self.compared(&self.serving.read())
    }

    fn compared(&self, serving: &Serving) -> Option<String> {
        let (shadow, _) = serving.shadow.as_ref()?;
        let difference = self.difference.lock();
        (difference.rows + difference.failed > 0).then(|| {
            format!(
                "model '{}': {} in the shadow of {}: {difference}",
                self.name, shadow.id, serving.stable.id
            )
        })
    }
}

impl Model for VersionedModel {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> String {
        self.serving.read().stable.id.label().to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        self.predict_by(columns, None, rows, deadline)
    }

    fn requests(&self) -> Option<Requests> {
        self.serving.read().stable.model.requests()
    }

    fn predict_with_version(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<(Vec<ArrayRef>, String), InferenceError> {
        // Another one may take over meanwhile.
        let serving = self.serving.read().clone();
        let predicted = self.predict_of(&serving, columns, None, rows, deadline)?;
        Ok((predicted, serving.stable.id.label().to_owned()))
    }
}

impl fmt::Debug for VersionedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VersionedModel")
            .field("name", &self.name)
            .field("serving", &self.serving)
            .finish_non_exhaustive()
    }
}

impl Serving {
    fn alone(stable: Arc<Version>) -> Self {
        Serving {
            stable,
            canary: None,
            shadow: None,
        }
    }

    fn versions(&self) -> Vec<&Arc<Version>> {
        let canary = self.canary.iter().map(|(version, _)| version);
        let shadow = self.shadow.iter().map(|(version, _)| version);
        [&self.stable]
            .into_iter()
            .chain(canary)
            .chain(shadow)
            .collect()
    }

    fn is_same(&self, other: &Serving) -> bool {
        let canary = |of: &Serving| {
            let canary = of.canary.as_ref();
            canary.map(|(version, canary)| (version.id.clone(), canary.clone()))
        };
        let shadow = |of: &Serving| {
            let shadow = of.shadow.as_ref();
            shadow.map(|(version, tolerance)| (version.id.clone(), *tolerance))
        };
        self.stable.id == other.stable.id
            && canary(self) == canary(other)
            && shadow(self) == shadow(other)
    }
}
