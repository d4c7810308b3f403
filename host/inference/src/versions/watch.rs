//! Looks for versions now and then, on a thread of its own: loading takes long.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::VersionedModel;

/// How often it is asked whether the model wants to be looked after, where it does not.
const IDLE: Duration = Duration::from_secs(10);

/// Looks after a model until it is dropped.
#[derive(Debug)]
pub struct Watch {
    over: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look after a model, as often as its definition says.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn begin(model: &Arc<VersionedModel>) -> io::Result<Self> {
        let over: Arc<(Mutex<bool>, Condvar)> = Arc::default();
        let (model, ends) = (Arc::clone(model), Arc::clone(&over));
        let thread = thread::Builder::new()
            .name(format!("versions of {}", model.name()))
            .spawn(move || {
                loop {
                    let interval = model.interval();
                    let mut over = ends.0.lock();
                    if !*over {
                        ends.1.wait_for(&mut over, interval.unwrap_or(IDLE));
                    }
                    if *over {
                        return;
                    }
                    drop(over);
                    if interval.is_some() {
                        model.look();
                    }
                }
            })?;
        Ok(Watch {
            over,
            thread: Some(thread),
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        *self.over.0.lock() = true;
        self.over.1.notify_all();
        // What is being loaded is loaded to its end; who drops this need not wait for it.
        drop(self.thread.take());
    }
}
