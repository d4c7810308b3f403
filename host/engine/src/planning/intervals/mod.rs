//! Joins of two tables without end by an interval of time: a row of one goes with rows of the other
//! that are at most so much earlier or later, and waits for them.

mod buffer;
mod join;
mod rows;

pub(in crate::planning) use buffer::{Wait, Waiting};
pub(in crate::planning) use join::IntervalJoin;
