//! `wasmill plugin`: makes, builds, tests, measures and looks at components.

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
mod rows;
mod shown;
mod test;
mod trace;
mod types;
mod values;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use wasmill_plugin::{Host, HostConfig, Plugin};

pub use arguments::Command;
use failure::Failure;

use crate::{output::Output, run::cache_folder};

/// Runs a command; returns the exit code.
pub fn run(command: &Command) -> ExitCode {
    let output = Output::new(false);
    let outcome = match command {
        Command::Inspect(arguments) => return inspect::inspect(arguments, &output),
        Command::Test(arguments) => test::test(arguments, &output),
        Command::New(arguments) => new::new(arguments, &output),
        Command::Build(arguments) => build::build(arguments, &output),
        Command::Bench(arguments) => bench::bench(arguments, &output),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(&output),
    }
}

/// Loads a component; compiled, it is kept for the next time.
fn load(file: &Path) -> Result<Arc<Plugin>, Failure> {
    let name = file.file_name().unwrap_or(file.as_os_str());
    let config = HostConfig {
        cache: Some(cache_folder().join("compiled")),
        ..HostConfig::default()
    };
    let host = Host::new(config).map_err(|error| Failure::of(&error))?;
    let loaded = host.load(&name.to_string_lossy(), file);
    loaded.map_err(|error| Failure::of(&error))
}
