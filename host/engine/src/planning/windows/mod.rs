//! Windows over time: the window functions of SQL, and what holds the rows of a window back until
//! its time is over.

mod bounds;
mod functions;
mod held;
mod hold;
mod late;
mod tags;

pub(crate) use bounds::milliseconds;
pub(super) use functions::{WindowFunction, plan_windows};
pub(crate) use hold::Hold;
pub(super) use hold::Reduction;
pub(super) use late::{Ends, LateRows};
pub(crate) use tags::time_attribute;
pub(super) use tags::{WindowEnd, WindowId};
