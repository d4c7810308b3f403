//! What can go wrong in a source or a sink, by whose fault.

use std::io;

use strsim::damerau_levenshtein;

/// An error of a connector. `Display` is the message without the hint.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectorError {
    /// The job file is wrong: an option, a type, a path that names nothing.
    #[error("{message}")]
    Job {
        message: String,
        hint: Option<String>,
    },
    /// The data do not fit the declaration; the message says where.
    #[error("{message}")]
    Data {
        message: String,
        hint: Option<String>,
    },
    /// A file, disk, network or credential is in the way.
    #[error("{message}")]
    Environment {
        message: String,
        hint: Option<String>,
    },
    /// Whoever read our output has gone (a broken pipe): the job ends early, and quietly.
    #[error("the reader of the output has gone away")]
    OutputClosed,
    /// A mistake of this program.
    #[error("{message}; this is a bug in wasmill")]
    Bug { message: String },
}

impl ConnectorError {
    /// What the user could do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Job { hint, .. } | Self::Data { hint, .. } | Self::Environment { hint, .. } => {
                hint.clone()
            }
            Self::OutputClosed => None,
            Self::Bug { .. } => Some("please report it with the job file".to_owned()),
        }
    }

    pub(crate) fn job(message: impl Into<String>) -> Self {
        Self::Job {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::Data {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn environment(message: impl Into<String>) -> Self {
        Self::Environment {
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn bug(message: impl Into<String>) -> Self {
        Self::Bug {
            message: message.into(),
        }
    }

    /// The same error with a hint; `None` leaves it as it is.
    pub(crate) fn with_hint(mut self, text: impl Into<Option<String>>) -> Self {
        if let Self::Job { hint, .. } | Self::Data { hint, .. } | Self::Environment { hint, .. } =
            &mut self
            && let Some(text) = text.into()
        {
            *hint = Some(text);
        }
        self
    }

    /// An operating system's error while doing `action` ("read", "create", …) to `place`.
    pub(crate) fn io(action: &str, place: &str, error: &io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "it does not exist".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            io::ErrorKind::NotADirectory => "a part of its path is a file".to_owned(),
            _ => plain(error),
        };
        let hint = match error.kind() {
            io::ErrorKind::PermissionDenied => {
                Some("check the owner and mode of the file and of the folders above it".to_owned())
            }
            _ => None,
        };
        Self::environment(format!("cannot {action} {place}: {reason}")).with_hint(hint)
    }

    /// An error of Arrow or Parquet that the user's data cannot cause.
    pub(crate) fn unexpected(what: &str, error: impl std::fmt::Display) -> Self {
        Self::bug(format!("{what}: {error}"))
    }
}

/// The text of an operating system's error without "(os error 2)".
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

/// `did you mean 'x'?`, where one of the candidates is near enough.
pub(crate) fn did_you_mean<'a>(
    typed: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    candidates
        .into_iter()
        .map(|candidate| (damerau_levenshtein(typed, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| format!("did you mean '{candidate}'?"))
}
