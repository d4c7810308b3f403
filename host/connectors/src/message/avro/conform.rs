//! From the types that an Avro schema has to those that a table declares, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, ListArray, MapArray, StructArray, new_null_array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, TimeUnit};
use arrow::error::ArrowError;

use super::plain;
use crate::text::{a_type, type_name};

/// What keeps a value or a type from being a column's: where, and what.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// `a.b`
    pub(super) path: String,
    pub(super) message: String,
}

impl Mismatch {
    fn new(field: &Field, message: impl Into<String>) -> Self {
        Self {
            path: field.name().clone(),
            message: message.into(),
        }
    }

    fn below(self, field: &Field) -> Self {
        self.inside(field.name())
    }

    pub(super) fn inside(mut self, name: &str) -> Self {
        self.path = match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{name}.{}", self.path),
        };
        self
    }
}

/// Whether values of one field may be those of another; one that is not there is NULL. Each value is
/// looked at when it comes: see [`conform`].
pub(super) fn check(from: Option<&DataType>, to: &Field) -> Result<(), Mismatch> {
    use DataType as D;
    let Some(from) = from else {
        return match to.is_nullable() {
            true => Ok(()),
            false => Err(Mismatch::new(
                to,
                "the schema has no such field, and the column is declared NOT NULL",
            )),
        };
    };
    let inner = match (from, to.data_type()) {
        (D::List(from), D::List(item)) => check(Some(from.data_type()), item),
        (D::Struct(from), D::Struct(to)) => to.iter().try_for_each(|field| {
            let found = from.find(field.name());
            check(found.map(|(_, found)| found.data_type()), field)
        }),
        (D::Map(from, _), D::Map(to, _)) => match (from.data_type(), to.data_type()) {
            (D::Struct(from), D::Struct(to)) if from.len() == 2 && to.len() == 2 => {
                let both = from.iter().zip(to);
                let mut both = both.map(|(from, to)| check(Some(from.data_type()), to));
                both.by_ref().collect()
            }
            _ => Ok(()),
        },
        (from, to_type) if fits(from, to_type) => Ok(()),
        (from, to_type) => {
            let (from, to_type) = (name(from), a_type(to_type));
            let message = format!("{from} in the schema cannot be {to_type}");
            return Err(Mismatch::new(to, message));
        }
    };
    inner.map_err(|mismatch| mismatch.below(to))
}

/// The name of a type that an Avro schema has.
fn name(kind: &DataType) -> String {
    match kind {
        DataType::Dictionary(..) => "an enum".to_owned(),
        DataType::FixedSizeBinary(size) => format!("fixed({size})"),
        DataType::Union(..) => "a union of several types".to_owned(),
        DataType::Decimal256(..) => "a decimal of more than 38 digits".to_owned(),
        DataType::Null => "null".to_owned(),
        other => type_name(other),
    }
}

/// Avro's promotions, and those between the widths, units and digits of one kind of value.
fn fits(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    match (from, to) {
        (from, to) if from == to => !matches!(from, D::Union(..)),
        (D::Int8 | D::Int16 | D::Int32, D::Int8 | D::Int16 | D::Int32 | D::Int64) => true,
        (D::Int32 | D::Int64, D::Float32 | D::Float64) => true,
        (D::Float32, D::Float64) => true,
        (D::Utf8 | D::Binary, D::Utf8 | D::Binary) => true,
        (D::FixedSizeBinary(_), D::Binary) => true,
        (D::Dictionary(_, values), to) => **values == D::Utf8 && *to == D::Utf8,
        (D::Timestamp(..), D::Timestamp(..) | D::Int64) => true,
        (D::Int64, D::Timestamp(..)) => true,
        (D::Time32(_) | D::Time64(_), D::Time32(_) | D::Time64(_)) => true,
        (D::Decimal128(_, scale), D::Decimal128(_, wider)) => wider >= scale,
        _ => false,
    }
}

/// The values as those of another field, which [`check`] has let through; `None` are all NULL. `rows`
/// of them are looked at: those where what they lie in is not NULL.
pub(super) fn conform(
    from: Option<&ArrayRef>,
    to: &Field,
    rows: usize,
    outer: Option<&NullBuffer>,
) -> Result<ArrayRef, Mismatch> {
    use DataType as D;
    let Some(from) = from else {
        return Ok(new_null_array(to.data_type(), rows));
    };
    let unseen = |outer: Option<&NullBuffer>, nulls: &NullBuffer| {
        outer.is_some_and(|outer| outer.contains(nulls))
    };
    if let Some(nulls) = from.logical_nulls()
        && nulls.null_count() > 0
        && !to.is_nullable()
        && !unseen(outer, &nulls)
    {
        return Err(Mismatch::new(
            to,
            "the field is NULL, but declared NOT NULL",
        ));
    }
    let wrong = |error: ArrowError| Mismatch::new(to, plain(&error));
    match to.data_type() {
        D::List(item) => {
            let list = from.as_list::<i32>();
            let items = conform(Some(list.values()), item, list.values().len(), None);
            let items = items.map_err(|mismatch| mismatch.below(to))?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let list = ListArray::try_new(item.clone(), offsets, items, nulls).map_err(wrong)?;
            Ok(Arc::new(list))
        }
        D::Struct(fields) => {
            let row = from.as_struct();
            let nulls = row.nulls();
            let columns = fields.iter().map(|field| {
                let found = row.column_by_name(field.name());
                conform(found, field, row.len(), nulls).map_err(|mismatch| mismatch.below(to))
            });
            let columns = columns.collect::<Result<_, _>>()?;
            let (fields, nulls) = (fields.clone(), nulls.cloned());
            let row = StructArray::try_new_with_length(fields, columns, nulls, row.len());
            Ok(Arc::new(row.map_err(wrong)?))
        }
        D::Map(entries, sorted) => {
            let map = from.as_map();
            let D::Struct(fields) = entries.data_type() else {
                return Err(Mismatch::new(to, "not a MAP"));
            };
            let both = [map.keys(), map.values()].into_iter().zip(fields);
            let columns = both.map(|(from, field): (_, &FieldRef)| {
                conform(Some(from), field, from.len(), None).map_err(|mismatch| mismatch.below(to))
            });
            let columns = columns.collect::<Result<_, _>>()?;
            let inner = StructArray::try_new(fields.clone(), columns, None).map_err(wrong)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let map = MapArray::try_new(entries.clone(), offsets, inner, nulls, *sorted);
            Ok(Arc::new(map.map_err(wrong)?))
        }
        D::Decimal128(..) => {
            let decimal = from.as_primitive::<Decimal128Type>();
            let within = Decimal128Array::validate_decimal_precision(decimal, decimal.precision());
            within.map_err(|_| Mismatch::new(to, "it has more digits than the schema says"))?;
            cast(from, to)
        }
        D::Timestamp(..) if *from.data_type() == D::Int64 => {
            // A long without a logical type counts milliseconds.
            let instants = Field::new(to.name(), D::Timestamp(TimeUnit::Millisecond, None), true);
            cast(&cast(from, &instants)?, to)
        }
        _ => cast(from, to),
    }
}

fn cast(from: &ArrayRef, to: &Field) -> Result<ArrayRef, Mismatch> {
    if from.data_type() == to.data_type() {
        return Ok(from.clone());
    }
    let strict = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(from, to.data_type(), &strict).map_err(|error| {
        let kind = a_type(to.data_type());
        Mismatch::new(to, format!("not {kind}: {}", plain(&error)))
    })
}
