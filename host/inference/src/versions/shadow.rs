//! A version in the shadow of another: asked for the same rows, and compared.

use std::fmt;

use arrow::array::ArrayRef;
use arrow::error::ArrowError;

use super::difference::{differences, short};

/// How the predictions of a shadow differ, summed over the rows so far.
///
/// The distance of a row is the largest between its outputs; of lists, between their values. Rows that
/// differ in something other than numbers (a label, a NULL, a list's length) have none, and are counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Difference {
    /// Rows that both versions predicted.
    pub rows: u64,
    /// Those whose distance is above `shadow.tolerance`.
    pub differ: u64,
    /// Those of them that differ in something other than numbers.
    pub unlike: u64,
    /// The sum of the distances that are numbers.
    pub sum: f64,
    /// The largest of them.
    pub largest: f64,
    /// Rows that the shadow failed on.
    pub failed: u64,
    /// Why it failed last.
    pub error: Option<String>,
}

impl Difference {
    /// Of the rows of one call.
    pub(super) fn of(
        serving: &[ArrayRef],
        shadow: &[ArrayRef],
        rows: usize,
        tolerance: f64,
    ) -> Result<Self, ArrowError> {
        let mut apart = vec![0.0f64; rows];
        for (a, b) in serving.iter().zip(shadow) {
            for (apart, found) in apart.iter_mut().zip(differences(a, b)?) {
                *apart = apart.max(found);
            }
        }
        let mut difference = Difference {
            rows: rows as u64,
            ..Difference::default()
        };
        for apart in apart {
            difference.differ += u64::from(apart > tolerance);
            match apart.is_finite() {
                true => {
                    difference.sum += apart;
                    difference.largest = difference.largest.max(apart);
                }
                false => difference.unlike += 1,
            }
        }
        Ok(difference)
    }

    /// Adds those of other rows.
    pub(super) fn add(&mut self, other: Difference) {
        self.rows += other.rows;
        self.differ += other.differ;
        self.unlike += other.unlike;
        self.sum += other.sum;
        self.largest = self.largest.max(other.largest);
        self.failed += other.failed;
        self.error = other.error.or(self.error.take());
    }

    /// The mean distance of the rows that have one.
    pub fn mean(&self) -> f64 {
        match self.rows - self.unlike {
            0 => 0.0,
            rows => self.sum / rows as f64,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |count: u64| match count {
            1 => "1 row".to_owned(),
            count => format!("{count} rows"),
        };
        write!(f, "{} compared, {} differ", rows(self.rows), self.differ)?;
        if self.rows > self.unlike {
            write!(
                f,
                ", {} apart in the mean and {} at most",
                short(self.mean()),
                short(self.largest)
            )?;
        }
        if self.unlike > 0 {
            write!(f, ", {} in something other than numbers", self.unlike)?;
        }
        if self.failed > 0 {
            write!(f, "; it failed on {}", rows(self.failed))?;
            if let Some(error) = &self.error {
                write!(f, ": {error}")?;
            }
        }
        Ok(())
    }
}
