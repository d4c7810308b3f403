//! Runs what was planned: pipelines into sinks, all visible at the end or none.

mod observer;
mod pipelines;

pub use observer::JobObserver;
pub(crate) use observer::observe_sources;
pub(crate) use pipelines::run_pipelines;
pub use pipelines::{JobReport, SinkReport};
