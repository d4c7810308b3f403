//! A block of rows, feature by feature, in the form that splits compare.
//!
//! How a split treats a missing value depends on the split, but the splits of one feature nearly
//! always agree. So each (feature, [`Missing`]) pair that a forest uses is one *slot*: the feature's
//! values with "missing" already turned into NaN (or, where nothing is missing, NaN into zero).
//! What is left to a split is one comparison, ordered or unordered.

use std::collections::HashMap;

use arrow::buffer::NullBuffer;

use super::tree::{Missing, flush};

/// How many rows a block has.
pub(super) const ROWS: usize = 64;

/// One value for each row of a block.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct Lane(pub [f64; ROWS]);

/// The numbers of a column of features.
#[derive(Debug, Clone, Copy)]
pub enum FeatureValues<'a> {
    F64(&'a [f64]),
    F32(&'a [f32]),
}

/// One feature of all rows. A row that is NULL is NaN.
#[derive(Debug, Clone, Copy)]
pub struct FeatureColumn<'a> {
    values: FeatureValues<'a>,
    nulls: Option<&'a NullBuffer>,
    first: usize,
    stride: usize,
}

impl<'a> FeatureColumn<'a> {
    /// A column whose values follow each other.
    pub fn new(values: FeatureValues<'a>, nulls: Option<&'a NullBuffer>) -> Self {
        Self {
            values,
            nulls,
            first: 0,
            stride: 1,
        }
    }

    /// The column `first` of a row-major matrix with `width` columns. `nulls` are those of the matrix'
    /// values.
    pub fn of_matrix(
        values: FeatureValues<'a>,
        nulls: Option<&'a NullBuffer>,
        first: usize,
        width: usize,
    ) -> Self {
        Self {
            values,
            nulls,
            first,
            stride: width.max(1),
        }
    }

    /// The column without its first rows.
    pub fn skip(&self, rows: usize) -> Self {
        Self {
            first: self.first + rows * self.stride,
            ..*self
        }
    }

    /// How many rows the column can give.
    pub(super) fn rows(&self) -> usize {
        let values = match self.values {
            FeatureValues::F64(values) => values.len(),
            FeatureValues::F32(values) => values.len(),
        };
        let values = self.nulls.map_or(values, |nulls| values.min(nulls.len()));
        values
            .saturating_sub(self.first)
            .div_ceil(self.stride.max(1))
    }

    /// Writes the [flushed](flush) values of the rows from `start` on into `lane`.
    #[inline(always)]
    pub(super) fn read(&self, start: usize, lane: &mut [f64]) {
        match self.values {
            FeatureValues::F64(values) => self.read_from(values, start, lane),
            FeatureValues::F32(values) => self.read_from(values, start, lane),
        }
        if let Some(nulls) = self.nulls.filter(|nulls| nulls.null_count() > 0) {
            for (row, value) in lane.iter_mut().enumerate() {
                if nulls.is_null(self.first + (start + row) * self.stride) {
                    *value = f64::NAN;
                }
            }
        }
    }

    #[inline(always)]
    fn read_from<T: Copy + Into<f64>>(&self, values: &[T], start: usize, lane: &mut [f64]) {
        if self.stride == 1 {
            let values = &values[self.first + start..][..lane.len()];
            for (value, into) in values.iter().zip(lane) {
                *into = flush((*value).into());
            }
        } else {
            let values = values[self.first + start * self.stride..]
                .iter()
                .step_by(self.stride);
            for (value, into) in values.zip(lane) {
                *into = flush((*value).into());
            }
        }
    }
}

/// The slots that a forest compares.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<(usize, Missing)>,
    indices: HashMap<(usize, Missing), usize>,
}

impl Slots {
    /// The slot of a feature, added where it is new.
    pub fn index(&mut self, feature: usize, missing: Missing) -> usize {
        *self.indices.entry((feature, missing)).or_insert_with(|| {
            self.slots.push((feature, missing));
            self.slots.len() - 1
        })
    }

    pub fn lanes(&self) -> Vec<Lane> {
        vec![Lane([0.0; ROWS]); self.slots.len()]
    }

    /// Fills the lanes with the rows from `start` on; what is beyond `rows` keeps older values.
    #[inline(always)]
    pub fn fill(
        &self,
        columns: &[FeatureColumn<'_>],
        start: usize,
        rows: usize,
        lanes: &mut [Lane],
    ) {
        for ((feature, missing), lane) in self.slots.iter().zip(lanes) {
            let lane = &mut lane.0[..rows];
            columns[*feature].read(start, lane);
            match missing {
                Missing::Never => {
                    for value in lane {
                        *value = if value.is_nan() { 0.0 } else { *value };
                    }
                }
                Missing::Zero => {
                    for value in lane {
                        *value = if *value == 0.0 { f64::NAN } else { *value };
                    }
                }
                Missing::NotANumber => {}
            }
        }
    }
}
