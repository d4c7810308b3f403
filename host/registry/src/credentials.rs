//! Users and passwords for registries, as Docker keeps them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use serde::Deserialize;

use crate::error::RegistryError;

/// What Docker calls its own registry in the file.
const DOCKERS_OWN: &str = "index.docker.io";

/// For one registry; never shown.
#[derive(Clone)]
pub(crate) struct Credentials {
    user: String,
    password: String,
    /// The file that they are from.
    pub path: PathBuf,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct DockerConfig {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    /// `user:password` in base64.
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl Credentials {
    /// Those of a registry (`host[:port]`) in a `config.json` of Docker's; `None` if there are none,
    /// or no file.
    pub fn find(path: &Path, registry: &str) -> Result<Option<Self>, RegistryError> {
        // No word of the file: it may be a password.
        let wrong = |reason: String| RegistryError::Credentials {
            path: path.to_owned(),
            reason,
        };
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let config: DockerConfig = serde_json::from_slice(&text).map_err(|error| {
            wrong(format!(
                "it is not the JSON that Docker writes (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let wanted = match registry {
            "docker.io" => DOCKERS_OWN,
            registry => registry,
        };
        let is_wanted = |key: &String| host(key).eq_ignore_ascii_case(wanted);
        let Some((_, entry)) = config.auths.into_iter().find(|(key, _)| is_wanted(key)) else {
            return Ok(None);
        };
        let (user, password) = match entry {
            Entry {
                auth: Some(auth), ..
            } if !auth.is_empty() => {
                let decoded = STANDARD.decode(auth.trim()).ok();
                let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
                let reason = || wrong(format!("`auth` of {registry} is no user and password"));
                let (user, password) = pair.ok_or_else(reason)?;
                (user.to_owned(), password.to_owned())
            }
            Entry {
                username: Some(user),
                password: Some(password),
                ..
            } => (user, password),
            // A credential helper has them.
            _ => return Ok(None),
        };
        Ok(Some(Self {
            user,
            password,
            path: path.to_owned(),
        }))
    }

    /// The header of basic authentication.
    pub fn header(&self) -> Option<HeaderValue> {
        let pair = STANDARD.encode(format!("{}:{}", self.user, self.password));
        secret(&format!("Basic {pair}"))
    }
}

/// A header that no log shows.
pub(crate) fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `https://ghcr.io/v2/` → `ghcr.io`
fn host(key: &str) -> &str {
    let key = key.split_once("://").map_or(key, |(_, rest)| rest);
    key.split('/').next().unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, registry: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        fs::write(&path, text).unwrap();
        match Credentials::find(&path, registry) {
            Ok(Some(found)) => format!("{} {}", found.user, found.password),
            Ok(None) => "none".to_owned(),
            Err(RegistryError::Credentials { reason, .. }) => reason,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn as_docker_writes_them() {
        // me:grindstone
        let auth = "bWU6Z3JpbmRzdG9uZQ==";
        let file = |key: &str| format!(r#"{{"auths": {{"{key}": {{"auth": "{auth}"}}}}}}"#);
        assert_eq!(found(&file("ghcr.io"), "ghcr.io"), "me grindstone");
        assert_eq!(
            found(&file("https://GHCR.io/v2/"), "ghcr.io"),
            "me grindstone"
        );
        assert_eq!(
            found(&file("https://index.docker.io/v1/"), "docker.io"),
            "me grindstone"
        );
        assert_eq!(found(&file("ghcr.io:444"), "ghcr.io"), "none");
        assert_eq!(found("{}", "ghcr.io"), "none");
        let named = r#"{"auths": {"a:1": {"username": "u", "password": "p"}}}"#;
        assert_eq!(found(named, "a:1"), "u p");
        let helper = r#"{"auths": {"a": {}}, "credsStore": "desktop"}"#;
        assert_eq!(found(helper, "a"), "none");
    }

    #[test]
    fn what_is_wrong_is_not_quoted() {
        assert_eq!(
            found(r#"{"auths": {"a": "grindstone"}}"#, "a"),
            "it is not the JSON that Docker writes (line 1, column 28)"
        );
        assert_eq!(
            found(r#"{"auths": {"a": {"auth": "grindstone"}}}"#, "a"),
            "`auth` of a is no user and password"
        );
        let missing = Credentials::find(Path::new("/nowhere/config.json"), "a");
        assert!(missing.unwrap().is_none());
    }
}
