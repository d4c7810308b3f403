//! A guest that runs: instantiated, opened, called.

mod accumulators;
mod fault;
mod process;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Resource, ResourceAny, TypedFunc};
use wasmtime::{PoolConcurrencyLimitError, Store};

use crate::account::{Charge, Resource as Counted};
use crate::client::HttpClient;
use crate::contract::{GuestError, GuestExpansion, GuestSignature, OpenContext, Schema, Value};
use crate::epoch::{Epoch, Rows};
use crate::error::PluginError;
use crate::expansion::Expansion;
use crate::grants::{Grants, NoMetrics, TracingLog};
use crate::host::Host;
use crate::instantiator::{CallExports, Instantiator};
use crate::limits::Limits;
use crate::signature::{Signature, signatures};
use crate::state::{Batch, Column, State, Surroundings};
use crate::turns::Turn;

use accumulators::AggregateCalls;
use fault::{fault, guest_error, refused};
use process::ProcessCalls;

pub(crate) use fault::no_room;

pub(crate) use accumulators::Adds;
pub(crate) use process::GivenRows;

type Opened = Result<ResourceAny, GuestError>;
type BatchResult = Result<Resource<Column>, GuestError>;
type TableResult = Result<GuestExpansion, GuestError>;
type RowResult = Result<Value, GuestError>;

/// Bytes that a plugin may say of its functions.
const DESCRIPTION_BYTES: usize = 16 << 20;
/// Handles that an instance may keep after a call before it is replaced.
const KEPT_HANDLES: usize = 256;

/// What a plugin says of its functions: a guest without grants is asked once.
pub(crate) fn read_functions(
    host: &Host,
    instantiator: &Instantiator,
    plugin: &str,
) -> Result<Vec<Signature>, PluginError> {
    const CALL: &str = "functions";
    let limits = host.config.default_limits.clone();
    let surroundings = Arc::new(Surroundings {
        function: plugin.to_owned(),
        who: format!("`{plugin}`"),
        grants: Grants::default(),
        limits: Limits {
            result_bytes: limits.result_bytes.min(DESCRIPTION_BYTES),
            ..limits
        },
        account: host.account.clone(),
        lines: instantiator.lines.clone(),
        epoch: Epoch::default(),
        log: Arc::new(TracingLog),
        metrics: Arc::new(NoMetrics),
        metric_names: Mutex::default(),
        http: HttpClient::new(host.config.resolver.clone()),
        seed: Sha256::digest(plugin).into(),
    });
    let _running = host.ticker.run();
    let turn = Turn::begin(&host.account);
    let _seat = take_seat(&surroundings, CALL)?;
    let (mut store, started) = start(host, instantiator, &surroundings, turn);
    let guest = started
        .and_then(|instance| {
            let kinds = instantiator.kinds.iter();
            let offered = kinds.map(|exports| {
                let functions = instance
                    .get_typed_func::<(), (Vec<GuestSignature>,)>(&mut store, exports.functions)?;
                Ok((exports.kind, functions.call(&mut store, ())?.0))
            });
            offered.collect::<wasmtime::Result<Vec<_>>>()
        })
        .map_err(|error| fault(host, store.data(), CALL, &error))?;
    signatures(guest).map_err(|reason| PluginError::BadSignature {
        plugin: plugin.to_owned(),
        reason,
    })
}

/// One more instance is counted until what it gives is dropped.
fn take_seat(surroundings: &Surroundings, call: &'static str) -> Result<Charge, PluginError> {
    Charge::new(&surroundings.account, Counted::Instances, 1)
        .map_err(|excess| no_room(surroundings, call, excess, Vec::new()))
}

/// A store with a guest in it, that has a turn.
fn start(
    host: &Host,
    instantiator: &Instantiator,
    surroundings: &Arc<Surroundings>,
    turn: Turn,
) -> (
    Store<State>,
    wasmtime::Result<wasmtime::component::Instance>,
) {
    let mut turn = Some(turn);
    loop {
        let mut store = new_store(host, surroundings.clone());
        store.data_mut().turn = turn.take();
        let started = instantiator.pre.instantiate(&mut store);
        match &started {
            // Guests are counted, but what they are made of may be used up before.
            Err(error) if error.is::<PoolConcurrencyLimitError>() && host.evict() => {
                turn = store.data_mut().turn.take();
            }
            _ => return (store, started),
        }
    }
}

fn new_store(host: &Host, surroundings: Arc<Surroundings>) -> Store<State> {
    let (result_bytes, handles) = (
        surroundings.limits.result_bytes,
        surroundings.limits.handles,
    );
    let mut store = Store::new(&host.engine, State::new(surroundings));
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(result_bytes);
    store.set_max_component_handles(handles);
    store.epoch_deadline_callback(|mut cx| Ok(cx.data_mut().tick()));
    store.set_epoch_deadline(1);
    store
}

/// The calls of a kind of function.
enum Calls {
    Scalar {
        eval: TypedFunc<(ResourceAny, Vec<Value>), (RowResult,)>,
        batch_eval: TypedFunc<(ResourceAny, Resource<Batch>), (BatchResult,)>,
    },
    Table {
        batch_eval: TypedFunc<(ResourceAny, Resource<Batch>), (TableResult,)>,
    },
    Aggregate(AggregateCalls),
    Process(ProcessCalls),
}

/// What a guest gave for a batch, not checked.
pub(crate) enum Given {
    Column(ArrayRef),
    Expansion(Expansion),
}

/// A guest with one opened function. One call at a time.
pub(crate) struct Instance {
    store: Store<State>,
    function: ResourceAny,
    returns: TypedFunc<(ResourceAny,), (Schema,)>,
    calls: Calls,
    /// Handles that the guest holds since `open`.
    opened_handles: usize,
    /// How long it took to instantiate the guest, without its `open`.
    pub instantiation: Duration,
    /// Dropped behind the store: there is room again only then.
    _seat: Charge,
}

impl Instance {
    /// Instantiates the guest and runs its `open`, in a turn that its next call has too.
    pub fn open(
        host: &Host,
        instantiator: &Instantiator,
        surroundings: &Arc<Surroundings>,
        signature: &Signature,
        context: &OpenContext,
    ) -> Result<Self, PluginError> {
        const CALL: &str = "open";
        let _running = host.ticker.run();
        let turn = Turn::begin(&surroundings.account);
        let seat = take_seat(surroundings, CALL)?;
        let begun = Instant::now();
        let (mut store, started) = start(host, instantiator, surroundings, turn);
        let instantiation = begun.elapsed();
        let opened = started.and_then(|instance| {
            let exports = instantiator.exports(signature.kind)?;
            let open = instance
                .get_typed_func::<(&str, &OpenContext), (Opened,)>(&mut store, exports.open)?;
            let returns = instance.get_typed_func(&mut store, exports.returns)?;
            let calls = match &exports.calls {
                CallExports::Scalar { eval, batch_eval } => Calls::Scalar {
                    eval: instance.get_typed_func(&mut store, *eval)?,
                    batch_eval: instance.get_typed_func(&mut store, *batch_eval)?,
                },
                CallExports::Table { batch_eval } => Calls::Table {
                    batch_eval: instance.get_typed_func(&mut store, *batch_eval)?,
                },
                CallExports::Aggregate(exports) => {
                    Calls::Aggregate(AggregateCalls::new(&instance, &mut store, exports)?)
                }
                CallExports::Process(exports) => {
                    Calls::Process(ProcessCalls::new(&instance, &mut store, exports)?)
                }
            };
            let (opened,) = open.call(&mut store, (signature.name.as_str(), context))?;
            Ok((opened, returns, calls))
        });
        let (opened, returns, calls) =
            opened.map_err(|error| fault(host, store.data(), CALL, &error))?;
        let function = opened.map_err(|error| refused(store.data(), error))?;
        Ok(Self {
            opened_handles: store.data().live_handles(),
            instantiation,
            store,
            function,
            returns,
            calls,
            _seat: seat,
        })
    }

    /// Waits for a turn for the next call, unless it has one.
    pub fn begin_turn(&mut self) {
        let state = self.store.data_mut();
        if state.turn.is_none() {
            state.turn = Some(Turn::begin(&state.surroundings.account));
        }
    }

    /// The next call is about these rows.
    pub fn about(&mut self, rows: Rows) {
        self.store.data_mut().next_rows = Some(rows);
    }

    /// After a call. What is given is to be held for as long as the call has work to do.
    pub fn end_turn(&mut self) -> Option<Turn> {
        self.store.data_mut().end_call()
    }

    pub fn returns(&mut self, host: &Host) -> Result<Schema, PluginError> {
        self.start_call();
        let _running = host.ticker.run();
        match self.returns.call(&mut self.store, (self.function,)) {
            Ok((schema,)) => Ok(schema),
            Err(error) => Err(fault(host, self.store.data(), "returns", &error)),
        }
    }

    /// A row of a scalar function.
    pub fn eval(&mut self, host: &Host, row: Vec<Value>) -> Result<Value, PluginError> {
        const CALL: &str = "eval";
        self.start_call();
        let _running = host.ticker.run();
        let called = match &self.calls {
            Calls::Scalar { eval, .. } => eval.call(&mut self.store, (self.function, row)),
            _ => Err(wasmtime::format_err!("only a scalar function has `eval`")),
        };
        match called {
            Ok((Ok(value),)) => Ok(value),
            Ok((Err(error),)) => Err(guest_error(self.store.data(), error, 1)),
            Err(error) => Err(fault(host, self.store.data(), CALL, &error)),
        }
    }

    pub fn batch_eval(&mut self, host: &Host, batch: Batch) -> Result<Given, PluginError> {
        const CALL: &str = "batch-eval";
        let rows = batch.rows;
        self.start_call();
        let _running = host.ticker.run();
        match self.call_with(batch) {
            Ok(Ok(given)) => Ok(given),
            Ok(Err(error)) => Err(guest_error(self.store.data(), error, rows as usize)),
            Err(error) => Err(fault(host, self.store.data(), CALL, &error)),
        }
    }

    /// Lends the guest a batch, and takes what it gives for it.
    fn call_with(&mut self, batch: Batch) -> wasmtime::Result<Result<Given, GuestError>> {
        let store = &mut self.store;
        let owned = store.data_mut().push(batch)?;
        let arguments = (self.function, Resource::new_borrow(owned.rep()));
        match &self.calls {
            Calls::Scalar { batch_eval, .. } => {
                let (result,) = batch_eval.call(&mut *store, arguments)?;
                let state = store.data_mut();
                drop(state.take(owned)?);
                Ok(match result {
                    Ok(column) => Ok(Given::Column(state.take(column)?.0)),
                    Err(error) => Err(error),
                })
            }
            Calls::Table { batch_eval } => {
                let (result,) = batch_eval.call(&mut *store, arguments)?;
                let state = store.data_mut();
                drop(state.take(owned)?);
                let given = match result {
                    Ok(given) => given,
                    Err(error) => return Ok(Err(error)),
                };
                let rows = state.take(given.rows)?;
                let counts = state.take(given.counts)?.0;
                state.check_written_size(&rows.columns)?;
                Ok(Ok(Given::Expansion(Expansion { rows, counts })))
            }
            Calls::Aggregate(_) | Calls::Process(_) => Err(wasmtime::format_err!(
                "only a scalar or table function has this `batch-eval`"
            )),
        }
    }

    fn start_call(&mut self) {
        self.begin_turn();
        self.store.data_mut().start_call();
        self.store.set_epoch_deadline(1);
    }

    pub fn state(&self) -> &State {
        self.store.data()
    }

    /// Whether the guest has let go of what the call gave it, or at least of so much that it may go
    /// on. One that leaks is replaced instead of failing some day.
    pub fn may_go_on(&mut self) -> bool {
        let state = self.store.data_mut();
        let kept = state.live_handles().saturating_sub(self.opened_handles);
        kept == 0
            || (kept <= KEPT_HANDLES
                && state.held_bytes() <= state.surroundings.limits.result_bytes)
    }
}
