//! The provider `onnx`: sessions of ONNX Runtime as a [`Model`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, new_empty_array};
use arrow::datatypes::Field;
use ort::session::{RunOptions, Session, SessionInputValue};
use parking_lot::Mutex;

use super::memory::Budget;
use super::outlet::signature;
use super::runtime::environment;
use super::tensor::{to_column, to_tensor};
use super::watchdog::Watchdog;
use crate::definition::show_columns;
use crate::model::check_columns;
use crate::tensor::{Binding, bind_inputs, bind_outputs, show_tensors};
use crate::{InferenceError, Model, ModelDefinition};

const OPTIONS: &[&str] = &["path", "intra-op-threads", MEMORY_LIMIT];
/// Bytes of tensors that a session may hold, the model's own included.
const MEMORY_LIMIT: &str = "memory.limit";
const MEMORY: usize = 2 << 30;
/// To load a model, the optimizer's own computing included. Fuzzing does not wait for it.
const LOAD_TIME: Duration = Duration::from_secs(if cfg!(fuzzing) { 1 } else { 120 });

/// An ONNX model that a `CREATE MODEL` statement declares.
pub(crate) struct OnnxModel {
    name: String,
    version: String,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
    input_bindings: Vec<Binding>,
    output_bindings: Vec<Binding>,
    source: Source,
    /// A session serves one call at a time; as many are kept as there were calls at once.
    idle: Mutex<Vec<Counted>>,
}

/// A session, and what it may allocate.
struct Counted {
    session: Session,
    budget: Arc<Budget>,
}

/// What a session is made from.
struct Source {
    bytes: Vec<u8>,
    /// Where the weights are that a model keeps in files beside it.
    folder: PathBuf,
    threads: usize,
    /// Bytes that a session may allocate.
    memory: usize,
}

impl Source {
    /// The inner error is the runtime's word on the model.
    fn session(&self, model: &str) -> Result<Result<Counted, String>, InferenceError> {
        let environment = environment()?;
        let watchdog = Watchdog::get()?;
        let budget = Budget::new(self.memory);
        let deadline = Instant::now() + LOAD_TIME;
        let build = || {
            let folder = self.folder.to_string_lossy();
            let mut builder = Session::builder(environment)
                .map_err(|error| error.to_string())?
                .with_intra_threads(self.threads)
                .map_err(|error| error.to_string())?
                .with_intra_op_spinning(false)
                .map_err(|error| error.to_string())?
                .with_log_level(ort::logging::LogLevel::Fatal)
                .map_err(|error| error.to_string())?
                .with_config_entry(
                    "session.model_external_initializers_file_folder_path",
                    folder,
                )
                .map_err(|error| error.to_string())?
                .with_env_allocators()
                .map_err(|error| error.to_string())?;
            let canceler = builder.canceler();
            let _watched = watchdog.call_at(deadline, move || {
                // The session is checked for the time behind it, whatever comes of this.
                let _ = canceler.cancel();
            });
            builder
                .commit_from_memory(&self.bytes)
                .map_err(|error| error.to_string())
        };
        let built = budget.charge(build);
        if let Some(asked) = budget.take_refused() {
            return Err(over_memory(model, self.memory, asked));
        }
        if built.is_err() && deadline <= Instant::now() {
            return Err(InferenceError::Limit {
                model: model.to_owned(),
                message: format!("was not loaded within {} s", LOAD_TIME.as_secs()),
                hint: "simplify the model, so that less of it is computed when it is loaded".into(),
            });
        }
        Ok(built.map(|session| Counted { session, budget }))
    }
}

impl OnnxModel {
    pub fn load(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        definition.check_options(OPTIONS)?;
        let threads = definition.number("intra-op-threads", 1)?;
        let memory = definition.memory_size(MEMORY_LIMIT, MEMORY)?;
        let file = definition.read_file()?;
        let folder = file.path.parent().unwrap_or(&definition.base).to_owned();
        let source = Source {
            bytes: file.bytes.clone(),
            folder,
            threads,
            memory,
        };
        let counted = source.session(&definition.name)?;
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
        let session = &counted.session;
        let taken: Vec<_> = session.inputs().iter().map(signature).collect();
        let given: Vec<_> = session.outputs().iter().map(signature).collect();
        let names: Vec<_> = session
            .outputs()
            .iter()
            .map(|outlet| outlet.name().to_owned())
            .collect();
        let bound = taken
            .iter()
            .cloned()
            .collect::<Result<Vec<_>, _>>()
            .and_then(|tensors| {
                let inputs = bind_inputs(&tensors, &definition.inputs)?;
                Ok((inputs, bind_outputs(&given, &names, &definition.outputs)?))
            });
        let (input_bindings, output_bindings) = bound.map_err(|message| {
            let hint = if message.contains("a sequence or a map") {
                "export the classifier without ZipMap: \
                 skl2onnx.to_onnx(model, options={'zipmap': False}), \
                 or onnxmltools.convert_lightgbm(model, zipmap=False)"
                    .to_owned()
            } else {
                format!(
                    "the model is ({}) -> ({}); declared is ({}) -> ({})",
                    show_tensors(&taken),
                    show_tensors(&given),
                    show_columns(&definition.inputs),
                    show_columns(&definition.outputs)
                )
            };
            InferenceError::definition(&definition.name, message).with_hint(hint)
        })?;
        Ok(Self {
            name: definition.name.clone(),
            version: file.version,
            inputs: definition.inputs.clone(),
            outputs: definition.outputs.clone(),
            input_bindings,
            output_bindings,
            source,
            idle: Mutex::new(vec![counted]),
        })
    }

    fn runtime_error(&self, message: String) -> InferenceError {
        InferenceError::Runtime {
            model: self.name.clone(),
            message,
        }
    }

    fn run(
        &self,
        Counted { session, budget }: &mut Counted,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let tensors = self
            .input_bindings
            .iter()
            .map(|binding| {
                let tensor = to_tensor(binding, &self.inputs, columns, rows, budget.limit())
                    .map_err(|message| InferenceError::data(&self.name, message))?;
                Ok((
                    binding.tensor.name.as_str(),
                    SessionInputValue::from(tensor),
                ))
            })
            .collect::<Result<Vec<_>, InferenceError>>()?;
        let options = RunOptions::new().map(Arc::new);
        let options = options.map_err(|error| self.runtime_error(error.to_string()))?;
        let watched = match deadline {
            Some(deadline) => {
                let options = options.clone();
                Some(Watchdog::get()?.call_at(deadline, move || {
                    // Whether it was stopped is seen from its error.
                    let _ = options.terminate();
                }))
            }
            None => None,
        };
        let given = budget.charge(|| session.run_with_options(tensors, &*options));
        drop(watched);
        let given = given.map_err(|error| match budget.take_refused() {
            Some(asked) => over_memory(&self.name, budget.limit(), asked),
            None if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
                InferenceError::deadline(&self.name)
            }
            None => self.runtime_error(format!("ONNX Runtime: {error}")),
        })?;
        let column = |(binding, field): (&Binding, &Field)| {
            let name = &binding.tensor.name;
            let value = given
                .get(name)
                .ok_or_else(|| format!("the model gave no '{name}'"));
            value
                .and_then(|value| to_column(binding, field, value, rows))
                .map_err(|message| self.runtime_error(message))
        };
        self.output_bindings
            .iter()
            .zip(&self.outputs)
            .map(column)
            .collect()
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
            return Ok(self
                .outputs
                .iter()
                .map(|field| new_empty_array(field.data_type()))
                .collect());
        }
        let idle = self.idle.lock().pop();
        let mut session = match idle {
            Some(session) => session,
            None => self
                .source
                .session(&self.name)?
                .map_err(|message| self.runtime_error(message))?,
        };
        let predicted = self.run(&mut session, columns, rows, deadline);
        // One that was stopped in the middle may hold what nobody needs.
        if !matches!(predicted, Err(InferenceError::Limit { .. })) {
            self.idle.lock().push(session);
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
            .finish_non_exhaustive()
    }
}

fn over_memory(model: &str, limit: usize, asked: usize) -> InferenceError {
    InferenceError::Limit {
        model: model.to_owned(),
        message: format!(
            "ran over its memory limit of {} MiB: it wanted {} MiB",
            limit.div_ceil(1 << 20),
            asked.div_ceil(1 << 20)
        ),
        hint: format!("a higher limit can be given with '{MEMORY_LIMIT}' in the model's WITH"),
    }
}
