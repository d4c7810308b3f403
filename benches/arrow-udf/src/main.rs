//! arrow-udf's own benchmark, gcd over a batch of 1,024 rows: its runtime for WebAssembly beside a
//! component. Both are called on record batches in memory, without a query engine; the component with
//! the default limits on. `cargo xtask bench arrow-udf` runs it.
//!
//! What both have to do is the arithmetic; the time of the same function in Rust, over the same
//! columns, is taken off each. The three take turns, and medians are printed.

use std::{
    error::Error, hint::black_box, path::PathBuf, process::ExitCode, sync::Arc, time::Instant,
};

use arrow::array::{ArrayRef, AsArray, Int32Array};
use arrow_udf_runtime::wasm;
use clap::Parser;
use wasmill_plugin::{Host, HostConfig, OpenOptions};

#[path = "../../../plugins/bench-functions/src/functions.rs"]
#[expect(dead_code, reason = "shared with the plugin")]
mod functions;
#[path = "../../src/table.rs"]
mod table;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const ROWS: i32 = 1_024;
/// How many times less time than arrow-udf a call must take, beyond the arithmetic.
const BAR: f64 = 3.0;
/// Calls of one sample: some milliseconds.
const CALLS: u32 = 500;

#[derive(Parser)]
#[command(about = "gcd in arrow-udf's runtime for WebAssembly beside a component")]
struct Arguments {
    /// Samples of each side; the median is printed.
    #[arg(long, default_value_t = 51)]
    runs: usize,
    /// The module that arrow-udf runs.
    #[arg(long, env = "WASMILL_ARROW_UDF_GUEST")]
    guest: PathBuf,
    /// The component.
    #[arg(long, env = "WASMILL_BENCH_FUNCTIONS")]
    plugin: PathBuf,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (a, b): (Vec<_>, Vec<_>) = (0..ROWS).map(|row| (row, 2 * row)).unzip();

    let native = || -> Int32Array {
        let rows = a.iter().zip(&b);
        Int32Array::from_iter_values(rows.map(|(a, b)| functions::gcd(*a, *b)))
    };

    let runtime = wasm::Runtime::new(&std::fs::read(&arguments.guest)?)?;
    let types = vec![arrow_schema::DataType::Int32; 2];
    let theirs = runtime.find_function("gcd", types, arrow_schema::DataType::Int32)?;
    let batch = record_batch(a.clone(), b.clone())?;

    let host = Host::new(HostConfig::default())?;
    let plugin = host.load("bench-functions", &arguments.plugin)?;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(a.clone())),
        Arc::new(Int32Array::from(b.clone())),
    ];
    let fields = ["a", "b"].map(|name| {
        let data_type = arrow::datatypes::DataType::Int32;
        Arc::new(arrow::datatypes::Field::new(name, data_type, true))
    });
    let ours = plugin.open("gcd", OpenOptions::new("gcd", fields.to_vec()))?;

    // They must agree, or their times say nothing.
    let wanted = native();
    let given = runtime.call(&theirs, &batch)?;
    let given = given.column(0).as_any();
    let given = given.downcast_ref::<arrow_array::Int32Array>();
    let agrees = given.is_some_and(|given| given.values()[..] == wanted.values()[..]);
    let component = ours.call(&columns, ROWS as usize)?;
    if !agrees || component.as_primitive::<arrow::datatypes::Int32Type>() != &wanted {
        return Err("the three disagree".into());
    }

    let mut samples: [Vec<f64>; 3] = Default::default();
    for _ in 0..arguments.runs.max(1) {
        samples[0].push(sample(|| Ok(drop(black_box(native()))))?);
        samples[1].push(sample(|| {
            drop(black_box(runtime.call(&theirs, &batch)?));
            Ok(())
        })?);
        samples[2].push(sample(|| {
            drop(black_box(ours.call(&columns, ROWS as usize)?));
            Ok(())
        })?);
    }
    let beyond = samples[1].iter().zip(&samples[2]).zip(&samples[0]);
    let ratios = beyond.map(|((theirs, ours), native)| (theirs - native) / (ours - native));
    let ratio = median(ratios.collect());
    let [native, theirs, ours] = samples.map(median);
    let line = |name: &str, time: f64, ratio: Option<f64>| {
        let beyond = time - native;
        vec![
            name.to_owned(),
            table::duration(time),
            match name {
                "Rust" => "–".to_owned(),
                _ => table::duration(beyond),
            },
            ratio.map_or("–".to_owned(), table::ratio),
            ratio.map_or("–".to_owned(), |_| table::ratio(BAR)),
            ratio.map_or("–".to_owned(), |ratio| table::verdict(ratio >= BAR)),
        ]
    };
    table::print(
        "gcd of two INT, a batch of 1,024 rows",
        &[
            "what",
            "a call",
            "beyond the arithmetic",
            "ratio",
            "bar",
            "",
        ],
        &[
            line("Rust", native, None),
            line("arrow-udf 0.10, WebAssembly", theirs, None),
            line("component", ours, Some(ratio)),
        ],
    );
    Ok(())
}

fn record_batch(a: Vec<i32>, b: Vec<i32>) -> Result<arrow_array::RecordBatch> {
    let field = |name| arrow_schema::Field::new(name, arrow_schema::DataType::Int32, true);
    let schema = arrow_schema::Schema::new(vec![field("a"), field("b")]);
    let columns: Vec<arrow_array::ArrayRef> = vec![
        Arc::new(arrow_array::Int32Array::from(a)),
        Arc::new(arrow_array::Int32Array::from(b)),
    ];
    Ok(arrow_array::RecordBatch::try_new(
        Arc::new(schema),
        columns,
    )?)
}

/// Seconds a call.
fn sample(mut call: impl FnMut() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call()?;
    }
    Ok(begun.elapsed().as_secs_f64() / f64::from(CALLS))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
