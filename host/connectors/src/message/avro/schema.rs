//! Avro schemas: the one that Flink derives from a table's columns, and those of other writers.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::{DataType, Field, TimeUnit};
use serde_json::{Value, json};

use crate::text::type_name;
use crate::{ConnectorError, TableDefinition};

/// What Flink calls the record of a row.
const RECORD: &str = "org.apache.flink.avro.generated.record";

/// The schema of a table's rows, as Flink's `AvroSchemaConverter` derives it. `legacy`: a TIMESTAMP is
/// Avro's `timestamp` (an instant) and not its `local-timestamp`.
///
/// # Errors
/// [`ConnectorError::Job`] names the column that Avro cannot carry.
pub(super) fn derive(
    definition: &TableDefinition,
    fields: &[Field],
    legacy: bool,
) -> Result<Value, ConnectorError> {
    let mut columns = Vec::new();
    for field in fields {
        let column = record_field(field, RECORD, legacy).map_err(|reason| {
            let (table, name) = (&definition.name, field.name());
            ConnectorError::job(format!("table {table}: column {name} {reason}"))
        })?;
        columns.push(column);
    }
    Ok(
        json!({"type": "record", "name": "record", "namespace": "org.apache.flink.avro.generated", "fields": columns}),
    )
}

fn record_field(field: &Field, record: &str, legacy: bool) -> Result<Value, String> {
    let name = field.name();
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|c| c == '_' || c.is_ascii_alphabetic());
    if !begins || !letters.all(|c| c == '_' || c.is_ascii_alphanumeric()) {
        return Err("has a name that Avro does not allow: it takes letters, digits and _, and no digit first".to_owned());
    }
    let schema = type_of(field, &format!("{record}_{name}"), legacy)?;
    Ok(match field.is_nullable() {
        true => json!({"name": name, "type": schema, "default": null}),
        false => json!({"name": name, "type": schema}),
    })
}

/// The schema of a field's type; `record` is the name of a record in it.
fn type_of(field: &Field, record: &str, legacy: bool) -> Result<Value, String> {
    use DataType as D;
    let cannot = || {
        let kind = type_name(field.data_type());
        format!("is or holds {kind}, which the format avro cannot carry")
    };
    let logical = |kind: &str, logical: String| json!({"type": kind, "logicalType": logical});
    let timestamp = |unit: &TimeUnit, local: bool| {
        let before = if local { "local-" } else { "" };
        let unit = match unit {
            TimeUnit::Second | TimeUnit::Millisecond => "millis",
            TimeUnit::Microsecond => "micros",
            TimeUnit::Nanosecond => "nanos",
        };
        logical("long", format!("{before}timestamp-{unit}"))
    };
    let schema = match field.data_type() {
        D::Boolean => json!("boolean"),
        D::Int8 | D::Int16 | D::Int32 => json!("int"),
        D::Int64 => json!("long"),
        D::Float32 => json!("float"),
        D::Float64 => json!("double"),
        D::Utf8 => json!("string"),
        D::Binary => json!("bytes"),
        D::Date32 => logical("int", "date".to_owned()),
        D::Time32(_) => logical("int", "time-millis".to_owned()),
        D::Timestamp(unit, zone) => timestamp(unit, zone.is_none() && !legacy),
        D::Decimal128(precision, scale) => {
            json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale})
        }
        D::List(item) => json!({"type": "array", "items": type_of(item, record, legacy)?}),
        D::Map(entries, _) => match entries.data_type() {
            D::Struct(entry) if entry.len() == 2 && *entry[0].data_type() == D::Utf8 => {
                json!({"type": "map", "values": type_of(&entry[1], record, legacy)?})
            }
            _ => return Err(cannot()),
        },
        D::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| record_field(field, record, legacy));
            let fields = fields.collect::<Result<Vec<_>, _>>()?;
            let (namespace, name) = record.rsplit_once('.').unwrap_or(("", record));
            json!({"type": "record", "name": name, "namespace": namespace, "fields": fields})
        }
        _ => return Err(cannot()),
    };
    Ok(match field.is_nullable() {
        true => json!(["null", schema]),
        false => schema,
    })
}

/// Types that a schema may come to when each name stands for its definition.
const MAX_TYPES: usize = 10_000;

/// A schema without names: every reference is replaced by what it stands for, and logical types that
/// no column has by what lies under them. So it can be taken apart and compared.
///
/// # Errors
/// What is wrong with it.
pub(super) fn expand(schema: &Value) -> Result<Value, String> {
    let mut expansion = Expansion::default();
    expansion.expand(schema, "")
}

#[derive(Default)]
struct Expansion {
    /// By full name: the type, and how many types it consists of.
    named: BTreeMap<String, (Value, usize)>,
    /// Records that the current type is inside of.
    open: BTreeSet<String>,
    /// Types so far; each gets a name of its own out of it, too.
    types: usize,
}

impl Expansion {
    fn expand(&mut self, schema: &Value, namespace: &str) -> Result<Value, String> {
        self.count(1)?;
        match schema {
            Value::String(name) if is_primitive(name) => Ok(schema.clone()),
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.expand(branch, namespace));
                Ok(Value::Array(branches.collect::<Result<_, _>>()?))
            }
            Value::Object(_) => match &schema["type"] {
                Value::String(kind) => self.expand_object(kind, schema, namespace),
                inner @ (Value::Object(_) | Value::Array(_)) => self.expand(inner, namespace),
                _ => Err("a type in it has no name".to_owned()),
            },
            _ => Err("it is no Avro schema".to_owned()),
        }
    }

    fn expand_object(
        &mut self,
        kind: &str,
        schema: &Value,
        namespace: &str,
    ) -> Result<Value, String> {
        match kind {
            "array" => {
                let items = self.expand(&schema["items"], namespace)?;
                Ok(json!({"type": "array", "items": items}))
            }
            "map" => {
                let values = self.expand(&schema["values"], namespace)?;
                Ok(json!({"type": "map", "values": values}))
            }
            "record" | "error" | "enum" | "fixed" => {
                let name = schema["name"].as_str().ok_or("a type in it has no name")?;
                let of_its_own = schema["namespace"].as_str();
                let full = full_name(name, of_its_own.unwrap_or(namespace));
                let before = self.types;
                if !self.open.insert(full.clone()) {
                    return Err(format!("it defines {full} twice"));
                }
                let expanded = self.expand_named(kind, schema, &full)?;
                self.open.remove(&full);
                let size = self.types - before + 1;
                self.named.insert(full, (expanded.clone(), size));
                Ok(expanded)
            }
            primitive if is_primitive(primitive) => Ok(logical(primitive, schema)),
            name => self.named(name, namespace),
        }
    }

    fn expand_named(&mut self, kind: &str, schema: &Value, full: &str) -> Result<Value, String> {
        let namespace = full.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        let unique = format!("t{}", self.types);
        match kind {
            "enum" => {
                let symbols = &schema["symbols"];
                Ok(json!({"type": "enum", "name": unique, "symbols": symbols}))
            }
            "fixed" => {
                let mut fixed = json!({"type": "fixed", "name": unique, "size": schema["size"]});
                copy_decimal(schema, &mut fixed);
                Ok(fixed)
            }
            _ => {
                let fields = schema["fields"].as_array();
                let fields = fields.ok_or_else(|| format!("the record {full} has no fields"))?;
                let fields = fields.iter().map(|field| {
                    let expanded = self.expand(&field["type"], namespace)?;
                    Ok(json!({"name": field["name"], "type": expanded}))
                });
                let fields = fields.collect::<Result<Vec<_>, String>>()?;
                Ok(json!({"type": "record", "name": unique, "fields": fields}))
            }
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<Value, String> {
        let full = full_name(name, namespace);
        // A name without a dot may also be one without a namespace.
        let found = self.named.get(&full).or_else(|| self.named.get(name));
        match found.cloned() {
            Some((schema, types)) => {
                self.count(types)?;
                Ok(schema)
            }
            None if self.open.contains(&full) => {
                Err(format!("the type {full} holds itself, which no column can"))
            }
            None => Err(format!("it does not define the type {full}")),
        }
    }

    fn count(&mut self, types: usize) -> Result<(), String> {
        self.types += types;
        match self.types > MAX_TYPES {
            true => Err(format!("it has more than {MAX_TYPES} types")),
            false => Ok(()),
        }
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    match name.contains('.') || namespace.is_empty() {
        true => name.to_owned(),
        false => format!("{namespace}.{name}"),
    }
}

fn is_primitive(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    ];
    NAMES.contains(&name)
}

/// A primitive type with its logical type, if that is one of a column.
fn logical(primitive: &str, schema: &Value) -> Value {
    let mut kept = json!({"type": primitive});
    match (primitive, schema["logicalType"].as_str()) {
        ("bytes", _) => copy_decimal(schema, &mut kept),
        ("int", Some("date" | "time-millis"))
        | (
            "long",
            Some(
                "time-micros"
                | "timestamp-millis"
                | "timestamp-micros"
                | "timestamp-nanos"
                | "local-timestamp-millis"
                | "local-timestamp-micros"
                | "local-timestamp-nanos",
            ),
        ) => kept["logicalType"] = schema["logicalType"].clone(),
        _ => return json!(primitive),
    }
    kept
}

fn copy_decimal(schema: &Value, kept: &mut Value) {
    if schema["logicalType"] == "decimal" {
        kept["logicalType"] = json!("decimal");
        kept["precision"] = schema["precision"].clone();
        kept["scale"] = json!(schema["scale"].as_u64().unwrap_or(0));
    }
}

/// What of an expanded record is read for these columns: their fields, in the columns' order, and of
/// rows in them likewise. A column that the record lacks is not in it.
pub(super) fn project<'a>(record: &Value, columns: impl Iterator<Item = &'a Field>) -> Value {
    let fields = record["fields"].as_array();
    let found = columns.filter_map(|column| {
        let mut fields = fields?.iter();
        let field = fields.find(|field| field["name"] == column.name().as_str())?;
        let schema = project_type(&field["type"], column.data_type());
        Some(json!({"name": column.name(), "type": schema}))
    });
    let found: Vec<_> = found.collect();
    json!({"type": "record", "name": record["name"], "fields": found})
}

fn project_type(schema: &Value, kind: &DataType) -> Value {
    match (schema, kind) {
        (Value::Array(branches), _) => {
            let branches = branches.iter().map(|branch| project_type(branch, kind));
            branches.collect()
        }
        (Value::Object(_), DataType::Struct(fields)) if schema["type"] == "record" => {
            project(schema, fields.iter().map(|field| field.as_ref()))
        }
        (Value::Object(_), DataType::List(item)) if schema["type"] == "array" => {
            json!({"type": "array", "items": project_type(&schema["items"], item.data_type())})
        }
        (Value::Object(_), DataType::Map(entries, _)) if schema["type"] == "map" => {
            match entries.data_type() {
                DataType::Struct(entry) if entry.len() == 2 => {
                    let values = project_type(&schema["values"], entry[1].data_type());
                    json!({"type": "map", "values": values})
                }
                _ => schema.clone(),
            }
        }
        _ => schema.clone(),
    }
}
