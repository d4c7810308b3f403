//! The chunks of each window, as the engine holds them (`host/engine/src/planning/windows/held.rs`).

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use wasmill_state::{Chunk, Chunks, Keeper};

use crate::Result;

#[derive(Default)]
pub struct Windows {
    windows: BTreeMap<i64, Chunks>,
}

impl Windows {
    pub fn append(&mut self, window: i64, rows: RecordBatch, keeper: &Keeper) -> Result<()> {
        let chunks = self.windows.entry(window).or_default();
        Ok(chunks.push(rows, window, keeper)?)
    }

    pub fn take(&mut self, window: i64) -> Result<Vec<RecordBatch>> {
        load(&self.windows.remove(&window).unwrap_or_default())
    }

    pub fn chunks(&self) -> BTreeMap<i64, Vec<Chunk>> {
        let windows = self.windows.iter();
        windows
            .map(|(end, chunks)| (*end, chunks.to_vec()))
            .collect()
    }
}

fn load(chunks: &[Chunk]) -> Result<Vec<RecordBatch>> {
    let batches = chunks.iter().map(Chunk::load);
    Ok(batches.collect::<std::io::Result<_>>()?)
}
