//! Rows of windows whose time is not over.

use std::collections::BTreeMap;

use datafusion::{
    arrow::{
        array::{Array, RecordBatch, TimestampMillisecondArray, UInt32Array},
        compute::{max, min, take_record_batch},
    },
    common::Result,
};
use wasmill_state::{Chunk, Chunks, Keeper};

/// Rows that are too few to be reduced.
const FEW_ROWS: usize = 8192;

/// What one partition holds back, by the windows' ends in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Held {
    windows: BTreeMap<i64, Window>,
}

#[derive(Debug, Default)]
struct Window {
    chunks: Chunks,
    /// Rows right after they were last reduced.
    reduced: usize,
}

impl Held {
    /// Takes rows, with the ends of their windows.
    pub(super) fn add(
        &mut self,
        batch: RecordBatch,
        ends: &TimestampMillisecondArray,
        keeper: &Keeper,
    ) -> Result<()> {
        if ends.null_count() == 0
            && let (Some(first), Some(last)) = (min(ends), max(ends))
            && first == last
        {
            return self.push(first, batch, keeper);
        }
        let mut rows: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for (row, end) in (0..).zip(ends.iter()) {
            // Rows without a window wait for none.
            rows.entry(end.unwrap_or(i64::MIN)).or_default().push(row);
        }
        for (end, rows) in rows {
            let part = take_record_batch(&batch, &UInt32Array::from(rows))?;
            self.push(end, part, keeper)?;
        }
        Ok(())
    }

    fn push(&mut self, end: i64, batch: RecordBatch, keeper: &Keeper) -> Result<()> {
        let window = self.windows.entry(end).or_default();
        Ok(window.chunks.push(batch, end, keeper)?)
    }

    /// The rows of the windows that are over when time has come to `watermark`.
    pub(super) fn release(&mut self, watermark: i64) -> Vec<Chunk> {
        let open = self.windows.split_off(&watermark.saturating_add(2));
        let over = std::mem::replace(&mut self.windows, open).into_values();
        over.flat_map(|window| window.chunks).collect()
    }

    /// Whether a window is over when time has come to `watermark`.
    pub(super) fn is_due(&self, watermark: i64) -> bool {
        let first = self.first_end();
        first.is_some_and(|end| end.saturating_sub(1) <= watermark)
    }

    pub(super) fn first_end(&self) -> Option<i64> {
        self.windows.first_key_value().map(|(end, _)| *end)
    }

    /// The windows that have grown enough for reducing them to be worth it.
    pub(super) fn grown(&self) -> Vec<(i64, Vec<Chunk>)> {
        let windows = self.windows.iter();
        let grown = windows.filter(|(_, window)| window.rows() >= FEW_ROWS.max(2 * window.reduced));
        grown
            .map(|(end, window)| (*end, window.chunks.to_vec()))
            .collect()
    }

    /// Puts a window's rows in the place of those that it has.
    pub(super) fn put_reduced(
        &mut self,
        end: i64,
        batches: Vec<RecordBatch>,
        keeper: &Keeper,
    ) -> Result<()> {
        let chunks = batches.into_iter().map(|batch| keeper.chunk(batch, end));
        let mut window = Window {
            chunks: chunks.collect::<Result<_, _>>()?,
            reduced: 0,
        };
        window.reduced = window.rows();
        self.windows.insert(end, window);
        Ok(())
    }

    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.windows
            .values()
            .flat_map(|window| window.chunks.iter())
    }

    pub(super) fn clear(&mut self) {
        self.windows.clear();
    }
}

impl Window {
    fn rows(&self) -> usize {
        self.chunks.iter().map(Chunk::rows).sum()
    }
}

/// The rows of these chunks.
pub(super) fn load(chunks: &[Chunk]) -> Result<Vec<RecordBatch>> {
    let batches = chunks.iter().map(Chunk::load);
    Ok(batches.collect::<std::io::Result<_>>()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
    use datafusion::arrow::datatypes::Int32Type;

    use wasmill_state::StateStore;

    use super::*;

    fn keeper() -> Keeper {
        Keeper::new(&Arc::new(StateStore::new(usize::MAX)), batch(&[]).schema())
    }

    fn batch(rows: &[i32]) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int32Array::from(rows.to_vec()));
        RecordBatch::try_from_iter([("x", column)]).unwrap()
    }

    fn rows(chunks: &[Chunk]) -> Vec<i32> {
        let batches = load(chunks).unwrap();
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
        held.add(batch(&[1, 2, 3, 4]), &ends, &keeper()).unwrap();
        assert!(!held.is_due(8));
        assert!(held.release(8).is_empty());
        assert!(held.is_due(9));
        assert_eq!(rows(&held.release(9)), [2, 3]);
        assert!(!held.is_due(9));
        assert_eq!(rows(&held.release(i64::MAX)), [1, 4]);
    }

    #[test]
    fn small_batches_are_put_together() {
        let (mut held, keeper) = (Held::default(), keeper());
        for row in 0..1000 {
            let ends = TimestampMillisecondArray::from(vec![10]);
            held.add(batch(&[row]), &ends, &keeper).unwrap();
        }
        assert!(held.chunks().count() < 40);
        assert_eq!(rows(&held.release(9)), (0..1000).collect::<Vec<_>>());
    }
}
