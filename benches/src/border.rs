//! The border: a function in a component beside the same function in Rust, both called through
//! DataFusion on the same columns, with the default limits on.

use std::{error::Error, hint::black_box, path::Path, sync::Arc, time::Instant};

use arrow::{
    array::{Array, ArrayRef, AsArray, Float64Array, Int32Array},
    compute::{binary, unary},
    datatypes::{DataType, Field, Float64Type, Int32Type},
};
use datafusion::{
    common::config::ConfigOptions,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, Volatility, create_udf},
};
use wasmill_plugin::{Host, HostConfig, OpenOptions};
use wasmill_udf::{FunctionOptions, scalar_udf};

use crate::{Arguments, measure::median, table};

#[path = "../../plugins/bench-functions/src/functions.rs"]
mod functions;
#[path = "../../plugins/haversine/src/formula.rs"]
mod haversine_formula;
#[path = "../../plugins/haversine/src/trigonometry.rs"]
mod trigonometry;

const ROWS: [usize; 3] = [1, 1_024, 8_192];
/// Different batches that are called in turn: a stream's batch is called once, so it is not in the
/// nearest cache from the call before.
const BATCHES: usize = 64;

/// A function of the plugin and its native counterpart.
struct Case {
    title: &'static str,
    name: &'static str,
    native: Native,
    /// Of all arguments and the result.
    argument: DataType,
    arity: usize,
    /// The ratio that 8,192 rows must not exceed.
    bar: f64,
}

const CASES: [Case; 4] = [
    Case {
        title: "a·x+b",
        name: "axpb",
        native: native_axpb,
        argument: DataType::Float64,
        arity: 1,
        bar: 2.5,
    },
    Case {
        title: "gcd of two INT",
        name: "gcd",
        native: native_gcd,
        argument: DataType::Int32,
        arity: 2,
        bar: 1.15,
    },
    Case {
        title: "haversine",
        name: "haversine",
        native: native_haversine,
        argument: DataType::Float64,
        arity: 4,
        bar: 1.3,
    },
    Case {
        title: "haversine, beside libm's",
        name: "haversine",
        native: native_haversine_libm,
        argument: DataType::Float64,
        arity: 4,
        bar: 1.3,
    },
];

/// Runs the suite and prints its table.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let host = Host::new(HostConfig::default())?;
    let plugin = host.load(
        "bench-functions",
        &root.join("target/plugins/bench-functions.wasm"),
    )?;
    let mut lines = Vec::new();

    let x = Arc::new(Field::new("x", DataType::Float64, true));
    let noop = plugin.open("noop", OpenOptions::new("noop", vec![x]))?;
    for rows in ROWS {
        let columns = columns(rows, &[DataType::Float64], 0);
        let time = time_of(arguments.runs, || {
            black_box(noop.call(&columns, rows)).map(drop)
        })?;
        lines.push(vec![
            "no-op, handle in and out".to_owned(),
            rows.to_string(),
            "–".to_owned(),
            table::duration(time),
            "–".to_owned(),
            "2 µs".to_owned(),
            table::verdict(time <= 2e-6),
        ]);
    }

    for Case {
        title,
        name,
        native,
        argument,
        arity,
        bar,
    } in CASES
    {
        let argument_types = vec![argument.clone(); arity];
        let wasm = scalar_udf(Arc::clone(&plugin), name, FunctionOptions::named(name))?;
        let native = create_udf(
            name,
            argument_types.clone(),
            argument,
            Volatility::Immutable,
            Arc::new(move |values: &[ColumnarValue]| {
                let columns = ColumnarValue::values_to_arrays(values)?;
                Ok(ColumnarValue::Array(native(&columns)))
            }),
        );
        for rows in ROWS {
            let batches: Vec<_> = (0..BATCHES)
                .map(|seed| columns(rows, &argument_types, seed as u64))
                .collect();
            let calls = |function: &ScalarUDF| {
                batches
                    .iter()
                    .map(|batch| call_of(function, batch, rows))
                    .collect::<Result<Vec<_>, _>>()
            };
            let (native_calls, wasm_calls) = (calls(&native)?, calls(&wasm)?);
            same(
                &invoke(&native, &native_calls[0])?,
                &invoke(&wasm, &wasm_calls[0])?,
            )?;
            let (mut native_calls, mut wasm_calls) =
                (native_calls.iter().cycle(), wasm_calls.iter().cycle());
            let (native_time, wasm_time, ratio) = paired(
                arguments.runs,
                || {
                    native_calls
                        .next()
                        .map_or(Ok(()), |call| invoke(&native, call).map(drop))
                },
                || {
                    wasm_calls
                        .next()
                        .map_or(Ok(()), |call| invoke(&wasm, call).map(drop))
                },
            )?;
            let judged = rows == 8_192;
            lines.push(vec![
                title.to_owned(),
                rows.to_string(),
                table::duration(native_time),
                table::duration(wasm_time),
                table::ratio(ratio),
                if judged {
                    table::ratio(bar)
                } else {
                    "–".to_owned()
                },
                if judged {
                    table::verdict(ratio <= bar)
                } else {
                    "–".to_owned()
                },
            ]);
        }
    }
    table::print(
        "The border: one call through DataFusion, limits on, 64 batches in turn",
        &[
            "function",
            "rows",
            "native",
            "component",
            "ratio",
            "bar",
            "",
        ],
        &lines,
    );
    Ok(())
}

type Native = fn(&[ArrayRef]) -> ArrayRef;

fn native_axpb(columns: &[ArrayRef]) -> ArrayRef {
    let result: Float64Array = unary(columns[0].as_primitive::<Float64Type>(), functions::axpb);
    Arc::new(result)
}

fn native_gcd(columns: &[ArrayRef]) -> ArrayRef {
    let column = |index: usize| columns[index].as_primitive::<Int32Type>();
    let result: Int32Array = binary(column(0), column(1), functions::gcd)
        .unwrap_or_else(|_| Int32Array::from(Vec::<i32>::new()));
    Arc::new(result)
}

/// The plugin's own source, compiled for the host.
fn native_haversine(columns: &[ArrayRef]) -> ArrayRef {
    each_place(columns, haversine_formula::haversine)
}

/// The same formula with the platform's sine, cosine and arcsine.
fn native_haversine_libm(columns: &[ArrayRef]) -> ArrayRef {
    const RADIUS: f64 = 6_371_008.8;
    each_place(columns, |lat1, lon1, lat2, lon2| {
        let (phi1, phi2) = (lat1.to_radians(), lat2.to_radians());
        let latitude = ((phi2 - phi1) / 2.0).sin();
        let longitude = ((lon2 - lon1).to_radians() / 2.0).sin();
        let h = latitude * latitude + phi1.cos() * phi2.cos() * longitude * longitude;
        2.0 * RADIUS * h.sqrt().min(1.0).asin()
    })
}

fn each_place(columns: &[ArrayRef], distance: impl Fn(f64, f64, f64, f64) -> f64) -> ArrayRef {
    let column = |index: usize| columns[index].as_primitive::<Float64Type>().values();
    let (lat1, lon1, lat2, lon2) = (column(0), column(1), column(2), column(3));
    let rows = lat1.iter().zip(lon1).zip(lat2).zip(lon2);
    let result = rows.map(|(((lat1, lon1), lat2), lon2)| distance(*lat1, *lon1, *lat2, *lon2));
    Arc::new(Float64Array::from(result.collect::<Vec<f64>>()))
}

/// Deterministic columns: floats in ±90, ints in 1 to 10^6.
fn columns(rows: usize, types: &[DataType], seed: u64) -> Vec<ArrayRef> {
    let mut state = 28 + seed;
    let mut next = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    types
        .iter()
        .map(|data_type| -> ArrayRef {
            match data_type {
                DataType::Int32 => Arc::new(Int32Array::from_iter_values(
                    (0..rows).map(|_| 1 + (next() * 1e6) as i32),
                )),
                _ => Arc::new(Float64Array::from_iter_values(
                    (0..rows).map(|_| next() * 180.0 - 90.0),
                )),
            }
        })
        .collect()
}

/// The arguments of one call, as DataFusion hands them over.
fn call_of(
    function: &ScalarUDF,
    columns: &[ArrayRef],
    rows: usize,
) -> Result<ScalarFunctionArgs, Box<dyn Error>> {
    let types: Vec<_> = columns
        .iter()
        .map(|column| column.data_type().clone())
        .collect();
    Ok(ScalarFunctionArgs {
        args: columns
            .iter()
            .map(|column| ColumnarValue::Array(Arc::clone(column)))
            .collect(),
        arg_fields: types
            .iter()
            .map(|data_type| Arc::new(Field::new("x", data_type.clone(), true)))
            .collect(),
        number_rows: rows,
        return_field: Arc::new(Field::new("result", function.return_type(&types)?, true)),
        config_options: Arc::new(ConfigOptions::default()),
    })
}

fn invoke(function: &ScalarUDF, call: &ScalarFunctionArgs) -> Result<ArrayRef, Box<dyn Error>> {
    Ok(function
        .invoke_with_args(call.clone())?
        .into_array(call.number_rows)?)
}

/// The two sides must agree, or their times say nothing.
fn same(native: &ArrayRef, wasm: &ArrayRef) -> Result<(), Box<dyn Error>> {
    let close = match native.data_type() {
        DataType::Float64 => native
            .as_primitive::<Float64Type>()
            .values()
            .iter()
            .zip(wasm.as_primitive::<Float64Type>().values())
            .all(|(a, b)| (a - b).abs() <= 1e-9 * a.abs()),
        _ => native == wasm,
    };
    if close && native.len() == wasm.len() {
        Ok(())
    } else {
        Err("the component and the native function disagree".into())
    }
}

/// Seconds a call: the median of `runs` samples of 20 ms or more each.
fn time_of<E: Into<Box<dyn Error>>>(
    runs: usize,
    mut call: impl FnMut() -> Result<(), E>,
) -> Result<f64, Box<dyn Error>> {
    let calls = calibrate(&mut call)?;
    let samples = (0..runs)
        .map(|_| sample(calls, &mut call))
        .collect::<Result<_, _>>()?;
    Ok(median(samples))
}

/// The same for two functions in turn, and how many times as long the second took: the median of
/// the turns' ratios.
pub fn paired<E: Into<Box<dyn Error>>, F: Into<Box<dyn Error>>>(
    runs: usize,
    mut first: impl FnMut() -> Result<(), E>,
    mut second: impl FnMut() -> Result<(), F>,
) -> Result<(f64, f64, f64), Box<dyn Error>> {
    let calls = (calibrate(&mut first)?, calibrate(&mut second)?);
    let mut samples = (Vec::new(), Vec::new());
    for _ in 0..runs {
        samples.0.push(sample(calls.0, &mut first)?);
        samples.1.push(sample(calls.1, &mut second)?);
    }
    let ratios = samples.0.iter().zip(&samples.1);
    let ratio = median(ratios.map(|(first, second)| second / first).collect());
    Ok((median(samples.0), median(samples.1), ratio))
}

fn calibrate<E: Into<Box<dyn Error>>>(
    call: &mut impl FnMut() -> Result<(), E>,
) -> Result<u32, Box<dyn Error>> {
    let mut calls = 1;
    loop {
        let each = sample(calls, call)?;
        if each * f64::from(calls) >= 0.02 || calls >= 1 << 24 {
            return Ok(calls);
        }
        calls *= 2;
    }
}

fn sample<E: Into<Box<dyn Error>>>(
    calls: u32,
    call: &mut impl FnMut() -> Result<(), E>,
) -> Result<f64, Box<dyn Error>> {
    let started = Instant::now();
    for _ in 0..calls {
        call().map_err(Into::into)?;
    }
    Ok(started.elapsed().as_secs_f64() / f64::from(calls))
}
