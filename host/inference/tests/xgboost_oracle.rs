//! Python's XGBoost says what is right: margins to the last bit, predictions to one unit in the last
//! place of f32, leaves exactly.

#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::fs;
use std::path::Path;

use oracle::{Reader, run_script};
use wasmill_inference::xgboost::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};

#[derive(Default)]
struct Compared {
    values: usize,
    /// Predictions that are not equal to the last bit.
    near: usize,
    failures: Vec<String>,
}

#[test]
fn predictions_equal_those_of_xgboost() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run_script("xgboost_models.py", folder.path());
    let models: usize = printed.trim().parse().unwrap();
    let mut compared = Compared::default();
    for number in 0..models {
        for format in ["json", "ubj"] {
            compare(folder.path(), number, format, &mut compared);
        }
    }
    let Compared {
        values,
        near,
        failures,
    } = compared;
    println!("{models} models in two formats, {values} values, {near} an f32 beside XGBoost's");
    assert!(models >= 120, "only {models} models");
    assert!(
        failures.is_empty(),
        "{} differ; the first:\n{}",
        failures.len(),
        failures
            .iter()
            .map(|failure| &failure[..failure.len().min(260)])
            .step_by(failures.len().div_ceil(60))
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Compares all predictions of one model.
fn compare(folder: &Path, number: usize, format: &str, compared: &mut Compared) {
    let bytes = fs::read(folder.join(format!("{number}.{format}"))).unwrap();
    let forest = Forest::parse(&bytes).unwrap_or_else(|error| panic!("{number}.{format}: {error}"));
    let mut reader = Reader::new(fs::read(folder.join(format!("{number}.bin"))).unwrap());
    let (features, rows, predictions) = (reader.u32(), reader.u32(), reader.u32());
    let data = reader.f64s(rows * features);
    assert_eq!(forest.feature_names().len(), features);
    for _ in 0..predictions {
        let output =
            [Output::Prediction, Output::RawScore, Output::LeafIndex][usize::from(reader.u8())];
        let (single, infinite) = (reader.u8() == 1, reader.u8() == 1);
        let (start, count) = (reader.i32(), reader.i32());
        let options = PredictOptions {
            output,
            start_iteration: usize::try_from(start).unwrap(),
            num_iteration: usize::try_from(count).ok().filter(|count| *count > 0),
        };
        let width = reader.u32();
        let expected = reader.f64s(rows * width);
        assert_eq!(forest.width(options), width, "{number}: {options:?}");
        let mut columns: Vec<Vec<f64>> = (0..features)
            .map(|f| data.iter().skip(f).step_by(features).copied().collect())
            .collect();
        if infinite {
            for row in (0..rows).step_by(2) {
                columns[0][row] = if row % 4 == 0 {
                    f64::INFINITY
                } else {
                    f64::NEG_INFINITY
                };
            }
        }
        let singles: Vec<Vec<f32>> = columns
            .iter()
            .map(|column| column.iter().map(|value| *value as f32).collect())
            .collect();
        let columns: Vec<_> = columns
            .iter()
            .zip(&singles)
            .map(|(values, singles)| match single {
                true => FeatureColumn::new(FeatureValues::F32(singles), None),
                false => FeatureColumn::new(FeatureValues::F64(values), None),
            })
            .collect();
        // All at once, as blocks; then a few at a time.
        for step in [rows, 5] {
            let mut actual = vec![f64::NAN; rows * width];
            for first in (0..rows).step_by(step) {
                let step = step.min(rows - first);
                let columns: Vec<_> = columns.iter().map(|column| column.skip(first)).collect();
                let out = &mut actual[first * width..][..step * width];
                forest.predict(&columns, step, out, options);
            }
            for (place, (actual, expected)) in actual.iter().zip(&expected).enumerate() {
                let (a, e) = (*actual as f32, *expected as f32);
                let same = actual.to_bits() == expected.to_bits() || a.is_nan() && e.is_nan();
                let near = output == Output::Prediction && (a.next_up() == e || a.next_down() == e);
                compared.near += usize::from(!same && near);
                if !same && !near {
                    let row = place / width;
                    compared.failures.push(format!(
                        "{number}.{format}, {options:?}, f32: {single}, infinite: {infinite}, \
                         {step} at a time, row {row} {:?}: {actual:?} instead of {expected:?}",
                        &data[row * features..][..features]
                    ));
                }
            }
            compared.values += expected.len();
        }
    }
}
