//! The errors of a job, by whose fault they are, and where in the job file they point.

use std::fmt;

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

/// A place in a job file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// How many characters the caret underlines; at least 1.
    pub length: usize,
    /// The text of the line.
    pub source_line: String,
}

/// Longer lines are shown in part, around the column.
const SHOWN_CHARACTERS: usize = 100;

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let line: Vec<char> = self
            .source_line
            .chars()
            .map(|character| {
                if character.is_control() {
                    ' '
                } else {
                    character
                }
            })
            .collect();
        let column = (self.column.max(1) - 1).min(line.len());
        let first = if line.len() <= SHOWN_CHARACTERS {
            0
        } else {
            column.saturating_sub(SHOWN_CHARACTERS / 2)
        };
        let last = (first + SHOWN_CHARACTERS).min(line.len());
        let shown: String = line[first..last].iter().collect();
        let before = if first > 0 { "…" } else { "" };
        let after = if last < line.len() { "…" } else { "" };
        let indent = " ".repeat(column - first + before.chars().count());
        let carets = "^".repeat(self.length.clamp(1, (last - column).max(1)));
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {before}{}{after}", shown.trim_end())?;
        write!(f, "{margin} | {indent}{carets}")
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

/// The candidate nearest to `name`, where one is near enough to be meant.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&lower, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
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
