//! One version of a model, loaded and tried.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field};
use serde::{Deserialize, Serialize};

use super::folder::Found;
use super::options::Golden;
use crate::{InferenceError, Model, ModelDefinition, model};

/// How long a call may take by which a version is tried.
const TRIAL: Duration = Duration::from_secs(60);

/// Names a version for ever: by its name in a folder of versions, and by its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionId {
    /// Where the versions are in a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The first 12 hexadecimal digits of the SHA-256 of the model file; of a server's model the version
    /// that the server says.
    pub id: String,
}

impl VersionId {
    /// What a column of versions holds: the name, or the digits where there is none.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "version '{name}' ({})", self.id),
            None => write!(f, "version {}", self.id),
        }
    }
}

#[derive(Debug)]
pub(super) struct Version {
    pub id: VersionId,
    pub model: Arc<dyn Model>,
}

impl Version {
    /// Loads a version of `definition`, whose options are those of one model, and tries it: it must take
    /// the declared columns, answer a first call, and give the golden rows.
    pub(super) fn load(
        definition: &ModelDefinition,
        found: Option<&Found>,
        golden: Option<&Golden>,
    ) -> Result<Arc<Self>, InferenceError> {
        let mut definition = definition.clone();
        if let Some(found) = found {
            let path = found.path.to_str().ok_or_else(|| {
                InferenceError::definition(&definition.name, "a path of a version is not UTF-8")
            })?;
            definition
                .options
                .insert("path".to_owned(), path.to_owned());
            // The path starts from there already.
            definition.base = PathBuf::new();
        }
        let model = model::load(&definition)?;
        let name = found.and_then(|found| found.name.clone());
        let id = model.version();
        // The row is made up, so its prediction says nothing, nor does an error.
        let inputs: Vec<ArrayRef> = model.inputs().iter().map(made_up).collect();
        drop(model.predict(&inputs, 1, Instant::now().checked_add(TRIAL)));
        if let Some(golden) = golden {
            let deadline = Instant::now().checked_add(TRIAL);
            golden.check(&definition.name, name.as_deref(), model.as_ref(), deadline)?;
        }
        Ok(Arc::new(Version {
            id: VersionId { name, id },
            model,
        }))
    }
}

/// One value of a column: 0 or the empty text, else NULL.
fn made_up(field: &Field) -> ArrayRef {
    match field.data_type() {
        DataType::Utf8 => Arc::new(StringArray::from(vec![""])),
        number => {
            let zero: ArrayRef = Arc::new(Float64Array::from(vec![0.0]));
            cast(&zero, number).unwrap_or_else(|_| new_null_array(number, 1))
        }
    }
}
