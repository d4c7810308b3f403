//! What a definition says of versions: which serves, which is tried beside it, and how a new one is found.

use std::path::PathBuf;
use std::time::Duration;

use crate::{InferenceError, ModelDefinition};

/// The options of this module; a provider of model files never sees them.
pub(crate) const OPTIONS: &[&str] = &[
    VERSION,
    COLUMN,
    RELOAD,
    GOLDEN,
    GOLDEN_TOLERANCE,
    CANARY,
    CANARY_SHARE,
    CANARY_KEY,
    SHADOW,
    SHADOW_TOLERANCE,
];

const VERSION: &str = "version";
const COLUMN: &str = "version.column";
const RELOAD: &str = "reload.interval";
const GOLDEN: &str = "golden.path";
const GOLDEN_TOLERANCE: &str = "golden.tolerance";
const CANARY: &str = "canary.version";
const CANARY_SHARE: &str = "canary.share";
const CANARY_KEY: &str = "canary.key";
const SHADOW: &str = "shadow.version";
const SHADOW_TOLERANCE: &str = "shadow.tolerance";

/// How often a folder of versions is looked at, unless the job says otherwise.
const INTERVAL: Duration = Duration::from_secs(10);

/// How far predictions may lie apart and count as equal.
const TOLERANCE: f64 = 1e-6;

/// Which version serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Policy {
    /// The newest, also when a newer one comes.
    Latest,
    /// The one that was the newest when the job began.
    Pinned,
    Named(String),
}

/// A version that is tried beside the one that serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    Latest,
    Named(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Canary {
    pub version: Tried,
    /// Of the rows, from 0 to 1.
    pub share: f64,
    /// The column whose values decide; the inputs together where there is none.
    pub key: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shadow {
    pub version: Tried,
    pub tolerance: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Golden {
    /// Absolute; `*` stands for the version.
    pub path: PathBuf,
    pub tolerance: f64,
}

/// All that a definition says of versions.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VersionOptions {
    pub policy: Policy,
    /// The declared output that holds the version.
    pub column: Option<String>,
    /// How often it is looked for a new version; `None` where never.
    pub interval: Option<Duration>,
    pub golden: Option<Golden>,
    pub canary: Option<Canary>,
    pub shadow: Option<Shadow>,
}

impl VersionOptions {
    /// The first of the options that a definition has.
    pub(super) fn any(definition: &ModelDefinition) -> Option<&'static str> {
        let said = |key: &&&str| definition.options.contains_key(**key);
        OPTIONS.iter().find(said).copied()
    }

    /// Reads the options; `has_versions` where the path is of a folder of them.
    pub(super) fn of(
        definition: &ModelDefinition,
        has_versions: bool,
    ) -> Result<Self, InferenceError> {
        let option = |key: &str| definition.options.get(key).map(|text| text.trim());
        let wrong = |message: String| InferenceError::definition(&definition.name, message);
        let of_versions = |key: &str| match has_versions || option(key).is_none() {
            true => Ok(()),
            false => Err(wrong(format!(
                "'{key}' is of a folder with versions, and 'path' names one file"
            ))
            .with_hint("'path' = 'models/churn/*' has a version in each file or folder there")),
        };
        for key in [VERSION, CANARY, SHADOW] {
            of_versions(key)?;
        }
        let policy = match option(VERSION) {
            None | Some("latest") => Policy::Latest,
            Some("pinned") => Policy::Pinned,
            Some(name) => Policy::Named(name.to_owned()),
        };
        let tried = |key: &str| {
            option(key).map(|text| match text {
                "latest" => Tried::Latest,
                name => Tried::Named(name.to_owned()),
            })
        };
        let orphan = |key: &str, of: &str| match option(of).is_none() && option(key).is_some() {
            true => Err(wrong(format!("'{key}' needs '{of}'"))),
            false => Ok(()),
        };
        orphan(CANARY_SHARE, CANARY)?;
        orphan(CANARY_KEY, CANARY)?;
        orphan(SHADOW_TOLERANCE, SHADOW)?;
        orphan(GOLDEN_TOLERANCE, GOLDEN)?;
        for key in [CANARY, SHADOW] {
            if tried(key) == Some(Tried::Latest) && !matches!(policy, Policy::Named(_)) {
                return Err(wrong(format!(
                    "'{key}' = 'latest' is the version that serves already"
                ))
                .with_hint("name the one that serves: 'version' = '…'"));
            }
        }
        let canary = match tried(CANARY) {
            None => None,
            Some(version) => {
                let share = option(CANARY_SHARE).ok_or_else(|| {
                    wrong(format!("'{CANARY}' needs '{CANARY_SHARE}'"))
                        .with_hint(format!("'{CANARY_SHARE}' = '0.05' is one row of 20"))
                })?;
                let share = share
                    .parse::<f64>()
                    .ok()
                    .filter(|share| (0.0..=1.0).contains(share))
                    .ok_or_else(|| {
                        wrong(format!(
                            "the option '{CANARY_SHARE}' must be a number from 0 to 1, not '{share}'"
                        ))
                    })?;
                Some(Canary {
                    version,
                    share,
                    key: option(CANARY_KEY).map(str::to_owned),
                })
            }
        };
        let tolerance = |key: &str| match option(key) {
            None => Ok(TOLERANCE),
            Some(text) => text
                .parse::<f64>()
                .ok()
                .filter(|tolerance| tolerance.is_finite() && *tolerance >= 0.0)
                .ok_or_else(|| {
                    wrong(format!(
                        "the option '{key}' must be a number that is not negative, not '{text}'"
                    ))
                }),
        };
        let shadow = match tried(SHADOW) {
            None => None,
            Some(version) => Some(Shadow {
                version,
                tolerance: tolerance(SHADOW_TOLERANCE)?,
            }),
        };
        let golden = match option(GOLDEN) {
            None => None,
            Some(path) => Some(Golden {
                path: definition.base.join(path),
                tolerance: tolerance(GOLDEN_TOLERANCE)?,
            }),
        };
        let follows = |version: &Tried| *version == Tried::Latest;
        let moves = policy == Policy::Latest
            || canary.iter().any(|canary| follows(&canary.version))
            || shadow.iter().any(|shadow| follows(&shadow.version));
        let given = option(RELOAD).is_some();
        let interval = match (given, has_versions && moves) {
            (true, _) => Some(definition.duration(RELOAD, INTERVAL)?),
            (false, true) => Some(INTERVAL),
            (false, false) => None,
        };
        Ok(VersionOptions {
            policy,
            column: option(COLUMN).map(str::to_owned),
            interval,
            golden,
            canary,
            shadow,
        })
    }

    /// The same definition for one version, without the options of this module.
    pub(super) fn without(definition: &ModelDefinition) -> ModelDefinition {
        let mut one = definition.clone();
        one.options
            .retain(|key, _| !OPTIONS.contains(&key.as_str()));
        one
    }
}
