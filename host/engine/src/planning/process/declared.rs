//! A process function as CREATE FUNCTION declares it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use datafusion::arrow::datatypes::FieldRef;
use wasmill_plugin::{Function, OpenOptions, Plugin, PluginError};
use wasmill_udf::OnError;

/// What begins the option that names the table of a side output.
pub(crate) const SIDE_OUTPUT: &str = "side-output.";

/// See the module.
pub(crate) struct DeclaredProcess {
    pub plugin: Arc<Plugin>,
    /// Its name in the plugin.
    pub function: String,
    /// All but the arguments.
    pub open: OpenOptions,
    pub on_error: OnError,
    /// The tables of its side outputs, by their names.
    pub side_outputs: BTreeMap<String, String>,
}

impl DeclaredProcess {
    /// The function for columns of these names and types.
    pub(super) fn open(&self, arguments: Vec<FieldRef>) -> Result<Arc<Function>, PluginError> {
        let options = OpenOptions {
            arguments,
            ..self.open.clone()
        };
        self.plugin.open(&self.function, options)
    }
}

impl fmt::Debug for DeclaredProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeclaredProcess")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}
