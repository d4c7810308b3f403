//! Python's LightGBM says what is right: hundreds of models, compared to the last bit; contributions to
//! nine digits.

#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::fs;
use std::path::Path;

use oracle::{Reader, run_script};
use wasmill_inference::lightgbm::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};

#[test]
fn predictions_equal_those_of_lightgbm_to_the_last_bit() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run_script("lightgbm_models.py", folder.path());
    let models: usize = printed.trim().parse().unwrap();
    let mut compared = 0;
    let mut rows_seen = 0;
    let mut failures = Vec::new();
    for number in 0..models {
        let (values, rows) = compare(folder.path(), number, &mut failures);
        compared += values;
        rows_seen += rows;
    }
    println!("{models} models, {rows_seen} rows, {compared} values compared");
    assert!(models >= 300, "only {models} models");
    assert!(
        failures.is_empty(),
        "{} differ; the first: {}",
        failures.len(),
        failures[0]
    );
}

/// Compares all predictions of one model; returns how many values and rows.
fn compare(folder: &Path, number: usize, failures: &mut Vec<String>) -> (usize, usize) {
    let text = fs::read(folder.join(format!("{number}.txt"))).unwrap();
    let forest = Forest::parse(&text).unwrap_or_else(|error| panic!("model {number}: {error}"));
    let mut reader = Reader::new(fs::read(folder.join(format!("{number}.bin"))).unwrap());
    let (features, rows, predictions) = (reader.u32(), reader.u32(), reader.u32());
    let data = reader.f64s(rows * features);
    let columns: Vec<Vec<f64>> = (0..features)
        .map(|f| data.iter().skip(f).step_by(features).copied().collect())
        .collect();
    let singles: Vec<Vec<f32>> = columns
        .iter()
        .map(|column| column.iter().map(|value| *value as f32).collect())
        .collect();
    let mut compared = 0;
    for _ in 0..predictions {
        let outputs = [
            Output::Prediction,
            Output::RawScore,
            Output::LeafIndex,
            Output::Contributions,
        ];
        let output = outputs[usize::from(reader.u8())];
        let single = reader.u8() == 1;
        let start = reader.i32();
        let count = reader.i32();
        let options = PredictOptions {
            output,
            start_iteration: usize::try_from(start).unwrap(),
            num_iteration: usize::try_from(count).ok().filter(|count| *count > 0),
        };
        let width = reader.u32();
        let expected = reader.f64s(rows * width);
        assert_eq!(forest.width(options), width, "model {number}: {options:?}");
        let columns: Vec<_> = if single {
            singles
                .iter()
                .map(|values| FeatureColumn::new(FeatureValues::F32(values), None))
                .collect()
        } else {
            columns
                .iter()
                .map(|values| FeatureColumn::new(FeatureValues::F64(values), None))
                .collect()
        };
        // All at once, as blocks; then a few at a time, as walks.
        for step in [rows, 5] {
            let mut actual = vec![f64::NAN; rows * width];
            for first in (0..rows).step_by(step) {
                let step = step.min(rows - first);
                let columns: Vec<_> = columns.iter().map(|column| column.skip(first)).collect();
                forest.predict(
                    &columns,
                    step,
                    &mut actual[first * width..][..step * width],
                    options,
                );
            }
            for (place, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                let same = if output == Output::Contributions {
                    (actual - expected).abs() <= 1e-9 * expected.abs().max(1.0)
                } else {
                    actual.to_bits() == expected.to_bits()
                };
                let same = same || actual.is_nan() && expected.is_nan();
                if !same {
                    let row = place / width;
                    failures.push(format!(
                        "model {number}, {options:?}, f32: {single}, {step} at a time, row {row} {:?}: \
                         {actual:?} instead of {expected:?}",
                        &data[row * features..][..features]
                    ));
                }
            }
            compared += expected.len();
        }
    }
    (compared, rows)
}
