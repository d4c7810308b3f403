//! What a guest may ask of its host: what the job granted, a log, metrics.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use wasmtime::component::{ComponentType, Lift};

use crate::epoch::Rows;
use crate::folder::GrantedFolder;
use crate::network::Authority;

/// The capabilities that a job gives to a function; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Models by the name that the guest opens them with.
    pub models: BTreeMap<String, Arc<dyn Model>>,
    /// Hosts that it may send HTTP requests to. A name stands only for public addresses (`localhost`:
    /// for this machine); any other address must be named itself.
    pub http: Vec<Authority>,
    /// Environment variables that it sees, and their values.
    pub env: BTreeMap<String, String>,
    /// The machine's clocks. Without it clocks stand at 0, and sleeping only moves them on.
    pub clock: bool,
    /// The machine's randomness. Without it a function's random numbers are the same in every run.
    pub random: bool,
    /// Folders that it may read.
    pub folders: Vec<GrantedFolder>,
}

impl Grants {
    /// As options of CREATE FUNCTION: name and value. Of variables only the names.
    pub fn options(&self) -> Vec<(&'static str, String)> {
        fn list<T: ToString>(things: impl IntoIterator<Item = T>) -> String {
            let texts: Vec<_> = things.into_iter().map(|thing| thing.to_string()).collect();
            texts.join(", ")
        }
        let folders = self.folders.iter().map(|folder| format!("{folder:?}"));
        let flag = |granted: bool| if granted { "true" } else { "" }.to_owned();
        let mut options = vec![
            ("grant.models", list(self.models.keys())),
            ("grant.http", list(&self.http)),
            ("grant.env", list(self.env.keys())),
            ("grant.dir", list(folders)),
            ("grant.clock", flag(self.clock)),
            ("grant.random", flag(self.random)),
        ];
        options.retain(|(_, value)| !value.is_empty());
        options
    }
}

/// A model that runs in the host, on the host's own columns.
pub trait Model: Send + Sync + Debug {
    /// One field a feature, by position.
    fn inputs(&self) -> &[FieldRef];
    /// One field a predicted column, by position.
    fn outputs(&self) -> &[FieldRef];
    /// Changes whenever the model does.
    fn version(&self) -> String;
    /// `columns` are of the types of [`Model::inputs`], all of `rows` rows; a null means what the
    /// model makes of it (NaN to a model of floats). Returns one column of `rows` rows a field of
    /// [`Model::outputs`]. Behind the deadline nobody wants them: a model that can should fail then.
    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, ModelError>;
}

/// Why a model gave no predictions.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ModelError {
    /// The features do not fit the model.
    #[error("{0}")]
    Invalid(String),
    /// The model failed, or ran over its deadline.
    #[error("{0}")]
    Failed(String),
}

/// How serious a line of a guest's log is.
#[derive(ComponentType, Lift, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[component(enum)]
#[repr(u8)]
pub enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        })
    }
}

/// A line of a guest's log.
#[derive(Clone, Copy, Debug)]
pub struct LogLine<'a> {
    pub level: Level,
    /// As messages name it: `predict (predict.wasm#predict)`.
    pub function: &'a str,
    /// None where the job has no epochs.
    pub epoch: Option<u64>,
    /// The call's. None of a call that is about no rows: `open`, what is asked of an aggregate's groups.
    pub rows: Option<&'a Rows>,
    /// Cut to [`Limits::text_bytes`](crate::Limits), its control characters escaped.
    pub text: &'a str,
}

/// Where a guest's log lines go.
pub trait Log: Send + Sync {
    fn log(&self, line: LogLine<'_>);
}

/// Where a guest's own metrics go. Names are cut and escaped like log lines.
pub trait Metrics: Send + Sync {
    fn counter(&self, function: &str, name: &str, add: u64);
    fn gauge(&self, function: &str, name: &str, value: f64);
    fn histogram(&self, function: &str, name: &str, value: f64);
}

/// A [`Log`] that hands lines to `tracing`, with the target `wasmill::guest` and the fields `function`,
/// `epoch` and `rows`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl Log for TracingLog {
    fn log(&self, line: LogLine<'_>) {
        const TARGET: &str = "wasmill::guest";
        let LogLine {
            level,
            function,
            epoch,
            rows,
            text,
        } = line;
        let rows = rows.map(tracing::field::display);
        match level {
            Level::Trace => tracing::trace!(target: TARGET, function, epoch, rows, "{text}"),
            Level::Debug => tracing::debug!(target: TARGET, function, epoch, rows, "{text}"),
            Level::Info => tracing::info!(target: TARGET, function, epoch, rows, "{text}"),
            Level::Warn => tracing::warn!(target: TARGET, function, epoch, rows, "{text}"),
            Level::Error => tracing::error!(target: TARGET, function, epoch, rows, "{text}"),
        }
    }
}

/// [`Metrics`] that go nowhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn counter(&self, _function: &str, _name: &str, _add: u64) {}
    fn gauge(&self, _function: &str, _name: &str, _value: f64) {}
    fn histogram(&self, _function: &str, _name: &str, _value: f64) {}
}
