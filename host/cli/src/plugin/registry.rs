//! `wasmill plugin push` and `pull`: plugins in OCI registries.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::runtime;
use wasmill_plugin::HostConfig;
use wasmill_registry::{Fetched, Reference, Registries, RegistryError};

use super::arguments::{Pull, Push};
use super::failure::Failure;
use super::{put, write};
use crate::environment::{cache_folder, registries};
use crate::output::Output;

/// Puts a file into a registry.
pub fn push(arguments: &Push, output: &Output) -> Result<(), Failure> {
    let file = &arguments.file;
    let reference = parse(&arguments.reference)?;
    let plugin = read(file)?;
    let size = shown_size(&plugin);
    // Of the same file it makes the same artifact.
    let made = fs::metadata(file).and_then(|metadata| metadata.modified());
    let made = made.unwrap_or_else(|_| SystemTime::now());
    let access = access(&reference, arguments.plain_http);
    let pushed = block_on(access.push(&reference, plugin, made.into()))?;
    let file = file.display();
    let before = match pushed.was_there {
        true => "; its bytes were there before",
        false => "",
    };
    output.note(&format!("pushed {file} ({size}) to {reference}{before}"));
    put(output, &format!("{}\n", pushed.reference))
}

/// Gets a plugin into a file.
pub fn pull(arguments: &Pull, output: &Output) -> Result<(), Failure> {
    let fetched = fetch(&arguments.reference, arguments.plain_http)?;
    let named = || PathBuf::from(format!("{}.wasm", fetched.reference.short_name()));
    let file = arguments.output.clone().unwrap_or_else(named);
    write(&file, &fetched.bytes)?;
    let (size, file) = (shown_size(&fetched.bytes), file.display());
    output.note(&format!(
        "pulled {} to {file} ({size})",
        arguments.reference
    ));
    put(output, &format!("{}\n", fetched.reference))
}

/// A plugin out of a registry, or of those that were fetched before.
pub fn fetch(reference: &str, plain_http: bool) -> Result<Fetched, Failure> {
    let reference = parse(reference)?;
    block_on(access(&reference, plain_http).fetch(&reference))
}

fn parse(reference: &str) -> Result<Reference, Failure> {
    Reference::parse(reference).map_err(|error| Failure::of_registry(&error))
}

fn access(reference: &Reference, plain_http: bool) -> Registries {
    let mut config = registries();
    if plain_http {
        config.plain_http.push(reference.registry());
    }
    let most_bytes = HostConfig::default().plugin_bytes;
    Registries::new(config, &cache_folder(), most_bytes)
}

fn block_on<T>(work: impl Future<Output = Result<T, RegistryError>>) -> Result<T, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::failed(format!("the network's thread does not start: {error}"))
    })?;
    let done = runtime.block_on(work);
    done.map_err(|error| Failure::of_registry(&error))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(file)
        .map_err(|error| Failure::wrong(format!("cannot read {}: {error}", file.display())))
}

fn shown_size(plugin: &[u8]) -> String {
    format!("{} KiB", plugin.len().div_ceil(1024))
}
