//! Which of the versions that are there serve.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::DataType;

use super::Serving;
use super::VersionsInUse;
use super::folder::{Found, Place, Versions, stamp};
use super::options::{Policy, Tried, VersionOptions};
use super::version::{Version, VersionId};
use crate::definition::{suggest, type_name};
use crate::{InferenceError, ModelDefinition};

/// A file that was changed less than so long ago may still be written.
const SETTLED: Duration = Duration::from_secs(1);

/// What the definition says, and what has been found by it.
#[derive(Debug)]
pub(super) struct Choice {
    /// Of one version: without the options of versions, and without the column of the version.
    definition: ModelDefinition,
    place: Option<Place>,
    pub options: VersionOptions,
    /// The place of the column of the version among the declared outputs.
    pub column: Option<usize>,
    /// Those that serve, or are ready to.
    loaded: Vec<(Found, Arc<Version>)>,
    /// Those that are no good, as they are now.
    bad: Vec<Found>,
    /// Why the last look found nothing.
    pub error: Option<String>,
    /// What may serve next.
    pub ready: Option<Arc<Serving>>,
}

impl Choice {
    pub(super) fn of(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let place = Place::of(definition)?;
        let remote = !crate::model::BATCHED.contains(&definition.provider.as_str());
        if let (true, Some(key)) = (remote, VersionOptions::any(definition)) {
            let message = format!(
                "the provider '{}' has no option '{key}': which version serves is up to its server",
                definition.provider
            );
            return Err(InferenceError::definition(&definition.name, message));
        }
        let options = VersionOptions::of(definition, matches!(place, Some(Place::Versions(_))))?;
        let mut one = VersionOptions::without(definition);
        let column = match &options.column {
            None => None,
            Some(name) => Some(take_column(&mut one, name)?),
        };
        Ok(Choice {
            definition: one,
            place,
            options,
            column,
            loaded: Vec::new(),
            bad: Vec::new(),
            error: None,
            ready: None,
        })
    }

    /// Finds the versions that are wanted, and loads those that are not among `now`.
    ///
    /// One that is no good is passed over where any is wanted; `notices` say so once.
    pub(super) fn choose(
        &mut self,
        now: Option<&Serving>,
        notices: &mut Vec<String>,
    ) -> Result<Serving, InferenceError> {
        let versions = match &self.place {
            None => {
                let stable = match now {
                    Some(now) => Arc::clone(&now.stable),
                    None => Version::load(&self.definition, None, self.options.golden.as_ref())?,
                };
                return Ok(Serving::alone(stable));
            }
            Some(Place::File(path)) => {
                let found = Found {
                    name: None,
                    stamp: stamp(path),
                    path: path.clone(),
                };
                let now = now.map(|now| &now.stable);
                let stable = self.newest(std::slice::from_ref(&found), now, notices)?;
                self.keep(&[&stable]);
                return Ok(Serving::alone(stable));
            }
            Some(Place::Versions(versions)) => versions.clone(),
        };
        let found = versions.list(&self.definition.name)?;
        let options = self.options.clone();
        let canary = options.canary.as_ref();
        let shadow = options.shadow.as_ref();
        let tried: Vec<&Tried> = canary
            .map(|canary| &canary.version)
            .into_iter()
            .chain(shadow.map(|shadow| &shadow.version))
            .collect();
        let is_tried = |found: &Found| {
            let named = |tried: &&Tried| matches!(tried, Tried::Named(name) if Some(name) == found.name.as_ref());
            tried.iter().any(named)
        };
        let before = now.map(|now| &now.stable);
        let stable = match (&options.policy, before) {
            (Policy::Named(name), _) => self.named(&versions, &found, name, before)?,
            (Policy::Pinned, Some(before)) => Arc::clone(before),
            (Policy::Pinned | Policy::Latest, _) => {
                let serve: Vec<Found> = found
                    .iter()
                    .filter(|found| !is_tried(found))
                    .cloned()
                    .collect();
                match (serve.is_empty(), before) {
                    (true, Some(before)) => Arc::clone(before),
                    (true, None) => return Err(self.none(&versions)),
                    (false, _) => self.newest(&serve, before, notices)?,
                }
            }
        };
        let mut tried = |choice: &mut Self, version: &Tried, before: Option<&Arc<Version>>| {
            let version = match version {
                Tried::Named(name) => choice.named(&versions, &found, name, before)?,
                Tried::Latest => choice.newest(&found, Some(before.unwrap_or(&stable)), notices)?,
            };
            Ok::<_, InferenceError>((version.id != stable.id).then_some(version))
        };
        let before = now.and_then(|now| now.canary.as_ref());
        let canary = match canary {
            None => None,
            Some(canary) => tried(self, &canary.version, before.map(|(version, _)| version))?
                .map(|version| (version, canary.clone())),
        };
        let before = now.and_then(|now| now.shadow.as_ref());
        let shadow = match shadow {
            None => None,
            Some(shadow) => tried(self, &shadow.version, before.map(|(version, _)| version))?
                .map(|version| (version, shadow.tolerance)),
        };
        let serving = Serving {
            stable,
            canary,
            shadow,
        };
        self.keep(&serving.versions());
        Ok(serving)
    }

    /// The newest that is good. `before` is what it would take the place of.
    fn newest(
        &mut self,
        found: &[Found],
        before: Option<&Arc<Version>>,
        notices: &mut Vec<String>,
    ) -> Result<Arc<Version>, InferenceError> {
        let mut first_error = None;
        for found in found.iter().rev() {
            if let Some(version) = self.known(found) {
                return Ok(version);
            }
            let is_before = before.filter(|before| before.id.name == found.name);
            if before.is_some() && (self.bad.contains(found) || found.is_fresh(SETTLED)) {
                match is_before {
                    Some(before) => return Ok(Arc::clone(before)),
                    None => continue,
                }
            }
            match self.load(found) {
                Ok(version) => {
                    if let (Some(error), None) = (first_error, before) {
                        notices.push(format!("{error}; {} serves instead", version.id));
                    }
                    return Ok(version);
                }
                Err(error) => {
                    self.bad.push(found.clone());
                    if let Some(before) = before {
                        notices.push(format!("{error}; {} goes on", before.id));
                    }
                    if let Some(before) = is_before {
                        return Ok(Arc::clone(before));
                    }
                    first_error.get_or_insert(error);
                }
            }
        }
        match (first_error, before) {
            (_, Some(before)) => Ok(Arc::clone(before)),
            (Some(error), None) => Err(error),
            (None, None) => Err(InferenceError::definition(
                &self.definition.name,
                "there is no version",
            )),
        }
    }

    /// The version of a name.
    fn named(
        &mut self,
        versions: &Versions,
        found: &[Found],
        name: &str,
        before: Option<&Arc<Version>>,
    ) -> Result<Arc<Version>, InferenceError> {
        let one = found
            .iter()
            .find(|found| found.name.as_deref() == Some(name));
        let Some(one) = one else {
            let names: Vec<&str> = found.iter().filter_map(|one| one.name.as_deref()).collect();
            let error = InferenceError::File {
                model: self.definition.name.clone(),
                path: versions.base.clone(),
                line: None,
                message: format!("there is no version '{name}'"),
                hint: Some(match names.is_empty() {
                    true => "there is none at all".to_owned(),
                    false => suggest(name, &names),
                }),
            };
            return Err(error);
        };
        let same = before.filter(|before| before.id.name.as_deref() == Some(name));
        match (self.known(one), same) {
            (Some(version), _) => Ok(version),
            (None, Some(same)) if one.is_fresh(SETTLED) || self.bad.contains(one) => {
                Ok(Arc::clone(same))
            }
            (None, _) => self.load(one).inspect_err(|_| self.bad.push(one.clone())),
        }
    }

    fn known(&self, found: &Found) -> Option<Arc<Version>> {
        let mut loaded = self.loaded.iter();
        let known = loaded.find(|(of, _)| of == found)?;
        Some(Arc::clone(&known.1))
    }

    fn load(&mut self, found: &Found) -> Result<Arc<Version>, InferenceError> {
        if let (Some(Place::Versions(versions)), true) = (&self.place, found.path.is_dir()) {
            return Err(versions.not_one_file(&self.definition.name, &found.path));
        }
        let golden = self.options.golden.as_ref();
        let version = Version::load(&self.definition, Some(found), golden)?;
        // The file was written again, and is the same.
        let mut loaded = self.loaded.iter_mut();
        if let Some((of, known)) = loaded.find(|(_, known)| known.id == version.id) {
            of.clone_from(found);
            return Ok(Arc::clone(known));
        }
        self.loaded.push((found.clone(), Arc::clone(&version)));
        Ok(version)
    }

    /// Forgets all but these, and what was bad and is no longer as it was.
    fn keep(&mut self, versions: &[&Arc<Version>]) {
        let kept = |version: &Arc<Version>| versions.iter().any(|kept| Arc::ptr_eq(kept, version));
        self.loaded.retain(|(_, version)| kept(version));
        self.bad.retain(|found| stamp(&found.path) == found.stamp);
    }

    /// The versions of a checkpoint, where the definition leaves it open which they are.
    pub(super) fn back(
        &mut self,
        now: &Serving,
        then: &VersionsInUse,
        notices: &mut Vec<String>,
    ) -> Result<Serving, InferenceError> {
        let Some(Place::Versions(versions)) = self.place.clone() else {
            notices.push(format!(
                "model '{}': the checkpoint is of {}, {} goes on from it",
                self.definition.name, then.serving, now.stable.id
            ));
            return Ok(now.clone());
        };
        let stable = match self.options.policy {
            Policy::Named(_) => Arc::clone(&now.stable),
            Policy::Latest | Policy::Pinned => self.back_to(&versions, &then.serving)?,
        };
        let canary = match (&self.options.canary.clone(), &then.canary) {
            (Some(canary), Some(then)) if canary.version == Tried::Latest => {
                Some((self.back_to(&versions, then)?, canary.clone()))
            }
            (Some(canary), None) if canary.version == Tried::Latest => None,
            _ => now.canary.clone(),
        };
        Ok(Serving {
            canary: canary.filter(|(version, _)| version.id != stable.id),
            stable,
            shadow: now.shadow.clone(),
        })
    }

    fn back_to(
        &mut self,
        versions: &Versions,
        id: &VersionId,
    ) -> Result<Arc<Version>, InferenceError> {
        let found = versions.list(&self.definition.name)?;
        let model = self.definition.name.clone();
        let lost = |path: &Path, message: String| InferenceError::File {
            model: model.clone(),
            path: path.to_owned(),
            line: None,
            message,
            hint: Some(
                "bring back the one of the checkpoint, so that rows are predicted again as they \
                 were; or go on with another: 'version' = '…'"
                    .to_owned(),
            ),
        };
        let Some(one) = found.iter().find(|found| found.name == id.name) else {
            let message = format!("the checkpoint is of {id}, which is no longer there");
            return Err(lost(&versions.base, message));
        };
        let version = match self.known(one) {
            Some(version) => version,
            None => self.load(one)?,
        };
        match version.id == *id {
            true => Ok(version),
            false => {
                let message = format!("the checkpoint is of {id}, and this is {}", version.id);
                Err(lost(&one.path, message))
            }
        }
    }

    fn none(&self, versions: &Versions) -> InferenceError {
        InferenceError::File {
            model: self.definition.name.clone(),
            path: versions.base.clone(),
            line: None,
            message: "there is no version in the folder".to_owned(),
            hint: Some(
                "a version is a model file there, or a folder with one: 'models/churn/1/model.txt'"
                    .to_owned(),
            ),
        }
    }
}

/// Takes the column of the version out of the outputs; answers its place.
fn take_column(definition: &mut ModelDefinition, name: &str) -> Result<usize, InferenceError> {
    let wrong = |message: String| InferenceError::definition(&definition.name, message);
    let outputs = &definition.outputs;
    let Some(place) = outputs.iter().position(|field| field.name() == name) else {
        let names: Vec<&str> = outputs.iter().map(|field| field.name().as_str()).collect();
        return Err(wrong(format!(
            "'version.column' = '{name}' is no column of OUTPUT"
        ))
        .with_hint(suggest(name, &names)));
    };
    let data_type = outputs[place].data_type();
    if !matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    ) {
        return Err(wrong(format!(
            "the output '{name}' holds the version, so it must be STRING, not {}",
            type_name(data_type)
        )));
    }
    definition.outputs.remove(place);
    Ok(place)
}
