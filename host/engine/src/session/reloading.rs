//! A job file that is read again while its job runs.

use super::Session;
use crate::{declare, error::EngineError, sql::Script};

impl Session {
    /// Has the models of a job that runs, or of a server, be what their job file says of them now, as
    /// `ALTER MODEL` would: it goes on with them once they are loaded and tried, for which this waits. All
    /// else in the script is left alone.
    ///
    /// Gives, for each model that is declared otherwise than before, its name; or why it stays what it
    /// was. `name` is what messages call the script.
    ///
    /// # Errors
    /// When the script cannot be parsed, or its statements about models contradict each other: then all
    /// models stay what they were.
    pub fn reload_models(
        &self,
        name: &str,
        text: &str,
    ) -> Result<Vec<Result<String, EngineError>>, EngineError> {
        declare::redeclare(&self.shared, &Script::new(name, text))
    }
}
