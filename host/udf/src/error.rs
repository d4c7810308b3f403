//! What can be wrong with a call of a WASM function in a query.

use std::{error::Error, fmt, time::Duration};

use arrow::datatypes::{DataType, Fields};
use datafusion::common::DataFusionError;
use wasmill_plugin::PluginError;

/// Why a query's call of a WASM function was refused, or failed.
#[derive(Debug)]
pub enum UdfError {
    /// The job is wrong: the call has too few or too many arguments.
    ArgumentCount {
        /// The function's name in SQL.
        function: String,
        /// Its declared arguments.
        declared: Fields,
        /// Any number of the last one, at least one.
        variadic: bool,
        got: usize,
    },
    /// The job is wrong: an argument's type can't be cast to the declared one.
    ArgumentType {
        /// The function's name in SQL.
        function: String,
        /// Counted from 1.
        position: usize,
        argument: String,
        expected: DataType,
        got: DataType,
    },
    /// The job is wrong: a type that the contract doesn't have.
    UnsupportedType {
        /// The function's name in SQL.
        function: String,
        /// Counted from 1.
        position: usize,
        got: DataType,
    },
    /// The plugin is wrong, or failed.
    Plugin(PluginError),
    /// A function failed on rows that may be left out: its policy is
    /// [`OnError::DeadLetter`](crate::OnError::DeadLetter).
    Rows {
        /// The function's name in SQL.
        function: String,
        error: Box<PluginError>,
        /// Time to find these rows in.
        batch_time: Duration,
    },
    /// To find the rows of a batch on which a function fails takes longer than it may.
    BatchTime {
        /// The function's name in SQL.
        function: String,
        limit: Duration,
    },
    /// The query was stopped (see [`Stop`](crate::Stop)).
    Stopped {
        /// The function's name in SQL.
        function: String,
    },
}

impl UdfError {
    /// The message, with types named as the session's dialect names them.
    pub fn message(&self, type_name: impl Fn(&DataType) -> String) -> String {
        match self {
            UdfError::ArgumentCount {
                function,
                declared,
                variadic,
                got,
            } => {
                let arguments: Vec<_> = declared
                    .iter()
                    .map(|field| format!("{} {}", field.name(), type_name(field.data_type())))
                    .collect();
                let (rest, least) = if *variadic {
                    (", …", "at least ")
                } else {
                    ("", "")
                };
                let expected = declared.len();
                let plural = if expected == 1 { "" } else { "s" };
                format!(
                    "{function}({}{rest}) takes {least}{expected} argument{plural}, the call has {got}",
                    arguments.join(", ")
                )
            }
            UdfError::ArgumentType {
                function,
                position,
                argument,
                expected,
                got,
            } => format!(
                "{function}: argument {position} ({argument}) is {}, the call passes {}",
                type_name(expected),
                type_name(got)
            ),
            UdfError::UnsupportedType {
                function,
                position,
                got,
            } => format!(
                "{function}: argument {position} is {}, which no WASM function can take",
                type_name(got)
            ),
            UdfError::Plugin(error) => error.to_string(),
            UdfError::Rows { error, .. } => error.to_string(),
            UdfError::BatchTime { function, limit } => {
                let millis = limit.as_millis();
                let limit = match millis.is_multiple_of(1000) {
                    true => format!("{} s", millis / 1000),
                    false => format!("{millis} ms"),
                };
                format!(
                    "function {function} ran over its batch-time limit of {limit}: it fails on rows \
                     of a batch, and not all of them are found"
                )
            }
            UdfError::Stopped { function } => {
                format!("function {function} was not called: its query was stopped")
            }
        }
    }

    /// What to do about it, with types named as in [`UdfError::message`].
    pub fn hint(&self, type_name: impl Fn(&DataType) -> String) -> Option<String> {
        match self {
            UdfError::ArgumentCount { .. } | UdfError::Stopped { .. } => None,
            UdfError::ArgumentType { expected, .. } => Some(format!(
                "write CAST(… AS {}) if that is what you mean",
                type_name(expected)
            )),
            UdfError::UnsupportedType { .. } => {
                Some("pass its parts as arguments of their own".to_owned())
            }
            UdfError::Plugin(error) => error.hint(),
            UdfError::Rows { error, .. } => error.hint(),
            UdfError::BatchTime { .. } => Some(
                "let it fail faster with a lower 'limit.time' in the function's WITH, or give it a \
                 longer 'limit.batch-time'"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for UdfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message(DataType::to_string))
    }
}

impl Error for UdfError {}

impl From<PluginError> for UdfError {
    fn from(error: PluginError) -> Self {
        UdfError::Plugin(error)
    }
}

/// As it travels through DataFusion.
pub(crate) fn external(error: UdfError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
