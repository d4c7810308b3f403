//! Dead letters of functions: the rows on which they fail.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array,
        new_null_array,
    },
    compute::take,
    datatypes::DataType,
};
use datafusion::{common::Result as PlanResult, physical_plan::ExecutionPlan};
use parking_lot::Mutex;
use wasmill_udf::FailedRow;

use super::{
    dead::{COLUMNS, scans},
    place::{Places, places},
    table::as_json,
};
use crate::{
    job::{EPOCH, Letters, machine_time},
    sql::parse_type_text,
};

/// What becomes of the rows of one place of a plan on which functions fail.
#[derive(Debug)]
pub(in crate::planning) struct FailedRows {
    /// The table that the rows are of, if they are of one.
    source: Option<String>,
    /// Where the rows say that they lay in it.
    places: Places,
    letters: Mutex<Option<Arc<Letters>>>,
}

impl FailedRows {
    /// Of the rows of a plan.
    pub(in crate::planning) fn new(plan: &Arc<dyn ExecutionPlan>) -> Self {
        FailedRows {
            source: match scans(plan).as_slice() {
                [scan] => Some(scan.table().to_owned()),
                _ => None,
            },
            places: places(plan),
            letters: Mutex::default(),
        }
    }

    /// Whoever writes the dead-letter table is at the other end of these.
    pub(in crate::planning) fn send_to(&self, letters: Arc<Letters>) {
        *self.letters.lock() = Some(letters);
    }

    pub(in crate::planning) fn sent_to(&self) -> Option<Arc<Letters>> {
        self.letters.lock().clone()
    }

    /// Takes those of a batch on which functions failed; where nobody would have them, that is the
    /// error.
    pub(in crate::planning) async fn take(
        &self,
        batch: &RecordBatch,
        failed: Vec<FailedRow>,
    ) -> PlanResult<()> {
        let letters = self.letters.lock().clone();
        let Some(sender) = letters.and_then(|letters| letters.sender()) else {
            let first = failed.into_iter().next();
            return first.map_or(Ok(()), |row| Err(row.error));
        };
        Ok(sender.send(self.letters(batch, &failed)?).await?)
    }

    /// The columns of [`COLUMNS`] but the epoch.
    fn letters(&self, batch: &RecordBatch, failed: &[FailedRow]) -> PlanResult<RecordBatch> {
        let count = failed.len();
        let rows = failed.iter().map(|failed| failed.row as u64);
        let rows = rows.collect::<UInt64Array>();
        let columns = COLUMNS.iter().filter(|(name, _)| *name != EPOCH);
        let columns = columns.map(|(name, data_type)| {
            let column: ArrayRef = match *name {
                "source" => Arc::new(StringArray::from(vec![self.source.as_deref(); count])),
                "function" => {
                    let functions = failed.iter().map(|failed| Some(&failed.function));
                    Arc::new(functions.collect::<StringArray>())
                }
                "timestamp" => {
                    let times = TimestampMillisecondArray::from(vec![machine_time(); count]);
                    Arc::new(times.with_timezone("UTC"))
                }
                "raw" => {
                    let rows = failed.iter().map(|failed| batch.slice(failed.row, 1));
                    Arc::new(rows.map(|row| as_bytes(&row)).collect::<BinaryArray>())
                }
                "error" => {
                    let errors = failed.iter().map(|failed| Some(&failed.message));
                    Arc::new(errors.collect::<StringArray>())
                }
                name => match self.places.iter().find(|(known, _)| *known == name) {
                    Some((_, place)) => take(batch.column(*place), &rows, None)?,
                    None => {
                        let declared = parse_type_text(data_type);
                        let data_type =
                            declared.map_or(DataType::Null, |declared| declared.data_type);
                        new_null_array(&data_type, count)
                    }
                },
            };
            PlanResult::Ok((*name, column, true))
        });
        let columns = columns.collect::<PlanResult<Vec<_>>>()?;
        Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
    }
}

/// A row as JSON; none where JSON cannot hold it.
fn as_bytes(row: &RecordBatch) -> Option<Vec<u8>> {
    let texts = as_json(row).ok()?;
    let text = texts.iter().next()??;
    Some(text.as_bytes().to_vec())
}
