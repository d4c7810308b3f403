//! WASI 0.2, which the runtimes of other languages import: it links, and does nothing that the job
//! has not granted.
//!
//! These are host functions of our own, not those of wasmtime-wasi: a wait of a guest ends with its
//! call, its clocks and its randomness are the same in every run, its output is its log, and each
//! thing that it holds counts. wasmtime-wasi is built upon an async runtime and the machine's clock,
//! and waits for as long as a guest likes.

mod cli;
mod clocks;
mod filesystem;
mod http;
mod io;
mod random;
mod sockets;

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, Val};

use crate::grants::Level;
use crate::state::{Refusal, State};

/// The newest version of WASI whose interfaces are offered; those of 0.2.0 and later are the same.
const VERSION: &str = "0.2.12";

/// An interface of WASI that a component may import.
#[derive(Debug)]
pub struct WasiInterface {
    /// `wasi:cli/environment`
    pub name: &'static str,
    /// What it does.
    pub capability: &'static str,
    /// The option of CREATE FUNCTION that gives more.
    pub grant: Option<&'static str>,
}

const fn interface(
    name: &'static str,
    capability: &'static str,
    grant: Option<&'static str>,
) -> WasiInterface {
    WasiInterface {
        name,
        capability,
        grant,
    }
}

const TYPES: &str = "types only";
const STREAMS: &str = "reads, writes and waits within the call's limits";
const NO_TERMINAL: &str = "there is no terminal";
const CLOCK: &str = "stands still but for sleeping, unless 'grant.clock' is given";
const FILES: &str = "reads the folders that 'grant.dir' names";
const RANDOM: &str = "the same numbers in every run, unless 'grant.random' is given";
const SOCKETS: &str = "refused: there are no sockets";
const FOLDERS: Option<&str> = Some("grant.dir");

/// What a plugin may import of WASI.
static INTERFACES: [WasiInterface; 29] = [
    interface(
        "wasi:cli/environment",
        "has the variables that 'grant.env' names",
        Some("grant.env"),
    ),
    interface("wasi:cli/exit", "ends the call with an error", None),
    interface("wasi:cli/stdin", "nothing comes", None),
    interface("wasi:cli/stdout", "writes lines to the job's log", None),
    interface("wasi:cli/stderr", "writes lines to the job's log", None),
    interface("wasi:cli/terminal-input", NO_TERMINAL, None),
    interface("wasi:cli/terminal-output", NO_TERMINAL, None),
    interface("wasi:cli/terminal-stdin", NO_TERMINAL, None),
    interface("wasi:cli/terminal-stdout", NO_TERMINAL, None),
    interface("wasi:cli/terminal-stderr", NO_TERMINAL, None),
    interface("wasi:clocks/monotonic-clock", CLOCK, Some("grant.clock")),
    interface("wasi:clocks/wall-clock", CLOCK, Some("grant.clock")),
    interface("wasi:filesystem/preopens", FILES, FOLDERS),
    interface("wasi:filesystem/types", FILES, FOLDERS),
    interface(
        HTTP_HANDLER,
        "sends requests to the hosts that 'grant.http' names",
        Some("grant.http"),
    ),
    interface("wasi:http/types", TYPES, None),
    interface("wasi:io/error", TYPES, None),
    interface("wasi:io/poll", STREAMS, None),
    interface("wasi:io/streams", STREAMS, None),
    interface("wasi:random/insecure", RANDOM, Some("grant.random")),
    interface("wasi:random/insecure-seed", RANDOM, Some("grant.random")),
    interface("wasi:random/random", RANDOM, Some("grant.random")),
    interface("wasi:sockets/instance-network", SOCKETS, None),
    interface("wasi:sockets/ip-name-lookup", SOCKETS, None),
    interface("wasi:sockets/network", SOCKETS, None),
    interface("wasi:sockets/tcp", SOCKETS, None),
    interface("wasi:sockets/tcp-create-socket", SOCKETS, None),
    interface("wasi:sockets/udp", SOCKETS, None),
    interface("wasi:sockets/udp-create-socket", SOCKETS, None),
];

/// The one that is refused when a function is opened without its grant: who imports it means to use
/// it.
pub(crate) const HTTP_HANDLER: &str = "wasi:http/outgoing-handler";

impl WasiInterface {
    /// The interface that a component imports by this name (`wasi:cli/exit@0.2.3`), if it is offered.
    pub fn imported(import: &str) -> Option<&'static Self> {
        let (name, version) = import.split_once('@')?;
        let mut numbers = version.split('.');
        let stable = numbers.next() == Some("0") && numbers.next() == Some("2");
        INTERFACES
            .iter()
            .find(|interface| stable && interface.name == name)
    }
}

/// What a store holds for WASI.
#[derive(Debug, Default)]
pub(crate) struct Wasi {
    clock: clocks::Clock,
    random: random::Random,
    console: cli::Console,
    http: http::Requests,
    /// Cloned for each file that is open.
    files: Arc<()>,
}

impl State {
    /// What was written to stdout and stderr without a line's end becomes a line.
    pub fn end_lines(&mut self) {
        cli::end_lines(self);
    }

    /// What stands on stdout and stderr without a line's end.
    pub fn open_lines(&self) -> impl Iterator<Item = (Level, Cow<'_, str>)> {
        self.wasi.console.open_lines()
    }

    fn denied(&mut self, message: &str) {
        self.log(Level::Warn, message);
    }
}

/// Bytes that a handle of WASI's keeps in the host.
pub(crate) fn held_bytes(handle: &dyn Any) -> usize {
    http::held_bytes(handle).unwrap_or(0)
}

pub(crate) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    cli::add(linker)?;
    clocks::add(linker)?;
    filesystem::add(linker)?;
    http::add(linker)?;
    io::add(linker)?;
    random::add(linker)?;
    sockets::add(linker)
}

/// `wasi:cli/exit` → its instance in the linker.
fn instance<'a>(
    linker: &'a mut Linker<State>,
    name: &str,
) -> wasmtime::Result<LinkerInstance<'a, State>> {
    linker.instance(&format!("{name}@{VERSION}"))
}

/// A resource whose handles are entries of the store's table.
fn resource<T: Send + 'static>(
    linker: &mut LinkerInstance<'_, State>,
    name: &str,
) -> wasmtime::Result<()> {
    linker.resource(name, ResourceType::host::<T>(), |mut cx, rep| {
        drop(cx.data_mut().take(Resource::<T>::new_own(rep))?);
        Ok(())
    })
}

/// What is called without its types gets handles of its own, which it has to let go.
fn drop_handles(mut cx: StoreContextMut<'_, State>, arguments: &[Val]) -> wasmtime::Result<()> {
    for argument in arguments {
        if let Val::Resource(handle) = argument {
            handle.resource_drop(&mut cx)?;
        }
    }
    Ok(())
}

/// Functions that a guest calls only with handles that it cannot have, or that serve no function.
fn absent(
    linker: &mut LinkerInstance<'_, State>,
    interface: &'static str,
    names: &[&'static str],
) -> wasmtime::Result<()> {
    for name in names {
        let name: &'static str = name;
        linker.func_new(name, move |_, _, _, _| {
            let reason = format!("`{interface}#{name}` is not there for functions");
            Err(Refusal::Data(reason).into())
        })?;
    }
    Ok(())
}
