//! The shared library of ONNX Runtime, and the one environment of this process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use parking_lot::Mutex;

use super::memory;
use crate::InferenceError;

const HINT: &str = "install it: `pip install onnxruntime`, then set ORT_DYLIB_PATH to the file \
    onnxruntime/capi/libonnxruntime.so.* of that package, or link that file into the cache folder as \
    onnxruntime/libonnxruntime.so";

/// The environment, made by the first call that finds the library.
///
/// A process has one only, so that who uses ONNX Runtime beside the models here needs it too.
///
/// # Errors
/// When the library is not found, or cannot be loaded.
pub fn environment() -> Result<&'static Environment, InferenceError> {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    // ONNX Runtime allows one environment a process, so no two threads may make it.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock();
    if let Some(environment) = ENVIRONMENT.get() {
        return Ok(environment);
    }
    let library = find_library()?;
    let failed = |message: String| InferenceError::Environment {
        message: format!(
            "ONNX Runtime cannot be loaded from {}: {message}",
            library.display()
        ),
        hint: Some(HINT.into()),
    };
    let environment = ort::init_from(&library)
        .map_err(|error| failed(error.to_string()))?
        .with_name("wasmill")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    environment.set_log_level(ort::logging::LogLevel::Fatal);
    memory::register(&environment).map_err(failed)?;
    Ok(ENVIRONMENT.get_or_init(|| environment))
}

fn find_library() -> Result<PathBuf, InferenceError> {
    if let Some(path) = variable("ORT_DYLIB_PATH") {
        let path = PathBuf::from(path);
        if path.is_file() {
            return Ok(path);
        }
        return Err(InferenceError::Environment {
            message: format!(
                "ORT_DYLIB_PATH names {}, which is not a file",
                path.display()
            ),
            hint: Some(HINT.into()),
        });
    }
    let folder = cache_folder().map(|cache| cache.join("onnxruntime"));
    folder.as_deref().and_then(library_in).ok_or_else(|| InferenceError::Environment {
        message: match folder {
            Some(folder) => format!(
                "there is no ONNX Runtime on this machine: ORT_DYLIB_PATH is not set, and {} has no libonnxruntime.so",
                folder.display()
            ),
            None => "there is no ONNX Runtime on this machine: ORT_DYLIB_PATH is not set".into(),
        },
        hint: Some(HINT.into()),
    })
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libonnxruntime.so")
                || name.starts_with("libonnxruntime.") && name.ends_with("dylib")
        })
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found.into_iter().next()
}

fn cache_folder() -> Option<PathBuf> {
    variable("WASMILL_CACHE_DIR")
        .map(PathBuf::from)
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| PathBuf::from(folder).join("wasmill")))
        .or_else(|| variable("HOME").map(|folder| PathBuf::from(folder).join(".cache/wasmill")))
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
