//! Sessions of ONNX Runtime, as many as there are calls at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ort::ep::{CUDA, ExecutionProvider as _};
use ort::session::{HasSelectedOutputs, OutputSelector, Session};
use parking_lot::Mutex;

use super::memory::{Budget, BudgetThreads};
use super::options::{ExecutionProvider, MEMORY_LIMIT, SessionOptions};
use super::placement::Placement;
use super::runtime::environment;
use super::watchdog::Watchdog;
use super::weights::SharedWeights;
use crate::InferenceError;
use crate::tensor::interleave::Scratch;

/// To load a model, the optimizer's own computing included. Fuzzing does not wait for it.
const LOAD_TIME: Duration = Duration::from_secs(if cfg!(fuzzing) { 1 } else { 120 });

/// A session, and what it may allocate.
pub(super) struct Counted {
    pub session: Session,
    pub budget: Arc<Budget>,
    pub scratch: Scratch,
    /// Of the nodes, where another execution provider than the processor's was asked for.
    pub placement: Option<Placement>,
    /// Of the last call.
    pub options: Option<Arc<RunOptions>>,
}

/// How a call is made; another thread may end it.
pub(super) struct RunOptions(ort::session::RunOptions<HasSelectedOutputs>);

// SAFETY: other threads only call `terminate`, which the runtime allows. What keeps the bindings' type
// from being shared are values to write outputs into, of which there are none.
unsafe impl Send for RunOptions {}
// SAFETY: as above.
unsafe impl Sync for RunOptions {}

impl RunOptions {
    /// `outputs` have no values to be written into.
    pub fn new(outputs: OutputSelector) -> Result<Self, ort::Error> {
        let options = ort::session::RunOptions::new()?;
        Ok(Self(options.with_outputs(outputs)))
    }

    pub fn inner(&self) -> &ort::session::RunOptions<HasSelectedOutputs> {
        &self.0
    }

    /// Ends the call that is made with them, and those to come.
    pub fn terminate(&self) -> Result<(), ort::Error> {
        self.0.terminate()
    }

    /// Takes an end back.
    pub fn unterminate(&self) -> Result<(), ort::Error> {
        self.0.unterminate()
    }
}

/// The sessions of one model.
pub(super) struct Pool {
    bytes: Vec<u8>,
    /// Where the weights are that a model keeps in files beside it.
    folder: PathBuf,
    options: SessionOptions,
    weights: SharedWeights,
    /// A session serves one call at a time; as many are kept as there were calls at once.
    idle: Mutex<Vec<Counted>>,
}

impl Pool {
    /// No session yet.
    pub fn new(
        bytes: Vec<u8>,
        folder: PathBuf,
        options: SessionOptions,
    ) -> Result<Self, InferenceError> {
        environment()?;
        Ok(Self {
            weights: SharedWeights::read(&bytes),
            bytes,
            folder,
            options,
            idle: Mutex::default(),
        })
    }

    /// A session that nobody uses, made where there is none. The inner error is the runtime's word on
    /// the model.
    pub fn take(&self, model: &str) -> Result<Result<Counted, String>, InferenceError> {
        let idle = self.idle.lock().pop();
        match idle {
            Some(session) => Ok(Ok(session)),
            None => self.make(model),
        }
    }

    /// Gives a session back.
    pub fn put(&self, session: Counted) {
        self.idle.lock().push(session);
    }

    fn make(&self, model: &str) -> Result<Result<Counted, String>, InferenceError> {
        let environment = environment()?;
        let watchdog = Watchdog::get()?;
        let limit = self.options.memory;
        if self.weights.bytes() > limit {
            return Err(over_memory(model, limit, self.weights.bytes()));
        }
        refuse_missing_provider(model, self.options.execution_provider)?;
        let budget = Budget::new(limit, self.weights.bytes());
        let deadline = Instant::now() + LOAD_TIME;
        let build = || -> Result<Session, ort::Error> {
            let builder = self.options.apply(Session::builder(environment)?)?;
            let mut builder = self
                .weights
                .apply(builder)?
                .with_thread_manager(BudgetThreads::new(&budget))?
                .with_config_entry(
                    "session.model_external_initializers_file_folder_path",
                    self.folder.to_string_lossy(),
                )?;
            let canceler = builder.canceler();
            let _watched = watchdog.call_at(deadline, move || {
                // The session is checked for the time behind it, whatever comes of this.
                let _ = canceler.cancel();
            });
            builder.commit_from_memory(&self.bytes)
        };
        let built = budget.charge(|| unpanicked(build));
        if let Some(asked) = budget.take_refused() {
            return Err(over_memory(model, limit, asked));
        }
        if built.is_err() && deadline <= Instant::now() {
            return Err(InferenceError::Limit {
                model: model.to_owned(),
                message: format!("was not loaded within {} s", LOAD_TIME.as_secs()),
                hint: "simplify the model, so that less of it is computed when it is loaded".into(),
            });
        }
        let placement = match (&built, self.options.execution_provider) {
            (Ok(session), ExecutionProvider::Cuda { .. }) => {
                Some(verify_placement(model, Placement::of(session))?)
            }
            _ => None,
        };
        Ok(built.map(|session| Counted {
            session,
            budget,
            scratch: Scratch::default(),
            placement,
            options: None,
        }))
    }
}

/// Runs what the bindings of the runtime do, which panic where it gives what they do not know.
pub(super) fn unpanicked<T>(work: impl FnOnce() -> Result<T, ort::Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err("it gave a value of a kind that is not known here".to_owned()),
    }
}

/// Says what is missing, where the runtime was built without the execution provider.
fn refuse_missing_provider(model: &str, provider: ExecutionProvider) -> Result<(), InferenceError> {
    if provider == ExecutionProvider::Cpu || CUDA::is_available().unwrap_or(false) {
        return Ok(());
    }
    Err(InferenceError::Environment {
        message: format!(
            "model '{model}': 'execution-provider' = 'cuda' needs an ONNX Runtime that was built with \
             CUDA, and the one on this machine was not"
        ),
        hint: Some(
            "install it: `pip install onnxruntime-gpu`, then set ORT_DYLIB_PATH to the file \
             onnxruntime/capi/libonnxruntime.so.* of that package; or leave 'execution-provider' out"
                .into(),
        ),
    })
}

/// Refuses a session whose nodes the processor has all the same.
fn verify_placement(
    model: &str,
    placement: Result<Placement, String>,
) -> Result<Placement, InferenceError> {
    let message = match placement {
        Ok(placement) if placement.nodes(CUDA::NAME) > 0 => return Ok(placement),
        Ok(placement) => format!("model '{model}': CUDA computes none of its nodes: {placement}"),
        Err(message) => {
            format!("model '{model}': whether CUDA computes its nodes is not known: {message}")
        }
    };
    Err(InferenceError::Environment {
        message,
        hint: Some(
            "leave 'execution-provider' out, or export the model with operators and types that \
             CUDA has"
                .into(),
        ),
    })
}

/// The session would hold more than it may.
pub(super) fn over_memory(model: &str, limit: usize, asked: usize) -> InferenceError {
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

#[cfg(test)]
mod tests {
    use super::super::sequence::empty_sequence_model;
    use super::*;

    #[test]
    fn nodes_that_the_processor_has_all_the_same_are_an_error() {
        let session = Session::builder(environment().unwrap())
            .unwrap()
            .with_config_entry("session.record_ep_graph_assignment_info", "1")
            .unwrap()
            .commit_from_memory(&empty_sequence_model(1))
            .unwrap();
        let placement = Placement::of(&session).unwrap();
        assert_eq!(placement.nodes("CPUExecutionProvider"), 1);
        let error = verify_placement("m", Ok(placement)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "model 'm': CUDA computes none of its nodes: CPUExecutionProvider has 1"
        );
        let error = verify_placement("m", Err("it was not recorded".to_owned())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "model 'm': whether CUDA computes its nodes is not known: it was not recorded"
        );
    }
}
