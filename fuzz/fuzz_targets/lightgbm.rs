//! Any bytes are a LightGBM model or an error; a model predicts without a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmill_inference::lightgbm::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};

/// Enough for a block and for rows that walk alone.
const ROWS: usize = 67;

fuzz_target!(|bytes: &[u8]| {
    let Ok(forest) = Forest::parse(bytes) else {
        return;
    };
    let specials = [
        f64::NAN,
        0.0,
        -0.0,
        1e-36,
        -1.0,
        0.5,
        31.0,
        32.0,
        1e10,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    let values: Vec<f64> = (0..ROWS)
        .map(|row| specials[row % specials.len()])
        .collect();
    let column = FeatureColumn::new(FeatureValues::F64(&values), None);
    let columns = vec![column; forest.feature_names().len()];
    for output in [Output::Prediction, Output::RawScore, Output::LeafIndex] {
        let options = PredictOptions {
            output,
            ..PredictOptions::default()
        };
        let mut out = vec![0.0; ROWS * forest.width(options)];
        forest.predict(&columns, ROWS, &mut out, options);
        // The few rows at the end walk; the others went as a block, and must agree.
        if output == Output::RawScore {
            for row in 0..ROWS {
                let mut alone = vec![0.0; forest.width(options)];
                let columns: Vec<_> = columns.iter().map(|column| column.skip(row)).collect();
                forest.predict(&columns, 1, &mut alone, options);
                let together = &out[row * alone.len()..][..alone.len()];
                let bits = |values: &[f64]| -> Vec<Option<u64>> {
                    values
                        .iter()
                        .map(|value| (!value.is_nan()).then_some(value.to_bits()))
                        .collect()
                };
                assert_eq!(bits(&alone), bits(together), "row {row}");
            }
        }
    }
});
