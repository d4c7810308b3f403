//! How the functions of a query learn that nobody wants its result any more.

use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

use datafusion::{
    common::{DataFusionError, Result, config::ConfigExtension, plan_err},
    config::{ConfigEntry, ExtensionOptions},
};
use tokio_util::sync::CancellationToken;

use crate::error::UdfError;

/// Stops the functions of a query before their next call: of a batch, or of a row where the rows of
/// one are tried by themselves. Without it they would go on to the end of their batch.
///
/// It is put into the options of the session state that plans the query (`extensions.insert`), and
/// told what it follows when the query runs.
#[derive(Clone, Default)]
pub struct Stop(Arc<OnceLock<CancellationToken>>);

impl Stop {
    /// From now on it is stopped when this is cancelled. Only the first counts.
    pub fn follow(&self, cancellation: CancellationToken) {
        let _ = self.0.set(cancellation);
    }

    pub fn is_stopped(&self) -> bool {
        self.0.get().is_some_and(CancellationToken::is_cancelled)
    }

    /// Before a call of this function: an error if it is stopped.
    pub fn check(&self, function: &str) -> Result<()> {
        match self.is_stopped() {
            false => Ok(()),
            true => Err(DataFusionError::External(Box::new(UdfError::Stopped {
                function: function.to_owned(),
            }))),
        }
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.is_stopped()).finish()
    }
}

impl ConfigExtension for Stop {
    const PREFIX: &'static str = "wasmill";
}

impl ExtensionOptions for Stop {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    /// The copy is of the same query, so it stops with this one.
    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, key: &str, _: &str) -> Result<()> {
        plan_err!("there is no option wasmill.{key}")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}
