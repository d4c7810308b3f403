//! Windows over time: the window functions of SQL, and what holds the rows of a window back until
//! its time is over.

mod bounds;
mod functions;
mod held;
mod hold;
mod late;
mod session;
mod tags;

pub(crate) use bounds::milliseconds;
pub(super) use functions::{WindowFunction, plan_windows};
pub(super) use hold::{Hold, Reduction};
pub(super) use late::{Ends, LateRows};
pub(super) use session::{SessionPlanner, Sessions};
pub(super) use tags::{TimeAttribute, WindowEnd, WindowId, is_processing_time, is_rowtime};
