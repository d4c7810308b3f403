//! `wasmill:udf/inference`: granted models, run on the host's own columns.

use std::time::Instant;

use arrow::array::{Array as _, ArrayRef};
use arrow::compute::cast;
use wasmtime::StoreContextMut;
use wasmtime::component::{LinkerInstance, Resource, ResourceType};

use crate::contract::{InferenceError, ModelSignature};
use crate::error::escape;
use crate::grants::{Model, ModelError};
use crate::models::ModelCall;
use crate::state::{Batch, OpenModel, Refusal, State};
use crate::types;

type Cx<'a> = StoreContextMut<'a, State>;

pub(crate) fn add(linker: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    linker.resource("model", ResourceType::host::<OpenModel>(), |mut cx, rep| {
        drop(cx.data_mut().take(Resource::<OpenModel>::new_own(rep))?);
        Ok(())
    })?;
    linker.func_wrap("[static]model.open", |mut cx: Cx, (name,): (String,)| {
        Ok((open(cx.data_mut(), &name)?,))
    })?;
    linker.func_wrap(
        "[method]model.signature",
        |cx: Cx, (model,): (Resource<OpenModel>,)| {
            let OpenModel(model) = cx.data().get(&model)?;
            Ok((signature(model.as_ref()).map_err(Refusal::Data)?,))
        },
    )?;
    linker.func_wrap(
        "[method]model.version",
        |cx: Cx, (model,): (Resource<OpenModel>,)| Ok((cx.data().get(&model)?.0.version(),)),
    )?;
    linker.func_wrap(
        "[method]model.predict",
        |mut cx: Cx, (model, features): (Resource<OpenModel>, Resource<Batch>)| {
            Ok((predict(cx.data_mut(), &model, &features)?,))
        },
    )?;
    Ok(())
}

fn open(
    state: &mut State,
    name: &str,
) -> Result<Result<Resource<OpenModel>, InferenceError>, Refusal> {
    let surroundings = state.surroundings.clone();
    let Some(model) = surroundings.grants.models.get(name) else {
        let name = escape(name, surroundings.limits.text_bytes);
        state.denied_model = Some(name.clone());
        return Ok(Err(InferenceError::NotGranted(name)));
    };
    if let Err(reason) = signature(model.as_ref()) {
        return Ok(Err(InferenceError::Invalid(format!(
            "a plugin cannot use this model: {reason}"
        ))));
    }
    Ok(Ok(state.push(OpenModel(model.clone()))?))
}

fn signature(model: &dyn Model) -> Result<ModelSignature, String> {
    Ok(ModelSignature {
        inputs: types::to_schema(model.inputs())?,
        outputs: types::to_schema(model.outputs())?,
    })
}

fn predict(
    state: &mut State,
    model: &Resource<OpenModel>,
    features: &Resource<Batch>,
) -> Result<Result<Resource<Batch>, InferenceError>, Refusal> {
    let OpenModel(model) = state.get(model)?;
    let model = model.clone();
    let batch = state.get(features)?.clone();
    let deadline = state.call.wall_deadline;
    // Others run meanwhile: a model cannot be interrupted.
    let paused = Instant::now();
    let mut turn = state.turn.take();
    if let Some(turn) = &mut turn {
        turn.pause();
    }
    let begun = ModelCall::begin(&state.surroundings.account, deadline);
    let started = Instant::now();
    let predicted = begun.map(|_begun| run(model.as_ref(), &batch, deadline));
    let ended = Instant::now();
    if let Some(turn) = &mut turn {
        let waited = turn.go_on(ended - started);
        state.call.put_off(waited);
    }
    state.turn = turn;
    // The model has a deadline of its own: its time is not the guest's.
    state.call.put_off_guest(ended - paused);
    let predicted = predicted.map_err(Refusal::Sum)?;
    if deadline <= ended {
        return Err(Refusal::WallTime);
    }
    match predicted {
        Ok(predicted) => Ok(Ok(state.push(predicted)?)),
        Err(ModelError::Invalid(reason)) => Ok(Err(InferenceError::Invalid(reason))),
        Err(ModelError::Failed(reason)) => Ok(Err(InferenceError::Failed(reason))),
    }
}

fn run(model: &dyn Model, batch: &Batch, deadline: Instant) -> Result<Batch, ModelError> {
    let rows = batch.rows as usize;
    let inputs = model.inputs();
    if inputs.len() != batch.columns.len() {
        return Err(ModelError::Invalid(format!(
            "the model takes {} features, not {}",
            inputs.len(),
            batch.columns.len()
        )));
    }
    let columns = inputs
        .iter()
        .zip(&batch.columns)
        .map(|(input, column)| -> Result<ArrayRef, ModelError> {
            let (from, to) = (column.data_type(), input.data_type());
            if from == to {
                return Ok(column.clone());
            }
            if !(from.is_numeric() && to.is_numeric()) {
                return Err(ModelError::Invalid(format!(
                    "the model's feature `{}` is {to}, not {from}",
                    input.name()
                )));
            }
            cast(column, to).map_err(|error| ModelError::Invalid(error.to_string()))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let outputs = model.outputs();
    let predicted = model.predict(&columns, rows, Some(deadline))?;
    let fits = predicted.len() == outputs.len()
        && predicted.iter().zip(outputs).all(|(column, output)| {
            column.len() == rows && column.data_type() == output.data_type()
        });
    if !fits {
        return Err(ModelError::Failed(
            "the model's predictions do not have the shape of its outputs".to_owned(),
        ));
    }
    Ok(Batch {
        fields: outputs.iter().cloned().collect(),
        columns: predicted,
        rows: batch.rows,
    })
}
