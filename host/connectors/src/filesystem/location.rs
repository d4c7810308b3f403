//! What a `path` option names, and the files that lie there.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, ObjectStoreScheme};
use regex::Regex;
use url::Url;

use crate::ConnectorError;
use crate::error::did_you_mean;

const PATHS: &str =
    "paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)";

/// A `path` option, resolved.
#[derive(Debug, Clone)]
pub(crate) enum Location {
    Local {
        path: PathBuf,
        /// What relative paths start from; cut off where a path is shown.
        base: PathBuf,
    },
    Object {
        store: Arc<dyn ObjectStore>,
        path: ObjectPath,
        /// The URL without the path: `s3://bucket`.
        root: String,
    },
}

/// One file to read.
#[derive(Debug)]
pub(crate) struct InputFile {
    /// As messages show it: relative to the job where it can be.
    pub(crate) shown: String,
    /// The whole path, or the URL.
    pub(crate) path: String,
    pub(crate) name: String,
    /// Bytes as stored.
    pub(crate) size: u64,
    /// Milliseconds since 1970.
    pub(crate) modified: i64,
    pub(crate) place: Place,
}

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Local(PathBuf),
    Object(Arc<dyn ObjectStore>, ObjectPath),
}

impl Location {
    pub(crate) fn parse(path: &str, base: &Path) -> Result<Self, ConnectorError> {
        if path.trim().is_empty() || path.contains('\0') {
            let path = path.escape_default();
            return Err(
                ConnectorError::job(format!("the path '{path}' names nothing"))
                    .with_hint(PATHS.to_owned()),
            );
        }
        if !path.contains("://") && !path.starts_with("file:") {
            return Ok(Self::local(Path::new(path), base));
        }
        let invalid = |reason: String| {
            ConnectorError::job(format!("the path '{path}' is not usable: {reason}"))
        };
        if let Some(rest) = path.strip_prefix("file:") {
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            return Ok(Self::local(Path::new(rest), base));
        }
        let url = Url::parse(path).map_err(|error| invalid(error.to_string()))?;
        #[cfg(test)]
        if url.scheme() == "memory" {
            return Ok(super::object_tests::location(&url));
        }
        if ObjectStoreScheme::parse(&url).is_err() {
            let scheme = url.scheme();
            return Err(
                invalid(format!("there is no storage '{scheme}'")).with_hint(PATHS.to_owned())
            );
        }
        let settings = std::env::vars_os().filter_map(|(key, value)| {
            let key = key.into_string().ok()?.to_lowercase();
            Some((key, value.into_string().ok()?)).filter(|(key, _)| key.starts_with("aws_"))
        });
        let (store, path) = object_store::parse_url_opts(&url, settings)
            .map_err(|error| invalid(error.to_string()).with_hint(PATHS.to_owned()))?;
        Ok(Self::Object {
            store: store.into(),
            path,
            root: format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default()),
        })
    }

    fn local(path: &Path, base: &Path) -> Self {
        let base = std::path::absolute(base).unwrap_or_else(|_| base.to_owned());
        let mut clean = PathBuf::new();
        for component in base.join(path).components() {
            if component != Component::CurDir {
                clean.push(component);
            }
        }
        Self::Local { path: clean, base }
    }

    /// Whether it is the job's folder, or one around it.
    pub(crate) fn holds_base(&self) -> bool {
        match self {
            Self::Local { path, base } => {
                let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
                whole(base).starts_with(whole(path))
            }
            Self::Object { .. } => false,
        }
    }

    /// The location as messages show it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Local { path, base } => shown(path, base),
            Self::Object { path, root, .. } => format!("{root}/{path}"),
        }
    }

    /// The files there, sorted by path: the file itself, those below the folder, or the glob's. Names
    /// that start with `.` or `_` are skipped below a folder.
    pub(crate) async fn files(
        &self,
        pattern: Option<&Regex>,
    ) -> Result<Vec<Arc<InputFile>>, ConnectorError> {
        let files = self.listed(pattern).await?;
        if !files.is_empty() {
            return Ok(files);
        }
        let shown = self.shown();
        if pattern.is_some() {
            return Err(ConnectorError::job(format!(
                "no file in {shown} matches the option 'source.path.regex-pattern'"
            ))
            .with_hint(
                "the pattern must match a file's whole path, for example '.*/2024-.*\\.csv'"
                    .to_owned(),
            ));
        }
        Err(match self {
            Self::Local { path, base } if !path.exists() => {
                ConnectorError::job(format!("no file matches {shown}")).with_hint(from_base(base))
            }
            Self::Local { .. } => ConnectorError::job(format!("the folder {shown} holds no files"))
                .with_hint(HIDDEN.to_owned()),
            Self::Object { path, .. } if is_glob(&unescaped(path)) => {
                ConnectorError::job(format!("no object matches {shown}"))
            }
            Self::Object { .. } => {
                ConnectorError::job(format!("there is no object {shown}, nor any below it"))
                    .with_hint(HIDDEN.to_owned())
            }
        })
    }

    /// The files that are there now, perhaps none; a place that cannot be is an error even so.
    pub(crate) async fn listed(
        &self,
        pattern: Option<&Regex>,
    ) -> Result<Vec<Arc<InputFile>>, ConnectorError> {
        let mut files = match self {
            Self::Local { path, base } => {
                let (path, base) = (path.clone(), base.clone());
                tokio::task::spawn_blocking(move || local_files(&path, &base))
                    .await
                    .map_err(|error| ConnectorError::unexpected("listing files", error))??
            }
            Self::Object { store, path, root } => object_files(store, path, root).await?,
        };
        if let Some(pattern) = pattern {
            files.retain(|file| pattern.is_match(&file.path));
        }
        Ok(files.into_iter().map(Arc::new).collect())
    }
}

fn shown(path: &Path, base: &Path) -> String {
    let relative = path.strip_prefix(base).unwrap_or(path);
    match relative.as_os_str().is_empty() {
        true => ".".to_owned(),
        false => relative.display().to_string(),
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

fn local_files(path: &Path, base: &Path) -> Result<Vec<InputFile>, ConnectorError> {
    let text = path.to_string_lossy();
    let mut files = Vec::new();
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => walk(path, base, &mut files)?,
        Ok(found) => files.push(local_file(path, base, &found)),
        Err(_) if is_glob(&text) => {
            let invalid =
                |error| ConnectorError::job(format!("the glob '{text}' is wrong: {error}"));
            let options = MatchOptions {
                require_literal_leading_dot: true,
                ..MatchOptions::default()
            };
            for found in glob::glob_with(&text, options).map_err(invalid)? {
                let found = found.map_err(|error| {
                    let place = shown(error.path(), base);
                    ConnectorError::io("read", &place, error.error())
                })?;
                let metadata = std::fs::metadata(&found)
                    .map_err(|error| ConnectorError::io("read", &shown(&found, base), &error))?;
                match metadata.is_dir() {
                    true => walk(&found, base, &mut files)?,
                    false => files.push(local_file(&found, base, &metadata)),
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(missing(path, base));
        }
        Err(error) => return Err(ConnectorError::io("read", &shown(path, base), &error)),
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

const HIDDEN: &str =
    "files and folders whose names start with '.' or '_' are not data and are skipped";

fn from_base(base: &Path) -> String {
    let base = base.display();
    format!("relative paths start from the job's folder, {base}")
}

fn missing(path: &Path, base: &Path) -> ConnectorError {
    let near = path.parent().and_then(|parent| {
        let wanted = path.file_name()?.to_string_lossy();
        let entries = std::fs::read_dir(parent).ok()?.take(10_000);
        let names: Vec<_> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        if names.iter().any(|name| *name == wanted) {
            return Some("it is a link to a file or folder that does not exist".to_owned());
        }
        did_you_mean(&wanted, names.iter().map(String::as_str))
    });
    let hint = near.unwrap_or_else(|| from_base(base));
    ConnectorError::job(format!("there is no file or folder {}", shown(path, base))).with_hint(hint)
}

fn walk(folder: &Path, base: &Path, files: &mut Vec<InputFile>) -> Result<(), ConnectorError> {
    let failed =
        |error: &std::io::Error, path: &Path| ConnectorError::io("read", &shown(path, base), error);
    let entries = std::fs::read_dir(folder).map_err(|error| failed(&error, folder))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error, folder))?;
        if is_hidden(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        let metadata = std::fs::metadata(&path).map_err(|error| failed(&error, &path))?;
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        match metadata.is_dir() {
            // A link to a folder could lead in a circle.
            true if is_link => {}
            true => walk(&path, base, files)?,
            false => files.push(local_file(&path, base, &metadata)),
        }
    }
    Ok(())
}

fn local_file(path: &Path, base: &Path, metadata: &std::fs::Metadata) -> InputFile {
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    InputFile {
        shown: shown(path, base),
        path: path.display().to_string(),
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        size: metadata.len(),
        modified: modified.map_or(0, |since| since.as_millis() as i64),
        place: Place::Local(path.to_owned()),
    }
}

fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// A key with the characters of a glob, which arrive percent-encoded in a URL.
fn unescaped(path: &ObjectPath) -> String {
    let key = path.to_string();
    let key = key.replace("%2A", "*").replace("%3F", "?");
    key.replace("%5B", "[").replace("%5D", "]")
}

async fn object_files(
    store: &Arc<dyn ObjectStore>,
    path: &ObjectPath,
    root: &str,
) -> Result<Vec<InputFile>, ConnectorError> {
    let whole = format!("{root}/{path}");
    let failed = |error: object_store::Error| object_error("read", &whole, &error);
    let file = |meta: ObjectMeta| InputFile {
        shown: format!("{root}/{}", meta.location),
        path: format!("{root}/{}", meta.location),
        name: meta.location.filename().unwrap_or_default().to_owned(),
        size: meta.size,
        modified: meta.last_modified.timestamp_millis(),
        place: Place::Object(store.clone(), meta.location),
    };
    match store.head(path).await {
        Ok(meta) => return Ok(vec![file(meta)]),
        Err(object_store::Error::NotFound { .. }) => {}
        Err(error) => return Err(failed(error)),
    }
    let key = unescaped(path);
    let glob = is_glob(&key).then(|| Pattern::new(&key));
    let glob = glob
        .transpose()
        .map_err(|error| ConnectorError::job(format!("the glob '{whole}' is wrong: {error}")))?;
    let fixed = match &glob {
        Some(_) => {
            let folders = key.split('/');
            let fixed: Vec<_> = folders
                .take_while(|part| !part.contains(['*', '?', '[']))
                .collect();
            ObjectPath::from(fixed.join("/"))
        }
        None => path.clone(),
    };
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::default()
    };
    let mut listed = store.list(Some(&fixed));
    let mut files = Vec::new();
    while let Some(meta) = listed.try_next().await.map_err(failed)? {
        let wanted = match &glob {
            Some(glob) => glob.matches_with(meta.location.as_ref(), options),
            None => {
                let below = meta.location.prefix_match(&fixed);
                below.is_some_and(|mut parts| !parts.any(|part| is_hidden(part.as_ref())))
            }
        };
        if wanted {
            files.push(file(meta));
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// An object store's error while doing `action` to `place`.
pub(crate) fn object_error(
    action: &str,
    place: &str,
    error: &object_store::Error,
) -> ConnectorError {
    let (reason, hint) = match error {
        object_store::Error::NotFound { .. } => ("it does not exist".to_owned(), None),
        object_store::Error::PermissionDenied { .. } => {
            ("permission denied".to_owned(), CREDENTIALS)
        }
        object_store::Error::Unauthenticated { .. } => ("not logged in".to_owned(), CREDENTIALS),
        other => (reason(other), CREDENTIALS),
    };
    ConnectorError::environment(format!("cannot {action} {place}: {reason}"))
        .with_hint(hint.map(str::to_owned))
}

/// What the store itself said, in S3's XML, or else what lies at the bottom of the error.
fn reason(error: &object_store::Error) -> String {
    let text = error.to_string();
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
    };
    if let (Some(code), Some(message)) = (element("Code"), element("Message")) {
        return format!("the store says: {message} ({code})");
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

const CREDENTIALS: Option<&str> = Some(
    "credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT",
);
