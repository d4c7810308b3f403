//! Which function is meant, and how it is opened.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use wasmill_plugin::{Function, Log, OpenOptions, Plugin, Signature, TracingLog};

use super::arguments::Opened;
use super::failure::Failure;
use super::load;
use super::model::Sum;

/// A component, and one of its functions.
pub struct Target {
    pub plugin: Arc<Plugin>,
    pub signature: Signature,
}

impl Target {
    /// Of `plugin.wasm#function` or `oci://…#function`; of a component with one function its name may be left out.
    pub fn find(text: &str) -> Result<Self, Failure> {
        let (place, name) = match text.rsplit_once('#') {
            Some((place, name)) if !Path::new(text).exists() => (place, Some(name)),
            _ => (text, None),
        };
        let plugin = load(place)?;
        let signature = match (name, plugin.functions()) {
            (Some(name), _) => plugin
                .function(name)
                .map_err(|error| Failure::of(&error))?
                .clone(),
            (None, [only]) => only.clone(),
            (None, functions) => {
                let names: Vec<_> = functions
                    .iter()
                    .map(|function| function.name.as_str())
                    .collect();
                let message = format!("{text} has several functions: which one?");
                let names = names.join(", ");
                return Err(Failure::wrong(message).hint(format!("{text}#NAME; it has: {names}")));
            }
        };
        Ok(Target { plugin, signature })
    }

    /// Opens it for columns of these fields. It may use the model `sum` and nothing else.
    pub fn open(
        &self,
        opened: &Opened,
        fields: &[FieldRef],
        log: Option<Arc<dyn Log>>,
    ) -> Result<Arc<Function>, Failure> {
        let name = &self.signature.name;
        let options = OpenOptions {
            parameters: opened.parameters.iter().cloned().collect(),
            grants: Sum::granted(),
            log: log.unwrap_or_else(|| Arc::new(TracingLog)),
            ..OpenOptions::new(name, fields.to_vec())
        };
        let function = self.plugin.open(name, options);
        function.map_err(|error| Failure::of(&error))
    }
}
