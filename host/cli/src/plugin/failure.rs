//! Why a command of `wasmill plugin` did not do what it should.

use std::process::ExitCode;

use wasmill_plugin::PluginError;
use wasmill_registry::{Fault, RegistryError};

use crate::output::Output;

/// A function failed, or gave something else than was expected.
const FAILED: u8 = 1;
/// The command, a file or the component is wrong; nothing ran.
const WRONG: u8 = 2;

/// What is told on stderr, and the exit code.
#[derive(Debug)]
pub struct Failure {
    /// None: everything is told already.
    message: Option<String>,
    hint: Option<String>,
    code: u8,
}

impl Failure {
    /// What was asked for cannot be done.
    pub fn wrong(message: impl Into<String>) -> Self {
        Failure {
            message: Some(message.into()),
            hint: None,
            code: WRONG,
        }
    }

    /// It was done, and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Failure {
            code: FAILED,
            ..Failure::wrong(message)
        }
    }

    /// It was done and failed, as stdout tells.
    pub fn told() -> Self {
        Failure {
            message: None,
            hint: None,
            code: FAILED,
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A component that does not load or open.
    pub fn of(error: &PluginError) -> Self {
        let hint = match error {
            PluginError::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("was the plugin built? `wasmill plugin build` does it".to_owned())
            }
            PluginError::MissingParameter { parameter, .. } => {
                Some(format!("add --parameter {parameter}=…"))
            }
            PluginError::UngrantedModel { .. } => {
                Some("the only model here is `sum`, of two float64".to_owned())
            }
            PluginError::WrongArguments { .. } => {
                Some("--types says which types the columns have".to_owned())
            }
            error => error.hint(),
        };
        Failure {
            hint,
            ..Failure::wrong(error.to_string())
        }
    }

    /// A registry that does not give or take a plugin.
    pub fn of_registry(error: &RegistryError) -> Self {
        let failure = match error.fault() {
            Fault::Environment => Failure::failed(error.to_string()),
            _ => Failure::wrong(error.to_string()),
        };
        Failure {
            hint: error.hint(),
            ..failure
        }
    }

    /// A call that failed.
    pub fn of_call(error: &PluginError) -> Self {
        Failure {
            code: FAILED,
            ..Failure::of(error)
        }
    }

    /// Says where it was.
    pub fn at(self, place: &str) -> Self {
        let message = self.message.map(|message| format!("{place}: {message}"));
        Failure { message, ..self }
    }

    /// On stderr; returns the exit code.
    pub fn tell(self, output: &Output) -> ExitCode {
        if let Some(message) = self.message {
            output.error(&message, self.hint);
        }
        ExitCode::from(self.code)
    }
}
