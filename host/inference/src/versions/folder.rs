//! Where the versions of a model are: one file, or a folder with one in each file or folder there.

use std::cmp::Ordering;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{InferenceError, ModelDefinition};

/// Where to look.
#[derive(Debug, Clone)]
pub(super) enum Place {
    File(PathBuf),
    Versions(Versions),
}

/// `base/prefix*suffix/rest`
#[derive(Debug, Clone)]
pub(super) struct Versions {
    pub base: PathBuf,
    prefix: String,
    suffix: String,
    rest: PathBuf,
    /// What files of the provider end with.
    extensions: &'static [&'static str],
}

/// A version that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its name in the folder of versions.
    pub name: Option<String>,
    /// Its file, or the folder in which there is not exactly one.
    pub path: PathBuf,
    /// Changes when the file does.
    pub stamp: Option<(u64, SystemTime)>,
}

impl Found {
    /// Whether the file was changed less than so long ago.
    pub(super) fn is_fresh(&self, time: Duration) -> bool {
        let Some((_, modified)) = self.stamp else {
            return false;
        };
        modified.elapsed().is_ok_and(|since| since < time)
    }
}

impl Place {
    pub(super) fn of(definition: &ModelDefinition) -> Result<Option<Self>, InferenceError> {
        let extensions: &[&str] = match definition.provider.as_str() {
            "lightgbm" => &["txt"],
            "onnx" => &["onnx"],
            "xgboost" => &["json", "ubj"],
            _ => return Ok(None),
        };
        let Some(path) = definition.options.get("path") else {
            return Ok(None);
        };
        let wrong = |message: &str| {
            InferenceError::definition(&definition.name, format!("'path' = '{path}': {message}"))
        };
        if !path.contains('*') {
            let path = definition.base.join(path);
            return Ok(Some(match path.is_dir() {
                true => Place::Versions(Versions {
                    base: path,
                    prefix: String::new(),
                    suffix: String::new(),
                    rest: PathBuf::new(),
                    extensions,
                }),
                false => Place::File(path),
            }));
        }
        let parts: Vec<&str> = path.split('/').collect();
        let starred: Vec<usize> = (0..parts.len())
            .filter(|index| parts[*index].contains('*'))
            .collect();
        let [at] = starred[..] else {
            return Err(wrong("one '*' may stand for the version"));
        };
        let Some((prefix, suffix)) = parts[at]
            .split_once('*')
            .filter(|(_, suffix)| !suffix.contains('*'))
        else {
            return Err(wrong("one '*' may stand for the version"));
        };
        let base = match at {
            0 => definition.base.clone(),
            1 if parts[0].is_empty() => PathBuf::from("/"),
            _ => definition.base.join(parts[..at].join("/")),
        };
        Ok(Some(Place::Versions(Versions {
            base,
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            rest: parts[at + 1..].iter().collect(),
            extensions,
        })))
    }
}

impl Versions {
    /// All versions, the oldest first.
    pub(super) fn list(&self, model: &str) -> Result<Vec<Found>, InferenceError> {
        let failed = |message: String, hint: Option<String>| InferenceError::File {
            model: model.to_owned(),
            path: self.base.clone(),
            line: None,
            message,
            hint,
        };
        let entries = fs::read_dir(&self.base).map_err(|error| match error.kind() {
            ErrorKind::NotFound => failed(
                "the folder of versions does not exist".to_owned(),
                Some("a relative 'path' starts from the folder of the job file".to_owned()),
            ),
            _ => failed(
                format!("the folder of versions cannot be read ({error})"),
                None,
            ),
        })?;
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| {
                failed(
                    format!("the folder of versions cannot be read ({error})"),
                    None,
                )
            })?;
            found.extend(self.version(&entry.path()));
        }
        found.sort_by(|a, b| order(a.name.as_deref(), b.name.as_deref()));
        Ok(found)
    }

    /// The version that an entry of the folder is.
    fn version(&self, entry: &Path) -> Option<Found> {
        let name = entry.file_name()?.to_str()?;
        if name.starts_with('.') {
            return None;
        }
        let is_folder = entry.is_dir();
        let path = match (is_folder, self.rest.as_os_str().is_empty()) {
            (true, true) => self.only_file(entry),
            (true, false) => entry.join(&self.rest),
            (false, true) => entry.to_owned(),
            (false, false) => return None,
        };
        // `7.txt` is version 7, where the suffix is not said.
        let mut name = name.strip_prefix(&self.prefix)?;
        if !is_folder && self.suffix.is_empty() {
            let (stem, extension) = name.rsplit_once('.')?;
            if !self.extensions.contains(&extension) {
                return None;
            }
            name = stem;
        }
        let name = name.strip_suffix(&self.suffix)?;
        if name.is_empty() {
            return None;
        }
        Some(Found {
            name: Some(name.to_owned()),
            stamp: stamp(&path),
            path,
        })
    }

    /// The one model file of a folder, or the folder.
    fn only_file(&self, folder: &Path) -> PathBuf {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let mut files = entries.map(|entry| entry.path()).filter(|path| {
            let extension = path.extension().and_then(|text| text.to_str());
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            !hidden && extension.is_some_and(|text| self.extensions.contains(&text))
        });
        match (files.next(), files.next()) {
            (Some(file), None) => file,
            _ => folder.to_owned(),
        }
    }

    /// What is wrong with a version that is a folder still.
    pub(super) fn not_one_file(&self, model: &str, folder: &Path) -> InferenceError {
        let ends: Vec<String> = self
            .extensions
            .iter()
            .map(|text| format!("*.{text}"))
            .collect();
        InferenceError::File {
            model: model.to_owned(),
            path: folder.to_owned(),
            line: None,
            message: format!("there is not exactly one file {} in it", ends.join(" or ")),
            hint: Some(
                "name the file of each version behind the '*': 'path' = 'models/churn/*/model.txt'"
                    .to_owned(),
            ),
        }
    }
}

/// Changes when the file does.
pub(super) fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let found = fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}

/// As people order versions: numbers in them by their value, so that 10 is behind 9.
fn order(a: Option<&str>, b: Option<&str>) -> Ordering {
    let (mut a, mut b) = (a.unwrap_or_default(), b.unwrap_or_default());
    loop {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        match (digits(a), digits(b)) {
            (0, _) | (_, 0) => {
                let (mut left, mut right) = (a.chars(), b.chars());
                match (left.next(), right.next()) {
                    (Some(x), Some(y)) if x == y => (a, b) = (left.as_str(), right.as_str()),
                    (x, y) => return x.cmp(&y),
                }
            }
            (of_a, of_b) => {
                let (number_a, rest_a) = a.split_at(of_a);
                let (number_b, rest_b) = b.split_at(of_b);
                let value = |text: &str| text.trim_start_matches('0').to_owned();
                let (value_a, value_b) = (value(number_a), value(number_b));
                let compared = value_a
                    .len()
                    .cmp(&value_b.len())
                    .then_with(|| value_a.cmp(&value_b));
                // 007 and 7 are two names all the same.
                let compared = compared.then_with(|| number_a.cmp(number_b));
                if compared.is_ne() {
                    return compared;
                }
                (a, b) = (rest_a, rest_b);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_as_people_do() {
        let mut names = [
            "10",
            "v2",
            "9",
            "2024-01-02",
            "1.10.0",
            "1.9.3",
            "v10",
            "1.9",
        ];
        names.sort_by(|a, b| order(Some(a), Some(b)));
        assert_eq!(
            names,
            [
                "1.9",
                "1.9.3",
                "1.10.0",
                "9",
                "10",
                "2024-01-02",
                "v2",
                "v10"
            ]
        );
    }
}
