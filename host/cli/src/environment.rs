//! What the environment says: where things are kept, and how registries are reached.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use wasmill_engine::RegistryConfig;

fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// `WASMILL_CACHE_DIR`, else `wasmill` in the user's cache folder.
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = variable("WASMILL_CACHE_DIR") {
        return folder.into();
    }
    let user = match (variable("XDG_CACHE_HOME"), variable("HOME")) {
        (Some(cache), _) => PathBuf::from(cache),
        (None, Some(home)) => Path::new(&home).join(".cache"),
        (None, None) => env::temp_dir(),
    };
    user.join("wasmill")
}

/// Docker's credentials (`DOCKER_CONFIG`, else `.docker` at home), and the registries that
/// `WASMILL_PLAIN_HTTP` names: `host:port,host`.
pub fn registries() -> RegistryConfig {
    let at_home = || variable("HOME").map(|home| Path::new(&home).join(".docker"));
    let docker = variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(at_home);
    let plain_http = variable("WASMILL_PLAIN_HTTP").unwrap_or_default();
    let plain_http = plain_http.to_string_lossy();
    let plain_http = plain_http.split(',').map(str::trim);
    RegistryConfig {
        plain_http: plain_http.map(str::to_owned).collect(),
        docker_config: docker.map(|folder| folder.join("config.json")),
    }
}
