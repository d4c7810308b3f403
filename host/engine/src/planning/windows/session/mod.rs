//! SESSION: windows that end when a key has had no row for a while.

mod exec;
mod node;
mod open;

pub(in crate::planning) use exec::Sessions;
pub(in crate::planning) use node::FlinkQueries;
pub(super) use node::SessionNode;
