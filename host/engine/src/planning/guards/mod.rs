//! Calls of functions with `'on-error' = 'dead-letter'`: a node of its own makes them, takes the rows
//! out on which one fails, and hands them to the dead-letter table.
//!
//! A function of DataFusion's cannot drop a row. So before any expression is moved, a rule takes those
//! with such a call out of projections, filters and the like, and puts the node below that evaluates
//! them as a whole. Optimizers do not look into it; a call that stood anywhere else would fail the job.

mod exec;
mod node;
mod rule;

pub(super) use exec::{GuardedCalls, guards};
pub(super) use node::GuardPlanner;
pub(super) use rule::GuardCalls;
