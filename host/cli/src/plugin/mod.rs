//! `wasmill plugin`: makes, builds, tests, measures, looks at, pushes and pulls components.

mod arguments;
mod bench;
mod build;
mod call;
mod compare;
mod conformance;
mod csv;
mod encode;
mod failure;
mod inspect;
mod language;
mod model;
mod new;
mod opening;
mod process;
mod random;
mod registry;
mod rows;
mod shown;
mod test;
mod trace;
mod types;
mod values;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use wasmill_engine::EngineError;
use wasmill_plugin::{Host, HostConfig, Plugin};
use wasmill_registry::Reference;

pub use arguments::Command;
use failure::Failure;

use crate::{cells, environment::cache_folder, output::Output};

/// Runs a command; returns the exit code.
pub fn run(command: &Command) -> ExitCode {
    let output = Output::new(false);
    let outcome = match command {
        Command::Inspect(arguments) => inspect::inspect(arguments, &output),
        Command::Test(arguments) => test::test(arguments, &output),
        Command::New(arguments) => new::new(arguments, &output),
        Command::Build(arguments) => build::build(arguments, &output),
        Command::Bench(arguments) => bench::bench(arguments, &output),
        Command::Push(arguments) => registry::push(arguments, &output),
        Command::Pull(arguments) => registry::pull(arguments, &output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(&output),
    }
}

/// Loads a component, a file's or a registry's; compiled, it is kept for the next time.
fn load(place: &str) -> Result<Arc<Plugin>, Failure> {
    let config = HostConfig {
        cache: Some(cache_folder().join("compiled")),
        ..HostConfig::default()
    };
    let host = Host::new(config).map_err(|error| Failure::of(&error))?;
    let loaded = if Reference::is_meant(place) {
        let fetched = registry::fetch(place, false)?;
        host.load_bytes(fetched.reference.short_name(), &fetched.bytes)
    } else {
        let file = Path::new(place);
        let name = file.file_name().unwrap_or(file.as_os_str());
        host.load(&name.to_string_lossy(), file)
    };
    loaded.map_err(|error| Failure::of(&error))
}

/// Prints data. Who does not read on has seen enough.
fn put(output: &Output, text: &str) -> Result<(), Failure> {
    match cells::put(output, text) {
        Ok(()) | Err(EngineError::OutputClosed) => Ok(()),
        Err(error) => Err(Failure::failed(error.to_string())),
    }
}

/// Written beside and renamed, so that a job that starts now reads one or the other.
fn write(path: &Path, component: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::write(&beside, component).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| Failure::failed(format!("cannot write {}: {error}", path.display())))
}
