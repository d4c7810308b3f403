//! What can go wrong with a plugin, by whose fault.

mod escape;
mod hint;
mod shown;

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use crate::account::Excess;

pub use escape::escape;
pub(crate) use escape::is_plain;
use shown::{Backtrace, FirstRows, Log};
pub(crate) use shown::{Seconds, Size};

/// Why a plugin could not be loaded, opened or called.
///
/// `Display` is the message; what to do about it is in [`PluginError::hint`]. `function` and
/// `plugin` name what the job names: `predict (predict.wasm#predict)`, `predict.wasm`. Everything
/// that a guest wrote is cut and has its control characters escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    // The job's fault, or of whoever gave it this file.
    #[error("cannot read the plugin `{}`: {source}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("`{plugin}` is not a WebAssembly component: {reason}")]
    NotAComponent { plugin: String, reason: String },
    #[error("`{plugin}` is a core WebAssembly module, not a component")]
    CoreModule { plugin: String },
    #[error("`{plugin}` has the sha256 {found}, not the one that the job wants")]
    OtherBytes { plugin: String, found: String },
    #[error("`{plugin}` is too large: {size} bytes, of at most {limit}")]
    TooLarge {
        plugin: String,
        size: u64,
        limit: u64,
    },
    #[error("`{plugin}` has {found} {what}, of at most {limit}")]
    TooMuch {
        plugin: String,
        what: &'static str,
        found: u64,
        limit: u64,
    },
    #[error(
        "`{plugin}` wants the contract wasmill:udf@{wanted}; this wasmill speaks wasmill:udf@{spoken}"
    )]
    OtherContract {
        plugin: String,
        wanted: String,
        spoken: String,
        newer: bool,
    },
    #[error("`{plugin}` exports neither {}, so it has no functions", exports.join(" nor "))]
    MissingExport {
        plugin: String,
        /// Between backticks; one of them would do.
        exports: Vec<String>,
    },
    #[error("`{plugin}` imports `{import}`, which is not granted")]
    UngrantedImport {
        plugin: String,
        import: String,
        /// The import's package: `wasi:http`.
        capability: String,
    },
    #[error("`{plugin}` does not fit the contract: {reason}")]
    Mismatch { plugin: String, reason: String },
    #[error("`{plugin}` has no function `{function}`")]
    UnknownFunction {
        plugin: String,
        function: String,
        offered: Vec<String>,
    },
    #[error("function {function} has no parameter `{parameter}`")]
    UnknownParameter {
        function: String,
        parameter: String,
        declared: Vec<String>,
    },
    #[error("function {function} needs the parameter `{parameter}`: {description}")]
    MissingParameter {
        function: String,
        parameter: String,
        description: String,
    },
    #[error("function {function} takes {expected}, not ({got})")]
    WrongArguments {
        function: String,
        expected: String,
        got: String,
    },
    #[error("function {function} cannot take an argument of type {data_type}")]
    UnsupportedArgument { function: String, data_type: String },
    #[error("function {function} wants the model `{model}`, which the job does not grant")]
    UngrantedModel {
        function: String,
        model: String,
        granted: Vec<String>,
    },
    #[error("{who} sets a timer for the time of rows, and nothing says which column that is")]
    NoTimes { who: String },
    #[error("function {function} imports `{import}`, which the job does not grant")]
    UngrantedHttp { function: String, import: String },
    #[error("function {function}: '{option}' is {asked}, but this host allows {ceiling} at most")]
    AboveCeiling {
        function: String,
        /// Which limit: `limit.memory`.
        option: &'static str,
        asked: String,
        ceiling: String,
    },
    #[error("function {function} needs another instance, beside the {limit} that it may have")]
    TooManyInstances { function: String, limit: usize },
    #[error("function {function} refuses to open: {message}{}", Log(log))]
    Refused {
        function: String,
        message: String,
        log: Vec<String>,
    },

    // The data's fault, as the function sees it.
    #[error("function {function} failed on {} of {of} rows: {}", rows.len(), FirstRows(rows))]
    Rows {
        function: String,
        /// In the order that the guest gave, one a row; each is below `of`.
        rows: Vec<RowError>,
        of: usize,
    },

    // The plugin's fault.
    #[error("`{plugin}` describes its functions wrongly: {reason}")]
    BadSignature { plugin: String, reason: String },
    #[error(
        "{who} trapped in `{call}`: {reason}{}{}",
        Backtrace(backtrace),
        Log(log)
    )]
    Trap {
        who: String,
        call: &'static str,
        reason: String,
        /// Innermost first.
        backtrace: Vec<String>,
        log: Vec<String>,
    },
    #[error(
        "{who} ran over its {} limit of {} in `{call}`{}",
        option.trim_start_matches("limit."),
        Seconds(*limit),
        Log(log)
    )]
    Timeout {
        who: String,
        call: &'static str,
        /// `limit.time` or `limit.wall-time`.
        option: &'static str,
        limit: Duration,
        log: Vec<String>,
    },
    #[error(
        "{who} ran over its memory limit of {} in `{call}`: it wanted {}{}",
        Size(*limit),
        Size(*asked),
        Log(log)
    )]
    Memory {
        who: String,
        call: &'static str,
        limit: usize,
        /// All its memories and tables together, had the growth been allowed.
        asked: usize,
        log: Vec<String>,
    },
    #[error("{who} ran over its limit of {limit} in `{call}`: {asked}{}", Log(log))]
    Limit {
        who: String,
        call: &'static str,
        /// Which one: `limit.handles`.
        option: &'static str,
        /// With what it is of: `65536 handles`.
        limit: Box<str>,
        /// As a sentence.
        asked: Box<str>,
        log: Vec<String>,
    },
    /// Not this function, but all of a level together would run over what they may use: all
    /// instances of the function, all functions of the job or of the tenant.
    #[error("{who} cannot go on in `{call}`: {sum}{}", Log(log))]
    Sum {
        who: String,
        call: &'static str,
        sum: Sum,
        log: Vec<String>,
    },
    #[error("{who} handed bad data to its host in `{call}`: {reason}{}", Log(log))]
    BadData {
        who: String,
        call: &'static str,
        reason: String,
        log: Vec<String>,
    },
    #[error("function {function} gave a wrong result: {reason}{}", Log(log))]
    WrongResult {
        function: String,
        reason: String,
        log: Vec<String>,
    },
    #[error("function {function} failed: {message}{}", Log(log))]
    Failed {
        function: String,
        message: String,
        log: Vec<String>,
    },

    // The environment's.
    #[error("no room for another instance of {who}: {limit} run already")]
    NoRoom { who: String, limit: u64 },
    #[error("cannot start the WebAssembly engine: {0}")]
    Engine(String),
}

impl PluginError {
    /// Whether the guest may be called again: after a trap its memory may be in any state, after an
    /// error of its own it is not.
    pub(crate) fn leaves_guest(&self) -> bool {
        matches!(
            self,
            Self::Rows { .. } | Self::Failed { .. } | Self::WrongResult { .. }
        )
    }
}

/// What a level of accounts has no room for.
#[derive(Debug)]
pub struct Sum(Box<Excess>);

impl Sum {
    pub(crate) fn new(excess: Excess) -> Self {
        Self(Box::new(excess))
    }

    /// Whether it was used up by others than the job: by the tenant's other jobs, by other tenants.
    pub fn is_outside_of_the_job(&self) -> bool {
        self.0.is_outside_of_the_job()
    }
}

impl Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a function says about one row of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowError {
    pub row: usize,
    pub message: String,
}
