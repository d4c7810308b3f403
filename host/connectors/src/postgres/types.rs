//! Which of PostgreSQL's types take the values of which of Flink's.

use arrow::datatypes::{DataType, Field, TimeUnit};
use tokio_postgres::types::Oid;

use crate::text::type_name;
use crate::{ConnectorError, TableDefinition};

/// How a value is written on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wire {
    Boolean,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float4,
    Float8,
    /// Also JSON, and the names of an enumeration.
    Text,
    Jsonb,
    Uuid,
    Bytea,
    Date,
    Time,
    /// With or without a time zone: both are microseconds.
    Timestamp,
    Array {
        item: Box<Wire>,
        oid: Oid,
    },
}

/// A type as PostgreSQL's catalog has it, the one below a domain.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub name: String,
    pub is_enum: bool,
    /// Of the column: precision and scale, or a length; -1 where there is none.
    pub modifier: i32,
    pub oid: Oid,
    /// Of an array.
    pub item: Option<Box<Stored>>,
}

/// Refuses the columns that no table of PostgreSQL can hold.
pub(super) fn check(definition: &TableDefinition) -> Result<(), ConnectorError> {
    let written = definition.columns.iter();
    for column in written.filter(|column| !column.virtual_column) {
        let name = column.field.name();
        let refused = |why: String, hint: &str| {
            let table = &definition.name;
            let message = format!("table {table}: column {name} {why}");
            Err(ConnectorError::job(message).with_hint(hint.to_owned()))
        };
        if column.metadata.is_some() {
            return refused(
                "is metadata, which cannot be written".to_owned(),
                "declare it VIRTUAL",
            );
        }
        let data_type = column.field.data_type();
        let shown = type_name(data_type);
        if default_type(data_type).is_some() {
            continue;
        }
        return match base(data_type) {
            DataType::Timestamp(TimeUnit::Nanosecond, _) | DataType::Time64(_) => refused(
                format!("is {shown}, but PostgreSQL holds microseconds"),
                "declare it with 6 digits",
            ),
            _ => refused(
                format!("is {shown}, which PostgreSQL has no type for"),
                "write JSON text to a column of the type json or jsonb, and declare it STRING",
            ),
        };
    }
    Ok(())
}

fn base(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::List(item) => base(item.data_type()),
        other => other,
    }
}

/// The type that a column of a table made for the declaration has.
pub(super) fn default_type(data_type: &DataType) -> Option<String> {
    let digits = |unit: &TimeUnit| match unit {
        TimeUnit::Second => Some(0),
        TimeUnit::Millisecond => Some(3),
        TimeUnit::Microsecond => Some(6),
        TimeUnit::Nanosecond => None,
    };
    Some(match data_type {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 | DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double precision".to_owned(),
        DataType::Decimal128(precision, scale) => format!("numeric({precision}, {scale})"),
        DataType::Utf8 => "text".to_owned(),
        DataType::Binary => "bytea".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Time32(unit) | DataType::Time64(unit) => format!("time({})", digits(unit)?),
        DataType::Timestamp(unit, None) => format!("timestamp({})", digits(unit)?),
        DataType::Timestamp(unit, Some(_)) => format!("timestamptz({})", digits(unit)?),
        DataType::List(item) if !matches!(item.data_type(), DataType::List(_)) => {
            format!("{}[]", default_type(item.data_type())?)
        }
        _ => return None,
    })
}

/// How values of a column are written to a column of PostgreSQL's; `None` where they do not fit, or
/// would lose digits.
pub(super) fn wire(data_type: &DataType, stored: &Stored) -> Option<Wire> {
    let text = stored.is_enum
        || matches!(
            stored.name.as_str(),
            "text" | "varchar" | "bpchar" | "json" | "citext" | "name"
        );
    Some(match (data_type, stored.name.as_str()) {
        (DataType::List(item), _) => {
            let stored = stored.item.as_deref()?;
            let item = Box::new(wire(item.data_type(), stored)?);
            let oid = stored.oid;
            Wire::Array { item, oid }
        }
        (DataType::Boolean, "bool") => Wire::Boolean,
        (DataType::Int8 | DataType::Int16, "int2") => Wire::Int2,
        (DataType::Int8 | DataType::Int16 | DataType::Int32, "int4") => Wire::Int4,
        (integer, "int8") if integer.is_signed_integer() => Wire::Int8,
        (DataType::Float32, "float4") => Wire::Float4,
        (DataType::Float32 | DataType::Float64, "float8") => Wire::Float8,
        (number, "numeric") if holds(stored.modifier, number) => Wire::Numeric,
        (DataType::Utf8, _) if text => Wire::Text,
        (DataType::Utf8, "jsonb") => Wire::Jsonb,
        (DataType::Utf8, "uuid") => Wire::Uuid,
        (DataType::Binary, "bytea") => Wire::Bytea,
        (DataType::Date32, "date") => Wire::Date,
        (DataType::Time32(unit) | DataType::Time64(unit), "time") if keeps(stored, unit) => {
            Wire::Time
        }
        (DataType::Timestamp(unit, None), "timestamp") if keeps(stored, unit) => Wire::Timestamp,
        (DataType::Timestamp(unit, Some(_)), "timestamptz") if keeps(stored, unit) => {
            Wire::Timestamp
        }
        _ => return None,
    })
}

/// Whether a `numeric` takes all digits of a number: it rounds others away without a word.
fn holds(modifier: i32, number: &DataType) -> bool {
    let (precision, scale) = match number {
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (19, 0),
        DataType::Decimal128(precision, scale) => (i32::from(*precision), i32::from(*scale)),
        _ => return false,
    };
    if modifier < 0 {
        return true;
    }
    // As PostgreSQL packs them: four more than the precision's and the scale's (11 bits, signed).
    let packed = modifier - 4;
    let (stored_precision, stored_scale) = (packed >> 16, ((packed & 0x7ff) ^ 1024) - 1024);
    scale <= stored_scale && precision - scale <= stored_precision - stored_scale
}

/// Whether a time's column takes all digits.
fn keeps(stored: &Stored, unit: &TimeUnit) -> bool {
    let digits = match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => 6,
    };
    stored.modifier < 0 || digits <= stored.modifier
}

impl Wire {
    /// The Arrow type that a column is cast to before it is written.
    pub(super) fn arrow_type(&self, data_type: &DataType) -> DataType {
        match (self, data_type) {
            (Self::Boolean, _) => DataType::Boolean,
            (Self::Int2, _) => DataType::Int16,
            (Self::Int4, _) => DataType::Int32,
            (Self::Int8, _) => DataType::Int64,
            (Self::Float4, _) => DataType::Float32,
            (Self::Float8, _) => DataType::Float64,
            (Self::Numeric, DataType::Decimal128(..)) => data_type.clone(),
            (Self::Numeric, _) => DataType::Decimal128(19, 0),
            (Self::Text | Self::Jsonb | Self::Uuid, _) => DataType::Utf8,
            (Self::Bytea, _) => DataType::Binary,
            (Self::Date, _) => DataType::Date32,
            (Self::Time, _) => DataType::Time64(TimeUnit::Microsecond),
            (Self::Timestamp, DataType::Timestamp(_, zone)) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            (Self::Array { item, .. }, DataType::List(field)) => {
                let item = item.arrow_type(field.data_type());
                DataType::List(Field::new_list_field(item, true).into())
            }
            (Self::Timestamp | Self::Array { .. }, _) => data_type.clone(),
        }
    }
}
