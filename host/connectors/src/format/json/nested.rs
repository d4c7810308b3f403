//! Columns of any type that JSON carries, out of the text of their values.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, ListArray, MapArray, NullBufferBuilder, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::JsonOptions;
use crate::ConnectorError;
use crate::format::column::{Column, Doubles, Integers, Numbers, Rules, bigints, column, doubles};
use crate::format::excerpt;
use crate::text::a_type;

/// What is wrong with a value: where in the row, and what.
pub(super) struct Problem {
    pub(super) path: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(field: &Field, message: impl Into<String>) -> Self {
        Self {
            path: field.name().clone(),
            message: message.into(),
        }
    }

    fn not_a(field: &Field, text: &str) -> Self {
        let kind = a_type(field.data_type());
        Self::new(field, format!("{} is not {kind}", excerpt(text.as_bytes())))
    }

    fn below(mut self, field: &Field) -> Self {
        self.path = format!("{}.{}", field.name(), self.path);
        self
    }
}

pub(super) type Entries<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The names and values of an object, values as text.
pub(super) fn object(text: &str) -> Result<Entries<'_>, serde_json::Error> {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Entries<'de>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(16));
            while let Some(Name(name)) = map.next_key()? {
                entries.push((name, map.next_value()?));
            }
            Ok(entries)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let entries = deserializer.deserialize_map(Names)?;
    deserializer.end()?;
    Ok(entries)
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Where the last object had its fields: most objects look like the one before.
#[derive(Default)]
pub(super) struct Layout {
    names: Vec<String>,
    /// One a field.
    places: Vec<Option<usize>>,
}

impl Layout {
    /// Learns where an object has the fields of these names; a name that is there several times counts
    /// where it is last. Whether that is anything new.
    pub(super) fn learn<'f>(
        &mut self,
        entries: &Entries<'_>,
        fields: impl Iterator<Item = &'f String>,
    ) -> bool {
        let names = entries.iter().map(|(name, _)| name.as_ref());
        if names.clone().eq(self.names.iter().map(String::as_str)) {
            return false;
        }
        self.places = fields
            .map(|field| names.clone().rposition(|name| name == field))
            .collect();
        self.names = names.map(str::to_owned).collect();
        true
    }

    /// The names of the object's entries, in their order.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Which entry is a field's.
    pub(super) fn place(&self, field: usize) -> Option<usize> {
        self.places.get(field).copied().flatten()
    }

    /// The value of a field of the object learned.
    pub(super) fn value<'a>(&self, entries: &Entries<'a>, field: usize) -> Option<&'a str> {
        let place = self.place(field)?;
        entries.get(place).map(|(_, value)| value.get())
    }
}

/// The text of a value: a string's content, anything else as it is spelled.
fn content(value: &str) -> Option<Cow<'_, str>> {
    match value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(plain) if !plain.contains('\\') => Some(Cow::Borrowed(plain)),
        Some(_) => serde_json::from_str(value).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

/// A column of any type that JSON carries.
pub(super) enum Nested {
    /// What most rows have most of stands here by itself, so that its values are read in place.
    Doubles(Box<Numbers<Doubles>>),
    BigInts(Box<Numbers<Integers<Int64Type>>>),
    Plain(Box<dyn Column>),
    List {
        item: Arc<Field>,
        items: Box<Nested>,
        offsets: Offsets,
        nulls: NullBufferBuilder,
    },
    Row {
        fields: Fields,
        columns: Vec<Nested>,
        layout: Layout,
        nulls: NullBufferBuilder,
    },
    Map {
        entries: Arc<Field>,
        fields: Fields,
        keys: Box<Nested>,
        values: Box<Nested>,
        offsets: Offsets,
        nulls: NullBufferBuilder,
    },
}

/// The ends of lists, and of the last one so far.
pub(super) struct Offsets {
    ends: Vec<i32>,
    end: i32,
}

impl Offsets {
    fn new() -> Self {
        Self {
            ends: vec![0],
            end: 0,
        }
    }

    fn close(&mut self) {
        self.ends.push(self.end);
    }

    /// Takes back all lists behind the first `rows`; answers how many items are left.
    fn truncate(&mut self, rows: usize) -> usize {
        self.ends.truncate(rows + 1);
        self.end = self.ends.last().copied().unwrap_or_default();
        self.end as usize
    }

    fn finish(&mut self) -> OffsetBuffer<i32> {
        let offsets = std::mem::replace(self, Self::new());
        OffsetBuffer::new(offsets.ends.into())
    }
}

impl Nested {
    pub(super) fn new(field: &Field) -> Option<Self> {
        let nulls = NullBufferBuilder::new(0);
        Some(match field.data_type() {
            DataType::List(item) => Self::List {
                item: item.clone(),
                items: Box::new(Self::new(item)?),
                offsets: Offsets::new(),
                nulls,
            },
            DataType::Struct(fields) => Self::Row {
                fields: fields.clone(),
                columns: fields
                    .iter()
                    .map(|field| Self::new(field))
                    .collect::<Option<_>>()?,
                layout: Layout::default(),
                nulls,
            },
            DataType::Map(entries, _) => match entries.data_type() {
                DataType::Struct(fields) => Self::Map {
                    entries: entries.clone(),
                    fields: fields.clone(),
                    keys: Box::new(Self::new(fields.first()?)?),
                    values: Box::new(Self::new(fields.get(1)?)?),
                    offsets: Offsets::new(),
                    nulls,
                },
                _ => return None,
            },
            DataType::Float64 => Self::Doubles(Box::new(doubles(field))),
            DataType::Int64 => Self::BigInts(Box::new(bigints(field))),
            _ => Self::Plain(column(field, &Rules::default())?),
        })
    }

    /// The column, if it is of plain values.
    fn plain(&mut self) -> Option<&mut dyn Column> {
        match self {
            Self::Doubles(column) => Some(column.as_mut()),
            Self::BigInts(column) => Some(column.as_mut()),
            Self::Plain(column) => Some(column.as_mut()),
            Self::List { .. } | Self::Row { .. } | Self::Map { .. } => None,
        }
    }

    /// Appends a value (`None` and `null` are NULL). With `ignore_errors` what is no value is NULL.
    pub(super) fn push(
        &mut self,
        field: &Field,
        value: Option<&str>,
        options: &JsonOptions,
        ignored: &mut u64,
    ) -> Result<(), Problem> {
        let value = value.filter(|value| *value != "null");
        let Some(value) = value else {
            return self.push_null(field);
        };
        let unusable = |column: &mut Self, ignored: &mut u64| {
            if !options.ignore_errors {
                return Err(Problem::not_a(field, value));
            }
            *ignored += 1;
            column.push_null(field)
        };
        match self {
            Self::Doubles(_) | Self::BigInts(_) | Self::Plain(_) => {
                let text = content(value);
                let text = text.filter(|text| {
                    *field.data_type() == DataType::Utf8 || !text.starts_with(['{', '['])
                });
                let pushed = text.and_then(|text| self.push_plain(text.as_bytes(), 0, text.len()));
                match pushed {
                    Some(()) => Ok(()),
                    None => unusable(self, ignored),
                }
            }
            Self::List {
                item,
                items,
                offsets,
                nulls,
            } => {
                let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(value) else {
                    return unusable(self, ignored);
                };
                for value in values {
                    items
                        .push(item, Some(value.get()), options, ignored)
                        .map_err(|problem| problem.below(field))?;
                    offsets.end += 1;
                }
                offsets.close();
                nulls.append_non_null();
                Ok(())
            }
            Self::Row {
                fields,
                columns,
                layout,
                nulls,
            } => {
                let Ok(entries) = object(value) else {
                    return unusable(self, ignored);
                };
                layout.learn(&entries, fields.iter().map(|field| field.name()));
                for (index, (inner, column)) in fields.iter().zip(columns).enumerate() {
                    let value = layout.value(&entries, index);
                    if value.is_none() && options.fail_on_missing_field {
                        let problem = Problem::new(inner, "the object has no such field");
                        return Err(problem.below(field));
                    }
                    column
                        .push(inner, value, options, ignored)
                        .map_err(|problem| problem.below(field))?;
                }
                nulls.append_non_null();
                Ok(())
            }
            Self::Map {
                fields,
                keys,
                values,
                offsets,
                nulls,
                ..
            } => {
                let Ok(entries) = object(value) else {
                    return unusable(self, ignored);
                };
                let last: HashMap<_, _> = entries
                    .iter()
                    .enumerate()
                    .map(|(at, (key, _))| (key, at))
                    .collect();
                for (at, (key, value)) in entries.iter().enumerate() {
                    if last.get(key) != Some(&at) {
                        continue;
                    }
                    let quoted = serde_json::Value::from(key.as_ref()).to_string();
                    keys.push(&fields[0], Some(&quoted), options, ignored)
                        .and_then(|()| values.push(&fields[1], Some(value.get()), options, ignored))
                        .map_err(|problem| problem.below(field))?;
                    offsets.end += 1;
                }
                offsets.close();
                nulls.append_non_null();
                Ok(())
            }
        }
    }

    /// Appends the plain value that `data[start..end]` spells; `None` if it spells none, or if the
    /// column is not of plain values.
    #[inline]
    pub(super) fn push_plain(&mut self, data: &[u8], start: usize, end: usize) -> Option<()> {
        self.plain()?.push(data, start, end).then_some(())
    }

    /// Appends the number at `at`, if it can be read in one step; answers where it ends.
    #[inline]
    pub(super) fn push_short(&mut self, data: &[u8], at: usize) -> Option<usize> {
        match self {
            Self::Doubles(column) => column.push_short(data, at),
            Self::BigInts(column) => column.push_short(data, at),
            Self::Plain(column) => column.push_short(data, at),
            _ => None,
        }
    }

    pub(super) fn push_null(&mut self, field: &Field) -> Result<(), Problem> {
        match field.is_nullable() {
            true => {
                self.push_absent();
                Ok(())
            }
            false => Err(Problem::new(
                field,
                "the field is NULL, but declared NOT NULL",
            )),
        }
    }

    /// Appends a NULL, or what lies under the NULL of a row.
    fn push_absent(&mut self) {
        match self {
            Self::Doubles(column) => column.push_null(),
            Self::BigInts(column) => column.push_null(),
            Self::Plain(column) => column.push_null(),
            Self::List { offsets, nulls, .. } | Self::Map { offsets, nulls, .. } => {
                offsets.close();
                nulls.append_null();
            }
            Self::Row { columns, nulls, .. } => {
                columns.iter_mut().for_each(Self::push_absent);
                nulls.append_null();
            }
        }
    }

    /// Takes back all values behind the first `rows`, whole or not.
    pub(super) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Doubles(column) => column.truncate(rows),
            Self::BigInts(column) => column.truncate(rows),
            Self::Plain(column) => column.truncate(rows),
            Self::List {
                items,
                offsets,
                nulls,
                ..
            } => {
                items.truncate(offsets.truncate(rows));
                nulls.truncate(rows);
            }
            Self::Row { columns, nulls, .. } => {
                columns.iter_mut().for_each(|column| column.truncate(rows));
                nulls.truncate(rows);
            }
            Self::Map {
                keys,
                values,
                offsets,
                nulls,
                ..
            } => {
                let entries = offsets.truncate(rows);
                keys.truncate(entries);
                values.truncate(entries);
                nulls.truncate(rows);
            }
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef, ConnectorError> {
        let wrong = |error| ConnectorError::unexpected("building a column", error);
        Ok(match self {
            Self::Doubles(column) => column.finish()?,
            Self::BigInts(column) => column.finish()?,
            Self::Plain(column) => column.finish()?,
            Self::List {
                item,
                items,
                offsets,
                nulls,
            } => Arc::new(
                ListArray::try_new(
                    item.clone(),
                    offsets.finish(),
                    items.finish()?,
                    nulls.finish(),
                )
                .map_err(wrong)?,
            ),
            Self::Row {
                fields,
                columns,
                nulls,
                ..
            } => {
                let length = nulls.len();
                let columns = columns.iter_mut().map(Self::finish);
                let columns = columns.collect::<Result<_, _>>()?;
                let array = StructArray::try_new_with_length(
                    fields.clone(),
                    columns,
                    nulls.finish(),
                    length,
                );
                Arc::new(array.map_err(wrong)?)
            }
            Self::Map {
                entries,
                fields,
                keys,
                values,
                offsets,
                nulls,
            } => {
                let columns = vec![keys.finish()?, values.finish()?];
                let inner = StructArray::try_new(fields.clone(), columns, None).map_err(wrong)?;
                let map = MapArray::try_new(
                    entries.clone(),
                    offsets.finish(),
                    inner,
                    nulls.finish(),
                    false,
                );
                Arc::new(map.map_err(wrong)?)
            }
        })
    }
}
