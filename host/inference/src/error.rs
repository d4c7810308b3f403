//! What can go wrong with a model, by whose fault it is.

use std::path::PathBuf;

/// Why a model could not be loaded or could not predict.
///
/// `Display` is the message without the [hint](Self::hint).
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// The `CREATE MODEL` statement is wrong, or does not fit the model file.
    #[error("model '{model}': {message}")]
    Definition {
        model: String,
        message: String,
        hint: Option<String>,
    },
    /// The model file is missing, is of another format or is damaged.
    #[error("model '{model}': {}{}: {message}", path.display(), show_line(*line))]
    File {
        model: String,
        path: PathBuf,
        /// Counted from 1.
        line: Option<usize>,
        message: String,
        hint: Option<String>,
    },
    /// The rows that were handed to the model do not fit it.
    #[error("model '{model}': {message}")]
    Data {
        model: String,
        message: String,
        hint: Option<String>,
    },
    /// This machine lacks what the model needs.
    #[error("{message}")]
    Environment {
        message: String,
        hint: Option<String>,
    },
    /// The model would run over a limit: of time, of memory.
    #[error("model '{model}' {message}")]
    Limit {
        model: String,
        message: String,
        hint: String,
    },
    /// The runtime that computes the model failed on good input.
    #[error("model '{model}': {message}")]
    Runtime { model: String, message: String },
}

impl InferenceError {
    /// What to do about it, where there is something to say.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Definition { hint, .. }
            | Self::File { hint, .. }
            | Self::Data { hint, .. }
            | Self::Environment { hint, .. } => hint.clone(),
            Self::Limit { hint, .. } => Some(hint.clone()),
            Self::Runtime { .. } => None,
        }
    }

    /// The call that the model is asked in has no more time.
    pub(crate) fn deadline(model: &str) -> Self {
        Self::Limit {
            model: model.into(),
            message: "was stopped: it ran past the deadline of the call that asked it".into(),
            hint: "a function has more time for its models with a longer 'limit.wall-time' in its \
                   WITH, ML_PREDICT with SET 'job.limit.wall-time'"
                .into(),
        }
    }

    pub(crate) fn definition(model: &str, message: impl Into<String>) -> Self {
        Self::Definition {
            model: model.into(),
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn data(model: &str, message: impl Into<String>) -> Self {
        Self::Data {
            model: model.into(),
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Definition { hint, .. }
            | Self::File { hint, .. }
            | Self::Data { hint, .. }
            | Self::Environment { hint, .. } => *hint = Some(text.into()),
            Self::Limit { .. } | Self::Runtime { .. } => {}
        }
        self
    }
}

fn show_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}"))
        .unwrap_or_default()
}
