//! What the host offers to every guest: one file an interface of the contract, and WASI.

mod columns;
mod inference;
mod log;
mod metrics;
mod state;
mod wasi;

use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::contract::{PACKAGE, VERSION};
use crate::state::State;

pub use wasi::WasiInterface;
pub(crate) use wasi::{HTTP_HANDLER, Wasi, held_bytes};

/// The interfaces that a guest may import without a grant.
pub(crate) const OFFERED: [&str; 6] = ["columns", "inference", "log", "metrics", "state", "types"];

pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    columns::add(&mut linker.instance(&interface("columns"))?)?;
    inference::add(&mut linker.instance(&interface("inference"))?)?;
    log::add(&mut linker.instance(&interface("log"))?)?;
    metrics::add(&mut linker.instance(&interface("metrics"))?)?;
    state::add(&mut linker.instance(&interface("state"))?)?;
    // `types` has no functions: a component may still import it by name.
    linker.instance(&interface("types"))?;
    wasi::add(&mut linker)?;
    Ok(linker)
}

/// `wasmill:udf/scalar@0.2.0`
pub(crate) fn interface(name: &str) -> String {
    let [major, minor, patch] = VERSION;
    format!("{PACKAGE}/{name}@{major}.{minor}.{patch}")
}
