//! Process functions without a job: `plugin test`, `plugin bench` and the conformance suite.

mod bench;
mod driver;
mod given;
mod table;
mod test;

pub use bench::calls;
pub use driver::{CallError, Driver};
pub use given::Given;
pub use table::KeyedRows;
pub use test::test;
