//! Topics as tables, on a real broker.

mod broker;
mod read;
mod write;

pub use broker::Broker;
