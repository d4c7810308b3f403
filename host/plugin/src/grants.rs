//! What a guest may ask of its host: models that the job granted, a log, metrics.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;
use wasmtime::component::{ComponentType, Lift};

/// The capabilities that a job gives to a function; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Models by the name that the guest opens them with.
    pub models: BTreeMap<String, Arc<dyn Model>>,
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

/// Where a guest's log lines go. Lines are cut to [`Limits::text_bytes`](crate::Limits) and their
/// control characters are escaped.
pub trait Log: Send + Sync {
    fn log(&self, level: Level, function: &str, line: &str);
}

/// Where a guest's own metrics go. Names are cut and escaped like log lines.
pub trait Metrics: Send + Sync {
    fn counter(&self, function: &str, name: &str, add: u64);
    fn gauge(&self, function: &str, name: &str, value: f64);
    fn histogram(&self, function: &str, name: &str, value: f64);
}

/// A [`Log`] that hands lines to `tracing`, with the target `wasmill::guest`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingLog;

impl Log for TracingLog {
    fn log(&self, level: Level, function: &str, line: &str) {
        const TARGET: &str = "wasmill::guest";
        match level {
            Level::Trace => tracing::trace!(target: TARGET, function, "{line}"),
            Level::Debug => tracing::debug!(target: TARGET, function, "{line}"),
            Level::Info => tracing::info!(target: TARGET, function, "{line}"),
            Level::Warn => tracing::warn!(target: TARGET, function, "{line}"),
            Level::Error => tracing::error!(target: TARGET, function, "{line}"),
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
