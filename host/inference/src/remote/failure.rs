//! Why a request came to nothing, and whether another may fare better.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::InferenceError;

/// What a message shows of a server's own text.
const MOST_SHOWN: usize = 400;

#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub kind: Kind,
    /// A sentence without the server's address, which goes on after it.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server cannot be reached, or says that it cannot serve now.
    Away,
    /// The server's certificate is not one of an authority that is trusted.
    Untrusted,
    /// No answer within the time of an attempt.
    Late,
    /// The server has no such model.
    Missing,
    /// The server wants to know who asks, or does not let it.
    Forbidden,
    /// The server has read the request and says no.
    Refused,
    /// The answer is none to the request.
    Unreadable,
}

impl Failure {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// Of an error of the connection, in the words of what lies deepest.
    pub fn of_connection(action: &str, error: &(dyn Error + 'static)) -> Self {
        let cause = root_cause(error);
        // rustls says so, below two libraries that know of no kinds.
        let kind = match cause.starts_with("invalid peer certificate") {
            true => Kind::Untrusted,
            false => Kind::Away,
        };
        Self::new(kind, format!("{action}: {cause}"))
    }

    pub fn late(timeout: Duration) -> Self {
        Self::new(Kind::Late, format!("did not answer within {timeout:?}"))
    }

    pub fn unreadable(message: impl fmt::Display) -> Self {
        let message = shown(&message.to_string());
        Self::new(Kind::Unreadable, format!("gave a wrong answer: {message}"))
    }

    /// The request may be sent again: the server has not begun with it, or a model computes the same
    /// another time.
    pub fn is_passing(&self) -> bool {
        self.kind == Kind::Away
    }

    /// It says something of the server's health.
    pub fn is_of_health(&self) -> bool {
        matches!(self.kind, Kind::Away | Kind::Late)
    }

    /// As an error of a call. `server` is its address as the job says it.
    pub fn into_error(self, model: &str, server: &str) -> InferenceError {
        let message = format!("the server {server} {}", self.message);
        match self.kind {
            Kind::Away | Kind::Late => InferenceError::Environment {
                message: format!("model '{model}': {message}"),
                hint: Some(match self.kind {
                    Kind::Late => "give it more time with 'timeout', or less work at once with \
                         'batch.max-rows' and 'max-concurrent-operations'"
                        .into(),
                    _ => {
                        "is it running, and reachable from here? 'max-attempts' and 'retry-delay' \
                         say for how long it is asked again"
                            .into()
                    }
                }),
            },
            Kind::Untrusted
            | Kind::Missing
            | Kind::Forbidden
            | Kind::Refused
            | Kind::Unreadable => InferenceError::Runtime {
                model: model.to_owned(),
                message,
            },
        }
    }

    /// As an error of the first look at a server.
    pub fn into_load_error(self, model: &str, server: &str) -> InferenceError {
        let message = format!("the server {server} {}", self.message);
        match self.kind {
            Kind::Away | Kind::Late => InferenceError::Environment {
                message: format!("model '{model}': {message}"),
                hint: Some("is it running, and reachable from here?".into()),
            },
            Kind::Untrusted => InferenceError::definition(model, message).with_hint(
                "'tls.ca' names a file with the certificate of the authority that has signed it",
            ),
            Kind::Forbidden => InferenceError::definition(model, message)
                .with_hint("write 'token' = '${env:NAME}' to send what a variable has"),
            Kind::Missing => InferenceError::definition(model, message)
                .with_hint("'model' and 'model-version' must be the server's names for it"),
            Kind::Refused | Kind::Unreadable => InferenceError::definition(model, message)
                .with_hint(
                    "does 'endpoint' name a server of the provider's protocol, and its port?",
                ),
        }
    }
}

/// A text of the server, on one line and not too long.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text
        .chars()
        .take(MOST_SHOWN)
        .flat_map(|c| match c.is_control() {
            true => c.escape_debug().collect::<Vec<_>>(),
            false => vec![c],
        })
        .collect();
    if text.chars().nth(MOST_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The innermost of an error's causes, which says most.
pub(super) fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    shown(&cause.to_string())
}
