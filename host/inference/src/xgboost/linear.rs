//! Linear models (`booster=gblinear`).

use crate::forest::{FeatureColumn, XgBoost};

/// Rows that are read at a time.
const ROWS: usize = 256;

/// A weight for each feature and each group.
#[derive(Debug)]
pub(super) struct Linear {
    /// Feature after feature, then the biases; each of them a number for each group.
    pub weights: Vec<f32>,
    /// The base margin of each group.
    pub bases: Vec<f32>,
}

impl Linear {
    /// Writes the margins of all rows into `out`, row after row. Features are added up in their order,
    /// without those that are missing.
    pub fn evaluate(&self, columns: &[FeatureColumn<'_>], rows: usize, out: &mut [f64]) {
        let groups = self.bases.len();
        let (weights, biases) = self.weights.split_at(self.weights.len() - groups);
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            let out = &mut out[start * groups..][..count * groups];
            for row in out.chunks_mut(groups) {
                for ((out, bias), base) in row.iter_mut().zip(biases).zip(&self.bases) {
                    *out = (bias + base).into();
                }
            }
            let mut values = [0.0; ROWS];
            for (column, weights) in columns.iter().zip(weights.chunks(groups)) {
                column.read::<XgBoost>(start, &mut values[..count]);
                for (row, value) in out.chunks_mut(groups).zip(&values) {
                    if value.is_nan() {
                        continue;
                    }
                    for (out, weight) in row.iter_mut().zip(weights) {
                        *out = (*out as f32 + *value as f32 * weight).into();
                    }
                }
            }
        }
    }
}
