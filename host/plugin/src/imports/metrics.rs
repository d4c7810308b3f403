//! `wasmill:udf/metrics`: a function's own metrics.

use wasmtime::StoreContextMut;
use wasmtime::component::LinkerInstance;

use crate::grants::Metrics;
use crate::state::State;

type Cx<'a> = StoreContextMut<'a, State>;

pub(crate) fn add(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.func_wrap("counter", |mut cx: Cx, (name, add): (String, u64)| {
        record(cx.data_mut(), &name, |metrics, function, name| {
            metrics.counter(function, name, add);
        });
        Ok(())
    })?;
    linker.func_wrap("gauge", |mut cx: Cx, (name, value): (String, f64)| {
        record(cx.data_mut(), &name, |metrics, function, name| {
            metrics.gauge(function, name, value);
        });
        Ok(())
    })?;
    linker.func_wrap("histogram", |mut cx: Cx, (name, value): (String, f64)| {
        record(cx.data_mut(), &name, |metrics, function, name| {
            metrics.histogram(function, name, value);
        });
        Ok(())
    })
}

fn record(state: &mut State, name: &str, give: impl FnOnce(&dyn Metrics, &str, &str)) {
    if let Some(name) = state.metric_name(name) {
        let surroundings = &state.surroundings;
        give(surroundings.metrics.as_ref(), &surroundings.function, &name);
    }
}
