//! Flink SQL jobs: their dialect, their plans and their execution.
//!
//! A [`Session`] plans a whole script ([`Session::plan`]) and then runs its statements one by one
//! ([`Session::run`]). What can be wrong with a job is found while it is planned; a sink shows all
//! of a statement's rows or none.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod catalog;
mod declare;
mod error;
mod functions;
mod inspection;
mod job;
mod planning;
mod session;
mod settings;

pub use error::{EngineError, Fault, Location};
pub use inspection::PluginReport;
pub use job::{JobObserver, JobReport, SinkReport, Stopped};
pub use planning::{
    Answer, BroadcastRows, CallError, GuestState, MOST_TIMERS, Moment, Surroundings, TimerCalls,
    state_spec,
};
pub use session::{Outcome, PlannedStatement, RowStream, Servable, Session, SessionConfig};
pub use wasmill_connectors::panics_are_caught;
pub use wasmill_registry::RegistryConfig;
use wasmill_sql as sql;
