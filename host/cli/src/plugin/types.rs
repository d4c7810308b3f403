//! Types as the contract calls them: `int64`, `timestamp(millisecond, UTC)`, `decimal128(10, -2)`,
//! `list<utf8>`, `fixed-size-list<float32, 3>`, `struct<x: float64, tags: list<utf8>>`.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};

/// Nesting that is read; plugins take no more.
const MAX_DEPTH: usize = 16;

const PLAIN: &[(&str, DataType)] = &[
    ("boolean", DataType::Boolean),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("utf8", DataType::Utf8),
    ("binary", DataType::Binary),
    ("date32", DataType::Date32),
    ("time64", DataType::Time64(TimeUnit::Microsecond)),
];

const UNITS: &[(&str, TimeUnit)] = &[
    ("second", TimeUnit::Second),
    ("millisecond", TimeUnit::Millisecond),
    ("microsecond", TimeUnit::Microsecond),
    ("nanosecond", TimeUnit::Nanosecond),
];

/// The type that a text names; an error says what is wrong with the text.
pub fn parse(text: &str) -> Result<DataType, String> {
    let mut rest = text;
    let data_type = one(&mut rest, 0)?;
    ended(text, rest)?;
    Ok(data_type)
}

/// Types between commas, each with a name before it or not: `a int64, b utf8`.
pub fn parse_list(text: &str) -> Result<Vec<FieldRef>, String> {
    let mut rest = text;
    let mut fields = Vec::new();
    loop {
        let named = word(&mut rest);
        let next = rest.trim_start();
        // A name, where another word follows and no type's own brackets.
        let typed = !next.is_empty() && !next.starts_with([',', '(', '<']);
        let (name, data_type) = match typed {
            true => (named.to_owned(), one(&mut rest, 0)?),
            false => (
                format!("f{}", fields.len()),
                behind_name(named, &mut rest, 0)?,
            ),
        };
        fields.push(Arc::new(Field::new(name, data_type, true)));
        if !skip(&mut rest, ',') {
            break;
        }
    }
    ended(text, rest)?;
    Ok(fields)
}

fn ended(text: &str, rest: &str) -> Result<(), String> {
    match rest.trim() {
        "" => Ok(()),
        rest => Err(format!("`{text}` is no type: `{rest}` stands behind it")),
    }
}

/// A type as [`parse`] reads it.
pub fn name(data_type: &DataType) -> String {
    if let Some((name, _)) = PLAIN.iter().find(|(_, plain)| plain == data_type) {
        return (*name).to_owned();
    }
    match data_type {
        DataType::Timestamp(unit, zone) => {
            let unit = UNITS.iter().find(|(_, known)| known == unit);
            let unit = unit.map_or("", |(name, _)| name);
            match zone {
                Some(zone) => format!("timestamp({unit}, {zone})"),
                None => format!("timestamp({unit})"),
            }
        }
        DataType::Decimal128(precision, scale) => format!("decimal128({precision}, {scale})"),
        DataType::List(item) => format!("list<{}>", name(item.data_type())),
        DataType::FixedSizeList(item, size) => {
            format!("fixed-size-list<{}, {size}>", name(item.data_type()))
        }
        DataType::Struct(fields) => format!("struct<{}>", names(fields)),
        other => other.to_string(),
    }
}

/// Fields with their types: `a: int64, b: utf8`.
pub fn names<'a>(fields: impl IntoIterator<Item = &'a FieldRef>) -> String {
    let fields = fields
        .into_iter()
        .map(|field| format!("{}: {}", field.name(), name(field.data_type())));
    fields.collect::<Vec<_>>().join(", ")
}

fn one(rest: &mut &str, depth: usize) -> Result<DataType, String> {
    let word = word(rest);
    behind_name(word, rest, depth)
}

/// What stands behind a type's name belongs to it.
fn behind_name(word: &str, rest: &mut &str, depth: usize) -> Result<DataType, String> {
    if depth == MAX_DEPTH {
        return Err(format!("types are nested more than {MAX_DEPTH} deep"));
    }
    if let Some((_, plain)) = PLAIN.iter().find(|(name, _)| *name == word) {
        return Ok(plain.clone());
    }
    let item = |rest: &mut &str| -> Result<FieldRef, String> {
        let data_type = one(rest, depth + 1)?;
        Ok(Arc::new(Field::new_list_field(data_type, true)))
    };
    match word {
        "timestamp" => {
            expect(rest, '(')?;
            let (unit, zone) = inside(rest)?;
            let known = UNITS.iter().find(|(name, _)| *name == unit);
            let Some((_, unit)) = known else {
                return Err(format!(
                    "`{unit}` is no unit of time: it is second, millisecond, microsecond or nanosecond"
                ));
            };
            Ok(DataType::Timestamp(*unit, zone.map(Arc::from)))
        }
        "decimal128" => {
            expect(rest, '(')?;
            let (precision, scale) = inside(rest)?;
            let scale = scale.unwrap_or("0");
            match (precision.parse(), scale.parse()) {
                (Ok(precision @ 1..=38_u8), Ok(scale @ -38..=38_i8)) => {
                    Ok(DataType::Decimal128(precision, scale))
                }
                _ => Err(format!("decimal128({precision}, {scale}) does not exist")),
            }
        }
        "list" => {
            expect(rest, '<')?;
            let item = item(rest)?;
            expect(rest, '>')?;
            Ok(DataType::List(item))
        }
        "fixed-size-list" => {
            expect(rest, '<')?;
            let item = item(rest)?;
            expect(rest, ',')?;
            let size = self::word(rest);
            expect(rest, '>')?;
            match size.parse() {
                Ok(size @ 1..=i32::MAX) => Ok(DataType::FixedSizeList(item, size)),
                _ => Err(format!(
                    "a fixed-size-list of `{size}` items does not exist"
                )),
            }
        }
        "struct" => {
            expect(rest, '<')?;
            let mut fields = Vec::new();
            loop {
                let name = self::word(rest);
                expect(rest, ':')?;
                fields.push(Field::new(name, one(rest, depth + 1)?, true));
                if !skip(rest, ',') {
                    break;
                }
            }
            expect(rest, '>')?;
            Ok(DataType::Struct(fields.into()))
        }
        "" => Err(format!("a type is missing before `{}`", rest.trim())),
        word => Err(format!("`{word}` is no type that plugins know")),
    }
}

/// Letters, digits and what else names have.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let text = rest.trim_start();
    let end =
        text.find(|character: char| !(character.is_alphanumeric() || "_-.".contains(character)));
    let (word, behind) = text.split_at(end.unwrap_or(text.len()));
    *rest = behind;
    word
}

/// One or two words up to the closing bracket.
fn inside<'a>(rest: &mut &'a str) -> Result<(&'a str, Option<&'a str>), String> {
    let Some((inside, behind)) = rest.split_once(')') else {
        return Err("a `)` is missing".to_owned());
    };
    *rest = behind;
    Ok(match inside.split_once(',') {
        Some((first, second)) => (first.trim(), Some(second.trim())),
        None => (inside.trim(), None),
    })
}

fn skip(rest: &mut &str, wanted: char) -> bool {
    match rest.trim_start().strip_prefix(wanted) {
        Some(behind) => {
            *rest = behind;
            true
        }
        None => false,
    }
}

fn expect(rest: &mut &str, wanted: char) -> Result<(), String> {
    match skip(rest, wanted) {
        true => Ok(()),
        false => Err(format!("a `{wanted}` is missing before `{}`", rest.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_as_they_were_written() {
        for text in [
            "boolean",
            "time64",
            "timestamp(second)",
            "timestamp(nanosecond, Europe/Berlin)",
            "decimal128(10, -2)",
            "list<list<int8>>",
            "fixed-size-list<float32, 3>",
            "struct<x: float64, tags: list<struct<key: utf8, value: binary>>>",
        ] {
            assert_eq!(name(&parse(text).unwrap()), text);
        }
    }

    #[test]
    fn names_may_stand_before_types() {
        let fields = parse_list("a int64, list<utf8>,c decimal128(4, 2)").unwrap();
        assert_eq!(
            names(&fields),
            "a: int64, f1: list<utf8>, c: decimal128(4, 2)"
        );
    }

    #[test]
    fn what_is_no_type_is_told() {
        let deep = "list<".repeat(99);
        let wrong = [
            "int",
            "list<int64",
            "timestamp(hour)",
            "decimal128(39)",
            "int64 x",
            "",
            &deep,
        ];
        let told = wrong.map(|text| parse(text).unwrap_err());
        assert_eq!(
            told,
            [
                "`int` is no type that plugins know",
                "a `>` is missing before ``",
                "`hour` is no unit of time: it is second, millisecond, microsecond or nanosecond",
                "decimal128(39, 0) does not exist",
                "`int64 x` is no type: `x` stands behind it",
                "a type is missing before ``",
                "types are nested more than 16 deep",
            ]
        );
    }
}
