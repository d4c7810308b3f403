//! Where things lie: the project, its build folders, and the cache that outlives them.

use std::env;
use std::path::{Path, PathBuf};

use crate::step::{Failure, Result};

/// The project's root folder.
pub fn root() -> PathBuf {
    // As cargo runs it: with a target folder that outlives a checkout it may be of another one.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_path_buf()
}

/// The folder that cargo builds the host's programs into; on a CI machine one that outlives the
/// checkout.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        // Cargo takes a relative one from where it was called.
        Some(folder) => std::path::absolute(&folder).unwrap_or_else(|_| folder.into()),
        None if env::var_os("CI").is_some() => match cache() {
            Ok(cache) => cache.join("target"),
            Err(_) => root().join("target"),
        },
        None => root().join("target"),
    }
}

/// Where built components go, whatever the build folder is: job files name this place.
pub fn components() -> PathBuf {
    root().join("target/plugins")
}

/// What is fetched once for a machine: Python, ONNX Runtime, Kafka, compiled components.
pub fn cache() -> Result<PathBuf> {
    let named = |name| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = named("WASMILL_CACHE_DIR") {
        return std::path::absolute(PathBuf::from(folder))
            .map_err(|error| Failure::new(format!("WASMILL_CACHE_DIR: {error}")));
    }
    if let Some(folder) = named("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(folder).join("wasmill"));
    }
    match named("HOME") {
        Some(home) => Ok(PathBuf::from(home).join(".cache/wasmill")),
        None => Err(Failure::new("there is no home folder to keep a cache in")
            .hint("set WASMILL_CACHE_DIR to a folder")),
    }
}
