//! `wasmill:udf/state`: what a call of a process function may ask and change.

use arrow::array::{Array as _, ArrayRef};
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::contract::{Clock, SlotKind};
use crate::process::{Keyed, StateChange, check_rows};
use crate::state::{Column, Refusal, State};

/// What a change takes in the host, beside its rows.
const CHANGE_BYTES: usize = 256;

type Cx<'a> = StoreContextMut<'a, State>;
type Handle = Resource<Keyed>;

pub(crate) fn add(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.resource("keyed", ResourceType::host::<Keyed>(), |mut cx, rep| {
        drop(cx.data_mut().take(Handle::new_own(rep))?);
        Ok(())
    })?;
    linker.func_wrap("[method]keyed.keys", |mut cx: Cx, (keyed,): (Handle,)| {
        let state = cx.data_mut();
        let keys = state.get(&keyed)?.keys.clone();
        Ok((state.push(keys)?,))
    })?;
    linker.func_wrap(
        "[method]keyed.numbers",
        |mut cx: Cx, (keyed,): (Handle,)| {
            let state = cx.data_mut();
            let numbers = state.get(&keyed)?.numbers.clone();
            state.call.bytes_in += numbers.bytes();
            Ok((numbers,))
        },
    )?;
    linker.func_wrap("[method]keyed.times", |mut cx: Cx, (keyed,): (Handle,)| {
        let state = cx.data_mut();
        Ok((match state.get(&keyed)?.times.clone() {
            Some(times) => Some(state.push(Column(times))?),
            None => None,
        },))
    })?;
    linker.func_wrap("[method]keyed.watermark", |cx: Cx, (keyed,): (Handle,)| {
        Ok((cx.data().get(&keyed)?.watermark,))
    })?;
    linker.func_wrap("[method]keyed.now", |cx: Cx, (keyed,): (Handle,)| {
        Ok((cx.data().get(&keyed)?.now,))
    })?;
    linker.func_wrap(
        "[method]keyed.read",
        |mut cx: Cx, (keyed, slot): (Handle, u32)| {
            let state = cx.data_mut();
            let column = state.get_mut(&keyed)?.read(slot)?;
            state.take_in(column.get_array_memory_size())?;
            Ok((state.push(Column(column))?,))
        },
    )?;
    linker.func_wrap(
        "[method]keyed.lookup",
        |mut cx: Cx, (keyed, slot, keys, entries): (Handle, u32, Vec<u32>, Resource<Column>)| {
            let state = cx.data_mut();
            let entries = state.get(&entries)?.0.clone();
            let found = state.get_mut(&keyed)?.lookup(slot, &keys, &entries)?;
            state.take_in(found.get_array_memory_size())?;
            Ok((state.push(Column(found))?,))
        },
    )?;
    changes(linker)?;
    linker.func_wrap(
        "[method]keyed.broadcast",
        |mut cx: Cx, (keyed,): (Handle,)| {
            let state = cx.data_mut();
            let (rows, _) = state.get(&keyed)?.broadcast.clone();
            Ok((state.push(rows)?,))
        },
    )?;
    linker.func_wrap(
        "[method]keyed.broadcast-version",
        |cx: Cx, (keyed,): (Handle,)| Ok((cx.data().get(&keyed)?.broadcast.1,)),
    )
}

/// What changes slots and timers.
fn changes(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "[method]keyed.write",
        |mut cx: Cx, (keyed, index, keys, values): (Handle, u32, Vec<u32>, Resource<Column>)| {
            change(
                cx.data_mut(),
                &keyed,
                keys,
                0,
                |keyed, keys, columns| {
                    let [values] = columns;
                    let slot = keyed.slot(index)?;
                    let values = slot.written(&values)?;
                    check_rows("values", &values, &keys)?;
                    let slot = index as usize;
                    Ok(StateChange::Write { slot, keys, values })
                },
                [values],
            )
        },
    )?;
    linker.func_wrap(
        "[method]keyed.append",
        |mut cx: Cx, (keyed, index, keys, items): (Handle, u32, Vec<u32>, Resource<Column>)| {
            change(
                cx.data_mut(),
                &keyed,
                keys,
                0,
                |keyed, keys, columns| {
                    let [items] = columns;
                    let slot = keyed.slot_of(index, SlotKind::List)?;
                    let items = slot.value(&items)?;
                    check_rows("items", &items, &keys)?;
                    let slot = index as usize;
                    Ok(StateChange::Append { slot, keys, items })
                },
                [items],
            )
        },
    )?;
    linker.func_wrap(
        "[method]keyed.put",
        |mut cx: Cx,
         (keyed, index, keys, entries, values): (
            Handle,
            u32,
            Vec<u32>,
            Resource<Column>,
            Resource<Column>,
        )| {
            change(
                cx.data_mut(),
                &keyed,
                keys,
                0,
                |keyed, keys, columns| {
                    let [entries, values] = columns;
                    let slot = keyed.slot_of(index, SlotKind::Map)?;
                    let entries = slot.entries(&entries)?;
                    let values = slot.value(&values)?;
                    check_rows("entries", &entries, &keys)?;
                    check_rows("values", &values, &keys)?;
                    let slot = index as usize;
                    Ok(StateChange::Put {
                        slot,
                        keys,
                        entries,
                        values,
                    })
                },
                [entries, values],
            )
        },
    )?;
    linker.func_wrap(
        "[method]keyed.set-timers",
        |mut cx: Cx,
         (keyed, clock, name, keys, at): (Handle, Clock, String, Vec<u32>, Vec<i64>)| {
            let bytes = name.len() + size_of_val(at.as_slice());
            change(
                cx.data_mut(),
                &keyed,
                keys,
                bytes,
                |keyed, keys, []| {
                    keyed.check_timers(clock, &name)?;
                    if at.len() != keys.len() {
                        let (times, keys) = (at.len(), keys.len());
                        return Err(Refusal::Data(format!("{times} times for {keys} timers")));
                    }
                    Ok(StateChange::SetTimers {
                        clock,
                        name,
                        keys,
                        at,
                    })
                },
                [],
            )
        },
    )?;
    linker.func_wrap(
        "[method]keyed.clear-timers",
        |mut cx: Cx, (keyed, name, keys): (Handle, String, Vec<u32>)| {
            let bytes = name.len();
            change(
                cx.data_mut(),
                &keyed,
                keys,
                bytes,
                |_, keys, []| Ok(StateChange::ClearTimers { name, keys }),
                [],
            )
        },
    )
}

/// Notes a change of these keys; what it is is made of borrowed columns.
fn change<const COLUMNS: usize>(
    state: &mut State,
    handle: &Handle,
    keys: Vec<u32>,
    bytes: usize,
    make: impl FnOnce(&Keyed, Vec<u32>, [ArrayRef; COLUMNS]) -> Result<StateChange, Refusal>,
    columns: [Resource<Column>; COLUMNS],
) -> wasmtime::Result<()> {
    state.take_in(CHANGE_BYTES + size_of_val(keys.as_slice()) + bytes)?;
    let columns = columns
        .iter()
        .map(|column| Ok(state.get(column)?.0.clone()));
    let columns = columns.collect::<Result<Vec<_>, Refusal>>()?;
    let columns = <[ArrayRef; COLUMNS]>::try_from(columns)
        .map_err(|found| Refusal::Data(format!("{} columns", found.len())))?;
    let keyed = state.get_mut(handle)?;
    keyed.check_keys(&keys)?;
    let change = make(keyed, keys, columns)?;
    keyed.changes.push(change);
    Ok(())
}
