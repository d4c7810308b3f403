//! Flink's casts where DataFusion's are others: a ROW becomes another by the order of its fields, not
//! by their names; a TIMESTAMP_LTZ becomes the TIMESTAMP of a clock in the session's time zone, not
//! in UTC; and texts are written as Flink writes them, and cut where a whole number is wanted.

use std::{hash::Hash, sync::Arc};

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, ListArray, MapArray, PrimitiveArray, StructArray,
            timezone::Tz,
        },
        compute::{CastOptions, cast_with_options},
        datatypes::{
            ArrowTimestampType, DataType, Field, FieldRef, Fields, TimeUnit,
            TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
            TimestampSecondType,
        },
        error::ArrowError,
        temporal_conversions::as_datetime_with_timezone,
    },
    common::{
        DFSchema, Result, config::ConfigOptions, tree_node::Transformed, utils::take_function_args,
    },
    logical_expr::{
        ColumnarValue, Expr, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
        Signature, Volatility, expr::ScalarFunction, expr_rewriter::FunctionRewrite,
    },
};

use crate::functions::{as_text, has_own_text, whole_texts};

/// `data_type` with TIMESTAMP_LTZ in the session's time zone. Tables and connectors know UTC only;
/// the instants are the same.
pub(crate) fn in_zone(data_type: &DataType, zone: Option<&str>) -> DataType {
    let Some(zone) = zone else {
        return data_type.clone();
    };
    let field = |field: &FieldRef| -> FieldRef {
        let data_type = in_zone(field.data_type(), Some(zone));
        Arc::new(Field::clone(field).with_data_type(data_type))
    };
    match data_type {
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some(zone.into())),
        DataType::List(item) => DataType::List(field(item)),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

/// Puts [`FlinkCast`] in the place of the casts that it is for.
#[derive(Debug)]
pub(super) struct FlinkCasts;

impl FunctionRewrite for FlinkCasts {
    fn name(&self) -> &str {
        "flink_casts"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let (inner, to, safe) = match &expr {
            Expr::Cast(cast) => (&cast.expr, cast.field.data_type(), false),
            Expr::TryCast(cast) => (&cast.expr, cast.field.data_type(), true),
            _ => return Ok(Transformed::no(expr)),
        };
        if !is_ours(&inner.get_type(schema)?, to) {
            return Ok(Transformed::no(expr));
        }
        let function = FlinkCast {
            to: to.clone(),
            safe,
            signature: Signature::any(1, Volatility::Immutable),
        };
        let call = ScalarFunction::new_udf(
            Arc::new(ScalarUDF::from(function)),
            vec![inner.as_ref().clone()],
        );
        Ok(Transformed::yes(Expr::ScalarFunction(call)))
    }
}

fn is_ours(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        (DataType::Struct(from), DataType::Struct(to)) => from != to && from.len() == to.len(),
        (DataType::List(from), DataType::List(to)) => is_ours(from.data_type(), to.data_type()),
        (DataType::Map(from, _), DataType::Map(to, _)) => {
            match (from.data_type(), to.data_type()) {
                (DataType::Struct(from), DataType::Struct(to)) => from
                    .iter()
                    .zip(to)
                    .any(|(from, to)| is_ours(from.data_type(), to.data_type())),
                _ => false,
            }
        }
        (DataType::Timestamp(_, Some(zone)), DataType::Timestamp(_, None)) => &**zone != "UTC",
        (from, DataType::Utf8) => has_own_text(from),
        (DataType::Utf8, to) => to.is_integer(),
        _ => false,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct FlinkCast {
    to: DataType,
    /// NULL for a value that has no counterpart: TRY_CAST.
    safe: bool,
    signature: Signature,
}

impl ScalarUDFImpl for FlinkCast {
    fn name(&self) -> &str {
        "cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let options = CastOptions {
            safe: self.safe,
            ..CastOptions::default()
        };
        let [value] = take_function_args(self.name(), arguments.args)?;
        let array = value.into_array(arguments.number_rows)?;
        Ok(ColumnarValue::Array(cast(&array, &self.to, &options)?))
    }
}

fn cast(
    array: &ArrayRef,
    to: &DataType,
    options: &CastOptions<'_>,
) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(Arc::clone(array)),
        (DataType::Struct(from), DataType::Struct(to)) if from.len() == to.len() => {
            let array = array.as_struct();
            Ok(Arc::new(StructArray::try_new_with_length(
                to.clone(),
                children(array, to, options)?,
                array.nulls().cloned(),
                array.len(),
            )?))
        }
        (DataType::List(_), DataType::List(item)) => {
            let array = array.as_list::<i32>();
            Ok(Arc::new(ListArray::try_new(
                Arc::clone(item),
                array.offsets().clone(),
                cast(array.values(), item.data_type(), options)?,
                array.nulls().cloned(),
            )?))
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let array = array.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return cast_with_options(array, to, options);
            };
            let columns = children(array.entries(), fields, options)?;
            Ok(Arc::new(MapArray::try_new(
                Arc::clone(entries),
                array.offsets().clone(),
                StructArray::try_new(fields.clone(), columns, None)?,
                array.nulls().cloned(),
                *sorted,
            )?))
        }
        (DataType::Timestamp(unit, Some(zone)), DataType::Timestamp(_, None)) => {
            let zone: Tz = zone.parse()?;
            let local = match unit {
                TimeUnit::Second => local::<TimestampSecondType>(array, zone),
                TimeUnit::Millisecond => local::<TimestampMillisecondType>(array, zone),
                TimeUnit::Microsecond => local::<TimestampMicrosecondType>(array, zone),
                TimeUnit::Nanosecond => local::<TimestampNanosecondType>(array, zone),
            };
            cast_with_options(&local, to, options)
        }
        (DataType::Timestamp(unit, Some(zone)), DataType::Utf8) if &**zone != "UTC" => {
            let clock = cast(array, &DataType::Timestamp(*unit, None), options)?;
            cast(&clock, to, options)
        }
        (from, DataType::Utf8) if has_own_text(from) => Ok(Arc::new(as_text(array)?)),
        (DataType::Utf8, to) if to.is_integer() => {
            cast_with_options(&whole_texts(array), to, options)
        }
        _ => cast_with_options(array, to, options),
    }
}

fn children(
    array: &StructArray,
    fields: &Fields,
    options: &CastOptions<'_>,
) -> Result<Vec<ArrayRef>, ArrowError> {
    array
        .columns()
        .iter()
        .zip(fields)
        .map(|(column, field)| cast(column, field.data_type(), options))
        .collect()
}

/// What a clock in `zone` shows; NULL where no calendar reaches.
fn local<T: ArrowTimestampType>(array: &ArrayRef, zone: Tz) -> ArrayRef {
    let local: PrimitiveArray<T> = array.as_primitive::<T>().unary_opt(|instant| {
        let shown = as_datetime_with_timezone::<T>(instant, zone)?.naive_local();
        T::from_naive_datetime(shown, None)
    });
    Arc::new(local)
}
