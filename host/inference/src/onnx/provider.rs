//! The provider `onnx`: sessions of ONNX Runtime as a [`Model`].

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::Field;
use ort::session::OutputSelector;

use super::binding::{Binding, bind_inputs, bind_outputs, rows_of_a_call};
use super::column::to_column;
use super::options::SessionOptions;
use super::placement::Placement;
use super::session::{Counted, Pool, RunOptions, over_memory, unpanicked};
use super::signature::{BatchAxis, Misfit, Signature};
use super::tensor::{padded, to_input};
use super::watchdog::Watchdog;
use crate::definition::show_columns;
use crate::model::check_columns;
use crate::{InferenceError, Model, ModelDefinition};

/// An ONNX model that a `CREATE MODEL` statement declares.
pub(crate) struct OnnxModel {
    name: String,
    version: String,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    input_bindings: Vec<Binding>,
    output_bindings: Vec<Binding>,
    batch_axis: BatchAxis,
    /// How many rows a call of the session takes; `None` for any number.
    rows_of_a_call: Option<usize>,
    /// Who computes the nodes, where that was asked for.
    placement: Option<Placement>,
    pool: Pool,
}

impl OnnxModel {
    pub fn load(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let options = SessionOptions::read(definition)?;
        let batch_axis = options.batch_axis;
        let file = definition.read_file()?;
        let folder = file.path.parent().unwrap_or(&definition.base).to_owned();
        let pool = Pool::new(file.bytes, folder, options)?;
        let counted = pool.take(&definition.name)?;
        let counted = counted.map_err(|message| InferenceError::File {
            model: definition.name.clone(),
            path: file.path.clone(),
            line: None,
            message: format!("ONNX Runtime does not take the model: {message}"),
            hint: Some(
                "'path' must name an .onnx file, with operators that this ONNX Runtime knows"
                    .into(),
            ),
        })?;
        let taken = signatures(counted.session.inputs());
        let given = signatures(counted.session.outputs());
        let names = counted.session.outputs().iter();
        let names: Vec<_> = names.map(|outlet| outlet.name().to_owned()).collect();
        let bind = || {
            let taken = taken.iter().cloned().collect::<Result<Vec<_>, String>>()?;
            let inputs = bind_inputs(&taken, &definition.inputs, batch_axis)?;
            let outputs = bind_outputs(&given, &names, &definition.outputs, batch_axis)?;
            let rows = match batch_axis {
                BatchAxis::First => rows_of_a_call(&taken, &outputs)?,
                BatchAxis::None => Some(1),
            };
            Ok((inputs, outputs, rows))
        };
        let (input_bindings, output_bindings, rows_of_a_call) =
            bind().map_err(|misfit: Misfit| {
                let mut hint = show_both(&taken, &given, definition);
                if misfit.is_of_rows {
                    hint = format!("{WHOLE_TENSORS}; {hint}");
                }
                InferenceError::definition(&definition.name, misfit.message).with_hint(hint)
            })?;
        let placement = counted.placement.clone();
        pool.put(counted);
        Ok(Self {
            name: definition.name.clone(),
            version: file.version,
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
            input_bindings,
            output_bindings,
            batch_axis,
            rows_of_a_call,
            placement,
            pool,
        })
    }

    fn runtime_error(&self, message: impl Into<String>) -> InferenceError {
        InferenceError::Runtime {
            model: self.name.clone(),
            message: message.into(),
        }
    }

    /// Only what the columns are made of.
    fn run_options(&self, session: &mut Counted) -> Result<Arc<RunOptions>, InferenceError> {
        if let Some(options) = &session.options {
            // The deadline of the last call may have come when all was done.
            let options = options.unterminate().map(|()| Arc::clone(options));
            return options.map_err(|error| self.runtime_error(error.to_string()));
        }
        let mut outputs = OutputSelector::no_default();
        for binding in &self.output_bindings {
            outputs = outputs.with(binding.signature.name.as_str());
        }
        let options = RunOptions::new(outputs);
        let options = options.map_err(|error| self.runtime_error(error.to_string()))?;
        Ok(Arc::clone(session.options.insert(Arc::new(options))))
    }

    fn predict_all(
        &self,
        session: &mut Counted,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let options = self.run_options(session)?;
        let _watched = match deadline {
            Some(deadline) => {
                let options = Arc::clone(&options);
                Some(Watchdog::get()?.call_at(deadline, move || {
                    // Whether it was stopped is seen from its error.
                    let _ = options.terminate();
                }))
            }
            None => None,
        };
        let step = match self.rows_of_a_call {
            None => return self.run(session, columns, rows, &options, deadline),
            Some(step) if step == rows => {
                return self.run(session, columns, rows, &options, deadline);
            }
            Some(step) => step,
        };
        let mut parts = vec![Vec::with_capacity(rows.div_ceil(step)); self.outputs.len()];
        for first in (0..rows).step_by(step) {
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                return Err(InferenceError::deadline(&self.name));
            }
            let wanted = step.min(rows - first);
            let part = columns.iter().map(|column| {
                let part = column.slice(first, wanted);
                if wanted == step {
                    Ok(part)
                } else {
                    padded(&part, step, session.budget.limit())
                }
            });
            let part = part.collect::<Result<Vec<_>, _>>();
            let part = part.map_err(|message| InferenceError::data(&self.name, message))?;
            let given = self.run(session, &part, step, &options, deadline);
            let given = given.map_err(|error| in_part(error, first))?;
            for (parts, column) in parts.iter_mut().zip(given) {
                parts.push(column.slice(0, wanted));
            }
        }
        let whole = |parts: Vec<ArrayRef>| {
            let parts: Vec<&dyn Array> = parts.iter().map(Arc::as_ref).collect();
            concat(&parts).map_err(|error| self.runtime_error(error.to_string()))
        };
        parts.into_iter().map(whole).collect()
    }

    /// One call of the session.
    fn run(
        &self,
        Counted {
            session,
            budget,
            scratch,
            ..
        }: &mut Counted,
        columns: &[ArrayRef],
        rows: usize,
        options: &RunOptions,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let data_error = |message| InferenceError::data(&self.name, message);
        let inputs = self
            .input_bindings
            .iter()
            .map(|binding| {
                let (fields, axis) = (&self.inputs, self.batch_axis);
                let memory = budget.limit();
                to_input(binding, fields, columns, rows, axis, memory, scratch).map_err(data_error)
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut values = Vec::with_capacity(inputs.len());
        for (binding, input) in self.input_bindings.iter().zip(&inputs) {
            let name = binding.signature.name.as_str();
            let in_model = |message| data_error(format!("'{name}': {message}"));
            values.push((name, input.value().map_err(in_model)?));
        }
        let given =
            budget.charge(|| unpanicked(|| session.run_with_options(values, options.inner())));
        let given = given.map_err(|error| match budget.take_refused() {
            Some(asked) => over_memory(&self.name, budget.limit(), asked),
            None if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                InferenceError::deadline(&self.name)
            }
            None => self.runtime_error(format!("ONNX Runtime: {error}")),
        })?;
        let column = |(binding, field): (&Binding, &Field)| {
            let name = &binding.signature.name;
            let value = given
                .get(name)
                .ok_or_else(|| self.runtime_error(format!("the model gave no '{name}'")))?;
            to_column(binding, field, value, rows, self.batch_axis).map_err(|misfit| {
                let hint = if misfit.is_of_rows {
                    format!("each output must have one value for each row; {WHOLE_TENSORS}")
                } else {
                    "declare the output columns with types that hold what the model gives".into()
                };
                InferenceError::definition(&self.name, misfit.message).with_hint(hint)
            })
        };
        let columns = self.output_bindings.iter().zip(&self.outputs).map(column);
        let columns = columns.collect();
        drop(given);
        // Not before: what the model gave may lie in the memory of what it took.
        inputs.into_iter().for_each(|input| input.keep_in(scratch));
        columns
    }
}

impl Model for OnnxModel {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> &str {
        &self.version
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        check_columns(&self.name, &self.inputs, columns, rows)?;
        if rows == 0 {
            let empty = |field: &Field| new_empty_array(field.data_type());
            return Ok(self.outputs.iter().map(empty).collect());
        }
        let session = self.pool.take(&self.name)?;
        let mut session = session.map_err(|message| self.runtime_error(message))?;
        let predicted = self.predict_all(&mut session, columns, rows, deadline);
        // One that was stopped in the middle may hold what nobody needs.
        if !matches!(predicted, Err(InferenceError::Limit { .. })) {
            self.pool.put(session);
        }
        predicted
    }
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxModel")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("inputs", &self.input_bindings)
            .field("outputs", &self.output_bindings)
            .field("placement", &self.placement)
            .finish_non_exhaustive()
    }
}

fn signatures(outlets: &[ort::value::Outlet]) -> Vec<Result<Signature, String>> {
    outlets.iter().map(Signature::from_outlet).collect()
}

/// Says in which rows it was, where they are not counted from the first.
fn in_part(error: InferenceError, first: usize) -> InferenceError {
    match error {
        InferenceError::Data {
            model,
            message,
            hint,
        } if first > 0 => InferenceError::Data {
            model,
            message: format!("in the rows from {first} on: {message}"),
            hint,
        },
        error => error,
    }
}

const WHOLE_TENSORS: &str =
    "with 'batch-axis' = 'none' the model gets and gives whole tensors, one row a call";

/// What the model is, and what is declared.
fn show_both(
    taken: &[Result<Signature, String>],
    given: &[Result<Signature, String>],
    definition: &ModelDefinition,
) -> String {
    let show = |signature: &Result<Signature, String>| match signature {
        Ok(signature) => signature.to_string(),
        Err(message) => message.clone(),
    };
    let show = |signatures: &[Result<Signature, String>]| {
        signatures.iter().map(show).collect::<Vec<_>>().join(", ")
    };
    format!(
        "the model is ({}) -> ({}); declared is ({}) -> ({})",
        show(taken),
        show(given),
        show_columns(&definition.inputs),
        show_columns(&definition.outputs)
    )
}
