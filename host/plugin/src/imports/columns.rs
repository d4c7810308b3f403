//! `wasmill:udf/columns`: handles to Arrow columns, read and made at the border.

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::{Fields, Schema as ArrowSchema};
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::arrays;
use crate::contract::{Array, DataType, Schema};
use crate::state::{Batch, Column, Refusal, State};
use crate::types::{self, MAX_FIELDS};

/// What a field of a schema takes in the host, beside its name.
const FIELD_BYTES: usize = 256;
/// What a column of a batch takes in the host that shares its buffers with another.
const COLUMN_BYTES: usize = 32;

type Cx<'a> = StoreContextMut<'a, State>;

pub(crate) fn add(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.resource("column", ResourceType::host::<Column>(), |mut cx, rep| {
        drop(cx.data_mut().take(Resource::<Column>::new_own(rep))?);
        Ok(())
    })?;
    linker.resource("batch", ResourceType::host::<Batch>(), |mut cx, rep| {
        drop(cx.data_mut().take(Resource::<Batch>::new_own(rep))?);
        Ok(())
    })?;

    linker.func_wrap(
        "[constructor]column",
        |mut cx: Cx, (data_type, array, children): (DataType, Array, Vec<Resource<Column>>)| {
            let state = cx.data_mut();
            state.check_rows(array.length)?;
            state.take_in(arrays::size(&array))?;
            state.take_in(children.len() * FIELD_BYTES)?;
            let children = columns(state, children)?;
            let shares = children.len() > 1;
            let array = arrays::build(&data_type, array, children).map_err(Refusal::Data)?;
            if shares {
                state.check_written_size(std::slice::from_ref(&array))?;
            }
            Ok((state.push(Column(array))?,))
        },
    )?;
    linker.func_wrap(
        "[method]column.data-type",
        |cx: Cx, (column,): (Resource<Column>,)| {
            let Column(array) = cx.data().get(&column)?;
            let data_type = types::to_contract(array.data_type());
            Ok((data_type.ok_or_else(|| Refusal::Data(array.data_type().to_string()))?,))
        },
    )?;
    linker.func_wrap(
        "[method]column.length",
        |cx: Cx, (column,): (Resource<Column>,)| Ok((length(&cx.data().get(&column)?.0),)),
    )?;
    linker.func_wrap(
        "[method]column.null-count",
        |cx: Cx, (column,): (Resource<Column>,)| {
            let count = cx.data().get(&column)?.0.null_count();
            Ok((u32::try_from(count).unwrap_or(u32::MAX),))
        },
    )?;
    linker.func_wrap(
        "[method]column.read",
        |mut cx: Cx, (handle,): (Resource<Column>,)| {
            let state = cx.data_mut();
            let array = arrays::read(&state.get(&handle)?.0).map_err(Refusal::Data)?;
            state.call.bytes_in += arrays::size(&array);
            Ok((array,))
        },
    )?;
    linker.func_wrap(
        "[method]column.child",
        |mut cx: Cx, (column, index): (Resource<Column>, u32)| {
            let state = cx.data_mut();
            let Column(array) = state.get(&column)?;
            let child = arrays::child(array, index as usize).ok_or_else(|| {
                Refusal::Data(format!(
                    "a column of {} has no child {index}",
                    array.data_type()
                ))
            })?;
            Ok((state.push(Column(child))?,))
        },
    )?;

    linker.func_wrap(
        "[constructor]batch",
        |mut cx: Cx, (schema, handles, rows): (Schema, Vec<Resource<Column>>, u32)| {
            let state = cx.data_mut();
            let names: usize = schema.fields.iter().map(|field| field.name.len()).sum();
            state.take_in(names + schema.fields.len() * FIELD_BYTES)?;
            state.check_rows(rows)?;
            let columns = columns(state, handles)?;
            let batch = batch(&schema, columns, rows).map_err(Refusal::Data)?;
            Ok((state.push(batch)?,))
        },
    )?;
    linker.func_wrap(
        "[method]batch.schema",
        |cx: Cx, (batch,): (Resource<Batch>,)| {
            let batch = cx.data().get(&batch)?;
            Ok((types::to_schema(&batch.fields).map_err(Refusal::Data)?,))
        },
    )?;
    linker.func_wrap(
        "[method]batch.rows",
        |cx: Cx, (batch,): (Resource<Batch>,)| Ok((cx.data().get(&batch)?.rows,)),
    )?;
    linker.func_wrap(
        "[method]batch.column",
        |mut cx: Cx, (batch, index): (Resource<Batch>, u32)| {
            let state = cx.data_mut();
            let array = column(state.get(&batch)?, index)?.clone();
            Ok((state.push(Column(array))?,))
        },
    )?;
    linker.func_wrap(
        "[method]batch.read",
        |mut cx: Cx, (batch, index): (Resource<Batch>, u32)| {
            let state = cx.data_mut();
            let array = arrays::read(column(state.get(&batch)?, index)?).map_err(Refusal::Data)?;
            state.call.bytes_in += arrays::size(&array);
            Ok((array,))
        },
    )?;
    linker.func_wrap(
        "[method]batch.project",
        |mut cx: Cx, (batch, indices): (Resource<Batch>, Vec<u32>)| {
            let state = cx.data_mut();
            if indices.len() > MAX_FIELDS {
                let reason = format!("a batch of more than {MAX_FIELDS} columns");
                return Err(Refusal::Data(reason).into());
            }
            state.take_in(indices.len() * COLUMN_BYTES)?;
            let source = state.get(&batch)?;
            let columns = indices
                .iter()
                .map(|&index| column(source, index).cloned())
                .collect::<Result<_, _>>()?;
            let indices: Vec<_> = indices.iter().map(|&index| index as usize).collect();
            let schema = ArrowSchema::new(source.fields.clone())
                .project(&indices)
                .map_err(|error| Refusal::Data(error.to_string()))?;
            let projected = Batch {
                fields: schema.fields,
                columns,
                rows: source.rows,
            };
            Ok((state.push(projected)?,))
        },
    )?;
    Ok(())
}

fn length(array: &ArrayRef) -> u32 {
    u32::try_from(array.len()).unwrap_or(u32::MAX)
}

fn columns(state: &mut State, handles: Vec<Resource<Column>>) -> Result<Vec<ArrayRef>, Refusal> {
    handles
        .into_iter()
        .map(|handle| Ok(state.take(handle)?.0))
        .collect()
}

fn column(batch: &Batch, index: u32) -> Result<&ArrayRef, Refusal> {
    batch.columns.get(index as usize).ok_or_else(|| {
        Refusal::Data(format!(
            "a batch of {} columns has no column {index}",
            batch.columns.len()
        ))
    })
}

fn batch(schema: &Schema, columns: Vec<ArrayRef>, rows: u32) -> Result<Batch, String> {
    let fields: Fields = types::from_schema(schema)?;
    if fields.len() != columns.len() {
        return Err(format!(
            "a batch with a schema of {} columns is given {}",
            fields.len(),
            columns.len()
        ));
    }
    let columns = columns
        .iter()
        .zip(&fields)
        .enumerate()
        .map(|(index, (column, field))| {
            if column.len() != rows as usize {
                return Err(format!(
                    "column {index} of a batch of {rows} rows has {}",
                    column.len()
                ));
            }
            arrays::adopt(column, field)
                .map_err(|reason| format!("column {index} of a batch: {reason}"))
        })
        .collect::<Result<_, _>>()?;
    Ok(Batch {
        fields,
        columns,
        rows,
    })
}
