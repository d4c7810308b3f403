//! What a call over the border costs: `cargo run --release --example border`.
//!
//! With a name after `--`, only that function. Reads `target/plugins/bench-functions.wasm` (`cargo xtask plugins`).

#[path = "../../../plugins/bench-functions/src/functions.rs"]
mod functions;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float64Array, Int32Array};
use arrow::datatypes::{DataType, Field};
use wasmill_plugin::{Function, Host, HostConfig, OpenOptions, PluginError};

fn main() -> Result<(), PluginError> {
    let started = Instant::now();
    let host = Host::new(HostConfig::default())?;
    println!("start of the host: {:?}", started.elapsed());

    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins/bench-functions.wasm");
    let started = Instant::now();
    let plugin = host.load("bench-functions.wasm", &path)?;
    println!("load and compile:  {:?}", started.elapsed());

    let open = |name: &str, types: &[DataType]| -> Result<Arc<Function>, PluginError> {
        let arguments = types
            .iter()
            .map(|data_type| Arc::new(Field::new("x", data_type.clone(), true)))
            .collect();
        plugin.open(name, OpenOptions::new(name, arguments))
    };
    let started = Instant::now();
    let noop = open("noop", &[DataType::Float64])?;
    println!("open:              {:?}", started.elapsed());
    let axpb = open("axpb", &[DataType::Float64])?;
    let gcd = open("gcd", &[DataType::Int32, DataType::Int32])?;

    println!(
        "\n{:>8} {:>8} {:>12} {:>12} {:>8}",
        "", "rows", "plugin", "native", "ratio"
    );
    for rows in [1_024_usize, 8_192] {
        let floats: ArrayRef = Arc::new(Float64Array::from_iter_values(
            (0..rows).map(|row| row as f64),
        ));
        let integer = |seed: u64| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values((0..rows as u64).map(|row| {
                let bits = row.wrapping_add(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                i32::try_from(bits).unwrap_or(1)
            })))
        };
        let integers = [integer(1), integer(2)];
        let floats = [floats];
        row("noop", rows, || call(&noop, &floats, rows), None::<fn()>);
        let native = || drop(black_box(native_axpb(black_box(&floats[0]))));
        row("axpb", rows, || call(&axpb, &floats, rows), Some(native));
        let native = || drop(black_box(native_gcd(black_box(&integers))));
        row("gcd", rows, || call(&gcd, &integers, rows), Some(native));
    }
    Ok(())
}

fn call(function: &Function, columns: &[ArrayRef], rows: usize) {
    black_box(function.call(columns, rows).map(|array| array.len())).ok();
}

fn row(name: &str, rows: usize, plugin: impl FnMut(), native: Option<impl FnMut()>) {
    if std::env::args().nth(1).is_some_and(|only| only != name) {
        return;
    }
    let plugin = median(plugin);
    print!("{name:>8} {rows:>8} {plugin:>12.2?}");
    match native.map(median) {
        Some(native) => {
            let ratio = plugin.as_secs_f64() / native.as_secs_f64();
            println!(" {native:>12.2?} {ratio:>8.2}");
        }
        None => println!(),
    }
}

/// The median of five runs of about 100 ms, a call.
fn median(mut call: impl FnMut()) -> Duration {
    let mut run = |calls: u32| {
        let started = Instant::now();
        (0..calls).for_each(|_| call());
        started.elapsed() / calls
    };
    let once = run(100).max(Duration::from_nanos(10));
    let calls = u32::try_from(Duration::from_millis(100).as_nanos() / once.as_nanos()).unwrap_or(1);
    let mut runs: Vec<_> = (0..5).map(|_| run(calls.max(1))).collect();
    runs.sort();
    runs[2]
}

fn native_axpb(column: &ArrayRef) -> Float64Array {
    use arrow::array::AsArray as _;
    column
        .as_primitive::<arrow::datatypes::Float64Type>()
        .unary(functions::axpb)
}

fn native_gcd(columns: &[ArrayRef; 2]) -> Option<Int32Array> {
    use arrow::array::AsArray as _;
    let [a, b] = columns
        .each_ref()
        .map(|column| column.as_primitive::<arrow::datatypes::Int32Type>());
    arrow::compute::binary(a, b, functions::gcd).ok()
}
