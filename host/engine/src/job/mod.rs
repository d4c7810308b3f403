//! Runs what was planned: pipelines into sinks, all visible at the end or none; or, where a table
//! never ends, from checkpoint to checkpoint.

mod checkpoints;
mod clock;
mod endless;
mod epoch;
mod flow;
mod going_on;
mod keeping;
mod letters;
mod models;
mod observer;
mod partition;
mod pipelines;
mod remote;
mod restart;
mod savepoint;
mod stage;
mod taking;
mod watermark;

pub(crate) use clock::{BEGINNING, Clock, machine_time};
pub(crate) use endless::{EndlessSettings, run_endless};
pub(crate) use epoch::{EpochLimits, Following, Gate};
pub(crate) use letters::{EPOCH, LetterKind, LetterSender, Letters};
pub use observer::JobObserver;
pub(crate) use observer::observe_sources;
pub(crate) use pipelines::run_pipelines;
pub use pipelines::{JobReport, SinkReport, Stopped};
pub(crate) use restart::RestartStrategy;
pub(crate) use savepoint::{SavepointPlace, keep as keep_savepoint};
pub(crate) use watermark::{TableTime, WatermarkRule};
