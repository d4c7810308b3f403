//! Processing time: the function that says what it is, and the column in which a row keeps the time at
//! which it was worked on.

mod exec;
mod function;
mod node;

pub(super) use exec::ProctimeColumn;
pub(super) use function::Proctime;
pub(super) use node::{ProctimePlanner, with_proctime};
