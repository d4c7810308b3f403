//! What the fuzz target calls: a model of any bytes, and what it predicts. Compiled for fuzzing and
//! for the tests only.

use super::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};

/// Enough for a block and for rows that are evaluated one by one.
const ROWS: usize = 67;

/// Values that splits, categories and sums treat in a way of their own.
const SPECIALS: [f64; 13] = [
    f64::NAN,
    0.0,
    -0.0,
    1e-45,
    -1.0,
    0.5,
    1.0,
    31.0,
    32.0,
    16_777_216.0,
    1e300,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// These bytes are a model or an error. A model predicts the same for a row alone and in a block.
/// Returns whether they are a model.
///
/// # Panics
/// When that does not hold.
pub fn model(bytes: &[u8]) -> bool {
    let Ok(forest) = Forest::parse(bytes) else {
        return false;
    };
    let values: Vec<f64> = (0..ROWS + SPECIALS.len())
        .map(|row| SPECIALS[row % SPECIALS.len()])
        .collect();
    // Features are not all of one value.
    let columns: Vec<_> = (0..forest.feature_names().len())
        .map(|feature| {
            let values = &values[feature % SPECIALS.len()..][..ROWS];
            FeatureColumn::new(FeatureValues::F64(values), None)
        })
        .collect();
    for output in [Output::Prediction, Output::RawScore, Output::LeafIndex] {
        let options = PredictOptions {
            output,
            ..PredictOptions::default()
        };
        let width = forest.width(options);
        let mut together = vec![0.0; ROWS * width];
        forest.predict(&columns, ROWS, &mut together, options);
        let mut alone = vec![0.0; width];
        for row in 0..ROWS {
            let columns: Vec<_> = columns.iter().map(|column| column.skip(row)).collect();
            forest.predict(&columns, 1, &mut alone, options);
            let block = &together[row * width..][..width];
            assert_eq!(bits(&alone), bits(block), "row {row}, {output:?}");
        }
    }
    true
}

/// The bits of each value; NaN is NaN.
fn bits(values: &[f64]) -> Vec<Option<u64>> {
    let bits = |value: &f64| (!value.is_nan()).then_some(value.to_bits());
    values.iter().map(bits).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// The numbers of a seed.
    struct Random(u64);

    impl Random {
        fn below(&mut self, below: usize) -> usize {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % below.max(1)
        }
    }

    /// Changes a model as libFuzzer does: bits, digits, and parts that are left out, doubled or taken
    /// from another place.
    fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
        let place = random.below(bytes.len());
        let length = random.below(64.min(bytes.len() - place)) + 1;
        match random.below(6) {
            0 => bytes[place] ^= 1 << random.below(8),
            1 => bytes[place] = random.below(256) as u8,
            2 => {
                let digits = bytes.iter_mut().skip(place);
                if let Some(digit) = digits.into_iter().find(|byte| byte.is_ascii_digit()) {
                    *digit = b'0' + random.below(10) as u8;
                }
            }
            3 => drop(bytes.drain(place..place + length)),
            4 => {
                let part = bytes[place..place + length].to_vec();
                bytes.splice(place..place, part);
            }
            _ => {
                let from = random.below(bytes.len() - length + 1);
                bytes.copy_within(from..from + length, place);
            }
        }
    }

    /// What fuzzing does for hours, for a moment, without looking at what it reaches.
    #[test]
    fn random_bytes_are_models_that_predict_or_errors() {
        let seeds: Vec<Vec<u8>> = fs::read_dir("../../fuzz/corpus/xgboost")
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(seeds.iter().all(|seed| model(seed)));
        let mut random = Random(1);
        let mut models = 0;
        for _ in 0..20_000 {
            let mut bytes = seeds[random.below(seeds.len())].clone();
            for _ in 0..=random.below(3) {
                damage(&mut bytes, &mut random);
            }
            models += u32::from(model(&bytes));
        }
        assert!(models > 2_000, "{models}");
        for _ in 0..20_000 {
            let bytes: Vec<u8> = (0..random.below(200))
                .map(|_| b"{}[]\"$#NLlIiUSdDZT,:0\x01\xff"[random.below(23)])
                .collect();
            model(&bytes);
        }
    }
}
