//! Rows a second of one thread: `cargo run --release --example lightgbm_speed -- MODEL.txt`.
//!
//! Of the evaluator alone, and through `Model::predict`, so the reading of Arrow columns counts. Counts CPU time where the
//! system tells it, so that a busy machine disturbs less.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, Float64Type};
use wasmill_inference::lightgbm::{FeatureColumn, FeatureValues, Forest, PredictOptions};
use wasmill_inference::{InferenceError, ModelDefinition, load};

const BATCH: usize = 8192;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("usage: lightgbm_speed MODEL.txt [ROWS]")?;
    let bytes = std::fs::read(&path)?;
    let start = Instant::now();
    let forest = Forest::parse(&bytes)?;
    println!("read in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let features = forest.feature_names().len();
    let column = |name: String| Field::new(name, DataType::Float64, true);
    let definition = ModelDefinition {
        name: "model".into(),
        provider: "lightgbm".into(),
        options: [("path".to_owned(), path)].into(),
        inputs: (0..features)
            .map(|feature| column(format!("f{feature}")))
            .collect(),
        outputs: vec![column("prediction".into())],
        base: Path::new("").into(),
    };
    let model = load(&definition)?;
    let columns: Vec<ArrayRef> = (0..features as u64)
        .map(|feature| Arc::new(random_column(feature)) as _)
        .collect();
    let sizes: Vec<usize> = match std::env::args().nth(2) {
        Some(rows) => vec![rows.parse()?],
        None => vec![1, 64, BATCH],
    };
    for rows in sizes {
        // Another call's rows are others, as they are in life.
        let calls: Vec<Vec<ArrayRef>> = (0..(BATCH / rows).min(128))
            .map(|call| {
                columns
                    .iter()
                    .map(|column| column.slice(call * rows, rows))
                    .collect()
            })
            .collect();
        let through_arrow = best(rows, &calls, |columns| {
            model.predict(columns, rows, None).map(|_| ())
        })?;
        let calls: Vec<Vec<FeatureColumn<'_>>> = calls
            .iter()
            .map(|columns| {
                let values = columns
                    .iter()
                    .map(|column| column.as_primitive::<Float64Type>().values());
                values
                    .map(|values| FeatureColumn::new(FeatureValues::F64(values), None))
                    .collect()
            })
            .collect();
        let mut out = vec![0.0; rows * forest.width(PredictOptions::default())];
        let alone = best(rows, &calls, |columns| {
            forest.predict(columns, rows, &mut out, PredictOptions::default());
            Ok(())
        })?;
        println!("{rows:>5} rows a call: {alone:.3} µs a row, {through_arrow:.3} µs through Arrow");
    }
    Ok(())
}

/// The least time of a row, in microseconds.
fn best<T>(
    rows: usize,
    calls: &[T],
    mut call: impl FnMut(&T) -> Result<(), InferenceError>,
) -> Result<f64, InferenceError> {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (wall, cpu) = (Instant::now(), cpu_time());
        let mut done = 0;
        while wall.elapsed() < Duration::from_millis(300) {
            for columns in calls {
                call(std::hint::black_box(columns))?;
                done += rows;
            }
        }
        let spent = cpu_time()
            .zip(cpu)
            .map_or(wall.elapsed(), |(end, start)| end - start);
        best = best.min(spent.as_secs_f64() / done as f64);
    }
    Ok(best * 1e6)
}

/// How long this thread has run on a CPU.
fn cpu_time() -> Option<Duration> {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(
        statistics.split(' ').next()?.parse().ok()?,
    ))
}

/// Three decimals, as the data of LightGBM's regression example has.
fn random_column(seed: u64) -> Float64Array {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let values = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let unit = (state >> 40) as f64 / (1_u64 << 24) as f64;
        (unit * 3000.0).round() / 1000.0 - if seed.is_multiple_of(2) { 0.0 } else { 1.5 }
    });
    values.take(BATCH).collect::<Vec<f64>>().into()
}
