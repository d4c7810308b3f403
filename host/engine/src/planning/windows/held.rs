//! Rows of windows whose time is not over.

use std::collections::BTreeMap;

use datafusion::{
    arrow::{
        array::{RecordBatch, TimestampMillisecondArray, UInt32Array},
        compute::{concat_batches, take_record_batch},
    },
    common::Result,
};

/// Batches of fewer rows are put together.
const FEW_ROWS: usize = 8192;
/// Batches of few rows that a window may have.
const SMALL_BATCHES: usize = 32;

/// What one partition holds back, by the windows' ends in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Held {
    windows: BTreeMap<i64, Window>,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    pub batches: Vec<RecordBatch>,
    /// Rows right after they were last reduced.
    reduced: usize,
}

impl Held {
    /// Takes rows, with the ends of their windows.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        ends: &TimestampMillisecondArray,
    ) -> Result<()> {
        let mut rows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, end) in (0..).zip(ends.iter()) {
            // Rows without a window wait for none.
            rows.entry(end.unwrap_or(i64::MIN)).or_default().push(row);
        }
        if rows.len() == 1 {
            if let Some(end) = rows.keys().next() {
                self.windows.entry(*end).or_default().push(batch.clone())?;
            }
            return Ok(());
        }
        for (end, rows) in rows {
            let part = take_record_batch(batch, &UInt32Array::from(rows))?;
            self.windows.entry(end).or_default().push(part)?;
        }
        Ok(())
    }

    /// The rows of the windows that are over when time has come to `watermark`.
    pub(super) fn release(&mut self, watermark: i64) -> Vec<RecordBatch> {
        let open = self.windows.split_off(&watermark.saturating_add(2));
        let over = std::mem::replace(&mut self.windows, open);
        over.into_values()
            .flat_map(|window| window.batches)
            .collect()
    }

    /// Whether a window is over when time has come to `watermark`.
    pub(super) fn is_due(&self, watermark: i64) -> bool {
        let first = self.windows.first_key_value();
        first.is_some_and(|(end, _)| end.saturating_sub(1) <= watermark)
    }

    /// The windows that have grown enough for reducing them to be worth it.
    pub(super) fn grown(&mut self) -> Vec<(i64, Vec<RecordBatch>)> {
        let windows = self.windows.iter_mut();
        let grown = windows.filter(|(_, window)| window.rows() >= FEW_ROWS.max(2 * window.reduced));
        grown
            .map(|(end, window)| (*end, std::mem::take(&mut window.batches)))
            .collect()
    }

    pub(super) fn put_reduced(&mut self, end: i64, batches: Vec<RecordBatch>) {
        let mut window = Window {
            batches,
            reduced: 0,
        };
        window.reduced = window.rows();
        self.windows.insert(end, window);
    }

    pub(super) fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.windows.values().flat_map(|window| &window.batches)
    }

    pub(super) fn clear(&mut self) {
        self.windows.clear();
    }
}

impl Window {
    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        self.batches.push(batch);
        let few = |batch: &&RecordBatch| batch.num_rows() < FEW_ROWS;
        let small = self.batches.iter().rev().take_while(few).count();
        if small >= SMALL_BATCHES {
            let tail = self.batches.split_off(self.batches.len() - small);
            let whole = concat_batches(tail[0].schema_ref(), &tail)?;
            self.batches.push(whole);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    fn batch(rows: &[i32]) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(rows.to_vec()));
        RecordBatch::try_from_iter([("x", column)]).unwrap()
    }

    fn rows(batches: &[RecordBatch]) -> Vec<i32> {
        let columns = batches
            .iter()
            .map(|batch| batch.column(0).as_primitive::<Int32Type>());
        columns
            .flat_map(|column| column.values().to_vec())
            .collect()
    }

    #[test]
    fn rows_wait_for_the_last_millisecond_of_their_window() {
        let mut held = Held::default();
        let ends = TimestampMillisecondArray::from(vec![20, 10, 10, 20]);
        held.add(&batch(&[1, 2, 3, 4]), &ends).unwrap();
        assert!(!held.is_due(8));
        assert!(held.release(8).is_empty());
        assert!(held.is_due(9));
        assert_eq!(rows(&held.release(9)), [2, 3]);
        assert!(!held.is_due(9));
        assert_eq!(rows(&held.release(i64::MAX)), [1, 4]);
    }

    #[test]
    fn small_batches_are_put_together() {
        let mut held = Held::default();
        for row in 0..1000 {
            let ends = TimestampMillisecondArray::from(vec![10]);
            held.add(&batch(&[row]), &ends).unwrap();
        }
        assert!(held.batches().count() < SMALL_BATCHES);
        assert_eq!(rows(&held.release(9)), (0..1000).collect::<Vec<_>>());
    }
}
