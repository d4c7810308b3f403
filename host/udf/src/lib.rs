//! WebAssembly functions as DataFusion scalar functions, for any DataFusion session. A table function
//! gives a list of its rows: `SELECT unnest(words(text)) FROM t` has one each.
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! # use datafusion::prelude::SessionContext;
//! # use wasmill_plugin::{Host, HostConfig};
//! # use wasmill_udf::{FunctionOptions, scalar_udf};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let host = Host::new(HostConfig::default())?;
//! let plugin = host.load("haversine", Path::new("haversine.wasm"))?;
//! let context = SessionContext::new();
//! context.register_udf(scalar_udf(plugin, "haversine", FunctionOptions::named("haversine"))?);
//! // SELECT haversine(lat, lon, 52.52, 13.405) FROM places
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod aggregate;
mod coercion;
mod error;
mod function;
mod opening;
mod spare;
mod spared_rows;
mod stop;

pub use aggregate::{WasmAggregate, aggregate_udf};
pub use coercion::casts_implicitly;
pub use error::UdfError;
pub use function::{WasmFunction, scalar_udf};
pub use opening::{FunctionOptions, OnError};
pub use spare::{FailedRow, Spared, spare};
pub use spared_rows::rows_of;
pub use stop::Stop;
