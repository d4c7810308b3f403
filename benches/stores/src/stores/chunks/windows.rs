//! The chunks of each window, as the engine holds them (`host/engine/src/planning/windows/held.rs`).

use std::collections::BTreeMap;

use arrow::{array::RecordBatch, compute::concat_batches};
use wasmill_state::{Chunk, Keeper};

use crate::Result;

/// Chunks of fewer rows are put together.
const FEW_ROWS: usize = 8192;
/// Chunks of few rows that a window may have.
const SMALL_CHUNKS: usize = 32;

#[derive(Default)]
pub struct Windows {
    windows: BTreeMap<i64, Vec<Chunk>>,
}

impl Windows {
    pub fn append(&mut self, window: i64, rows: RecordBatch, keeper: &Keeper) -> Result<()> {
        let chunks = self.windows.entry(window).or_default();
        chunks.push(keeper.chunk(rows, window)?);
        let few = |chunk: &&Chunk| chunk.rows() < FEW_ROWS;
        let small = chunks.iter().rev().take_while(few).count();
        if small >= SMALL_CHUNKS {
            let tail = load(&chunks.split_off(chunks.len() - small))?;
            let whole = concat_batches(&keeper.schema(), &tail)?;
            chunks.push(keeper.chunk(whole, window)?);
        }
        Ok(())
    }

    pub fn take(&mut self, window: i64) -> Result<Vec<RecordBatch>> {
        load(&self.windows.remove(&window).unwrap_or_default())
    }

    pub fn chunks(&self) -> BTreeMap<i64, Vec<Chunk>> {
        self.windows.clone()
    }
}

fn load(chunks: &[Chunk]) -> Result<Vec<RecordBatch>> {
    let batches = chunks.iter().map(Chunk::load);
    Ok(batches.collect::<std::io::Result<_>>()?)
}
