//! What the tests share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef};
use wasmill_plugin::{Host, HostConfig, Plugin, PluginError};

/// One host for all tests, without a compile cache.
pub fn host() -> Arc<Host> {
    static HOST: OnceLock<Arc<Host>> = OnceLock::new();
    HOST.get_or_init(|| Host::new(HostConfig::default()).unwrap())
        .clone()
}

/// `target/plugins/<name>.wasm`
pub fn plugin_path(name: &str) -> PathBuf {
    let path = Path::new("../../target/plugins")
        .join(name)
        .with_extension("wasm");
    assert!(
        path.exists(),
        "{} is missing: run cargo xtask plugins",
        path.display()
    );
    path
}

pub fn plugin(name: &str) -> Arc<Plugin> {
    let path = plugin_path(name);
    let file_name = path.file_name().unwrap().to_str().unwrap();
    host().load(file_name, &path).unwrap()
}

pub fn fields(types: &[DataType]) -> Vec<FieldRef> {
    types
        .iter()
        .enumerate()
        .map(|(index, data_type)| {
            Arc::new(Field::new(format!("c{index}"), data_type.clone(), true))
        })
        .collect()
}

/// As the program prints it.
pub fn rendered(error: &PluginError) -> String {
    match error.hint() {
        Some(hint) => format!("error: {error}\n\nhint: {hint}"),
        None => format!("error: {error}"),
    }
}
