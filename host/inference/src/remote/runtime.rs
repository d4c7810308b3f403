//! The one runtime on which all remote models of the process send and receive.

use std::future::Future;
use std::sync::{OnceLock, mpsc};
use std::thread;

use tokio::runtime::{Builder, Runtime};

use crate::InferenceError;

/// They mostly wait, and else read and write tensors.
const THREADS: usize = 2;

/// Runs a future on the runtime, and waits for it on the calling thread, which may belong to another
/// runtime.
pub(super) fn wait<F>(future: F) -> Result<F::Output, InferenceError>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let (sender, receiver) = mpsc::sync_channel(1);
    runtime()?.spawn(async move {
        // Nobody gives up waiting.
        let _ = sender.send(future.await);
    });
    receiver.recv().map_err(|_| ended())
}

/// Runs a future on the runtime, and waits for it; for the few that borrow from their caller.
pub(super) fn block_on<F>(future: F) -> Result<F::Output, InferenceError>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = runtime()?;
    // No thread of another runtime may wait for this one.
    thread::scope(|scope| scope.spawn(|| runtime.block_on(future)).join()).map_err(|_| ended())
}

fn ended() -> InferenceError {
    InferenceError::Environment {
        message: "the thread that speaks to remote models has ended".into(),
        hint: None,
    }
}

fn runtime() -> Result<&'static Runtime, InferenceError> {
    static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("remote-models")
            .enable_all()
            .build()
            .map_err(|error| error.to_string())
    });
    runtime
        .as_ref()
        .map_err(|reason| InferenceError::Environment {
            message: format!("cannot start threads for remote models: {reason}"),
            hint: None,
        })
}
