//! Panics of a library that reads untrusted bytes, as an error.

use std::any::Any;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread, now, is caught and becomes an error that names the file: a panic
/// hook need not print it.
pub fn panics_are_caught() -> bool {
    CATCHING.get()
}

/// Runs a future; `Err` if it panics.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(|context| {
        CATCHING.set(true);
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        CATCHING.set(false);
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => Poll::Ready(Err(panic)),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        assert!(caught(async { 1 }).await.is_ok());
        let panics = async {
            assert!(panics_are_caught());
            panic!("a damaged file");
        };
        assert!(caught::<_>(panics).await.is_err());
        assert!(!panics_are_caught());
    }
}
