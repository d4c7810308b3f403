//! Flink's functions of texts where DataFusion has none, or means something else by the name.

use std::{net::Ipv4Addr, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, BooleanArray, ListBuilder, MapBuilder, MapFieldNames, StringArray,
            StringBuilder,
        },
        datatypes::{DataType, Field, Int32Type, Int64Type},
    },
    common::{Result, exec_err},
};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::function::{Function, Parameter::*, ReadOnce, Rows, gives};
use crate::sql::flink_type;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("substring", &[Text, Long, Long], gives::text, substring).required(2),
    Function::new("substr", &[Text, Long, Long], gives::text, substring).required(2),
    Function::new("left", &[Text, Long], gives::text, |rows| {
        rows.to_texts(|row| Ok(Some(first(rows.text(0, row), rows.long(1, row)))))
    }),
    Function::new("right", &[Text, Long], gives::text, |rows| {
        rows.to_texts(|row| {
            let text = rows.text(0, row);
            let wanted = usize::try_from(rows.long(1, row)).unwrap_or(0);
            let skipped = text.chars().count().saturating_sub(wanted);
            Ok(Some(text.chars().skip(skipped).collect::<String>()))
        })
    }),
    Function::new("lpad", &[Text, Long, Text], gives::text, |rows| {
        rows.to_texts(|row| {
            padding(rows, row).map(|found| found.map(|(text, padding)| padding + &text))
        })
    }),
    Function::new("rpad", &[Text, Long, Text], gives::text, |rows| {
        rows.to_texts(|row| {
            padding(rows, row).map(|found| found.map(|(text, padding)| text + &padding))
        })
    }),
    Function::new("concat", &[Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let parts = (0..rows.given()).map(|argument| rows.text(argument, row));
            Ok(Some(parts.collect::<String>()))
        })
    })
    .repeats(),
    Function::new("replace", &[Text, Text, Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let (from, to) = (rows.text(1, row), rows.text(2, row));
            Ok(Some(rows.text(0, row).replace(from, to)))
        })
    }),
    Function::new("ascii", &[Text], gives::int, |rows| {
        // A byte, as Java counts: from -128 to 127.
        rows.to_numbers::<Int32Type>(|row| {
            let first = rows.text(0, row).bytes().next();
            Ok(Some(first.map_or(0, |byte| i32::from(byte.cast_signed()))))
        })
    }),
    Function::new("chr", &[Long], gives::text, |rows| {
        rows.to_texts(|row| {
            let code = rows.long(0, row);
            let code = if code < 0 {
                String::new()
            } else {
                char::from(code.to_le_bytes()[0]).to_string()
            };
            Ok(Some(code))
        })
    }),
    Function::new("locate", &[Text, Text, Long], gives::int, |rows| {
        rows.to_numbers::<Int32Type>(|row| {
            let from = if rows.given() > 2 {
                rows.long(2, row)
            } else {
                1
            };
            Ok(Some(position(
                rows.text(1, row),
                rows.text(0, row),
                from,
                1,
            )))
        })
    })
    .required(2),
    Function::new("instr", &[Text, Text, Long, Long], gives::int, |rows| {
        rows.to_numbers::<Int32Type>(|row| {
            let from = if rows.given() > 2 {
                rows.long(2, row)
            } else {
                1
            };
            let nth = if rows.given() > 3 {
                rows.long(3, row)
            } else {
                1
            };
            if from < 1 || nth < 1 {
                return exec_err!("INSTR counts places and occurrences from 1, not {from}, {nth}");
            }
            Ok(Some(position(
                rows.text(0, row),
                rows.text(1, row),
                from,
                nth,
            )))
        })
    })
    .required(2),
    Function::new("split_index", &[Text, Text, Long], gives::text, |rows| {
        rows.to_texts(|row| {
            let Ok(index) = usize::try_from(rows.long(2, row)) else {
                return Ok(None);
            };
            let (text, delimiter) = (rows.text(0, row), rows.text(1, row));
            Ok(match (text, delimiter) {
                ("", _) => None,
                (text, "") => text.split(char::is_whitespace).nth(index),
                (text, delimiter) => text.split(delimiter).nth(index),
            })
        })
    }),
    Function::new("split", &[Text, Text], gives::texts, split),
    Function::new("str_to_map", &[Text, Text, Text], text_map, str_to_map).required(1),
    Function::new("startswith", &[Text, Text], gives::boolean, |rows| {
        rows.to_booleans(|row| Ok(Some(rows.text(0, row).starts_with(rows.text(1, row)))))
    }),
    Function::new("endswith", &[Text, Text], gives::boolean, |rows| {
        rows.to_booleans(|row| Ok(Some(rows.text(0, row).ends_with(rows.text(1, row)))))
    }),
    Function::new("elt", &[Long, Text], gives::text, |rows| {
        let texts = (0..rows.count).map(|row| {
            let index = rows.numbers::<Int64Type>(0);
            let index = (!index.is_null(row)).then(|| index.value(row));
            let index = index.and_then(|index| usize::try_from(index).ok())?;
            let texts = (1..rows.given())
                .contains(&index)
                .then(|| rows.texts(index))?;
            (!texts.is_null(row)).then(|| texts.value(row))
        });
        Ok(Arc::new(texts.collect::<StringArray>()))
    })
    .repeats()
    .required(2),
    Function::new("inet_aton", &[Text], gives::bigint, |rows| {
        rows.to_numbers::<Int64Type>(|row| {
            let address = rows.text(0, row).parse::<Ipv4Addr>().ok();
            Ok(address.map(|address| i64::from(u32::from(address))))
        })
    }),
    Function::new("inet_ntoa", &[Long], gives::text, |rows| {
        rows.to_texts(|row| {
            let address = u32::try_from(rows.long(0, row)).ok();
            Ok(address.map(|address| Ipv4Addr::from(address).to_string()))
        })
    }),
    Function::new("to_base64", &[Text], gives::text, |rows| {
        rows.to_texts(|row| Ok(Some(STANDARD.encode(rows.text(0, row)))))
    }),
    Function::new("from_base64", &[Text], gives::text, |rows| {
        rows.to_texts(|row| {
            let text = rows.text(0, row);
            match STANDARD.decode(text) {
                Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
                Err(error) => exec_err!("FROM_BASE64: '{text}' is not Base64: {error}"),
            }
        })
    }),
    Function::new("sha1", &[Text], gives::text, hashed::<Sha1>),
    Function::new("sha224", &[Text], gives::text, hashed::<Sha224>),
    Function::new("sha256", &[Text], gives::text, hashed::<Sha256>),
    Function::new("sha384", &[Text], gives::text, hashed::<Sha384>),
    Function::new("sha512", &[Text], gives::text, hashed::<Sha512>),
    Function::new("sha2", &[Text, Long], gives::text, |rows| {
        rows.to_texts(|row| {
            let text = rows.text(0, row);
            Ok(Some(match rows.long(1, row) {
                224 => hash::<Sha224>(text),
                256 => hash::<Sha256>(text),
                384 => hash::<Sha384>(text),
                512 => hash::<Sha512>(text),
                other => {
                    return exec_err!("SHA2 has 224, 256, 384 or 512 bits, not {other}");
                }
            }))
        })
    }),
    Function::new("is_alpha", &[Text], gives::boolean, |rows| {
        every(rows, |text| text.chars().all(char::is_alphabetic))
    }),
    Function::new("is_digit", &[Text], gives::boolean, |rows| {
        every(rows, |text| text.chars().all(char::is_numeric))
    }),
    Function::new("is_decimal", &[Text], gives::boolean, |rows| {
        every(rows, |text| {
            let usual = |letter: char| letter.is_ascii_digit() || "+-.eE".contains(letter);
            text.chars().all(usual) && text.parse::<f64>().is_ok()
        })
    }),
    Function::new("typeof", &[Any], gives::text, |rows| {
        let field = &rows.fields[0];
        let null = if field.is_nullable() { "" } else { " NOT NULL" };
        let text = flink_type(field.data_type()) + null;
        Ok(Arc::new(StringArray::from_iter_values(
            std::iter::repeat_n(text, rows.count),
        )))
    }),
];

/// FALSE for NULL and for the empty text.
fn every(rows: &Rows, holds: impl Fn(&str) -> bool) -> Result<ArrayRef> {
    let texts = rows.texts(0).iter();
    let found = texts.map(|text| Some(text.is_some_and(|text| !text.is_empty() && holds(text))));
    Ok(Arc::new(found.collect::<BooleanArray>()))
}

fn hash<D: Digest>(text: &str) -> String {
    let bytes = D::digest(text.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hashed<D: Digest>(rows: &Rows) -> Result<ArrayRef> {
    rows.to_texts(|row| Ok(Some(hash::<D>(rows.text(0, row)))))
}

/// So many letters from the beginning.
fn first(text: &str, letters: i64) -> String {
    text.chars()
        .take(usize::try_from(letters).unwrap_or(0))
        .collect()
}

/// Places count from 1, and below 0 from the end; 0 is 1.
fn substring(rows: &Rows) -> Result<ArrayRef> {
    rows.to_texts(|row| {
        let (text, place) = (rows.text(0, row), rows.long(1, row));
        let length = if rows.given() > 2 {
            rows.long(2, row)
        } else {
            i64::MAX
        };
        let Ok(length) = usize::try_from(length) else {
            return Ok(None);
        };
        let start = match place {
            0 => Some(0),
            1.. => usize::try_from(place - 1).ok(),
            _ => {
                let back = usize::try_from(place.unsigned_abs()).ok();
                back.and_then(|back| text.chars().count().checked_sub(back))
            }
        };
        Ok(Some(match start {
            Some(start) => text.chars().skip(start).take(length).collect::<String>(),
            None => String::new(),
        }))
    })
}

/// Longer texts are not made by padding.
const LONGEST: i64 = 1 << 24;

/// The text, shortened to the length, and what it lacks of it.
fn padding(rows: &Rows, row: usize) -> Result<Option<(String, String)>> {
    let (text, length, pad) = (rows.text(0, row), rows.long(1, row), rows.text(2, row));
    if length > LONGEST {
        return exec_err!("a text cannot be padded to {length} letters");
    }
    let Ok(wanted) = usize::try_from(length) else {
        return Ok(None);
    };
    let text = first(text, length);
    let missing = wanted - text.chars().count();
    if missing > 0 && pad.is_empty() {
        return Ok(None);
    }
    Ok(Some((text, pad.chars().cycle().take(missing).collect())))
}

/// Where the nth occurrence of `part` begins, in letters from 1; 0 where there is none.
fn position(text: &str, part: &str, from: i64, nth: i64) -> i32 {
    let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(0);
    let Some(start) = text
        .char_indices()
        .map(|(at, _)| at)
        .chain([text.len()])
        .nth(skipped)
    else {
        return 0;
    };
    let mut begins = (start..=text.len())
        .filter(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(part)));
    let nth = usize::try_from(nth.saturating_sub(1)).unwrap_or(0);
    let found = begins.nth(nth).and_then(|at| text.get(..at));
    found.map_or(0, |before| {
        i32::try_from(before.chars().count() + 1).unwrap_or(0)
    })
}

fn split(rows: &Rows) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..rows.count {
        if rows.is_null(row) {
            lists.append_null();
            continue;
        }
        let (text, delimiter) = (rows.text(0, row), rows.text(1, row));
        match delimiter {
            "" => text
                .chars()
                .for_each(|letter| lists.values().append_value(letter.to_string())),
            _ => text
                .split(delimiter)
                .for_each(|part| lists.values().append_value(part)),
        }
        lists.append(true);
    }
    Ok(Arc::new(lists.finish()))
}

fn text_map(_: &[DataType], _: Option<&str>) -> Result<DataType> {
    let fields = vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    Ok(DataType::Map(Arc::new(entries), false))
}

fn str_to_map(rows: &Rows) -> Result<ArrayRef> {
    let mut patterns = ReadOnce::new(super::patterns::pattern);
    let names = MapFieldNames {
        entry: "entries".into(),
        key: "key".into(),
        value: "value".into(),
    };
    let mut maps = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in 0..rows.count {
        if rows.is_null(row) {
            maps.append(false)?;
            continue;
        }
        let given = |argument, otherwise| match rows.given() > argument {
            true => rows.text(argument, row),
            false => otherwise,
        };
        let text = rows.text(0, row);
        // The last one of a key counts.
        let mut entries: Vec<(&str, Option<&str>)> = Vec::new();
        if !text.is_empty() {
            let between = patterns.get(given(1, ","))?;
            let inside = patterns.get(given(2, "="))?;
            for entry in between.split(text) {
                let mut parts = inside.splitn(entry, 2);
                let (key, value) = (parts.next().unwrap_or_default(), parts.next());
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some(known) => known.1 = value,
                    None => entries.push((key, value)),
                }
            }
        }
        for (key, value) in entries {
            maps.keys().append_value(key);
            maps.values().append_option(value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}
