//! Paths into JSON texts: `lax $.a[0]['b c'][*]`.

use std::collections::BTreeMap;

use datafusion::common::{Result, exec_err};
use serde_json::value::RawValue;

/// A path that was read.
pub(super) struct JsonPath {
    /// What is not there is empty, and no error.
    pub lax: bool,
    steps: Vec<Step>,
}

enum Step {
    Name(String),
    /// From the end, if below 0.
    Index(i64),
    All,
}

/// What a path leads to, as it is written in the text.
pub(super) enum Found<'a> {
    One(&'a RawValue),
    /// Of a path with `*`.
    Many(Vec<&'a RawValue>),
    Nothing,
}

impl JsonPath {
    pub(super) fn new(text: &str) -> Result<Self> {
        let trimmed = text.trim();
        let (lax, path) = match (
            trimmed.strip_prefix("lax "),
            trimmed.strip_prefix("strict "),
        ) {
            (Some(path), _) => (true, path),
            (None, Some(path)) => (false, path),
            (None, None) => (false, trimmed),
        };
        let Some(mut rest) = path.trim().strip_prefix('$') else {
            return wrong(text, "it must begin with $");
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if rest.starts_with("..") {
                return wrong(text, ".. is not supported");
            }
            rest = match rest.strip_prefix('.') {
                // `$.['a']` is `$['a']`.
                Some(bracket) if bracket.starts_with('[') => bracket,
                Some(name) => {
                    let end = name.find(['.', '[']).unwrap_or(name.len());
                    let (name, rest) = name.split_at(end);
                    steps.push(match name.trim() {
                        "" => return wrong(text, "a name is missing"),
                        "*" => Step::All,
                        name if name.contains(['(', ')', '?', '@']) => {
                            return wrong(text, "functions and filters are not supported");
                        }
                        name => Step::Name(name.to_owned()),
                    });
                    rest
                }
                None => rest,
            };
            let Some(inside) = rest.strip_prefix('[') else {
                match rest.starts_with('.') || rest.is_empty() {
                    true => continue,
                    false => return wrong(text, "a . or [ is missing"),
                }
            };
            let quote = inside
                .chars()
                .next()
                .filter(|first| matches!(first, '\'' | '"'));
            let end = match quote {
                Some(quote) => inside
                    .get(1..)
                    .and_then(|name| name.find(quote))
                    .map(|end| end + 2),
                None => inside.find(']'),
            };
            let parts = end.and_then(|end| inside.split_at_checked(end));
            let Some((step, Some(after))) =
                parts.map(|(step, after)| (step, after.strip_prefix(']')))
            else {
                return wrong(
                    text,
                    "a ] is missing, or more than one name or index is asked for",
                );
            };
            steps.push(match (quote, step.trim().parse()) {
                (Some(quote), _) => Step::Name(step.trim_matches(quote).to_owned()),
                (None, Ok(index)) => Step::Index(index),
                (None, Err(_)) if step.trim() == "*" => Step::All,
                _ => return wrong(text, "only names, indexes and * are supported"),
            });
            rest = after;
        }
        Ok(JsonPath { lax, steps })
    }

    pub(super) fn find<'a>(&self, document: &'a RawValue) -> Found<'a> {
        let mut found = vec![document];
        let mut several = false;
        for step in &self.steps {
            let before = std::mem::take(&mut found);
            for value in before {
                match step {
                    Step::Name(name) => found.extend(entries(value).remove(name)),
                    Step::Index(index) => {
                        let items = items(value);
                        let place = match usize::try_from(*index) {
                            Ok(place) => Some(place),
                            Err(_) => usize::try_from(index.unsigned_abs())
                                .ok()
                                .and_then(|back| items.len().checked_sub(back)),
                        };
                        found.extend(place.and_then(|place| items.get(place)).copied());
                    }
                    Step::All => {
                        found.extend(items(value));
                        found.extend(entries(value).into_values());
                    }
                }
            }
            if found.is_empty() && !several && !matches!(step, Step::All) {
                return Found::Nothing;
            }
            several |= matches!(step, Step::All);
        }
        match (several, found.first()) {
            (true, _) => Found::Many(found),
            (false, Some(one)) => Found::One(one),
            (false, None) => Found::Nothing,
        }
    }
}

fn wrong<T>(path: &str, why: &str) -> Result<T> {
    exec_err!("the JSON path '{path}' cannot be used: {why}")
}

/// Of an object, by name.
pub(super) fn entries(value: &RawValue) -> BTreeMap<String, &RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}

/// Of an array.
pub(super) fn items(value: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(value.get()).unwrap_or_default()
}
