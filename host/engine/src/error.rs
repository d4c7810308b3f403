//! The errors of a job, by whose fault they are, and where in the job file they point.

use std::fmt;

pub use wasmill_sql::Location;
use wasmill_sql::SqlError;
pub(crate) use wasmill_sql::nearest;

/// Why a job cannot be planned or did not finish.
///
/// `Display` is the whole message, with the place in the job file where one is known; the hint is
/// apart, see [`EngineError::hint`].
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The SQL, an option or a setting is wrong.
    #[error("{message}{}", Place(location))]
    Job {
        message: String,
        hint: Option<String>,
        location: Option<Box<Location>>,
    },
    /// A plugin cannot be used, or failed.
    #[error("{message}{}", Place(location))]
    Plugin {
        message: String,
        hint: Option<String>,
        location: Option<Box<Location>>,
    },
    /// A model cannot be used, or failed.
    #[error("{message}{}", Place(location))]
    Model {
        message: String,
        hint: Option<String>,
        location: Option<Box<Location>>,
    },
    /// A row that was read or is to be written is wrong.
    #[error("{message}")]
    Data {
        message: String,
        hint: Option<String>,
    },
    /// A file, a disk, a library or a service does not do what it should.
    #[error("{message}")]
    Environment {
        message: String,
        hint: Option<String>,
    },
    /// The job was cancelled; nothing of it is visible.
    #[error("the job was cancelled; no sink shows any of it")]
    Cancelled,
    /// Who reads standard output went away.
    #[error("standard output was closed")]
    OutputClosed,
    /// This program's fault.
    #[error("{message}")]
    Bug { message: String },
}

/// Who has to act on an [`EngineError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Job,
    Plugin,
    Model,
    Data,
    Environment,
    Cancelled,
    OutputClosed,
    Bug,
}

impl EngineError {
    pub(crate) fn job(message: impl Into<String>) -> Self {
        EngineError::Job {
            message: message.into(),
            hint: None,
            location: None,
        }
    }

    pub(crate) fn bug(message: impl Into<String>) -> Self {
        EngineError::Bug {
            message: message.into(),
        }
    }

    pub(crate) fn with_hint(mut self, text: impl Into<Option<String>>) -> Self {
        let text = text.into();
        match &mut self {
            EngineError::Job { hint, .. }
            | EngineError::Plugin { hint, .. }
            | EngineError::Model { hint, .. }
            | EngineError::Data { hint, .. }
            | EngineError::Environment { hint, .. }
                if text.is_some() =>
            {
                *hint = text;
            }
            _ => {}
        }
        self
    }

    /// Points at a place in the job file, unless the error points at one already.
    pub(crate) fn at(mut self, place: impl FnOnce() -> Option<Location>) -> Self {
        if let EngineError::Job { location, .. }
        | EngineError::Plugin { location, .. }
        | EngineError::Model { location, .. } = &mut self
            && location.is_none()
        {
            *location = place().map(Box::new);
        }
        self
    }

    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            EngineError::Job { hint, .. }
            | EngineError::Plugin { hint, .. }
            | EngineError::Model { hint, .. }
            | EngineError::Data { hint, .. }
            | EngineError::Environment { hint, .. } => hint.clone(),
            EngineError::Cancelled | EngineError::OutputClosed => None,
            EngineError::Bug { .. } => {
                Some("this is a bug of wasmill: please report it with the job file".into())
            }
        }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            EngineError::Job { .. } => Fault::Job,
            EngineError::Plugin { .. } => Fault::Plugin,
            EngineError::Model { .. } => Fault::Model,
            EngineError::Data { .. } => Fault::Data,
            EngineError::Environment { .. } => Fault::Environment,
            EngineError::Cancelled => Fault::Cancelled,
            EngineError::OutputClosed => Fault::OutputClosed,
            EngineError::Bug { .. } => Fault::Bug,
        }
    }

    /// The place in the job file, where one is known.
    pub fn location(&self) -> Option<&Location> {
        match self {
            EngineError::Job { location, .. }
            | EngineError::Plugin { location, .. }
            | EngineError::Model { location, .. } => location.as_deref(),
            _ => None,
        }
    }
}

impl From<SqlError> for EngineError {
    fn from(error: SqlError) -> Self {
        EngineError::Job {
            message: error.message,
            hint: error.hint,
            location: error.location,
        }
    }
}

struct Place<'a>(&'a Option<Box<Location>>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(location) => write!(f, "\n{location}"),
            None => Ok(()),
        }
    }
}

/// `did you mean 'x'?`, or else what there is.
pub(crate) fn did_you_mean(name: &str, candidates: &[String], there_is: &str) -> Option<String> {
    if let Some(near) = nearest(name, candidates.iter().map(String::as_str)) {
        return Some(format!("did you mean '{near}'?"));
    }
    const SHOWN: usize = 12;
    if candidates.is_empty() {
        return None;
    }
    let mut names = candidates[..candidates.len().min(SHOWN)].join(", ");
    if candidates.len() > SHOWN {
        names.push_str(", …");
    }
    Some(format!("{there_is}: {names}"))
}
