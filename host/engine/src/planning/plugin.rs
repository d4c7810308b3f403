//! The plugin that CREATE FUNCTION names: a file, or one in a registry.

use std::sync::Arc;

use wasmill_plugin::{Host, Plugin};
use wasmill_registry::{Fault, Reference, Registries, RegistryError};

use super::{Shared, diagnose::plugin_error};
use crate::error::EngineError;

/// Loads the plugin in a file, relative to the job's, or the one that a reference is pinned to.
/// `sha256`: of the component's bytes, where the job wants one.
pub(super) async fn load(
    shared: &Shared,
    host: &Arc<Host>,
    (place, function): (&str, &str),
    sha256: Option<&str>,
) -> Result<Arc<Plugin>, EngineError> {
    let loaded = if Reference::is_meant(place) {
        let of_registry = |error: RegistryError| registry_error(&error, function);
        let reference = Reference::parse(place).map_err(of_registry)?;
        let config = shared.registries.clone();
        let registries = Registries::new(config, &shared.cache, host.plugin_bytes());
        let fetched = registries.fetch_pinned(&reference).await;
        let bytes = fetched.map_err(of_registry)?.bytes;
        host.load_bytes_pinned(reference.short_name(), &bytes, sha256)
    } else {
        let file = shared.connectors.base.join(place);
        let name = file.file_name().unwrap_or(file.as_os_str());
        host.load_pinned(&name.to_string_lossy(), &file, sha256)
    };
    loaded.map_err(|error| plugin_error(&error))
}

fn registry_error(error: &RegistryError, function: &str) -> EngineError {
    let (message, hint) = (error.to_string(), error.hint());
    match error {
        RegistryError::Plugin(error) => return plugin_error(error),
        // As it is to be written into the job.
        RegistryError::NotPinned { now: Ok(now), .. } => {
            return EngineError::job(message).with_hint(format!("it is now '{now}#{function}'"));
        }
        _ => {}
    }
    match error.fault() {
        Fault::Job => EngineError::job(message).with_hint(hint),
        Fault::Plugin => EngineError::Plugin {
            message,
            hint,
            location: None,
        },
        Fault::Environment => EngineError::Environment { message, hint },
        Fault::Bug => EngineError::Bug { message },
    }
}
