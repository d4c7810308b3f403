//! Loads, checks, sandboxes and calls WebAssembly components: the functions of users.
//!
//! - A **plugin** is a component that exports `wasmill:udf/scalar`, `wasmill:udf/table`,
//!   `wasmill:udf/aggregate`, `wasmill:udf/process` or several of them (`wit/` is the contract). It is compiled once a process ([`Host`]) and kept in a compile cache.
//! - A **function** is one of those that a plugin describes ([`Signature`]), opened with parameters
//!   and argument types ([`Function`]). Its **kind** says what it makes of rows ([`Kind`]); an
//!   aggregate function keeps groups from call to call ([`Accumulators`]), and what a process function
//!   keeps of a key is its caller's ([`KeyedState`]).
//! - An **instance** is a guest that runs: one store, one memory, one opened function, one call at
//!   a time. A function has as many as threads call it at once.
//! - A **grant** is what a guest may ask of its host ([`Grants`]); a **limit** is how much it may
//!   use ([`Limits`]); a **budget** is how much all functions of a job, or of a tenant, may use
//!   together ([`Budget`]), which their [`Account`] sums up.
//! - A **turn** is what a guest needs to run: tenants have them in turns, those first that have had
//!   least.
//!
//! **Invariants.** Nothing that a guest says is believed: its arrays, schemas, lengths and texts are
//! checked before they are used. A guest that traps or runs over a limit is thrown away and never
//! called again. This is the only crate that names wasmtime, and wasmtime is not in its public names.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod account;
mod aggregate;
mod arrays;
mod cache;
mod client;
mod contract;
mod epoch;
mod error;
mod expansion;
mod folder;
mod function;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod grants;
mod host;
mod idle;
mod imports;
mod inspect;
mod instance;
mod instantiator;
mod items;
mod limits;
mod lines;
mod memory;
mod models;
mod network;
mod plugin;
mod process;
mod retire;
mod rows;
mod signature;
mod state;
mod throttle;
mod ticker;
mod turns;
mod types;

pub use account::Account;
pub use aggregate::Accumulators;
pub use contract::{Clock, SlotKind};
pub use epoch::{Epoch, Rows};
pub use error::{PluginError, RowError, Sum, escape};
pub use folder::GrantedFolder;
pub use function::{Counters, Function};
pub use grants::{Grants, Level, Log, LogLine, Metrics, Model, ModelError, NoMetrics, TracingLog};
pub use host::{Host, HostConfig};
pub use imports::WasiInterface;
pub use inspect::{Contents, Interfaces, Producer};
pub use limits::{Budget, Limit, Limits, Unit};
pub use network::{Authority, Resolver, SystemResolver};
pub use plugin::{OpenOptions, Plugin};
pub use process::{
    KeyedCall, KeyedState, ProcessError, ProcessRows, Processed, SideOutput, Slot, StateChange,
    StateCharge,
};
pub use signature::{Arguments, Kind, Parameter, Signature};
pub use types::carried_type;
