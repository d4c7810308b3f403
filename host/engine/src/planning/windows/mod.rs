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
pub(super) use session::{FlinkQueries, Sessions};
pub(crate) use tags::time_attribute;
pub(super) use tags::{WindowEnd, WindowId};
pub(super) use tags::{is_processing_time, is_time_attribute, processing_time};
