//! Flink's functions of JSON. Their clauses (`RETURNING`, `ON EMPTY`, …) come as texts behind the
//! arguments, from `sql/json.rs`.

use std::{collections::BTreeMap, sync::Arc};

use arrow::json::writer::{EncoderOptions, make_encoder};
use datafusion::{
    arrow::{
        array::{Array, ArrayRef, BooleanArray, StringArray},
        datatypes::{DataType, Field},
    },
    common::{Result, exec_err},
};
use serde_json::value::RawValue;

use super::{
    function::{Function, Parameter::*, ReadOnce, Rows, gives},
    json_path::{Found, JsonPath, entries, items},
};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "json_value",
        &[Text, Text, Text, Text, Text, Text],
        gives::text,
        json_value,
    )
    .required(2),
    Function::new(
        "json_query",
        &[Text, Text, Text, Text, Text],
        gives::text,
        json_query,
    )
    .required(2),
    Function::new(
        "json_exists",
        &[Text, Text, Text],
        gives::boolean,
        json_exists,
    )
    .required(2),
    Function::new("is_json", &[Text, Text], gives::boolean, |rows| {
        let found = rows.texts(0).iter().enumerate().map(|(row, text)| {
            let value = text.and_then(document);
            Some(value.is_some_and(|value| match rows.text(1, row) {
                "OBJECT" => value.get().starts_with('{'),
                "ARRAY" => value.get().starts_with('['),
                "SCALAR" => is_scalar(value),
                _ => true,
            }))
        });
        Ok(Arc::new(found.collect::<BooleanArray>()))
    }),
    Function::new("json_string", &[Any], gives::text, |rows| {
        let texts = encoded(rows, 0)?;
        Ok(Arc::new(StringArray::from(texts)))
    }),
    Function::new("json_object", &[Text, Any], gives::text, json_object)
        .required(1)
        .repeats(),
    Function::new("json_array", &[Text, Any], gives::text, json_array)
        .required(1)
        .repeats(),
    Function::new("json", &[Text], gives::text, |rows| {
        rows.to_texts(|row| match document(rows.text(0, row)) {
            Some(value) => Ok(Some(compact(value))),
            None => exec_err!("JSON: '{}' is not JSON", rows.text(0, row)),
        })
    }),
    Function::new("json_quote", &[Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let mut quoted = String::new();
            for letter in serde_json::Value::from(rows.text(0, row))
                .to_string()
                .chars()
            {
                match letter.is_ascii() {
                    true => quoted.push(letter),
                    false => {
                        let mut units = [0; 2];
                        for unit in letter.encode_utf16(&mut units) {
                            quoted.push_str(&format!("\\u{unit:04x}"));
                        }
                    }
                }
            }
            Ok(Some(quoted))
        })
    }),
    Function::new("json_unquote", &[Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let text = rows.text(0, row);
            let unquoted = serde_json::from_str::<String>(text);
            Ok(Some(unquoted.unwrap_or_else(|_| text.to_owned())))
        })
    }),
];

/// Levels of a text that is read, as in Flink's reader.
const DEEPEST: usize = 1000;

fn document(text: &str) -> Option<&RawValue> {
    // Before anything of it is read by functions that call themselves.
    if text.len() > DEEPEST && levels(text) > DEEPEST {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// How deep arrays and objects stand in each other.
fn levels(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let mut letters = text.bytes();
    let mut is_quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            b'"' => is_quoted = !is_quoted,
            b'\\' if is_quoted => {
                letters.next();
            }
            _ if is_quoted => {}
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn is_scalar(value: &RawValue) -> bool {
    !value.get().starts_with(['{', '['])
}

/// What there is instead of a value.
enum Lack {
    Empty,
    Error(&'static str),
}

/// The value that a path leads to, in Flink's terms; NULL is none.
fn at<'a>(text: &'a str, path: &JsonPath) -> Result<Found<'a>, Lack> {
    let Some(document) = document(text) else {
        return Err(Lack::Error("the text is not JSON"));
    };
    match path.find(document) {
        Found::Nothing if path.lax => Err(Lack::Empty),
        Found::Nothing => Err(Lack::Error("there is nothing at the path")),
        Found::One(value) if value.get() == "null" => Err(Lack::Empty),
        found => Ok(found),
    }
}

/// The text in an argument that may be missing or NULL.
fn optional(rows: &Rows, argument: usize, row: usize) -> Option<&str> {
    let texts = (argument < rows.given()).then(|| rows.texts(argument))?;
    (!texts.is_null(row)).then(|| texts.value(row))
}

fn json_value(rows: &Rows) -> Result<ArrayRef> {
    let mut paths = ReadOnce::new(JsonPath::new);
    let values = (0..rows.count).map(|row| {
        let (Some(text), Some(path)) = (optional(rows, 0, row), optional(rows, 1, row)) else {
            return Ok(None);
        };
        let path = paths.get(path)?;
        let wrong_kind = match path.lax {
            true => Lack::Empty,
            false => Lack::Error("the value is no scalar"),
        };
        let lack = match at(text, &path) {
            Ok(Found::One(value)) if is_scalar(value) => return Ok(Some(scalar(value))),
            Ok(_) => wrong_kind,
            Err(lack) => lack,
        };
        let (clause, why) = match lack {
            Lack::Empty => (2, "there is nothing at the path"),
            Lack::Error(why) => (4, why),
        };
        match optional(rows, clause, row) {
            Some("DEFAULT") => Ok(optional(rows, clause + 1, row).map(str::to_owned)),
            Some("ERROR") => exec_err!("JSON_VALUE: {why}: {text}"),
            _ => Ok(None),
        }
    });
    Ok(Arc::new(values.collect::<Result<StringArray>>()?))
}

fn json_query(rows: &Rows) -> Result<ArrayRef> {
    let mut paths = ReadOnce::new(JsonPath::new);
    let values = (0..rows.count).map(|row| {
        let (Some(text), Some(path)) = (optional(rows, 0, row), optional(rows, 1, row)) else {
            return Ok(None);
        };
        let path = paths.get(path)?;
        let wrap = optional(rows, 2, row).unwrap_or("WITHOUT");
        let lack = match at(text, &path) {
            Ok(found) => {
                let (value, is_array, is_scalar) = match found {
                    Found::Many(values) => {
                        let values: Vec<_> = values.into_iter().map(compact).collect();
                        (format!("[{}]", values.join(",")), true, false)
                    }
                    Found::One(value) => (
                        compact(value),
                        value.get().starts_with('['),
                        is_scalar(value),
                    ),
                    Found::Nothing => ("null".to_owned(), false, true),
                };
                match wrap {
                    "UNCONDITIONAL" => return Ok(Some(format!("[{value}]"))),
                    "CONDITIONAL" if !is_array => return Ok(Some(format!("[{value}]"))),
                    _ if !is_scalar => return Ok(Some(value)),
                    _ if path.lax => Lack::Empty,
                    _ => Lack::Error("the value is a scalar"),
                }
            }
            Err(lack) => lack,
        };
        let (clause, why) = match lack {
            Lack::Empty => (3, "there is nothing at the path"),
            Lack::Error(why) => (4, why),
        };
        match optional(rows, clause, row) {
            Some("EMPTY ARRAY") => Ok(Some("[]".to_owned())),
            Some("EMPTY OBJECT") => Ok(Some("{}".to_owned())),
            Some("ERROR") => exec_err!("JSON_QUERY: {why}: {text}"),
            _ => Ok(None),
        }
    });
    Ok(Arc::new(values.collect::<Result<StringArray>>()?))
}

fn json_exists(rows: &Rows) -> Result<ArrayRef> {
    let mut paths = ReadOnce::new(JsonPath::new);
    let values = (0..rows.count).map(|row| {
        let (Some(text), Some(path)) = (optional(rows, 0, row), optional(rows, 1, row)) else {
            return Ok(None);
        };
        Ok(match at(text, paths.get(path)?.as_ref()) {
            Ok(_) => Some(true),
            Err(Lack::Empty) => Some(false),
            Err(Lack::Error(why)) => match optional(rows, 2, row) {
                Some("TRUE") => Some(true),
                Some("UNKNOWN") => None,
                Some("ERROR") => return exec_err!("JSON_EXISTS: {why}: {text}"),
                _ => Some(false),
            },
        })
    });
    Ok(Arc::new(values.collect::<Result<BooleanArray>>()?))
}

/// A scalar's text: of a string without its quotes, of a number as it is written.
fn scalar(value: &RawValue) -> String {
    match serde_json::from_str::<String>(value.get()) {
        Ok(text) => text,
        Err(_) => number(value.get()),
    }
}

/// A number with an exponent as Java's BigDecimal writes it.
fn number(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once(['e', 'E']) else {
        return text.to_owned();
    };
    let Ok(exponent) = exponent.parse::<i64>() else {
        return text.to_owned();
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let length = |text: &str| i64::try_from(text.len()).unwrap_or(i64::MAX);
    let scale = length(fraction).saturating_sub(exponent);
    let adjusted = length(digits).saturating_sub(1).saturating_sub(scale);
    match (scale, adjusted) {
        (0, _) => format!("{sign}{digits}"),
        (1.., -6..) => {
            let places = usize::try_from(scale).unwrap_or(0);
            let padded = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = padded.split_at(padded.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            format!("{sign}{first}{point}{rest}E{adjusted:+}")
        }
    }
}

/// Without spaces, and with the names of objects in order, as Flink writes JSON.
fn compact(value: &RawValue) -> String {
    let mut text = String::with_capacity(value.get().len());
    write_compact(value, &mut text);
    text
}

fn write_compact(value: &RawValue, text: &mut String) {
    let quoted = |text: String| serde_json::Value::from(text).to_string();
    match value.get().as_bytes().first() {
        Some(b'{') => {
            text.push('{');
            for (place, (name, value)) in entries(value).into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                text.push_str(&quoted(name));
                text.push(':');
                write_compact(value, text);
            }
            text.push('}');
        }
        Some(b'[') => {
            text.push('[');
            for (place, value) in items(value).into_iter().enumerate() {
                text.push_str(if place > 0 { "," } else { "" });
                write_compact(value, text);
            }
            text.push(']');
        }
        Some(b'"') => text.push_str(&quoted(scalar(value))),
        _ => text.push_str(&number(value.get())),
    }
}

/// An argument as JSON; NULL is none.
fn encoded(rows: &Rows, argument: usize) -> Result<Vec<Option<String>>> {
    let array = rows.array(argument);
    if *array.data_type() == DataType::Null {
        return Ok(vec![None; rows.count]);
    }
    let field = Arc::new(Field::new("", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array, &options)?;
    let mut texts = Vec::with_capacity(rows.count);
    for row in 0..rows.count {
        if array.is_null(row) {
            texts.push(None);
            continue;
        }
        let mut text = Vec::new();
        encoder.encode(row, &mut text);
        texts.push(String::from_utf8(text).ok());
    }
    Ok(texts)
}

/// The values of these arguments, and whether a NULL is left out. The first argument says that: `A`
/// (absent) or `N`; then of each value whether it is JSON already (`j`) or becomes it (`v`).
struct Parts {
    leave_out: bool,
    /// By argument, then by row.
    values: Vec<Vec<Option<String>>>,
}

fn parts(rows: &Rows, values: impl Iterator<Item = usize>) -> Result<Parts> {
    let mut kinds = rows.text(0, 0).chars();
    let leave_out = kinds.next() == Some('A');
    let values = values.zip(kinds).map(|(argument, kind)| match kind {
        'j' if *rows.array(argument).data_type() == DataType::Utf8 => {
            let texts = rows.texts(argument).iter();
            Ok(texts.map(|text| text.map(str::to_owned)).collect())
        }
        _ => encoded(rows, argument),
    });
    Ok(Parts {
        leave_out,
        values: values.collect::<Result<_>>()?,
    })
}

fn json_object(rows: &Rows) -> Result<ArrayRef> {
    if rows.count == 0 {
        return Ok(Arc::new(StringArray::from(Vec::<String>::new())));
    }
    let keys = (1..rows.given()).step_by(2);
    if keys
        .clone()
        .any(|key| *rows.array(key).data_type() != DataType::Utf8)
    {
        return exec_err!("the keys of JSON_OBJECT must be texts");
    }
    let parts = parts(
        rows,
        keys.map(|key| key + 1)
            .filter(|value| *value < rows.given()),
    )?;
    let objects = (0..rows.count).map(|row| {
        // By name, as Flink orders them.
        let mut entries = BTreeMap::new();
        for (place, value) in parts.values.iter().enumerate() {
            let Some(name) = optional(rows, 1 + 2 * place, row) else {
                return exec_err!("a key of JSON_OBJECT is NULL");
            };
            match (&value[row], parts.leave_out) {
                (Some(value), _) => entries.insert(name, value.as_str()),
                (None, false) => entries.insert(name, "null"),
                (None, true) => entries.remove(name),
            };
        }
        let entries = entries
            .into_iter()
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name)));
        Ok(Some(format!(
            "{{{}}}",
            entries.collect::<Vec<_>>().join(",")
        )))
    });
    Ok(Arc::new(objects.collect::<Result<StringArray>>()?))
}

fn json_array(rows: &Rows) -> Result<ArrayRef> {
    if rows.count == 0 {
        return Ok(Arc::new(StringArray::from(Vec::<String>::new())));
    }
    let parts = parts(rows, 1..rows.given())?;
    let arrays = (0..rows.count).map(|row| {
        let items = parts
            .values
            .iter()
            .filter_map(|value| match (&value[row], parts.leave_out) {
                (Some(value), _) => Some(value.as_str()),
                (None, false) => Some("null"),
                (None, true) => None,
            });
        Some(format!("[{}]", items.collect::<Vec<_>>().join(",")))
    });
    Ok(Arc::new(arrays.collect::<StringArray>()))
}
