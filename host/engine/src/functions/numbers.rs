//! Flink's functions of numbers where DataFusion has none, or means something else by the name.

use std::sync::Arc;

use datafusion::{
    arrow::{
        array::{
            Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array,
            new_null_array,
        },
        compute::{cast, kernels::zip::zip},
        datatypes::{DataType, Decimal128Type, Float64Type, Int32Type, Int64Type},
    },
    common::{Result, exec_err, plan_err},
};
use rand::RngExt;

use super::function::{Function, Parameter::*, Rows, gives};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("bin", &[Long], gives::text, |rows| {
        rows.to_texts(|row| Ok(Some(format!("{:b}", rows.long(0, row)))))
    }),
    Function::new("hex", &[TextOrLong], gives::text, hex),
    Function::new("unhex", &[Text], gives::bytes, |rows| {
        rows.to_bytes(|row| Ok(unhex(rows.text(0, row))))
    }),
    Function::new("e", &[], gives::double, |rows| {
        rows.to_numbers::<Float64Type>(|_| Ok(Some(std::f64::consts::E)))
    }),
    Function::new("rand_integer", &[Long], gives::int, |rows| {
        rows.to_numbers::<Int32Type>(|row| match i32::try_from(rows.long(0, row)) {
            Ok(bound) if bound > 0 => Ok(Some(rand::rng().random_range(0..bound))),
            _ => exec_err!(
                "RAND_INTEGER needs a bound above 0, not {}",
                rows.long(0, row)
            ),
        })
    })
    .volatile(),
    Function::new("sign", &[Any], number, |rows| {
        let one = |scale: u32| 10_i128.checked_pow(scale).unwrap_or(1);
        each_number(
            rows,
            |value, _| value.signum(),
            |value, _| if value == 0.0 { value } else { value.signum() },
            |value, _, scale| value.signum() * one(scale),
        )
    }),
    Function::new("ceil", &[Any], number, |rows| {
        each_number(
            rows,
            |value, _| value,
            |value, _| value.ceil(),
            |value, _, scale| {
                let one = 10_i128.checked_pow(scale).unwrap_or(1);
                match value.rem_euclid(one) {
                    0 => value,
                    above => value.saturating_sub(above).saturating_add(one),
                }
            },
        )
    }),
    Function::new("floor", &[Any], number, |rows| {
        each_number(
            rows,
            |value, _| value,
            |value, _| value.floor(),
            |value, _, scale| value - value.rem_euclid(10_i128.checked_pow(scale).unwrap_or(1)),
        )
    }),
    Function::new("truncate", &[Any, Long], number, truncate).required(1),
    Function::new("greatest", &[Common], gives::first, |rows| {
        extreme(rows, false)
    })
    .repeats(),
    Function::new("least", &[Common], gives::first, |rows| extreme(rows, true)).repeats(),
];

fn hex(rows: &Rows) -> Result<ArrayRef> {
    match rows.array(0).data_type() {
        DataType::Int64 => rows.to_texts(|row| Ok(Some(format!("{:X}", rows.long(0, row))))),
        _ => rows.to_texts(|row| {
            let bytes = rows.text(0, row).bytes();
            Ok(Some(
                bytes.map(|byte| format!("{byte:02X}")).collect::<String>(),
            ))
        }),
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect();
    let digits = digits?;
    // Of an odd number of digits the first becomes a 0, as in Flink.
    let (odd, rest) = digits.split_at(digits.len() % 2);
    let pairs = rest.chunks_exact(2).map(|pair| pair[0] * 16 + pair[1]);
    Some(odd.iter().map(|_| 0).chain(pairs).collect())
}

/// The type of a number, which the function keeps.
fn number(given: &[DataType], _: Option<&str>) -> Result<DataType> {
    match given.first() {
        Some(DataType::Null) => Ok(DataType::Int32),
        Some(DataType::Decimal128(..)) => gives::first(given, None),
        Some(other) if other.is_integer() || other.is_floating() => Ok(other.clone()),
        _ => plan_err!("the argument must be a number"),
    }
}

/// Applies one of three functions by the kind of the first argument, which they keep; each gets the
/// row, the last also the decimal's scale.
fn each_number(
    rows: &Rows,
    whole: impl Fn(i64, usize) -> i64,
    floating: impl Fn(f64, usize) -> f64,
    decimal: impl Fn(i128, usize, u32) -> i128,
) -> Result<ArrayRef> {
    let array = rows.array(0);
    match array.data_type() {
        DataType::Decimal128(precision, scale) => {
            let places = u32::try_from(*scale).unwrap_or(0);
            let values = rows.numbers::<Decimal128Type>(0);
            let results = (0..rows.count)
                .map(|row| (!rows.is_null(row)).then(|| decimal(values.value(row), row, places)));
            let results: Decimal128Array = results.collect();
            Ok(Arc::new(
                results.with_precision_and_scale(*precision, *scale)?,
            ))
        }
        kind if kind.is_floating() => {
            let values = cast(array, &DataType::Float64)?;
            let values: &Float64Array = values.as_primitive();
            let results = (0..rows.count)
                .map(|row| (!rows.is_null(row)).then(|| floating(values.value(row), row)));
            Ok(cast(&results.collect::<Float64Array>(), &rows.returns)?)
        }
        _ => {
            let values = cast(array, &DataType::Int64)?;
            let values: &Int64Array = values.as_primitive();
            let results = (0..rows.count)
                .map(|row| (!rows.is_null(row)).then(|| whole(values.value(row), row)));
            Ok(cast(&results.collect::<Int64Array>(), &rows.returns)?)
        }
    }
}

fn truncate(rows: &Rows) -> Result<ArrayRef> {
    let digits = |row: usize| match rows.given() {
        1 => 0,
        _ => rows.numbers::<Int64Type>(1).value(row),
    };
    // Ten to the power of what is cut off; None cuts all.
    let cut = |scale: i64, row: usize| match u32::try_from(scale.saturating_sub(digits(row))) {
        Ok(places) => 10_i128.checked_pow(places),
        Err(_) => Some(1),
    };
    each_number(
        rows,
        |value, row| match cut(0, row).and_then(|unit| i64::try_from(unit).ok()) {
            Some(unit) => value - value % unit,
            None => 0,
        },
        |value, row| {
            // By decimal digits, as Flink does it: 2.3 has no more of them than it shows.
            let Ok(digits) = i32::try_from(digits(row)) else {
                return value;
            };
            let text = format!("{value}");
            match (digits, text.split_once('.')) {
                (1.., Some((whole, fraction))) => {
                    let kept: String = fraction.chars().take(digits as usize).collect();
                    format!("{whole}.{kept}").parse().unwrap_or(value)
                }
                (1.., None) => value,
                _ => {
                    let unit = 10_f64.powi(digits.saturating_neg());
                    (value / unit).trunc() * unit
                }
            }
        },
        |value, row, scale| match cut(i64::from(scale), row) {
            Some(unit) => value - value % unit,
            None => 0,
        },
    )
}

/// The least or greatest of the arguments; NULL where one is.
fn extreme(rows: &Rows, least: bool) -> Result<ArrayRef> {
    use datafusion::arrow::compute::kernels::cmp::{gt, lt};
    let better = if least { lt } else { gt };
    let mut best = Arc::clone(rows.array(0));
    for argument in 1..rows.given() {
        let other = rows.array(argument);
        let chosen = better(other, &best)?;
        best = zip(&chosen, other, &best)?;
    }
    let null = new_null_array(best.data_type(), rows.count);
    let known = (0..rows.count).map(|row| Some(!rows.is_null(row)));
    let known: BooleanArray = known.collect();
    Ok(zip(&known, &best, &null)?)
}
