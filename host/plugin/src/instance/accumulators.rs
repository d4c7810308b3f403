//! The calls of an aggregate function, and of the groups that it makes.

use arrow::array::ArrayRef;
use wasmtime::Store;
use wasmtime::component::{Instance as Component, Resource, ResourceAny, TypedFunc};

use super::fault::{fault, guest_error};
use super::{BatchResult, Calls, Instance};
use crate::contract::{GuestError, Schema};
use crate::error::PluginError;
use crate::host::Host;
use crate::instantiator::AggregateExports;
use crate::state::{Batch, State};

type Done = Result<(), GuestError>;
type StateResult = Result<Resource<Batch>, GuestError>;
type Adding = TypedFunc<(ResourceAny, Resource<Batch>, Vec<u32>, u32), (Done,)>;

/// See the module.
pub(super) struct AggregateCalls {
    function_state: TypedFunc<(ResourceAny,), (Schema,)>,
    retracts: TypedFunc<(ResourceAny,), (bool,)>,
    accumulators: TypedFunc<(ResourceAny,), (ResourceAny,)>,
    update: Adding,
    retract: TypedFunc<(ResourceAny, Resource<Batch>, Vec<u32>), (Done,)>,
    merge: Adding,
    state: TypedFunc<(ResourceAny, u32), (StateResult,)>,
    evaluate: TypedFunc<(ResourceAny, u32), (BatchResult,)>,
    forget: TypedFunc<(ResourceAny, u32), (Done,)>,
}

impl AggregateCalls {
    pub fn new(
        instance: &Component,
        store: &mut Store<State>,
        exports: &AggregateExports,
    ) -> wasmtime::Result<Self> {
        /// A function at its place, if it is of this type.
        macro_rules! typed {
            ($place:expr) => {
                instance.get_typed_func(&mut *store, $place)?
            };
        }
        Ok(Self {
            function_state: typed!(exports.function_state),
            retracts: typed!(exports.retracts),
            accumulators: typed!(exports.accumulators),
            update: typed!(exports.update),
            retract: typed!(exports.retract),
            merge: typed!(exports.merge),
            state: typed!(exports.state),
            evaluate: typed!(exports.evaluate),
            forget: typed!(exports.forget),
        })
    }
}

/// Rows that are added to groups, or states that are.
#[derive(Clone, Copy)]
pub(crate) enum Adds {
    Rows,
    States,
}

impl Instance {
    /// The columns of a group's state.
    pub fn function_state(&mut self, host: &Host) -> Result<Schema, PluginError> {
        self.calling(host, "state", 0, |store, calls, function| {
            Ok(Ok(calls.function_state.call(store, (function,))?.0))
        })
    }

    pub fn retracts(&mut self, host: &Host) -> Result<bool, PluginError> {
        self.calling(host, "retracts", 0, |store, calls, function| {
            Ok(Ok(calls.retracts.call(store, (function,))?.0))
        })
    }

    /// No groups yet.
    pub fn accumulators(&mut self, host: &Host) -> Result<ResourceAny, PluginError> {
        self.calling(host, "accumulators", 0, |store, calls, function| {
            Ok(Ok(calls.accumulators.call(store, (function,))?.0))
        })
    }

    /// Adds each row to its group; there are `count` from then on.
    pub fn add(
        &mut self,
        host: &Host,
        adds: Adds,
        accumulators: ResourceAny,
        batch: Batch,
        groups: Vec<u32>,
        count: u32,
    ) -> Result<(), PluginError> {
        let name = match adds {
            Adds::Rows => "update",
            Adds::States => "merge",
        };
        self.calling(host, name, batch.rows, |store, calls, _| {
            lend(store, batch, |store, batch| {
                let function = match adds {
                    Adds::Rows => &calls.update,
                    Adds::States => &calls.merge,
                };
                Ok(function
                    .call(store, (accumulators, batch, groups, count))?
                    .0)
            })
        })
    }

    /// Takes rows back that were added.
    pub fn retract(
        &mut self,
        host: &Host,
        accumulators: ResourceAny,
        batch: Batch,
        groups: Vec<u32>,
    ) -> Result<(), PluginError> {
        self.calling(host, "retract", batch.rows, |store, calls, _| {
            lend(store, batch, |store, batch| {
                Ok(calls.retract.call(store, (accumulators, batch, groups))?.0)
            })
        })
    }

    /// The states of the first groups, not checked.
    pub fn group_states(
        &mut self,
        host: &Host,
        accumulators: ResourceAny,
        count: u32,
    ) -> Result<Batch, PluginError> {
        self.calling(host, "state", 0, |store, calls, _| {
            let (given,) = calls.state.call(&mut *store, (accumulators, count))?;
            let state = store.data_mut();
            Ok(match given {
                Ok(batch) => {
                    let batch = state.take(batch)?;
                    state.check_written_size(&batch.columns)?;
                    Ok(batch)
                }
                Err(error) => Err(error),
            })
        })
    }

    /// The values of the first groups, not checked.
    pub fn group_values(
        &mut self,
        host: &Host,
        accumulators: ResourceAny,
        count: u32,
    ) -> Result<ArrayRef, PluginError> {
        self.calling(host, "evaluate", 0, |store, calls, _| {
            let (given,) = calls.evaluate.call(&mut *store, (accumulators, count))?;
            Ok(match given {
                Ok(column) => Ok(store.data_mut().take(column)?.0),
                Err(error) => Err(error),
            })
        })
    }

    /// Forgets the first groups.
    pub fn forget(
        &mut self,
        host: &Host,
        accumulators: ResourceAny,
        count: u32,
    ) -> Result<(), PluginError> {
        self.calling(host, "forget", 0, |store, calls, _| {
            Ok(calls.forget.call(store, (accumulators, count))?.0)
        })
    }

    /// Drops groups: the guest has a destructor for them.
    pub fn drop_accumulators(
        &mut self,
        host: &Host,
        accumulators: ResourceAny,
    ) -> Result<(), PluginError> {
        self.calling(host, "drop", 0, |store, _, _| {
            accumulators.resource_drop(store)?;
            Ok(Ok(()))
        })
    }

    /// One call of the guest, for a batch of `rows` rows.
    fn calling<T>(
        &mut self,
        host: &Host,
        call: &'static str,
        rows: u32,
        run: impl FnOnce(
            &mut Store<State>,
            &AggregateCalls,
            ResourceAny,
        ) -> wasmtime::Result<Result<T, GuestError>>,
    ) -> Result<T, PluginError> {
        self.start_call();
        let _running = host.ticker.run();
        let called = match &self.calls {
            Calls::Aggregate(calls) => run(&mut self.store, calls, self.function),
            _ => Err(wasmtime::format_err!("only an aggregate has `{call}`")),
        };
        match called {
            Ok(Ok(given)) => Ok(given),
            Ok(Err(error)) => Err(guest_error(self.store.data(), error, rows as usize)),
            Err(error) => Err(fault(host, self.store.data(), call, &error)),
        }
    }
}

/// Calls with a batch that the guest borrows.
fn lend<T>(
    store: &mut Store<State>,
    batch: Batch,
    call: impl FnOnce(&mut Store<State>, Resource<Batch>) -> wasmtime::Result<T>,
) -> wasmtime::Result<T> {
    let owned = store.data_mut().push(batch)?;
    let given = call(store, Resource::new_borrow(owned.rep()))?;
    drop(store.data_mut().take(owned)?);
    Ok(given)
}
