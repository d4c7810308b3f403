//! What a job without end holds from one epoch to the next: [`Chunk`]s of rows that do not change, in
//! memory, in files, or both.
//!
//! A chunk is written once, to a segment (a file in Arrow's IPC format); the checkpoints that need it
//! name its [`Place`] there. So a checkpoint writes what is new since the last one, and most of that is
//! written while epochs run. What does not fit into memory is read from the segments again.
//!
//! What there is to know of rows (their keys, their windows, their order) is known to who holds the
//! chunks.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod chunk;
mod chunks;
pub mod keyed;
mod segment;
mod store;
#[cfg(test)]
mod tests;

pub use chunk::{Chunk, places};
pub use chunks::Chunks;
pub use segment::{Place, read_batches};
pub use store::{Keeper, StateStore};
