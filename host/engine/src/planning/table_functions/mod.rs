//! Table functions: `LATERAL TABLE(f(x))` on the right of a join, and `TABLE(f('x'))` by itself.
//!
//! A call gives each row a list of rows (`wasmill-udf`). It stands in a projection above the left side,
//! so that all that holds for calls of scalar functions holds for it; `ExpandedRows` above makes a row
//! of each item, in batches of a bounded size however long a list is. The list itself goes no further.
//! A call that gives all rows the same list is asked once, by `ExpandedRows` itself.
//!
//! DataFusion's own Unnest makes a row of each item too, but all of a list in one batch.

mod call;
mod exec;
mod nest;
mod node;

pub(super) use call::{TableCall, plan_alone, plan_join};
pub(super) use nest::{Nested, is_lateral, nest, nested};
pub(super) use node::{ExpandNode, ExpandPlanner};
