//! A row as it is written in JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// An object, an array, or a single value; the order of an object's fields is kept.
pub enum Row {
    Named(Vec<(String, Value)>),
    Values(Vec<Value>),
    One(Value),
}

impl Row {
    /// Its values by these names, or as many as `width`.
    pub fn in_order(self, names: Option<&[String]>, width: usize) -> Result<Vec<Value>, String> {
        let values = match (self, names) {
            (Row::Named(fields), Some(names)) => {
                if let Some((name, _)) = fields.iter().find(|(name, _)| !names.contains(name)) {
                    return Err(format!("has `{name}`, which rows before it do not have"));
                }
                let value = |name: &String| {
                    let mut fields = fields.iter();
                    let field = fields.find(|(known, _)| known == name);
                    field
                        .map(|(_, value)| value.clone())
                        .ok_or_else(|| format!("has no `{name}`"))
                };
                return names.iter().map(value).collect();
            }
            (Row::Named(_), None) => return Err("has names".to_owned()),
            (Row::Values(values), _) => values,
            (Row::One(value), _) => vec![value],
        };
        match values.len() == width {
            true => Ok(values),
            false => Err(format!("has {} values, not {width}", values.len())),
        }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Row::Named(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Row, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = items.next_element()? {
                    values.push(value);
                }
                Ok(Row::Values(values))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Row, E> {
                Ok(Row::One(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Row, E> {
                Ok(Row::One(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Row, E> {
                Ok(Row::One(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Row, E> {
                Ok(Row::One(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Row, E> {
                Ok(Row::One(value.into()))
            }

            fn visit_unit<E>(self) -> Result<Row, E> {
                Ok(Row::One(Value::Null))
            }
        }

        deserializer.deserialize_any(RowVisitor)
    }
}
