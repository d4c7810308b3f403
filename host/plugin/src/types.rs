//! Arrow's types and the contract's: `Field`s to a `schema` and back.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, TimeUnit};

use crate::contract;
use crate::error::escape;

/// Nesting that a type may have.
pub(crate) const MAX_DEPTH: usize = 16;
/// Fields that a type may have, all levels together.
pub(crate) const MAX_FIELDS: usize = 4096;

const MAX_DECIMAL_PRECISION: u8 = 38;
const MAX_TIMEZONE_BYTES: usize = 64;

/// The type that a column of `data_type` has in a plugin's eyes: itself where the contract carries
/// it, the nearest one that loses nothing where a cast helps (`Utf8View` → `Utf8`, a dictionary →
/// its values), `None` where there is none.
pub fn carried_type(data_type: &DataType) -> Option<DataType> {
    carried_at(data_type, MAX_DEPTH)
}

fn carried_at(data_type: &DataType, depth: usize) -> Option<DataType> {
    let depth = depth.checked_sub(1)?;
    let child = |field: &FieldRef| -> Option<FieldRef> {
        let data_type = carried_at(field.data_type(), depth)?;
        Some(Arc::new(field.as_ref().clone().with_data_type(data_type)))
    };
    Some(match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary | DataType::FixedSizeBinary(_) => {
            DataType::Binary
        }
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Timestamp(TimeUnit::Millisecond, None),
        DataType::Time32(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Dictionary(_, values) => carried_at(values, depth)?,
        DataType::RunEndEncoded(_, values) => carried_at(values.data_type(), depth)?,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(child(item)?),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(child(item)?, *size),
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(child).collect::<Option<Fields>>()?)
        }
        leaf => {
            to_contract(leaf)?;
            leaf.clone()
        }
    })
}

/// The contract's type of one field, its children left out; `None` if the contract has none.
pub(crate) fn to_contract(data_type: &DataType) -> Option<contract::DataType> {
    use contract::DataType as Carried;
    Some(match data_type {
        DataType::Boolean => Carried::Boolean,
        DataType::Int8 => Carried::Int8,
        DataType::Int16 => Carried::Int16,
        DataType::Int32 => Carried::Int32,
        DataType::Int64 => Carried::Int64,
        DataType::UInt8 => Carried::UInt8,
        DataType::UInt16 => Carried::UInt16,
        DataType::UInt32 => Carried::UInt32,
        DataType::UInt64 => Carried::UInt64,
        DataType::Float32 => Carried::Float32,
        DataType::Float64 => Carried::Float64,
        DataType::Utf8 => Carried::Utf8,
        DataType::Binary => Carried::Binary,
        DataType::Date32 => Carried::Date32,
        DataType::Time64(TimeUnit::Microsecond) => Carried::Time64,
        DataType::Timestamp(unit, timezone) => Carried::Timestamp(contract::TimestampType {
            unit: match unit {
                TimeUnit::Second => contract::TimeUnit::Second,
                TimeUnit::Millisecond => contract::TimeUnit::Millisecond,
                TimeUnit::Microsecond => contract::TimeUnit::Microsecond,
                TimeUnit::Nanosecond => contract::TimeUnit::Nanosecond,
            },
            timezone: timezone.as_deref().map(str::to_owned),
        }),
        DataType::Decimal128(precision, scale) => Carried::Decimal128(contract::DecimalType {
            precision: *precision,
            scale: *scale,
        }),
        DataType::List(_) => Carried::List,
        DataType::FixedSizeList(_, size) => Carried::FixedSizeList(u32::try_from(*size).ok()?),
        DataType::Struct(_) => Carried::Struct,
        _ => return None,
    })
}

/// The Arrow type with these children; an error says what is wrong with the guest's type.
pub(crate) fn from_contract(
    data_type: &contract::DataType,
    children: Vec<FieldRef>,
) -> Result<DataType, String> {
    use contract::DataType as Carried;
    let expected = match data_type {
        Carried::List | Carried::FixedSizeList(_) => Some(1),
        Carried::Struct => None,
        _ => Some(0),
    };
    if let Some(expected) = expected
        && children.len() != expected
    {
        return Err(format!(
            "a {} has {expected} children, not {}",
            contract_name(data_type),
            children.len()
        ));
    }
    Ok(match data_type {
        Carried::Boolean => DataType::Boolean,
        Carried::Int8 => DataType::Int8,
        Carried::Int16 => DataType::Int16,
        Carried::Int32 => DataType::Int32,
        Carried::Int64 => DataType::Int64,
        Carried::UInt8 => DataType::UInt8,
        Carried::UInt16 => DataType::UInt16,
        Carried::UInt32 => DataType::UInt32,
        Carried::UInt64 => DataType::UInt64,
        Carried::Float32 => DataType::Float32,
        Carried::Float64 => DataType::Float64,
        Carried::Utf8 => DataType::Utf8,
        Carried::Binary => DataType::Binary,
        Carried::Date32 => DataType::Date32,
        Carried::Time64 => DataType::Time64(TimeUnit::Microsecond),
        Carried::Timestamp(timestamp) => {
            if let Some(timezone) = &timestamp.timezone
                && (timezone.len() > MAX_TIMEZONE_BYTES || timezone.parse::<Tz>().is_err())
            {
                return Err(format!(
                    "`{}` is not a time zone",
                    escape(timezone, MAX_TIMEZONE_BYTES)
                ));
            }
            let unit = match timestamp.unit {
                contract::TimeUnit::Second => TimeUnit::Second,
                contract::TimeUnit::Millisecond => TimeUnit::Millisecond,
                contract::TimeUnit::Microsecond => TimeUnit::Microsecond,
                contract::TimeUnit::Nanosecond => TimeUnit::Nanosecond,
            };
            DataType::Timestamp(unit, timestamp.timezone.as_deref().map(Arc::from))
        }
        Carried::Decimal128(decimal) => {
            let contract::DecimalType { precision, scale } = *decimal;
            let scale_fits = i16::from(scale).abs() <= i16::from(MAX_DECIMAL_PRECISION)
                && i16::from(scale) <= i16::from(precision);
            if !(1..=MAX_DECIMAL_PRECISION).contains(&precision) || !scale_fits {
                return Err(format!("decimal128({precision}, {scale}) does not exist"));
            }
            DataType::Decimal128(precision, scale)
        }
        Carried::List => DataType::List(one(children)?),
        Carried::FixedSizeList(size) => {
            // One of no items would have any number of rows in no room.
            let size = i32::try_from(*size).ok().filter(|size| *size > 0);
            let Some(size) = size else {
                return Err(format!("{} does not exist", contract_name(data_type)));
            };
            DataType::FixedSizeList(one(children)?, size)
        }
        Carried::Struct if children.is_empty() => {
            return Err("a struct without fields does not exist".to_owned());
        }
        Carried::Struct => DataType::Struct(children.into()),
    })
}

fn one(children: Vec<FieldRef>) -> Result<FieldRef, String> {
    children
        .into_iter()
        .next()
        .ok_or_else(|| "a list needs a child field".to_owned())
}

/// The contract's own name of a type, for messages to a plugin's author.
pub(crate) fn contract_name(data_type: &contract::DataType) -> String {
    use contract::DataType as Carried;
    match data_type {
        Carried::Timestamp(_) => "timestamp".to_owned(),
        Carried::Decimal128(decimal) => {
            format!("decimal128({}, {})", decimal.precision, decimal.scale)
        }
        Carried::FixedSizeList(size) => format!("fixed-size-list({size})"),
        simple => format!("{simple:?}").to_lowercase(),
    }
}

/// Whether a type stays under [`MAX_DEPTH`] and [`MAX_FIELDS`], which keeps every later walk over
/// it short. Stops early.
pub(crate) fn within_bounds(data_type: &DataType) -> bool {
    fn walk(data_type: &DataType, depth: usize, fields: &mut usize) -> bool {
        let (Some(depth), Some(left)) = (depth.checked_sub(1), fields.checked_sub(1)) else {
            return false;
        };
        *fields = left;
        match data_type {
            DataType::List(item) | DataType::FixedSizeList(item, _) => {
                walk(item.data_type(), depth, fields)
            }
            DataType::Struct(children) => children
                .iter()
                .all(|child| walk(child.data_type(), depth, fields)),
            _ => true,
        }
    }
    walk(data_type, MAX_DEPTH, &mut MAX_FIELDS.clone())
}

/// The schema of these columns; an error names the field that the contract cannot carry.
pub(crate) fn to_schema<'a>(
    columns: impl IntoIterator<Item = &'a FieldRef>,
) -> Result<contract::Schema, String> {
    fn add(field: &Field, depth: usize, schema: &mut contract::Schema) -> Result<u32, String> {
        let carried = to_contract(field.data_type()).filter(|_| depth < MAX_DEPTH);
        let Some(data_type) = carried else {
            return Err(format!("{} (`{}`)", field.data_type(), field.name()));
        };
        let index = schema.fields.len();
        schema.fields.push(contract::Field {
            name: field.name().clone(),
            data_type,
            nullable: field.is_nullable(),
            children: Vec::new(),
        });
        let children = match field.data_type() {
            DataType::List(item) | DataType::FixedSizeList(item, _) => {
                vec![add(item, depth + 1, schema)?]
            }
            DataType::Struct(fields) => fields
                .iter()
                .map(|field| add(field, depth + 1, schema))
                .collect::<Result<_, _>>()?,
            _ => Vec::new(),
        };
        schema.fields[index].children = children;
        u32::try_from(index).map_err(|_| "too many fields".to_owned())
    }

    let mut schema = contract::Schema::default();
    for field in columns {
        let index = add(field, 0, &mut schema)?;
        schema.columns.push(index);
    }
    Ok(schema)
}

/// The columns of a guest's schema, checked: indices in range, each field used once, in pre-order.
pub(crate) fn from_schema(schema: &contract::Schema) -> Result<Fields, String> {
    /// `next` is the first field that nothing has used yet: pre-order means that it comes next.
    fn take(
        schema: &contract::Schema,
        index: u32,
        next: &mut usize,
        depth: usize,
    ) -> Result<FieldRef, String> {
        let field = schema
            .fields
            .get(index as usize)
            .ok_or_else(|| format!("field {index} does not exist"))?;
        if index as usize != *next {
            return Err(format!("field {index} is not in pre-order"));
        }
        if depth == MAX_DEPTH {
            return Err(format!("fields are nested more than {MAX_DEPTH} deep"));
        }
        *next += 1;
        let children = field
            .children
            .iter()
            .map(|&child| take(schema, child, next, depth + 1))
            .collect::<Result<_, _>>()?;
        let data_type = from_contract(&field.data_type, children)?;
        Ok(Arc::new(Field::new(
            field.name.clone(),
            data_type,
            field.nullable,
        )))
    }

    if schema.fields.len() > MAX_FIELDS {
        return Err(format!("more than {MAX_FIELDS} fields"));
    }
    let mut next = 0;
    let columns = schema
        .columns
        .iter()
        .map(|&index| take(schema, index, &mut next, 0))
        .collect::<Result<Vec<_>, _>>()?;
    if next != schema.fields.len() {
        return Err(format!("field {next} belongs to no column"));
    }
    Ok(columns.into())
}
