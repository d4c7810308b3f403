//! Rows that come too late for what a query holds back: they are counted, and written into a table if
//! the job names one.

use std::{
    iter::repeat_n,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use arrow::{
    array::{
        ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMillisecondArray, UInt32Array,
    },
    compute::{filter_record_batch, min, take, take_record_batch},
    error::ArrowError,
};
use datafusion::common::Result as PlanResult;

use super::{
    dead::scans,
    table::{Columns, LetterTable, as_json, columns},
};
use crate::{
    error::{EngineError, Location},
    job::{LetterKind, Letters},
    planning::{Pipeline, Shared},
};

/// The columns that a late-rows table may have.
pub(super) const COLUMNS: Columns = &[
    ("sink", "STRING"),
    ("rowtime", "TIMESTAMP_LTZ(3)"),
    ("watermark", "TIMESTAMP_LTZ(3)"),
    ("row", "STRING"),
];

/// The pipeline that writes what comes too late for these, if the job names a table for it.
pub(crate) fn late_pipeline(
    shared: &Shared,
    pipelines: &[Pipeline],
    place: Option<Location>,
) -> Result<Option<Pipeline>, EngineError> {
    let Some(name) = shared.settings.read().late_rows_table() else {
        return Ok(None);
    };
    let read = pipelines.iter().flat_map(|found| scans(&found.plan));
    let read: Vec<_> = read.collect();
    let wanted = LetterTable {
        kind: LetterKind::LateRows,
        name: &name,
        source: None,
        columns: columns(COLUMNS),
        place,
    };
    let (pipeline, _) = wanted.pipeline(shared, &read)?;
    Ok(Some(pipeline))
}

/// What becomes of the rows of a query that come too late.
#[derive(Debug, Default)]
pub(crate) struct Latecomers {
    /// The table that the query writes.
    sink: String,
    letters: Option<Arc<Letters>>,
    count: AtomicU64,
}

impl Latecomers {
    pub(crate) fn new(sink: &str, letters: Option<Arc<Letters>>) -> Self {
        Latecomers {
            sink: sink.to_owned(),
            letters,
            count: AtomicU64::new(0),
        }
    }

    /// Rows so far.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes those of a batch that came too late, with time at `watermark`, and answers the others; see
    /// [`Self::take`]. Rows without a time are never late.
    pub(in crate::planning) async fn leave_out(
        &self,
        batch: RecordBatch,
        times: &TimestampMillisecondArray,
        watermark: i64,
    ) -> PlanResult<RecordBatch> {
        let in_time = |time: i64| time > watermark;
        if min(times).is_none_or(in_time) {
            return Ok(batch);
        }
        let kept = times.iter().map(|time| Some(time.is_none_or(in_time)));
        let kept: BooleanArray = kept.collect();
        let late = (0..).zip(kept.values()).filter(|(_, kept)| !kept);
        let late = late.map(|(row, _)| row).collect();
        self.take(&batch, late, times, watermark).await?;
        Ok(filter_record_batch(&batch, &kept)?)
    }

    /// Takes those of a batch that came too late, with time at `watermark`. `times`, in milliseconds
    /// since 1970, are of all rows of the batch: a row is late once time has come to its own.
    pub(in crate::planning) async fn take(
        &self,
        batch: &RecordBatch,
        late: Vec<u32>,
        times: &TimestampMillisecondArray,
        watermark: i64,
    ) -> PlanResult<()> {
        if late.is_empty() {
            return Ok(());
        }
        self.count.fetch_add(late.len() as u64, Ordering::Relaxed);
        let sender = self.letters.as_ref().and_then(|letters| letters.sender());
        if let Some(sender) = sender {
            let late = UInt32Array::from(late);
            let rows = take_record_batch(batch, &late)?;
            let times = times.clone().with_timezone("UTC");
            let letters = self.letters(&rows, take(&times, &late, None)?, watermark)?;
            sender.send(letters).await?;
        }
        Ok(())
    }

    /// The columns of [`COLUMNS`].
    fn letters(
        &self,
        rows: &RecordBatch,
        times: ArrayRef,
        watermark: i64,
    ) -> Result<RecordBatch, ArrowError> {
        let count = rows.num_rows();
        let sinks = StringArray::from_iter_values(repeat_n(&self.sink, count));
        // Behind all times it is that of a table that has ended.
        let watermark = Some(watermark).filter(|watermark| *watermark != i64::MAX);
        let watermarks = TimestampMillisecondArray::from(vec![watermark; count]);
        let columns: [ArrayRef; 4] = [
            Arc::new(sinks),
            times,
            Arc::new(watermarks.with_timezone("UTC")),
            Arc::new(as_json(rows)?),
        ];
        let names = COLUMNS.iter().map(|(name, _)| *name);
        let columns = names
            .zip(columns)
            .map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(columns)
    }
}
