//! The process-wide part: engine, clock, compile cache, linker.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Component, Linker};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, WasmBacktraceDetails,
};

use crate::account::Account;
use crate::cache::{CompileCache, hex};
use crate::error::{PluginError, escape};
use crate::imports;
use crate::inspect::{REASON_BYTES, inspect};
use crate::limits::{Budget, Limits};
use crate::network::{Resolver, SystemResolver};
use crate::plugin::{Compiled, Plugin};
use crate::retire::Retirement;
use crate::state::State;
use crate::ticker::Ticker;

/// How a [`Host`] is set up.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Folder of compiled plugins; it is made with mode 0700, and not used if others may look into
    /// it. `None`: every process compiles for itself.
    pub cache: Option<PathBuf>,
    /// The limits of a guest that is asked what functions it has, and of functions for which nothing
    /// else is said: see [`Host::default_limits`].
    pub default_limits: Limits,
    /// No function gets more than this. Default: as much as can be said.
    pub ceiling: Limits,
    /// Bytes of stack that a guest may use, of the calling thread's. Default: 512 KiB.
    pub stack: usize,
    /// Guests that may be alive at once, of all tenants. Idle ones go before one is refused.
    /// Default: 2,000.
    pub instances: u32,
    /// Bytes of all memories and tables of all guests. Default: as much as can be said.
    pub memory: usize,
    /// Guests that may run at once; tenants have them in turns. Default: the number of cores.
    pub turns: usize,
    /// Bytes of the largest `.wasm` file. Default: 256 MiB.
    pub plugin_bytes: u64,
    /// Finds the addresses of hosts that are granted. Default: the machine's own.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            cache: None,
            default_limits: Limits::default(),
            ceiling: Limits::unlimited(),
            stack: 512 << 10,
            instances: 2_000,
            memory: usize::MAX,
            turns: thread::available_parallelism().map_or(1, usize::from),
            plugin_bytes: 256 << 20,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// Loads plugins. One a process.
pub struct Host {
    pub(crate) config: HostConfig,
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) retirement: Retirement,
    pub(crate) account: Arc<Account>,
    tenants: Mutex<HashMap<String, Weak<Account>>>,
    linker: Linker<State>,
    cache: Option<CompileCache>,
    /// Plugins in use, by the hash of their bytes.
    loaded: Mutex<HashMap<String, Weak<Compiled>>>,
}

impl Host {
    pub fn new(mut config: HostConfig) -> Result<Arc<Self>, PluginError> {
        config.default_limits = config.default_limits.lowered_to(&config.ceiling);
        let engine_error = |error: wasmtime::Error| PluginError::Engine(format!("{error:#}"));
        let engine = Engine::new(&engine_config(&config, true)).or_else(|error| {
            // The pool reserves 4 GiB of address space an instance, which not every machine gives.
            tracing::debug!("no pool of instances: {error:#}");
            Engine::new(&engine_config(&config, false)).map_err(engine_error)
        })?;
        let budget = Budget {
            instances: config.instances as usize,
            memory: config.memory,
            ..Budget::unlimited()
        };
        let account = Account::host(budget, config.turns);
        account.room().turns.preempt(&engine);
        let ticker = Ticker::start(&engine, account.clone())
            .map_err(|error| PluginError::Engine(error.to_string()))?;
        let retirement =
            Retirement::start().map_err(|error| PluginError::Engine(error.to_string()))?;
        Ok(Arc::new(Self {
            linker: imports::linker(&engine).map_err(engine_error)?,
            cache: config.cache.as_deref().and_then(CompileCache::open),
            loaded: Mutex::default(),
            tenants: Mutex::default(),
            config,
            engine,
            ticker,
            retirement,
            account,
        }))
    }

    /// The limits of a function for which nothing else is said, none above the host's ceiling.
    pub fn default_limits(&self) -> &Limits {
        &self.config.default_limits
    }

    /// Bytes of the largest plugin that is loaded.
    pub fn plugin_bytes(&self) -> u64 {
        self.config.plugin_bytes
    }

    /// The account of a tenant, for all of its jobs. The same for as long as any of them is there; the
    /// last budget counts.
    pub fn tenant(&self, name: &str, budget: Budget) -> Arc<Account> {
        let mut tenants = self.tenants.lock();
        if let Some(tenant) = tenants.get(name).and_then(Weak::upgrade) {
            tenant.set_budget(budget);
            return tenant;
        }
        tenants.retain(|_, tenant| tenant.strong_count() > 0);
        let tenant = self.account.tenant(name, budget);
        tenants.insert(name.to_owned(), Arc::downgrade(&tenant));
        tenant
    }

    /// What all functions of all tenants use together.
    pub fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Makes room for another guest: whether there was one that is idle.
    pub(crate) fn evict(&self) -> bool {
        self.account.room().idle.evict(&self.account)
    }

    /// Refuses limits of a function that are above the host's ceiling.
    pub fn check_limits(&self, function: &str, limits: &Limits) -> Result<(), PluginError> {
        match limits.above(&self.config.ceiling) {
            None => Ok(()),
            Some((option, asked, ceiling)) => Err(PluginError::AboveCeiling {
                function: function.to_owned(),
                option,
                asked,
                ceiling,
            }),
        }
    }

    /// Loads the component in a file. `name` is what messages call it.
    pub fn load(self: &Arc<Self>, name: &str, path: &Path) -> Result<Arc<Plugin>, PluginError> {
        self.load_pinned(name, path, None)
    }

    /// The same; where a SHA-256 is given (hexadecimal), nothing is done with other bytes.
    pub fn load_pinned(
        self: &Arc<Self>,
        name: &str,
        path: &Path,
        sha256: Option<&str>,
    ) -> Result<Arc<Plugin>, PluginError> {
        let read_error = |source| PluginError::Read {
            path: path.to_owned(),
            source,
        };
        let size = std::fs::metadata(path).map_err(read_error)?.len();
        self.check_size(name, size)?;
        let bytes = std::fs::read(path).map_err(read_error)?;
        self.load_bytes_pinned(name, &bytes, sha256)
    }

    /// Loads a component. `name` is what messages call it.
    pub fn load_bytes(
        self: &Arc<Self>,
        name: &str,
        bytes: &[u8],
    ) -> Result<Arc<Plugin>, PluginError> {
        self.load_bytes_pinned(name, bytes, None)
    }

    /// The same; where a SHA-256 is given (hexadecimal), nothing is done with other bytes.
    pub fn load_bytes_pinned(
        self: &Arc<Self>,
        name: &str,
        bytes: &[u8],
        sha256: Option<&str>,
    ) -> Result<Arc<Plugin>, PluginError> {
        self.check_size(name, bytes.len() as u64)?;
        let found = hex(&Sha256::digest(bytes));
        if sha256.is_some_and(|pinned| !pinned.trim().eq_ignore_ascii_case(&found)) {
            return Err(PluginError::OtherBytes {
                plugin: name.to_owned(),
                found,
            });
        }
        self.load_hashed(name, found, bytes)
    }

    fn load_hashed(
        self: &Arc<Self>,
        name: &str,
        sha256: String,
        bytes: &[u8],
    ) -> Result<Arc<Plugin>, PluginError> {
        let loaded = self.loaded.lock().get(&sha256).and_then(Weak::upgrade);
        let compiled = match loaded {
            Some(compiled) => compiled,
            None => {
                let compiled = Arc::new(self.compile(name, &sha256, bytes)?);
                let mut loaded = self.loaded.lock();
                loaded.retain(|_, compiled| compiled.strong_count() > 0);
                loaded.insert(sha256, Arc::downgrade(&compiled));
                compiled
            }
        };
        Ok(Arc::new(Plugin::new(self.clone(), name, compiled)))
    }

    fn check_size(&self, name: &str, size: u64) -> Result<(), PluginError> {
        let limit = self.config.plugin_bytes;
        if size > limit {
            return Err(PluginError::TooLarge {
                plugin: name.to_owned(),
                size,
                limit,
            });
        }
        Ok(())
    }

    fn compile(&self, name: &str, sha256: &str, bytes: &[u8]) -> Result<Compiled, PluginError> {
        let inspected = inspect(name, bytes)?;
        let component = match &self.cache {
            Some(cache) => cache.compile(&self.engine, sha256, bytes),
            None => Component::from_binary(&self.engine, bytes),
        }
        .map_err(|error| PluginError::NotAComponent {
            plugin: name.to_owned(),
            reason: escape(&format!("{error:#}"), REASON_BYTES),
        })?;
        Compiled::new(self, name, sha256, inspected, &component)
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.linker
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Places of guests that are counted no more, but not gone yet.
const SPARE_GUESTS: u32 = 50;
/// Of a component. What a component is made of has a place for every guest, so nobody can use up
/// another one's.
pub(crate) const CORE_INSTANCES: u32 = 100;
pub(crate) const MEMORIES: u32 = 2;
pub(crate) const TABLES: u32 = 4;
/// Bytes of a memory or a table that are wiped, not given back, when a guest goes.
const KEPT_RESIDENT: usize = 256 << 10;

fn engine_config(host: &HostConfig, pooling: bool) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .max_wasm_stack(host.stack)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_threads(false);
    if pooling {
        let mut pool = PoolingAllocationConfig::new();
        let guests = host.instances.saturating_add(SPARE_GUESTS);
        pool.total_component_instances(guests)
            // No plugin takes the room of all others.
            .max_core_instances_per_component(CORE_INSTANCES)
            .total_core_instances(guests.saturating_mul(CORE_INSTANCES))
            .max_memories_per_component(MEMORIES)
            .total_memories(guests.saturating_mul(MEMORIES))
            .max_tables_per_component(TABLES)
            .total_tables(guests.saturating_mul(TABLES))
            .linear_memory_keep_resident(KEPT_RESIDENT)
            .table_keep_resident(KEPT_RESIDENT);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}
