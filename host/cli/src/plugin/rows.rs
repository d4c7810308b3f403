//! Rows for a function, out of JSON or a file of CSV, as columns of its types.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use wasmill_plugin::{Arguments, Signature};

use super::csv::{self, Csv};
use super::failure::Failure;
use super::{types, values};

/// Bytes of a file that is read: all of it stands in memory.
const LARGEST_FILE: u64 = 1 << 30;

/// Columns, all of `rows` rows.
pub struct Rows {
    pub fields: Vec<FieldRef>,
    pub columns: Vec<ArrayRef>,
    pub rows: usize,
}

/// Rows as they were written.
pub struct Written {
    /// The columns' names, where they have some.
    names: Option<Vec<String>>,
    /// One a column, each of all rows.
    columns: Vec<Vec<Value>>,
    /// What messages call each row.
    places: Vec<String>,
    rows: usize,
    /// Values are texts, whatever their type.
    texts: bool,
}

impl Written {
    /// JSON values, one behind another: objects, arrays, or values of a single column.
    pub fn json(text: &str) -> Result<Self, Failure> {
        let rows = serde_json::Deserializer::from_str(text).into_iter();
        let rows: Vec<Row> = rows
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::wrong(format!("the rows are no JSON: {error}")))?;
        let names = rows.iter().find_map(|row| match row {
            Row::Named(fields) => Some(fields.iter().map(|(name, _)| name.clone()).collect()),
            _ => None,
        });
        let width = match (&names, rows.first()) {
            (Some(names), _) => Vec::len(names),
            (None, Some(Row::Values(values))) => values.len(),
            _ => 1,
        };
        let mut columns = vec![Vec::with_capacity(rows.len()); width];
        let places: Vec<_> = (0..rows.len()).map(|row| format!("row {row}")).collect();
        for (row, place) in rows.into_iter().zip(&places) {
            let values = row.in_order(names.as_deref(), width);
            let values = values.map_err(|reason| Failure::wrong(format!("{place} {reason}")))?;
            for (column, value) in columns.iter_mut().zip(values) {
                column.push(value);
            }
        }
        let rows = places.len();
        Ok(Written {
            names,
            columns,
            places,
            rows,
            texts: false,
        })
    }

    /// A file with a header.
    pub fn csv(path: &Path) -> Result<Self, Failure> {
        let text = read(path)?;
        let Csv { header, records } = csv::parse(&text)
            .map_err(|reason| Failure::wrong(format!("{}: {reason}", path.display())))?;
        let rows = records.len();
        let mut columns = vec![Vec::with_capacity(rows); header.len()];
        let places = records
            .iter()
            .map(|record| format!("{} line {}", path.display(), record.line));
        let places = places.collect();
        for record in records {
            for (column, field) in columns.iter_mut().zip(record.fields) {
                column.push(field.map_or(Value::Null, Value::String));
            }
        }
        Ok(Written {
            names: Some(header),
            columns,
            places,
            rows,
            texts: true,
        })
    }

    /// A file of JSON or, if its name ends so, of CSV; else JSON as it was given.
    pub fn file_or_json(text: &str) -> Result<Self, Failure> {
        let path = Path::new(text);
        match path.extension() {
            Some(extension) if extension == "csv" => Written::csv(path),
            _ if path.is_file() => Written::json(&read(path)?),
            _ => Written::json(text),
        }
    }

    /// As columns for a function: of its own types, or of `types`, where it does not say them or others
    /// are wanted.
    pub fn of(self, signature: &Signature, types: Option<&str>) -> Result<Rows, Failure> {
        let fields = match (declared(signature, types)?, &signature.arguments) {
            (Some(fields), _) => fields,
            (None, Arguments::Variadic(field)) => self.fields(|_| Ok(field.data_type().clone()))?,
            (None, _) => self.fields(|values| guessed(values, self.texts))?,
        };
        self.rows_of(fields)
    }

    /// As columns of these fields.
    pub fn rows_of(mut self, fields: Vec<FieldRef>) -> Result<Rows, Failure> {
        self.order_by(&fields)?;
        let columns = fields.iter().zip(&self.columns);
        let columns = columns.map(|(field, values)| self.typed(field, values));
        Ok(Rows {
            columns: columns.collect::<Result<_, _>>()?,
            rows: self.rows,
            fields,
        })
    }

    fn typed(&self, field: &FieldRef, values: &[Value]) -> Result<ArrayRef, Failure> {
        let values: Vec<_> = values.iter().collect();
        values::column(field.data_type(), &values).map_err(|wrong| {
            let place = self.places.get(wrong.row).map_or("", String::as_str);
            let message = format!("{place}, `{}`: {}", field.name(), wrong.message);
            Failure::wrong(message)
        })
    }

    fn fields(
        &self,
        type_of: impl Fn(&[Value]) -> Result<DataType, Failure>,
    ) -> Result<Vec<FieldRef>, Failure> {
        let columns = self.columns.iter().enumerate();
        columns
            .map(|(place, values)| {
                let name = match &self.names {
                    Some(names) => names[place].clone(),
                    None => format!("f{place}"),
                };
                Ok(Arc::new(Field::new(name, type_of(values)?, true)))
            })
            .collect()
    }

    /// By name, where the columns have the fields' names; else by place.
    fn order_by(&mut self, fields: &[FieldRef]) -> Result<(), Failure> {
        let named = |name: &String| {
            let mut names = self.names.iter().flatten();
            names.position(|known| known == name)
        };
        let places: Option<Vec<_>> = fields.iter().map(|field| named(field.name())).collect();
        match places {
            Some(places) => {
                let columns = places.iter().map(|place| self.columns[*place].clone());
                self.columns = columns.collect();
                Ok(())
            }
            None if self.columns.len() == fields.len() && (self.texts || self.names.is_none()) => {
                Ok(())
            }
            None if self.rows == 0 => {
                self.columns = vec![Vec::new(); fields.len()];
                Ok(())
            }
            None => {
                let names = self.names.as_ref().map(|names| names.join(", "));
                let had = names.unwrap_or_else(|| format!("{} values", self.columns.len()));
                Err(Failure::wrong(format!(
                    "the rows have ({had}), the function takes ({})",
                    types::names(fields)
                )))
            }
        }
    }
}

/// Column by column, by their names.
impl Written {
    pub fn len(&self) -> usize {
        self.rows
    }

    /// The columns' names.
    pub fn names(&self) -> Vec<String> {
        let numbered = || (0..self.columns.len()).map(|place| format!("f{place}"));
        let names = self.names.clone();
        names.unwrap_or_else(|| numbered().collect())
    }

    /// Rows without names have the columns of `unnamed`, by place.
    pub fn column(&self, field: &FieldRef, unnamed: &[FieldRef]) -> Result<ArrayRef, Failure> {
        if self.rows == 0 {
            return self.typed(field, &[]);
        }
        self.typed(field, self.values(field.name(), unnamed)?)
    }

    fn values(&self, name: &str, unnamed: &[FieldRef]) -> Result<&[Value], Failure> {
        let place = match unnamed.len() == self.columns.len() && self.names.is_none() {
            true => unnamed.iter().position(|field| field.name() == name),
            false => self.names().iter().position(|known| known == name),
        };
        match place.and_then(|place| self.columns.get(place)) {
            Some(values) => Ok(values),
            None => {
                let had = match &self.names {
                    Some(names) => names.join(", "),
                    None => format!("{} values", self.columns.len()),
                };
                let failure = Failure::wrong(format!("the rows have ({had}), and no `{name}`"));
                Err(match self.names {
                    Some(_) => failure,
                    None => failure.hint(format!("give them names: {{\"{name}\": …}}")),
                })
            }
        }
    }

    /// The type of a column of which nothing is said.
    pub fn guess(&self, name: &str) -> Result<DataType, Failure> {
        match self.rows {
            0 => Ok(DataType::Utf8),
            _ => guessed(self.values(name, &[])?, self.texts)
                .map_err(|failure| failure.at(&format!("`{name}`"))),
        }
    }

    /// The type of a column of times: milliseconds since 1970, or a timestamp.
    pub fn time_type(&self, name: &str) -> Result<DataType, Failure> {
        if self.rows == 0 {
            return Ok(DataType::Int64);
        }
        let values: Vec<_> = self.values(name, &[])?.iter().collect();
        Ok(match values::column(&DataType::Int64, &values) {
            Ok(_) => DataType::Int64,
            Err(_) => DataType::Timestamp(TimeUnit::Millisecond, None),
        })
    }
}

/// The columns that a function takes, if it or `types` says so.
pub fn declared(
    signature: &Signature,
    types: Option<&str>,
) -> Result<Option<Vec<FieldRef>>, Failure> {
    if let Some(text) = types {
        let fields = types::parse_list(text);
        return fields.map(Some).map_err(|reason| {
            let hint = "for example --types 'a int64, b list<utf8>'";
            Failure::wrong(format!("--types: {reason}")).hint(hint)
        });
    }
    Ok(match &signature.arguments {
        Arguments::Exact(fields) => {
            let nullable = |field: &FieldRef| Arc::new(field.as_ref().clone().with_nullable(true));
            Some(fields.iter().map(nullable).collect())
        }
        _ => None,
    })
}

/// The text of a file, if it is not too large.
pub fn read(path: &Path) -> Result<String, Failure> {
    let cannot =
        |reason: String| Failure::wrong(format!("cannot read {}: {reason}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| cannot(error.to_string()))?
        .len();
    if size > LARGEST_FILE {
        return Err(cannot(format!(
            "it has {size} bytes, of at most {LARGEST_FILE}"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| cannot(error.to_string()))
}

/// The type of a column of which nothing is said.
fn guessed(values: &[Value], texts: bool) -> Result<DataType, Failure> {
    let known: Vec<_> = values.iter().filter(|value| !value.is_null()).collect();
    let all = |data_type: DataType, own: fn(&Value) -> bool| {
        let of_type = match texts {
            true => values::column(&data_type, &known).is_ok(),
            false => known.iter().all(|value| own(value)),
        };
        of_type.then_some(data_type)
    };
    let guessed = all(DataType::Int64, Value::is_i64)
        .or_else(|| all(DataType::Float64, Value::is_number))
        .or_else(|| all(DataType::Boolean, Value::is_boolean))
        .or_else(|| all(DataType::Utf8, Value::is_string));
    match guessed {
        Some(data_type) if !known.is_empty() => Ok(data_type),
        _ => Err(
            Failure::wrong("the rows do not tell the types of their columns")
                .hint("give them: --types 'a int64, b list<utf8>'"),
        ),
    }
}

/// A row of JSON; the order of an object's fields is kept.
enum Row {
    Named(Vec<(String, Value)>),
    Values(Vec<Value>),
    One(Value),
}

impl Row {
    fn in_order(self, names: Option<&[String]>, width: usize) -> Result<Vec<Value>, String> {
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
