//! A folder of an object store, for what a job keeps there beside its tables.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path as ObjectPath;

use crate::ConnectorError;
use crate::filesystem::{Location, object_error};

/// A folder of an object store: `s3://bucket/folder`.
#[derive(Debug, Clone)]
pub struct ObjectFolder {
    pub store: Arc<dyn ObjectStore>,
    pub path: ObjectPath,
    /// The URL without the path.
    root: String,
}

impl ObjectFolder {
    /// The folder that a path names; `None` for a local one. Credentials come from the environment, as
    /// those of tables do. Fails if it names no storage that there is.
    pub fn parse(path: &str) -> Result<Option<Self>, ConnectorError> {
        match Location::parse(path, Path::new(""))? {
            Location::Local { .. } => Ok(None),
            Location::Object { store, path, root } => Ok(Some(Self { store, path, root })),
        }
    }

    /// A folder in it.
    #[must_use]
    pub fn folder(&self, name: &str) -> Self {
        Self {
            path: self.path.clone().join(name),
            ..self.clone()
        }
    }

    /// What an error means that the store gave while doing `action` ("read", "write") to an object.
    pub fn error(
        &self,
        action: &str,
        object: &ObjectPath,
        error: &object_store::Error,
    ) -> ConnectorError {
        object_error(action, &self.url(object), error)
    }

    /// The whole name of an object of the same storage.
    pub fn url(&self, object: &ObjectPath) -> String {
        format!("{}/{object}", self.root)
    }
}

impl fmt::Display for ObjectFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.root, self.path)
    }
}
