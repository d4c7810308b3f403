//! SESSION: windows that end when a key has had no row for a while.

mod exec;
mod node;
mod open;

pub(in crate::planning) use exec::Sessions;
pub(super) use node::SessionNode;
pub(in crate::planning) use node::SessionPlanner;
