//! Rows that come in small pieces, in chunks that are worth their while.

use std::ops::Deref;

use arrow::{array::RecordBatch, compute::concat_batches, error::ArrowError};

use crate::{chunk::Chunk, store::Keeper};

/// Chunks of fewer rows are put together, once they have so many together.
const FEW: usize = 8192;

/// Chunks of fewer rows are put together, once there are so many of them.
const TINY: usize = 256;
const TOGETHER: usize = 32;

/// Chunks, in the order in which their rows came.
///
/// A row is copied a few times at most, however small the pieces are that rows come in.
#[derive(Debug, Clone, Default)]
pub struct Chunks(Vec<Chunk>);

impl Chunks {
    /// Appends rows, which are needed when [`Keeper::chunk`] says. Fails if the columns' types are not
    /// the keeper's, or if chunks that have been left to their file cannot be read.
    pub fn push(
        &mut self,
        rows: RecordBatch,
        needed: i64,
        keeper: &Keeper,
    ) -> Result<(), ArrowError> {
        self.0.push(keeper.chunk(rows, needed)?);
        let smaller_than = |rows: usize| {
            let last = self.0.iter().rev();
            last.map(Chunk::rows).take_while(move |found| *found < rows)
        };
        let (few, tiny) = (smaller_than(FEW).count(), smaller_than(TINY).count());
        let together = match () {
            () if few > 1 && smaller_than(FEW).sum::<usize>() >= FEW => few,
            () if tiny >= TOGETHER => tiny,
            () => return Ok(()),
        };
        let tail = self.0.split_off(self.0.len() - together);
        let tail = tail.iter().map(Chunk::load);
        let tail = tail.collect::<std::io::Result<Vec<_>>>()?;
        let rows = concat_batches(&keeper.schema(), &tail)?;
        self.0.push(keeper.chunk(rows, needed)?);
        Ok(())
    }
}

impl Deref for Chunks {
    type Target = [Chunk];

    fn deref(&self) -> &[Chunk] {
        &self.0
    }
}

impl FromIterator<Chunk> for Chunks {
    fn from_iter<I: IntoIterator<Item = Chunk>>(chunks: I) -> Self {
        Chunks(chunks.into_iter().collect())
    }
}

impl IntoIterator for Chunks {
    type Item = Chunk;
    type IntoIter = std::vec::IntoIter<Chunk>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
