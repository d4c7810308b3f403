//! Arrow types and fields, as trees; the contract has them flat.

use crate::bindings::wasmill::udf::columns as wire;
use crate::bindings::wasmill::udf::columns::TimeUnit;

/// An Arrow type.
#[derive(Clone, Debug, PartialEq)]
pub enum DataType {
    Boolean,
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Float32,
    Float64,
    Utf8,
    Binary,
    /// days since 1970-01-01
    Date32,
    /// time of day, microseconds
    Time64,
    /// ticks since 1970-01-01T00:00:00; with a time zone they are an instant in UTC
    Timestamp(TimeUnit, Option<String>),
    /// precision and scale
    Decimal128(u8, i8),
    /// any number of items a value
    List(Box<Field>),
    /// every value has this many items
    FixedSizeList(Box<Field>, u32),
    Struct(Vec<Field>),
}

/// A named column, or a part of a nested one.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub data_type: DataType,
    pub nullable: bool,
}

impl Field {
    /// A field that may hold NULL.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        Self {
            name: name.into(),
            data_type,
            nullable: true,
        }
    }

    /// A list's item.
    pub fn item(data_type: DataType) -> Self {
        Self::new("item", data_type)
    }
}

/// Microseconds since 1970-01-01T00:00:00.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Days since 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

impl DataType {
    /// The type as the contract has it; its children are [`DataType::children`].
    pub(crate) fn wire(&self) -> wire::DataType {
        match self {
            Self::Boolean => wire::DataType::Boolean,
            Self::Int8 => wire::DataType::Int8,
            Self::Int16 => wire::DataType::Int16,
            Self::Int32 => wire::DataType::Int32,
            Self::Int64 => wire::DataType::Int64,
            Self::UInt8 => wire::DataType::Uint8,
            Self::UInt16 => wire::DataType::Uint16,
            Self::UInt32 => wire::DataType::Uint32,
            Self::UInt64 => wire::DataType::Uint64,
            Self::Float32 => wire::DataType::Float32,
            Self::Float64 => wire::DataType::Float64,
            Self::Utf8 => wire::DataType::Utf8,
            Self::Binary => wire::DataType::Binary,
            Self::Date32 => wire::DataType::Date32,
            Self::Time64 => wire::DataType::Time64,
            Self::Timestamp(unit, timezone) => wire::DataType::Timestamp(wire::TimestampType {
                unit: *unit,
                timezone: timezone.clone(),
            }),
            &Self::Decimal128(precision, scale) => {
                wire::DataType::Decimal128(wire::DecimalType { precision, scale })
            }
            Self::List(_) => wire::DataType::List,
            Self::FixedSizeList(_, size) => wire::DataType::FixedSizeList(*size),
            Self::Struct(_) => wire::DataType::Struct,
        }
    }

    fn children(&self) -> &[Field] {
        match self {
            Self::List(item) | Self::FixedSizeList(item, _) => std::slice::from_ref(item),
            Self::Struct(fields) => fields,
            _ => &[],
        }
    }

    fn from_wire(data_type: &wire::DataType, mut children: Vec<Field>) -> Self {
        let item = |children: &mut Vec<Field>| {
            Box::new(children.pop().unwrap_or_else(|| Field::item(Self::Boolean)))
        };
        match data_type {
            wire::DataType::Boolean => Self::Boolean,
            wire::DataType::Int8 => Self::Int8,
            wire::DataType::Int16 => Self::Int16,
            wire::DataType::Int32 => Self::Int32,
            wire::DataType::Int64 => Self::Int64,
            wire::DataType::Uint8 => Self::UInt8,
            wire::DataType::Uint16 => Self::UInt16,
            wire::DataType::Uint32 => Self::UInt32,
            wire::DataType::Uint64 => Self::UInt64,
            wire::DataType::Float32 => Self::Float32,
            wire::DataType::Float64 => Self::Float64,
            wire::DataType::Utf8 => Self::Utf8,
            wire::DataType::Binary => Self::Binary,
            wire::DataType::Date32 => Self::Date32,
            wire::DataType::Time64 => Self::Time64,
            wire::DataType::Timestamp(timestamp) => {
                Self::Timestamp(timestamp.unit, timestamp.timezone.clone())
            }
            wire::DataType::Decimal128(decimal) => {
                Self::Decimal128(decimal.precision, decimal.scale)
            }
            wire::DataType::List => Self::List(item(&mut children)),
            wire::DataType::FixedSizeList(size) => Self::FixedSizeList(item(&mut children), *size),
            wire::DataType::Struct => Self::Struct(children),
        }
    }
}

/// Fields in pre-order, as the contract wants them.
pub(crate) fn to_schema(fields: &[Field]) -> wire::Schema {
    fn add(field: &Field, flat: &mut Vec<wire::Field>) -> u32 {
        let index = flat.len();
        flat.push(wire::Field {
            name: field.name.clone(),
            data_type: field.data_type.wire(),
            nullable: field.nullable,
            children: Vec::new(),
        });
        let children = field.data_type.children();
        flat[index].children = children.iter().map(|child| add(child, flat)).collect();
        index as u32
    }
    let mut flat = Vec::new();
    let columns = fields.iter().map(|field| add(field, &mut flat)).collect();
    wire::Schema {
        fields: flat,
        columns,
    }
}

/// The top-level fields of a schema.
pub(crate) fn from_schema(schema: &wire::Schema) -> Vec<Field> {
    fn tree(schema: &wire::Schema, index: u32) -> Field {
        let field = &schema.fields[index as usize];
        let children = field.children.iter().map(|child| tree(schema, *child));
        Field {
            name: field.name.clone(),
            data_type: DataType::from_wire(&field.data_type, children.collect()),
            nullable: field.nullable,
        }
    }
    let columns = schema.columns.iter();
    columns.map(|index| tree(schema, *index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_fields_come_back_from_the_flat_form() {
        let point = DataType::Struct(vec![
            Field::new("x", DataType::Float64),
            Field::new(
                "tags",
                DataType::List(Box::new(Field::item(DataType::Utf8))),
            ),
        ]);
        let fields = vec![
            Field::new("id", DataType::Int64),
            Field::new(
                "points",
                DataType::FixedSizeList(Box::new(Field::item(point)), 3),
            ),
            Field::new(
                "at",
                DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
            ),
        ];
        let schema = to_schema(&fields);
        assert_eq!(schema.columns, [0, 1, 6]);
        let names: Vec<_> = schema
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(names, ["id", "points", "item", "x", "tags", "item", "at"]);
        assert_eq!(from_schema(&schema), fields);
    }
}
