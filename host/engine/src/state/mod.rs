//! What a job without end holds from one epoch to the next: [`Chunk`]s of rows that do not change, in
//! memory, in files, or both.
//!
//! A chunk is written once, to a [`Segment`]; the checkpoints that need it name its place there. So a
//! checkpoint writes what is new since the last one, and most of that is written while epochs run.
//! What does not fit into memory is read from the segments again.

mod chunk;
mod segment;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use chunk::{Chunk, places};
pub(crate) use segment::{Place, read_batches};
pub(crate) use store::{Keeper, StateStore};
