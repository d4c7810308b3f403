//! What a `CREATE MODEL` statement says, and the reading of its options.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use arrow::datatypes::{DataType, Field};
use sha2::{Digest, Sha256};

use crate::{InferenceError, batching, versions};

/// The option of every provider of model files that says which file it must be.
const PINNED: &str = "sha256";

/// A century: a time that can be added to any instant.
const LONGEST_MILLIS: u64 = 100 * 365 * 24 * 60 * 60 * 1000;

/// What a `CREATE MODEL` statement says.
#[derive(Debug, Clone)]
pub struct ModelDefinition {
    /// The name of the model in the job.
    pub name: String,
    /// The option `provider`, one of [`PROVIDERS`](crate::PROVIDERS).
    pub provider: String,
    /// The other options.
    pub options: BTreeMap<String, String>,
    /// The columns of `INPUT (…)`.
    pub inputs: Vec<Field>,
    /// The columns of `OUTPUT (…)`.
    pub outputs: Vec<Field>,
    /// The folder that a relative `path` starts from.
    pub base: PathBuf,
}

/// A model file in memory, with the version that its bytes make.
pub(crate) struct ModelFile {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub version: String,
}

impl ModelDefinition {
    /// Refuses options that a provider of model files does not have.
    pub(crate) fn check_options(&self, known: &[&str]) -> Result<(), InferenceError> {
        let own = [known, &[PINNED]].concat();
        // Those that others have taken out by now.
        let all = [own.as_slice(), batching::OPTIONS, versions::OPTIONS].concat();
        self.check_among(&own, &all)
    }

    /// Refuses options that the provider does not have.
    #[cfg(feature = "remote")]
    pub(crate) fn check_all_options(&self, known: &[&str]) -> Result<(), InferenceError> {
        self.check_among(known, known)
    }

    /// Refuses options that are not `known`; what `all` has may be meant.
    fn check_among(&self, known: &[&str], all: &[&str]) -> Result<(), InferenceError> {
        let Some(unknown) = self
            .options
            .keys()
            .find(|key| !known.contains(&key.as_str()))
        else {
            return Ok(());
        };
        let message = format!(
            "unknown option '{unknown}' of the provider '{}'",
            self.provider
        );
        Err(InferenceError::definition(&self.name, message).with_hint(suggest(unknown, all)))
    }

    /// The value of a whole-number option, or `default` where the option is absent.
    pub(crate) fn number<T: FromStr>(&self, key: &str, default: T) -> Result<T, InferenceError> {
        let Some(text) = self.options.get(key) else {
            return Ok(default);
        };
        text.parse().map_err(|_| {
            let message = format!("the option '{key}' must be a whole number, not '{text}'");
            InferenceError::definition(&self.name, message)
        })
    }

    /// What an option means whose value is one of several words.
    #[cfg(feature = "onnx")]
    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, InferenceError> {
        let Some(text) = self.options.get(key) else {
            return Ok(None);
        };
        let chosen = choices
            .iter()
            .find(|(name, _)| text.trim().eq_ignore_ascii_case(name));
        chosen.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let message = format!("the option '{key}' cannot be '{text}'");
            InferenceError::definition(&self.name, message).with_hint(suggest(text, &names))
        })
    }

    /// The value of an option that is `true` or `false`.
    #[cfg(feature = "onnx")]
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, InferenceError> {
        self.choice(key, &[("true", true), ("false", false)])
    }

    /// The bytes that an option says as Flink says them (`512 mb`), or `default` where it is absent.
    #[cfg(any(feature = "onnx", feature = "remote"))]
    pub(crate) fn memory_size(&self, key: &str, default: usize) -> Result<usize, InferenceError> {
        let Some(text) = self.options.get(key) else {
            return Ok(default);
        };
        let text = text.trim().to_ascii_lowercase();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim() {
            "" | "b" | "bytes" => Some(1),
            "k" | "kb" | "kib" | "kibibytes" => Some(1 << 10),
            "m" | "mb" | "mib" | "mebibytes" => Some(1 << 20),
            "g" | "gb" | "gib" | "gibibytes" => Some(1 << 30),
            "t" | "tb" | "tib" | "tebibytes" => Some(1 << 40),
            _ => None,
        };
        let bytes = digits.parse::<usize>().ok().zip(unit);
        bytes
            .and_then(|(number, unit)| number.checked_mul(unit))
            .filter(|bytes| *bytes > 0)
            .ok_or_else(|| {
                let message = format!("the option '{key}' must be a size, not '{text}'");
                InferenceError::definition(&self.name, message)
                    .with_hint(format!("for example '{key}' = '512 mb'"))
            })
    }

    /// The time that an option says as Flink says it (`200 ms`, `1 min`), or `default` where it is absent.
    pub(crate) fn duration(
        &self,
        key: &str,
        default: Duration,
    ) -> Result<Duration, InferenceError> {
        let Some(text) = self.options.get(key) else {
            return Ok(default);
        };
        let text = text.trim().to_ascii_lowercase();
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit = match text[digits.len()..].trim() {
            "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => Some(1),
            "s" | "sec" | "secs" | "second" | "seconds" => Some(1000),
            "m" | "min" | "minute" | "minutes" => Some(60 * 1000),
            "h" | "hour" | "hours" => Some(60 * 60 * 1000),
            _ => None,
        };
        digits
            .parse::<u64>()
            .ok()
            .zip(unit)
            .and_then(|(number, unit)| number.checked_mul(unit))
            .filter(|millis| (1..=LONGEST_MILLIS).contains(millis))
            .map(Duration::from_millis)
            .ok_or_else(|| {
                let message = format!("the option '{key}' must be a time, not '{text}'");
                InferenceError::definition(&self.name, message)
                    .with_hint(format!("for example '{key}' = '30 s'"))
            })
    }

    /// Reads the file that the option `path` names.
    pub(crate) fn read_file(&self) -> Result<ModelFile, InferenceError> {
        let Some(path) = self.options.get("path") else {
            return Err(
                InferenceError::definition(&self.name, "the option 'path' is missing")
                    .with_hint("add 'path' = '…', the model file, relative to the job file"),
            );
        };
        let path = self.base.join(path);
        let bytes = fs::read(&path).map_err(|error| InferenceError::File {
            model: self.name.clone(),
            path: path.clone(),
            line: None,
            message: match error.kind() {
                ErrorKind::NotFound => "the model file does not exist".into(),
                ErrorKind::IsADirectory => "the model file is a folder".into(),
                _ => format!("the model file cannot be read ({error})"),
            },
            hint: (error.kind() == ErrorKind::NotFound)
                .then(|| "a relative 'path' starts from the folder of the job file".into()),
        })?;
        let digest = Sha256::digest(&bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                // Writing into a String cannot fail.
                let _ = write!(text, "{byte:02x}");
                text
            });
        let pinned = self.options.get(PINNED);
        if pinned.is_some_and(|pinned| !pinned.trim().eq_ignore_ascii_case(&digest)) {
            return Err(InferenceError::File {
                model: self.name.clone(),
                path,
                line: None,
                message: format!(
                    "the model file's sha256 is {digest}, not the one that the job wants"
                ),
                hint: Some(
                    "the file is another one; if that is meant, write its sha256 into the job"
                        .into(),
                ),
            });
        }
        Ok(ModelFile {
            path,
            bytes,
            version: digest.chars().take(12).collect(),
        })
    }
}

/// Columns as the job declares them: `a DOUBLE, b ARRAY<INT>`.
pub(crate) fn show_columns(fields: &[Field]) -> String {
    let show = |field: &Field| format!("{} {}", field.name(), type_name(field.data_type()));
    fields.iter().map(show).collect::<Vec<_>>().join(", ")
}

/// A type by its name in SQL, where it has one.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Int8 => "TINYINT".into(),
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "FLOAT".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".into(),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            format!("ARRAY<{}>", type_name(item.data_type()))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => format!(
                "MAP<{}, {}>",
                type_name(fields[0].data_type()),
                type_name(fields[1].data_type())
            ),
            other => other.to_string(),
        },
        other => other.to_string(),
    }
}

/// `did you mean …?` for a near name, else all the known names.
pub(crate) fn suggest(unknown: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&unknown.to_lowercase(), name),
                name,
            )
        })
        .min()
        .filter(|(distance, name)| *distance <= name.len().div_ceil(3));
    match nearest {
        Some((_, name)) => format!("did you mean '{name}'?"),
        None => format!("known: {}", known.join(", ")),
    }
}
