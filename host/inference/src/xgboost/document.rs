//! What a model file holds, whichever of the two formats it is in.

use std::collections::HashMap;
use std::str::FromStr;

use crate::forest::FormatError;

/// A value of JSON or UBJSON. Truth values are the numbers 0 and 1.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Nothing,
    Number(f64),
    Text(String),
    /// An array of numbers alone.
    Numbers(Vec<f64>),
    List(Vec<Value>),
    Object(HashMap<String, Value>),
}

/// An array that grows item by item; compact while it holds numbers alone.
#[derive(Debug)]
pub(super) struct Items(Value);

impl Items {
    pub fn new() -> Self {
        Self(Value::Numbers(Vec::new()))
    }

    pub fn push(&mut self, item: Value) {
        if let Value::Numbers(numbers) = &mut self.0 {
            if let Value::Number(number) = item {
                numbers.push(number);
                return;
            }
            self.0 = Value::List(numbers.drain(..).map(Value::Number).collect());
        }
        if let Value::List(items) = &mut self.0 {
            items.push(item);
        }
    }

    pub fn into_value(self) -> Value {
        self.0
    }
}

/// A value, and where in the document it is.
#[derive(Debug, Clone)]
pub(super) struct Part<'a> {
    value: &'a Value,
    path: String,
}

impl<'a> Part<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: String::new(),
        }
    }

    /// The same error for every kind of damage here.
    pub fn error(&self, message: impl AsRef<str>) -> FormatError {
        let place = if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        };
        FormatError::new(format!("{place}: {}", message.as_ref()))
    }

    pub fn find(&self, key: &str) -> Option<Self> {
        let Value::Object(members) = self.value else {
            return None;
        };
        let dot = if self.path.is_empty() { "" } else { "." };
        Some(Self {
            value: members.get(key)?,
            path: format!("{}{dot}{key}", self.path),
        })
    }

    pub fn get(&self, key: &str) -> Result<Self, FormatError> {
        self.find(key)
            .ok_or_else(|| self.error(format!("'{key}' is missing")))
    }

    pub fn text(&self) -> Result<&'a str, FormatError> {
        match self.value {
            Value::Text(text) => Ok(text),
            _ => Err(self.error("not a text")),
        }
    }

    /// A parameter: XGBoost writes them as texts.
    pub fn parameter<T: FromStr>(&self) -> Result<T, FormatError> {
        let shown = match self.value {
            Value::Text(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return Err(self.error("not a number")),
        };
        shown.parse().map_err(|_| {
            let shown: String = shown.chars().take(40).collect();
            self.error(format!(
                "'{}' is not a number of its kind",
                shown.escape_debug()
            ))
        })
    }

    /// An array of numbers.
    pub fn numbers(&self) -> Result<&'a [f64], FormatError> {
        match self.value {
            Value::Numbers(numbers) => Ok(numbers),
            _ => Err(self.error("not an array of numbers")),
        }
    }

    /// An array of whole numbers.
    pub fn integers<T: TryFrom<i64>>(&self) -> Result<Vec<T>, FormatError> {
        let whole = |number: &f64| {
            // All whole numbers up to 2^53 are an f64.
            let whole = number.trunc() == *number && number.abs() < (1_u64 << 53) as f64;
            whole
                .then_some(*number as i64)
                .and_then(|number| T::try_from(number).ok())
                .ok_or_else(|| self.error(format!("{number} is not a number of its kind")))
        };
        self.numbers()?.iter().map(whole).collect()
    }

    /// Exactly `count` numbers.
    pub fn check_count<T>(&self, numbers: &[T], count: usize) -> Result<(), FormatError> {
        if numbers.len() == count {
            return Ok(());
        }
        Err(self.error(format!("{} values instead of {count}", numbers.len())))
    }

    /// The items of an array of anything.
    pub fn items(&self) -> Result<Vec<Self>, FormatError> {
        match self.value {
            Value::List(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(number, value)| Self {
                    value,
                    path: format!("{}[{number}]", self.path),
                })
                .collect()),
            Value::Numbers(numbers) if numbers.is_empty() => Ok(Vec::new()),
            _ => Err(self.error("not an array of objects or texts")),
        }
    }
}
