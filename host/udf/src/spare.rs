//! A batch without the rows on which functions fail.
//!
//! Where a function names the rows that are wrong, the others are evaluated once more without them.
//! Where it does not (a trap, a time-out), every row is evaluated by itself, once: so one bad row
//! never costs its neighbours.

use std::time::{Duration, Instant};

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, UInt32Array, new_empty_array},
    compute::{concat, filter_record_batch, take},
    datatypes::DataType,
    error::ArrowError,
};
use datafusion::common::{DataFusionError, Result, internal_err};
use wasmill_plugin::PluginError;

use crate::{error::UdfError, spared_rows::SparedRows};

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
    /// The row at a place of a batch, with what its call failed with. An error that is not one of rows
    /// is the error.
    pub fn new(row: usize, error: DataFusionError) -> Result<Self> {
        let Some(found) = rows_error(&error) else {
            return Err(error);
        };
        let message = match found.error {
            PluginError::Rows { function, rows, .. } => {
                let messages: Vec<_> = rows.iter().map(|row| row.message.as_str()).collect();
                format!("function {function} failed: {}", messages.join("; "))
            }
            error => error.to_string(),
        };
        Ok(FailedRow {
            row,
            function: found.function.to_owned(),
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
    let numbered = SparedRows::begin(batch.num_rows());
    match evaluate(batch) {
        Ok(columns) => Ok(Spared {
            columns,
            failed: Vec::new(),
        }),
        Err(error) => {
            let Some(found) = rows_error(&error) else {
                return Err(error);
            };
            let mut retry = Retry {
                batch,
                numbered,
                evaluate,
                function: found.function.to_owned(),
                started: Instant::now(),
                limit: found.batch_time,
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
    numbered: SparedRows,
    evaluate: F,
    /// The first that failed, and the time that it has.
    function: String,
    started: Instant,
    limit: Duration,
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
            self.check_time()?;
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
            self.check_time()?;
            let _one = self.numbered.one(row as usize);
            match (self.evaluate)(&self.batch.slice(row as usize, 1)) {
                Ok(columns) => self.pieces.push((vec![row], columns)),
                Err(error) => self.failed.push(FailedRow::new(row as usize, error)?),
            }
        }
        Ok(())
    }

    fn check_time(&self) -> Result<()> {
        if self.started.elapsed() <= self.limit {
            return Ok(());
        }
        Err(DataFusionError::External(Box::new(UdfError::BatchTime {
            function: self.function.clone(),
            limit: self.limit,
        })))
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
        Some(Found {
            error: PluginError::Rows { rows, of, .. },
            ..
        }) if *of == left.len() => {
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

/// An [`UdfError::Rows`].
struct Found<'a> {
    function: &'a str,
    error: &'a PluginError,
    batch_time: Duration,
}

/// The one in an error.
fn rows_error(error: &DataFusionError) -> Option<Found<'_>> {
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
        Some(UdfError::Rows {
            function,
            error,
            batch_time,
        }) => Some(Found {
            function,
            error,
            batch_time: *batch_time,
        }),
        Some(_) => None,
        None => rows_error(inner.downcast_ref::<DataFusionError>()?),
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use arrow::{
        array::{AsArray, Int64Array},
        datatypes::Int64Type,
    };
    use wasmill_plugin::RowError;

    use super::*;

    /// How a function says that it cannot take some numbers.
    #[derive(Clone, Copy)]
    enum Says {
        /// Which they are.
        All,
        /// Which the first is.
        First,
        Nothing,
        /// Of places that are others than those of the batch, as below CASE.
        Elsewhere,
    }

    fn error(says: Says, bad: &[usize], of: usize) -> DataFusionError {
        let name = |rows: &[usize], of| PluginError::Rows {
            function: "f".to_owned(),
            rows: rows
                .iter()
                .map(|row| RowError {
                    row: *row,
                    message: "no".to_owned(),
                })
                .collect(),
            of,
        };
        let error = match says {
            Says::All => name(bad, of),
            Says::First => name(&bad[..1], of),
            Says::Nothing => PluginError::Failed {
                function: "f".to_owned(),
                message: "no".to_owned(),
                log: Vec::new(),
            },
            Says::Elsewhere => name(&[0], of + 1),
        };
        DataFusionError::External(Box::new(UdfError::Rows {
            function: "f".to_owned(),
            error: Box::new(error),
            batch_time: Duration::MAX,
        }))
        .context("somewhere")
    }

    fn numbers(batch: &RecordBatch) -> Vec<i64> {
        let column = batch.column(0).as_primitive::<Int64Type>();
        column.values().to_vec()
    }

    #[test]
    fn what_is_left_are_the_others_in_their_order() {
        let bad = |number: i64, share: i64| number % share == share - 1;
        for says in [Says::All, Says::First, Says::Nothing, Says::Elsewhere] {
            for (rows, share) in [
                (1, 1),
                (1, 2),
                (7, 7),
                (100, 1),
                (100, 2),
                (100, 9),
                (100, 99),
            ] {
                let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
                let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
                let calls = Cell::new(0);
                let spared = spare(&batch, &[DataType::Int64], |batch| {
                    calls.set(calls.get() + 1);
                    let numbers = numbers(batch);
                    let places = 0..numbers.len();
                    let wrong: Vec<_> = places.filter(|row| bad(numbers[*row], share)).collect();
                    match wrong.is_empty() {
                        true => Ok(batch.columns().to_vec()),
                        false => Err(error(says, &wrong, numbers.len())),
                    }
                })
                .unwrap();
                let (left, failed): (Vec<_>, Vec<_>) = (0..rows).partition(|row| !bad(*row, share));
                let columns = RecordBatch::try_from_iter([("x", spared.columns[0].clone())]);
                assert_eq!(numbers(&columns.unwrap()), left);
                let found = spared.failed.iter().map(|failed| failed.row as i64);
                assert!(found.eq(failed));
                // The batch, once or a few times what is left of it, and rows once.
                assert!(calls.get() <= 1 + ROUNDS as i64 + rows, "{}", calls.get());
            }
        }
    }

    #[test]
    fn an_error_that_is_not_of_rows_is_the_error() {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..3));
        let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let spared = spare(&batch, &[DataType::Int64], |batch| match batch.num_rows() {
            3 => Err(error(Says::Nothing, &[0], 3)),
            _ => internal_err!("of another kind"),
        });
        let error = spared.unwrap_err().to_string();
        assert!(error.contains("of another kind"), "{error}");
    }
}
