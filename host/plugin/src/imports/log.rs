//! `wasmill:udf/log`: lines for the host's log.

use wasmtime::StoreContextMut;
use wasmtime::component::LinkerInstance;

use crate::grants::Level;
use crate::state::State;

pub(crate) fn add(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "log",
        |mut cx: StoreContextMut<'_, State>, (level, message): (Level, String)| {
            cx.data_mut().log(level, &message);
            Ok(())
        },
    )
}
