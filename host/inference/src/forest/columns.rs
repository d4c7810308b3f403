//! The features of all rows, as the caller holds them.

use arrow::buffer::NullBuffer;

use super::arithmetic::Arithmetic;

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

    /// The column `first` of the row-major matrix with `width` columns that these values are.
    pub fn of_matrix(&self, first: usize, width: usize) -> Self {
        Self {
            first: self.first + first,
            stride: width.max(1),
            ..*self
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
    pub(crate) fn rows(&self) -> usize {
        let values = match self.values {
            FeatureValues::F64(values) => values.len(),
            FeatureValues::F32(values) => values.len(),
        };
        let values = self.nulls.map_or(values, |nulls| values.min(nulls.len()));
        values
            .saturating_sub(self.first)
            .div_ceil(self.stride.max(1))
    }

    /// Writes what a library sees of the rows from `start` on into `lane`.
    #[inline(always)]
    pub(crate) fn read<A: Arithmetic>(&self, start: usize, lane: &mut [f64]) {
        match self.values {
            FeatureValues::F64(values) => self.read_from::<A, _>(values, start, lane),
            FeatureValues::F32(values) => self.read_from::<A, _>(values, start, lane),
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
    fn read_from<A: Arithmetic, T: Number>(&self, values: &[T], start: usize, lane: &mut [f64]) {
        if self.stride == 1 {
            let values = &values[self.first + start..][..lane.len()];
            for (value, into) in values.iter().zip(lane) {
                *into = value.read::<A>();
            }
        } else {
            let values = values[self.first + start * self.stride..]
                .iter()
                .step_by(self.stride);
            for (value, into) in values.zip(lane) {
                *into = value.read::<A>();
            }
        }
    }
}

/// A number that a feature may be given as.
trait Number: Copy {
    /// What a library sees of it.
    fn read<A: Arithmetic>(self) -> f64;
}

impl Number for f64 {
    #[inline(always)]
    fn read<A: Arithmetic>(self) -> f64 {
        A::read_double(self)
    }
}

impl Number for f32 {
    #[inline(always)]
    fn read<A: Arithmetic>(self) -> f64 {
        A::read_single(self)
    }
}
