//! A batch without the rows on which functions fail.
//!
//! Where a function names the rows that are wrong, the others are evaluated once more without them.
//! Where it does not (a trap, a time-out), every row is evaluated by itself, once: so one bad row
//! never costs its neighbours.

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array, new_empty_array},
    compute::{concat, filter_record_batch, take},
    datatypes::DataType,
    error::ArrowError,
};
use datafusion::common::{DataFusionError, Result, internal_err};
use wasmill_plugin::PluginError;

use crate::error::UdfError;

/// Times that a batch is evaluated without rows that were named, before each goes by itself.
const ROUNDS: usize = 4;

/// What is left of a batch.
#[derive(Debug)]
pub struct Spared {
    /// What the other rows gave, in their order.
    pub columns: Vec<ArrayRef>,
    /// The rows on which a function failed, in their order.
    pub failed: Vec<FailedRow>,
}

/// A row on which a function failed.
#[derive(Debug)]
pub struct FailedRow {
    /// Its place in the batch.
    pub row: usize,
    /// The function's name in SQL.
    pub function: String,
    /// What is wrong with this row.
    pub message: String,
    /// What would have failed the query.
    pub error: DataFusionError,
}

impl FailedRow {
    /// An error that is not one of rows is the error.
    fn new(row: usize, error: DataFusionError) -> Result<Self> {
        let Some((function, of_rows)) = rows_error(&error) else {
            return Err(error);
        };
        let message = match of_rows {
            PluginError::Rows { function, rows, .. } => {
                let messages: Vec<_> = rows.iter().map(|row| row.message.as_str()).collect();
                format!("function {function} failed: {}", messages.join("; "))
            }
            error => error.to_string(),
        };
        Ok(FailedRow {
            row,
            function: function.to_owned(),
            message,
            error,
        })
    }
}

/// Evaluates a batch; where that fails with an [`UdfError::Rows`], what is left of it. `evaluate`
/// gives columns of these types, of as many rows as its batch. Any other error is an error.
pub fn spare(
    batch: &RecordBatch,
    types: &[DataType],
    evaluate: impl Fn(&RecordBatch) -> Result<Vec<ArrayRef>>,
) -> Result<Spared> {
    match evaluate(batch) {
        Ok(columns) => Ok(Spared {
            columns,
            failed: Vec::new(),
        }),
        Err(error) => {
            let mut retry = Retry {
                batch,
                evaluate,
                pieces: Vec::new(),
                failed: Vec::new(),
            };
            retry.run(error)?;
            retry.finish(types)
        }
    }
}

struct Retry<'a, F> {
    batch: &'a RecordBatch,
    evaluate: F,
    /// What rows gave, with their places.
    pieces: Vec<(Vec<u32>, Vec<ArrayRef>)>,
    failed: Vec<FailedRow>,
}

impl<F: Fn(&RecordBatch) -> Result<Vec<ArrayRef>>> Retry<'_, F> {
    fn run(&mut self, first: DataFusionError) -> Result<()> {
        let mut left: Vec<u32> = (0..).take(self.batch.num_rows()).collect();
        let mut error = first;
        for _ in 0..ROUNDS {
            let named = named(error, &left)?;
            if named.is_empty() {
                break;
            }
            self.one_by_one(&named)?;
            left.retain(|row| named.binary_search(row).is_err());
            if left.is_empty() {
                return Ok(());
            }
            match (self.evaluate)(&self.rows(&left)?) {
                Ok(columns) => {
                    self.pieces.push((left, columns));
                    return Ok(());
                }
                Err(again) => error = again,
            }
        }
        self.one_by_one(&left)
    }

    fn rows(&self, rows: &[u32]) -> Result<RecordBatch, ArrowError> {
        let mut wanted = rows.iter().copied().peekable();
        let mask = (0..).take(self.batch.num_rows());
        let mask: Vec<bool> = mask
            .map(|row: u32| wanted.next_if_eq(&row).is_some())
            .collect();
        filter_record_batch(self.batch, &BooleanArray::from(mask))
    }

    fn one_by_one(&mut self, rows: &[u32]) -> Result<()> {
        for &row in rows {
            match (self.evaluate)(&self.batch.slice(row as usize, 1)) {
                Ok(columns) => self.pieces.push((vec![row], columns)),
                Err(error) => self.failed.push(FailedRow::new(row as usize, error)?),
            }
        }
        Ok(())
    }

    fn finish(mut self, types: &[DataType]) -> Result<Spared> {
        self.failed.sort_by_key(|failed| failed.row);
        let mut places: Vec<(u32, u32)> = self
            .pieces
            .iter()
            .flat_map(|(rows, _)| rows.iter().copied())
            .zip(0..)
            .collect();
        places.sort_unstable();
        let places = UInt32Array::from_iter_values(places.into_iter().map(|(_, place)| place));
        let columns = types.iter().enumerate().map(|(index, data_type)| {
            let pieces = self.pieces.iter().map(|(_, columns)| columns.get(index));
            let Some(pieces) = pieces.collect::<Option<Vec<_>>>() else {
                return internal_err!("a batch has no column {index}");
            };
            let pieces: Vec<_> = pieces.into_iter().map(AsRef::as_ref).collect();
            match pieces.is_empty() {
                true => Ok(new_empty_array(data_type)),
                false => Ok(take(&concat(&pieces)?, &places, None)?),
            }
        });
        Ok(Spared {
            columns: columns.collect::<Result<_>>()?,
            failed: self.failed,
        })
    }
}

/// The rows that an error names, of `left`; none where it names none. An error that is not one of
/// rows is the error.
fn named(error: DataFusionError, left: &[u32]) -> Result<Vec<u32>> {
    match rows_error(&error) {
        None => Err(error),
        // Of a part of the batch, as in CASE, the places would be others.
        Some((_, PluginError::Rows { rows, of, .. })) if *of == left.len() => {
            let mut named: Vec<u32> = rows
                .iter()
                .filter_map(|row| left.get(row.row).copied())
                .collect();
            named.sort_unstable();
            named.dedup();
            Ok(named)
        }
        Some(_) => Ok(Vec::new()),
    }
}

/// The [`UdfError::Rows`] in an error: the function and what became of it.
fn rows_error(error: &DataFusionError) -> Option<(&str, &PluginError)> {
    let inner = match error {
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            return rows_error(inner);
        }
        DataFusionError::Shared(inner) => return rows_error(inner),
        DataFusionError::External(inner) => inner,
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => inner,
            _ => return None,
        },
        _ => return None,
    };
    match inner.downcast_ref::<UdfError>() {
        Some(UdfError::Rows { function, error }) => Some((function, error)),
        Some(_) => None,
        None => rows_error(inner.downcast_ref::<DataFusionError>()?),
    }
}
