//! A component ready to be instantiated: where the exports of each kind of function are.

use std::sync::Arc;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::lines::LineTables;
use crate::signature::Kind;
use crate::state::State;

/// A component ready to be instantiated, and where its exports are.
pub(crate) struct Instantiator {
    pub pre: InstancePre<State>,
    /// Of each kind that it exports.
    pub kinds: Vec<Exports>,
    /// For backtraces.
    pub lines: Arc<LineTables>,
}

/// The exports of an interface of functions.
pub(crate) struct Exports {
    pub kind: Kind,
    pub functions: ComponentExportIndex,
    pub open: ComponentExportIndex,
    pub returns: ComponentExportIndex,
    pub calls: CallExports,
}

/// What a function of a kind is called by.
pub(crate) enum CallExports {
    Scalar {
        eval: ComponentExportIndex,
        batch_eval: ComponentExportIndex,
    },
    Table {
        batch_eval: ComponentExportIndex,
    },
    Aggregate(AggregateExports),
    Process(ProcessExports),
}

/// Of a process function.
pub(crate) struct ProcessExports {
    pub slots: ComponentExportIndex,
    pub side_outputs: ComponentExportIndex,
    pub broadcast: ComponentExportIndex,
    pub batch_eval: ComponentExportIndex,
    pub on_timers: ComponentExportIndex,
}

/// Of an aggregate function, and of its `accumulators`.
pub(crate) struct AggregateExports {
    pub function_state: ComponentExportIndex,
    pub retracts: ComponentExportIndex,
    pub accumulators: ComponentExportIndex,
    pub update: ComponentExportIndex,
    pub retract: ComponentExportIndex,
    pub merge: ComponentExportIndex,
    pub state: ComponentExportIndex,
    pub evaluate: ComponentExportIndex,
    pub forget: ComponentExportIndex,
}

impl Instantiator {
    /// `interfaces` are the full names of those that the component exports, by the kind of their
    /// functions.
    pub fn new(
        linker: &Linker<State>,
        component: &Component,
        interfaces: &[(Kind, String)],
        lines: LineTables,
    ) -> wasmtime::Result<Self> {
        let pre = linker.instantiate_pre(component)?;
        let kinds = interfaces.iter();
        let kinds = kinds.map(|(kind, interface)| Exports::find(component, *kind, interface));
        Ok(Self {
            kinds: kinds.collect::<wasmtime::Result<_>>()?,
            pre,
            lines: Arc::new(lines),
        })
    }

    pub fn exports(&self, kind: Kind) -> wasmtime::Result<&Exports> {
        let mut kinds = self.kinds.iter();
        kinds
            .find(|exports| exports.kind == kind)
            .ok_or_else(|| wasmtime::format_err!("no {} functions", kind.name()))
    }
}

impl Exports {
    fn find(component: &Component, kind: Kind, interface: &str) -> wasmtime::Result<Self> {
        let index = component
            .get_export_index(None, interface)
            .ok_or_else(|| wasmtime::format_err!("no export `{interface}`"))?;
        let export = |name: &str| {
            component
                .get_export_index(Some(&index), name)
                .ok_or_else(|| wasmtime::format_err!("no function `{name}` in `{interface}`"))
        };
        let resource = format!("{}-function", kind.name());
        let method = |name: &str| export(&format!("[method]{resource}.{name}"));
        Ok(Self {
            kind,
            functions: export("functions")?,
            open: export(&format!("[static]{resource}.open"))?,
            returns: method("returns")?,
            calls: match kind {
                Kind::Scalar => CallExports::Scalar {
                    eval: method("eval")?,
                    batch_eval: method("batch-eval")?,
                },
                Kind::Table => CallExports::Table {
                    batch_eval: method("batch-eval")?,
                },
                Kind::Aggregate => {
                    let groups = |name: &str| export(&format!("[method]accumulators.{name}"));
                    CallExports::Aggregate(AggregateExports {
                        function_state: method("state")?,
                        retracts: method("retracts")?,
                        accumulators: method("accumulators")?,
                        update: groups("update")?,
                        retract: groups("retract")?,
                        merge: groups("merge")?,
                        state: groups("state")?,
                        evaluate: groups("evaluate")?,
                        forget: groups("forget")?,
                    })
                }
                Kind::Process => CallExports::Process(ProcessExports {
                    slots: method("slots")?,
                    side_outputs: method("side-outputs")?,
                    broadcast: method("broadcast")?,
                    batch_eval: method("batch-eval")?,
                    on_timers: method("on-timers")?,
                }),
            },
        })
    }
}
