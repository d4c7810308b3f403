//! The calls of a process function.

use arrow::array::ArrayRef;
use wasmtime::Store;
use wasmtime::component::{Instance as Component, Resource, ResourceAny, TypedFunc};

use super::fault::{fault, guest_error};
use super::{Calls, Instance};
use crate::contract::{GuestError, GuestOutput, GuestSideOutput, GuestSlot, Schema};
use crate::error::PluginError;
use crate::host::Host;
use crate::instantiator::ProcessExports;
use crate::process::Keyed;
use crate::state::{Batch, State};

type Outputs = Result<Vec<GuestOutput>, GuestError>;
type KeyedFunc = TypedFunc<(ResourceAny, Resource<Batch>, Resource<Keyed>), (Outputs,)>;

/// See the module.
pub(super) struct ProcessCalls {
    slots: TypedFunc<(ResourceAny,), (Vec<GuestSlot>,)>,
    side_outputs: TypedFunc<(ResourceAny,), (Vec<GuestSideOutput>,)>,
    broadcast: TypedFunc<(ResourceAny,), (Option<Schema>,)>,
    batch_eval: KeyedFunc,
    on_timers: KeyedFunc,
}

/// `output` of the contract, as the guest gave it: nothing of it is checked.
pub(crate) struct GivenRows {
    pub side: Option<u32>,
    pub rows: Batch,
    pub origins: ArrayRef,
}

impl ProcessCalls {
    pub fn new(
        instance: &Component,
        store: &mut Store<State>,
        exports: &ProcessExports,
    ) -> wasmtime::Result<Self> {
        Ok(Self {
            slots: instance.get_typed_func(&mut *store, exports.slots)?,
            side_outputs: instance.get_typed_func(&mut *store, exports.side_outputs)?,
            broadcast: instance.get_typed_func(&mut *store, exports.broadcast)?,
            batch_eval: instance.get_typed_func(&mut *store, exports.batch_eval)?,
            on_timers: instance.get_typed_func(&mut *store, exports.on_timers)?,
        })
    }
}

impl Instance {
    pub fn slots(&mut self, host: &Host) -> Result<Vec<GuestSlot>, PluginError> {
        self.described(host, "slots", |calls| &calls.slots)
    }

    pub fn side_outputs(&mut self, host: &Host) -> Result<Vec<GuestSideOutput>, PluginError> {
        self.described(host, "side-outputs", |calls| &calls.side_outputs)
    }

    pub fn broadcast(&mut self, host: &Host) -> Result<Option<Schema>, PluginError> {
        self.described(host, "broadcast", |calls| &calls.broadcast)
    }

    /// A batch of rows. Gives what the call knew, with what it has changed; nothing if the guest is
    /// ended.
    pub fn process(
        &mut self,
        host: &Host,
        rows: Batch,
        keyed: Keyed,
    ) -> (Result<Vec<GivenRows>, PluginError>, Option<Keyed>) {
        self.call_keyed(host, "batch-eval", rows, keyed, |calls| &calls.batch_eval)
    }

    /// Timers whose time has come, likewise.
    pub fn on_timers(
        &mut self,
        host: &Host,
        timers: Batch,
        keyed: Keyed,
    ) -> (Result<Vec<GivenRows>, PluginError>, Option<Keyed>) {
        self.call_keyed(host, "on-timers", timers, keyed, |calls| &calls.on_timers)
    }

    /// What the function says of itself.
    fn described<T>(
        &mut self,
        host: &Host,
        call: &'static str,
        function: impl FnOnce(&ProcessCalls) -> &TypedFunc<(ResourceAny,), (T,)>,
    ) -> Result<T, PluginError>
    where
        (T,): wasmtime::component::Lift + wasmtime::component::ComponentNamedList + 'static,
    {
        self.start_call();
        let _running = host.ticker.run();
        let called = match &self.calls {
            Calls::Process(calls) => function(calls).call(&mut self.store, (self.function,)),
            _ => Err(wasmtime::format_err!(
                "only a process function has `{call}`"
            )),
        };
        match called {
            Ok((given,)) => Ok(given),
            Err(error) => Err(fault(host, self.store.data(), call, &error)),
        }
    }

    fn call_keyed(
        &mut self,
        host: &Host,
        call: &'static str,
        rows: Batch,
        keyed: Keyed,
        function: impl FnOnce(&ProcessCalls) -> &KeyedFunc,
    ) -> (Result<Vec<GivenRows>, PluginError>, Option<Keyed>) {
        let count = rows.rows as usize;
        self.start_call();
        let _running = host.ticker.run();
        let called = match &self.calls {
            Calls::Process(calls) => {
                let function = function(calls);
                lend(&mut self.store, self.function, rows, keyed, function)
            }
            _ => {
                let error = wasmtime::format_err!("only a process function has `{call}`");
                (Err(error), None)
            }
        };
        let (called, keyed) = called;
        let given = match called {
            Ok(Ok(given)) => Ok(given),
            Ok(Err(error)) => Err(guest_error(self.store.data(), error, count)),
            Err(error) => Err(fault(host, self.store.data(), call, &error)),
        };
        (given, keyed)
    }
}

type Called = wasmtime::Result<Result<Vec<GivenRows>, GuestError>>;

/// Calls with rows and keys that the guest borrows; takes what it gives.
fn lend(
    store: &mut Store<State>,
    of: ResourceAny,
    rows: Batch,
    keyed: Keyed,
    function: &KeyedFunc,
) -> (Called, Option<Keyed>) {
    let state = store.data_mut();
    let pushed = state
        .push(rows)
        .and_then(|rows| Ok((rows, state.push(keyed)?)));
    let (rows, keyed) = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return (Err(error.into()), None),
    };
    let arguments = (
        of,
        Resource::new_borrow(rows.rep()),
        Resource::new_borrow(keyed.rep()),
    );
    let called = function.call(&mut *store, arguments);
    let state = store.data_mut();
    let taken = state.take(rows);
    let keyed = state.take(keyed);
    let called = called.and_then(|(given,)| {
        taken?;
        match given {
            Ok(given) => Ok(Ok(take_rows(state, given)?)),
            Err(error) => Ok(Err(error)),
        }
    });
    (called, keyed.ok())
}

fn take_rows(
    state: &mut State,
    given: Vec<GuestOutput>,
) -> Result<Vec<GivenRows>, crate::state::Refusal> {
    let given = given.into_iter();
    let given = given.map(|output| {
        let rows = state.take(output.rows)?;
        state.check_written_size(&rows.columns)?;
        Ok(GivenRows {
            side: output.side,
            rows,
            origins: state.take(output.origins)?.0,
        })
    });
    given.collect()
}
