//! Flink's functions of regular expressions.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{ArrayRef, ListBuilder, StringBuilder},
        datatypes::Int32Type,
    },
    common::{Result, exec_err},
};
use regex::{NoExpand, Regex};

use super::function::{Function, Parameter::*, ReadOnce, Rows, gives};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regexp", &[Text, Text], gives::boolean, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_booleans(|row| {
            Ok(Some(
                patterns.get(rows.text(1, row))?.is_match(rows.text(0, row)),
            ))
        })
    }),
    Function::new("similar_to", &[Text, Text], gives::boolean, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_booleans(|row| {
            let pattern = of_similar(rows.text(1, row));
            Ok(Some(patterns.get(&pattern)?.is_match(rows.text(0, row))))
        })
    }),
    Function::new("regexp_replace", &[Text, Text, Text], gives::text, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_texts(|row| {
            let pattern = patterns.get(rows.text(1, row))?;
            // Flink knows no groups in what is put in.
            Ok(Some(pattern.replace_all(
                rows.text(0, row),
                NoExpand(rows.text(2, row)),
            )))
        })
    }),
    Function::new("regexp_extract", &[Text, Text, Long], gives::text, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_texts(|row| {
            let pattern = patterns.get(rows.text(1, row))?;
            let group = if rows.given() > 2 {
                rows.long(2, row)
            } else {
                0
            };
            let found = pattern.captures(rows.text(0, row));
            let part = found.zip(usize::try_from(group).ok());
            Ok(part.and_then(|(found, group)| found.get(group).map(|part| part.as_str())))
        })
    })
    .required(2),
    Function::new(
        "regexp_extract_all",
        &[Text, Text, Long],
        gives::texts,
        extract_all,
    )
    .required(2),
    Function::new("regexp_substr", &[Text, Text], gives::text, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_texts(|row| {
            let found = patterns.get(rows.text(1, row))?.find(rows.text(0, row));
            Ok(found.map(|found| found.as_str()))
        })
    }),
    Function::new("regexp_count", &[Text, Text], gives::int, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_numbers::<Int32Type>(|row| {
            let count = patterns
                .get(rows.text(1, row))?
                .find_iter(rows.text(0, row))
                .count();
            Ok(i32::try_from(count).ok())
        })
    }),
    Function::new("regexp_instr", &[Text, Text], gives::int, |rows| {
        let mut patterns = ReadOnce::new(pattern);
        rows.to_numbers::<Int32Type>(|row| {
            let text = rows.text(0, row);
            let found = patterns.get(rows.text(1, row))?.find(text);
            let before = found.and_then(|found| text.get(..found.start()));
            Ok(i32::try_from(before.map_or(0, |before| before.chars().count() + 1)).ok())
        })
    }),
];

pub(super) fn pattern(text: &str) -> Result<Regex> {
    Regex::new(text).or_else(|error| {
        let why = error.to_string();
        let why = why
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        exec_err!("the regular expression '{text}' is wrong or not supported: {why}")
    })
}

fn extract_all(rows: &Rows) -> Result<ArrayRef> {
    let mut patterns = ReadOnce::new(pattern);
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..rows.count {
        if rows.is_null(row) {
            lists.append_null();
            continue;
        }
        let pattern = patterns.get(rows.text(1, row))?;
        let group = if rows.given() > 2 {
            rows.long(2, row)
        } else {
            1
        };
        let group = usize::try_from(group)
            .ok()
            .filter(|group| *group < pattern.captures_len());
        let Some(group) = group else {
            lists.append_null();
            continue;
        };
        for found in pattern.captures_iter(rows.text(0, row)) {
            lists
                .values()
                .append_option(found.get(group).map(|part| part.as_str()));
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

/// SQL's `SIMILAR TO` as a regular expression over the whole text.
fn of_similar(pattern: &str) -> String {
    let mut regex = String::from("^(?s:");
    let mut in_class = false;
    for letter in pattern.chars() {
        match letter {
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        match letter {
            '%' if !in_class => regex.push_str(".*"),
            '_' if !in_class => regex.push('.'),
            '.' | '^' | '$' | '\\' if !in_class => regex.extend(['\\', letter]),
            _ => regex.push(letter),
        }
    }
    regex.push_str(")$");
    regex
}
