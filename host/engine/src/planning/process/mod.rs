//! Process functions: `f(input => TABLE t PARTITION BY k, on_time => DESCRIPTOR(ts))` in FROM, as
//! Flink's process table functions are called.
//!
//! Their state by key is the node's, one part a partition, and travels in checkpoints as all that nodes
//! hold does. In a plan without end a node takes the rows of an epoch, and gives what its functions gave
//! for them in the next; before rows come the timers whose time has come. In a plan with an end all
//! timers of event time fire behind the last row.

mod arguments;
mod broadcast;
mod call;
mod declared;
mod exec;
mod guest_state;
mod node;
mod rule;
mod side;
mod slots;
mod state;
mod taking;
mod work;

pub(super) use broadcast::BroadcastTable;
pub(super) use call::{is_process_call, plan_process};
pub(crate) use declared::DeclaredProcess;
pub(super) use declared::SIDE_OUTPUT;
pub(super) use exec::ProcessRows;
pub use guest_state::{
    Answer, BroadcastRows, CallError, GuestState, MOST_TIMERS, Moment, Surroundings, TimerCalls,
};
pub(super) use node::ProcessPlanner;
pub use slots::state_spec;
