//! A call: its rows by the version that serves and the canary, and by the shadow beside them.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, BooleanArray, StringArray};
use arrow::compute::{cast, filter, interleave, not};
use arrow::error::ArrowError;

use super::canary;
use super::version::Version;
use super::{Difference, Serving, VersionedModel};
use crate::{InferenceError, Model as _};

impl VersionedModel {
    /// [`Model::predict`](crate::Model::predict) with the values of the
    /// [canary's key](Self::canary_key), as many as rows.
    ///
    /// # Errors
    /// Those of [`Model::predict`](crate::Model::predict).
    pub fn predict_by(
        &self,
        columns: &[ArrayRef],
        key: Option<&ArrayRef>,
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let serving = self.serving.read().clone();
        self.predict_of(&serving, columns, key, rows, deadline)
    }

    /// Predictions of certain versions, whatever serves by now.
    pub(super) fn predict_of(
        &self,
        serving: &Serving,
        columns: &[ArrayRef],
        key: Option<&ArrayRef>,
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let chosen = self.chosen(serving, columns, key, rows)?;
        let mut outputs = match (&chosen, &serving.canary) {
            (Some(chosen), Some((version, _))) => {
                self.split(&serving.stable, version, chosen, columns, deadline)?
            }
            _ => serving.stable.model.predict(columns, rows, deadline)?,
        };
        if let Some((shadow, tolerance)) = &serving.shadow {
            self.compare(shadow, *tolerance, columns, &outputs, rows, deadline);
        }
        if let Some(column) = self.column {
            let label = |row: usize| match (&chosen, &serving.canary) {
                (Some(chosen), Some((version, _))) if chosen.value(row) => version.id.label(),
                _ => serving.stable.id.label(),
            };
            let labels: ArrayRef = Arc::new(
                (0..rows)
                    .map(|row| Some(label(row)))
                    .collect::<StringArray>(),
            );
            let labels = cast(&labels, self.outputs()[column].data_type())
                .map_err(|error| self.failed("the column of the version", &error))?;
            outputs.insert(column.min(outputs.len()), labels);
        }
        Ok(outputs)
    }

    /// The canary's rows, if there is one.
    fn chosen(
        &self,
        serving: &Serving,
        columns: &[ArrayRef],
        key: Option<&ArrayRef>,
        rows: usize,
    ) -> Result<Option<BooleanArray>, InferenceError> {
        let Some((_, canary)) = &serving.canary else {
            return Ok(None);
        };
        let input = || {
            let key = canary.key.as_ref()?;
            let at = self.inputs().iter().position(|field| field.name() == key)?;
            columns.get(at)
        };
        let key = key.or_else(input);
        let keys = key.map_or(columns, std::slice::from_ref);
        if keys.iter().any(|key| key.len() != rows) {
            let message = "the column of 'canary.key' has another length than the others";
            return Err(InferenceError::data(self.name(), message));
        }
        canary::rows(keys, rows, canary.share)
            .map(Some)
            .map_err(|error| self.failed("the canary's key", &error))
    }

    /// The chosen rows by one version, the others by the other, in their old order.
    fn split(
        &self,
        stable: &Version,
        canary: &Version,
        chosen: &BooleanArray,
        columns: &[ArrayRef],
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let (rows, many) = (chosen.len(), chosen.true_count());
        if many == 0 {
            return stable.model.predict(columns, rows, deadline);
        }
        if many == rows {
            return canary.model.predict(columns, rows, deadline);
        }
        let failed = |error: ArrowError| self.failed("the canary's rows", &error);
        let of = |mask: &BooleanArray| -> Result<Vec<ArrayRef>, InferenceError> {
            let columns = columns.iter().map(|column| filter(column, mask));
            columns.collect::<Result<_, _>>().map_err(failed)
        };
        let others = of(&not(chosen).map_err(failed)?)?;
        let others = stable.model.predict(&others, rows - many, deadline)?;
        let its = canary.model.predict(&of(chosen)?, many, deadline)?;
        let mut next = [0, 0];
        let places: Vec<(usize, usize)> = (0..rows)
            .map(|row| {
                let side = usize::from(chosen.value(row));
                next[side] += 1;
                (side, next[side] - 1)
            })
            .collect();
        let pairs = others.iter().zip(&its);
        pairs
            .map(|(a, b)| interleave(&[a.as_ref(), b.as_ref()], &places).map_err(failed))
            .collect()
    }

    /// Asks the shadow for the same rows. Whatever comes of it, the rows have their predictions.
    fn compare(
        &self,
        shadow: &Version,
        tolerance: f64,
        columns: &[ArrayRef],
        serving: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) {
        let given = shadow.model.predict(columns, rows, deadline);
        let given = given.map_err(|error| error.to_string());
        let difference = given.and_then(|given| {
            let difference = Difference::of(serving, &given, rows, tolerance);
            difference.map_err(|error| error.to_string())
        });
        let difference = difference.unwrap_or_else(|error| Difference {
            failed: rows as u64,
            error: Some(error),
            ..Difference::default()
        });
        self.difference.lock().add(difference);
    }

    fn failed(&self, what: &str, error: &ArrowError) -> InferenceError {
        InferenceError::Runtime {
            model: self.name().to_owned(),
            message: format!("{what}: {error}"),
        }
    }
}
