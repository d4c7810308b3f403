//! Whether a Parquet file's columns can be read as the declared ones.

use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::Type as PhysicalType;

use crate::ConnectorError;
use crate::error::did_you_mean;
use crate::filesystem::location::InputFile;
use crate::text::type_name;

/// The options that read a file's old 96-bit timestamps in the declared unit, where it has any: in
/// nanoseconds they would overflow outside the years 1677 to 2262.
pub(super) fn options(metadata: &ArrowReaderMetadata, declared: &[Field]) -> ArrowReaderOptions {
    let base = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let root = metadata.parquet_schema();
    let mut changed = false;
    let fields = metadata.schema().fields().iter().enumerate();
    let fields: Vec<_> = fields
        .map(|(index, field)| {
            let mut leaves = (0..root.num_columns())
                .filter(|leaf| root.get_column_root_idx(*leaf) == index)
                .map(|leaf| root.column(leaf).physical_type());
            let wanted = declared.iter().find(|wanted| wanted.name() == field.name());
            match (leaves.next(), wanted.map(Field::data_type)) {
                (Some(PhysicalType::INT96), Some(DataType::Timestamp(unit, _)))
                    if matches!(field.data_type(), DataType::Timestamp(..)) =>
                {
                    changed = true;
                    let kind = DataType::Timestamp(*unit, None);
                    field.as_ref().clone().with_data_type(kind)
                }
                _ => field.as_ref().clone(),
            }
        })
        .collect();
    match changed {
        true => base.with_schema(Schema::new(fields).into()),
        false => base,
    }
}

/// The index of each declared column in the file's schema.
pub(super) fn places(
    schema: &Schema,
    declared: &[Field],
    file: &InputFile,
) -> Result<Vec<usize>, ConnectorError> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    let places = declared.iter().map(|field| {
        let Some((index, found)) = schema.column_with_name(field.name()) else {
            let hint = did_you_mean(field.name(), names()).unwrap_or_else(|| {
                format!("the file has {}", names().collect::<Vec<_>>().join(", "))
            });
            return Err(ConnectorError::data(format!(
                "{}: the file has no column {}",
                file.shown,
                field.name()
            ))
            .with_hint(hint));
        };
        if !is_lossless(found.data_type(), field.data_type()) {
            let found = type_name(found.data_type());
            return Err(ConnectorError::data(format!(
                "{}: column {} is {found} in the file, which cannot be read as {} without loss",
                file.shown,
                field.name(),
                type_name(field.data_type())
            ))
            .with_hint(format!(
                "declare it {} {found} and CAST it in the query",
                field.name()
            )));
        }
        Ok(index)
    });
    places.collect()
}

/// Whether every value of one type is a value of the other (of timestamps and times: but for digits
/// that are finer than declared, which are cut off).
fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType as D;
    let bits = |kind: &DataType| kind.primitive_width().unwrap_or(0);
    match (from, to) {
        (from, to) if from == to => true,
        (from, to) if from.is_integer() && to.is_integer() => {
            from.is_signed_integer() == to.is_signed_integer() && bits(from) <= bits(to)
                || from.is_unsigned_integer() && bits(from) < bits(to)
        }
        (from, D::Float64) if from.is_integer() => bits(from) <= 4,
        (from, D::Float32) if from.is_integer() => bits(from) <= 2,
        (D::Float16 | D::Float32, D::Float32 | D::Float64) => true,
        (D::Decimal128(from, scale), D::Decimal128(to, wider)) => {
            wider >= scale
                && i16::from(*to) - i16::from(*wider) >= i16::from(*from) - i16::from(*scale)
        }
        (D::Utf8 | D::LargeUtf8 | D::Utf8View, D::Utf8) => true,
        (D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_), D::Binary) => true,
        (D::Timestamp(..), D::Timestamp(..)) => true,
        (D::Time32(_) | D::Time64(_), D::Time32(_) | D::Time64(_)) => true,
        (D::List(from) | D::LargeList(from), D::List(to)) => {
            is_lossless(from.data_type(), to.data_type())
        }
        (D::Struct(from), D::Struct(to)) => {
            from.len() == to.len()
                && from.iter().zip(to).all(|(from, to)| {
                    from.name() == to.name() && is_lossless(from.data_type(), to.data_type())
                })
        }
        (D::Map(from, _), D::Map(to, _)) => match (from.data_type(), to.data_type()) {
            (D::Struct(from), D::Struct(to)) => {
                from.len() == to.len()
                    && from
                        .iter()
                        .zip(to)
                        .all(|(from, to)| is_lossless(from.data_type(), to.data_type()))
            }
            _ => false,
        },
        _ => false,
    }
}
