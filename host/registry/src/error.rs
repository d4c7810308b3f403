//! Why a registry did not give or take a plugin, by whose fault.

use std::path::PathBuf;

use wasmill_plugin::PluginError;

use crate::reference::{Digest, Reference};

/// `Display` is the message; what to do about it is in [`RegistryError::hint`]. What a registry wrote
/// is cut and has its control characters escaped; no password or token is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    // Of whoever wrote the reference.
    #[error("`{reference}` is no plugin in a registry: {reason}")]
    Reference {
        reference: String,
        reason: &'static str,
    },
    #[error("a plugin's place in a registry holds no user and password")]
    PasswordInReference,
    #[error(
        "`{reference}` is not pinned by a digest: a tag may be moved, and the job would run other code"
    )]
    NotPinned {
        reference: Box<Reference>,
        /// What the tag means now, where the registry says so, or why not.
        now: Result<Box<Reference>, String>,
    },
    #[error("the registry {registry} has no `{what}`{}", Says(says))]
    Missing {
        registry: String,
        what: String,
        says: Option<String>,
    },

    // Of whoever pushed it.
    #[error("`{reference}` is no WebAssembly component: {reason}")]
    OtherArtifact { reference: String, reason: String },
    #[error("`{reference}` is too large: {size} bytes, of at most {limit}")]
    TooLarge {
        reference: String,
        size: u64,
        limit: u64,
    },
    #[error(transparent)]
    Plugin(#[from] PluginError),

    // Of the network, the registry, the user's credentials.
    #[error("cannot reach the registry {registry}: {reason}")]
    Unreachable { registry: String, reason: String },
    #[error("the registry {registry} was silent for {seconds} s")]
    Silent { registry: String, seconds: u64 },
    #[error("the registry {registry} {reason}{}", Says(says))]
    Answer {
        registry: String,
        reason: String,
        says: Option<String>,
    },
    #[error("the registry {registry} gave other bytes for {wanted}: they have {found}")]
    OtherBytes {
        registry: String,
        wanted: Digest,
        found: Digest,
    },
    #[error("the registry {registry} does not let {} `{name}`{}", whom(.credentials, .writes), Says(says))]
    Denied {
        registry: String,
        name: String,
        writes: bool,
        /// The file that the credentials are from, where there are some.
        credentials: Option<PathBuf>,
        says: Option<String>,
    },
    #[error("cannot read {}: {reason}", path.display())]
    Credentials { path: PathBuf, reason: String },

    // Ours.
    #[error("the HTTP client does not start: {0}")]
    Client(String),
}

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Job,
    Plugin,
    Environment,
    Bug,
}

impl RegistryError {
    /// Of [`RegistryError::Plugin`] the plugin's own error says it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Reference { .. }
            | Self::PasswordInReference
            | Self::NotPinned { .. }
            | Self::Missing { .. } => Fault::Job,
            Self::OtherArtifact { .. } | Self::TooLarge { .. } | Self::Plugin(_) => Fault::Plugin,
            Self::Unreachable { .. }
            | Self::Silent { .. }
            | Self::Answer { .. }
            | Self::OtherBytes { .. }
            | Self::Denied { .. }
            | Self::Credentials { .. } => Fault::Environment,
            Self::Client(_) => Fault::Bug,
        }
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Reference { .. } => {
                "it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…"
            }
            Self::PasswordInReference => {
                "`docker login` keeps them, for wasmill too, in ~/.docker/config.json"
            }
            Self::NotPinned { now: Ok(now), .. } => return Some(format!("it is now {now}")),
            Self::NotPinned {
                reference,
                now: Err(reason),
            } => {
                return Some(format!(
                    "`wasmill plugin pull {reference}` says the digest; now it does not come: {reason}"
                ));
            }
            Self::OtherArtifact { .. } => "`wasmill plugin push` makes one of a plugin",
            Self::Plugin(error) => return error.hint(),
            Self::Unreachable { reason, .. } if reason.contains(NOT_TLS) => {
                "if it speaks plain HTTP, and the network is trusted: --plain-http, or its host and \
                 port in WASMILL_PLAIN_HTTP"
            }
            Self::OtherBytes { .. } => {
                "the registry, or something between here and there, is damaged or lies; nothing of \
                 it was run"
            }
            Self::Denied {
                credentials: None,
                registry,
                ..
            } => {
                return Some(format!(
                    "`docker login {registry}` keeps credentials, for wasmill too, in \
                     ~/.docker/config.json; those in credential helpers are not asked for"
                ));
            }
            Self::Denied {
                credentials: Some(_),
                registry,
                ..
            } => return Some(format!("`docker login {registry}` renews them")),
            Self::Credentials { .. } => "DOCKER_CONFIG names another folder with a config.json",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What rustls says of an answer in plain HTTP.
const NOT_TLS: &str = "InvalidContentType";

/// What a registry wrote about its refusal.
struct Says<'a>(&'a Option<String>);

impl std::fmt::Display for Says<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(text) => write!(f, " (it says: {text})"),
            None => Ok(()),
        }
    }
}

fn whom(credentials: &Option<PathBuf>, writes: &bool) -> String {
    let does = if *writes { "write" } else { "read" };
    match credentials {
        Some(path) => format!("the user of {} {does}", path.display()),
        None => format!("everybody {does}"),
    }
}
