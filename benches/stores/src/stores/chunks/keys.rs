//! The row of each key, in the way that ranks hold theirs (`host/engine/src/planning/ranks/top.rs`): the
//! rows of an epoch are a chunk; a map in memory says where each key's row is; rows that were replaced
//! lie where they are until more than half of all are of no use, and then those of the emptiest chunks
//! are put together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::{
    array::{RecordBatch, UInt32Array},
    compute::{interleave_record_batch, take_record_batch},
};
use wasmill_state::{Chunk, Keeper};

use crate::{Result, rows::keys};

/// Rows that are of no use any more may lie beside as many that are, or beside these.
const SPARE_ROWS: usize = 8192;

/// Rows of a chunk of those that are put together.
const CHUNK: usize = 8192;

#[derive(Default)]
pub struct Keys {
    by_key: HashMap<Box<str>, (u32, u32)>,
    chunks: BTreeMap<u32, Stored>,
    next: u32,
    stored: usize,
}

struct Stored {
    chunk: Chunk,
    /// Rows that are of use.
    held: usize,
}

impl Keys {
    pub fn replace(&mut self, rows: &RecordBatch, keeper: &Keeper) -> Result<RecordBatch> {
        let mut replaced = Vec::with_capacity(rows.num_rows());
        for (row, key) in (0..).zip(keys(rows).iter().flatten()) {
            let now = (self.next, row);
            // A key that is there already need not be copied.
            match self.by_key.get_mut(key) {
                Some(place) => replaced.push(std::mem::replace(place, now)),
                None => {
                    self.by_key.insert(key.into(), now);
                }
            }
        }
        let before = match replaced.is_empty() {
            true => RecordBatch::new_empty(keeper.schema()),
            false => self.gather(&replaced)?,
        };
        for (chunk, _) in replaced {
            self.leave(chunk);
        }
        self.put(rows.clone(), keeper)?;
        if self.stored > 2 * self.by_key.len() + SPARE_ROWS {
            self.compact(keeper)?;
        }
        Ok(before)
    }

    /// Takes rows that were stored, in the order of their chunks: of a key's rows the last one counts.
    pub fn restore(&mut self, rows: &RecordBatch, keeper: &Keeper) -> Result<()> {
        for (row, key) in (0..).zip(keys(rows).iter().flatten()) {
            if let Some((chunk, _)) = self.by_key.insert(key.into(), (self.next, row))
                && chunk != self.next
            {
                self.leave(chunk);
            }
        }
        self.put(rows.clone(), keeper)
    }

    pub fn chunks(&self) -> Vec<Chunk> {
        let chunks = self.chunks.values();
        chunks.map(|stored| stored.chunk.clone()).collect()
    }

    /// Gives the rows that are of use.
    pub fn read(&self, rows: &mut dyn FnMut(RecordBatch)) -> Result<()> {
        let mut used: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (chunk, row) in self.by_key.values() {
            used.entry(*chunk).or_default().push(*row);
        }
        for (chunk, used) in used {
            if let Some(stored) = self.chunks.get(&chunk) {
                let batch = stored.chunk.load()?;
                rows(take_record_batch(&batch, &UInt32Array::from(used))?);
            }
        }
        Ok(())
    }

    fn put(&mut self, rows: RecordBatch, keeper: &Keeper) -> Result<()> {
        let held = rows.num_rows();
        self.stored += held;
        let chunk = keeper.chunk(rows, 0)?;
        self.chunks.insert(self.next, Stored { chunk, held });
        self.next += 1;
        Ok(())
    }

    /// A row of the chunk is of no use any more.
    fn leave(&mut self, chunk: u32) {
        if let Some(stored) = self.chunks.get_mut(&chunk) {
            stored.held -= 1;
            if stored.held == 0 {
                self.stored -= stored.chunk.rows();
                self.chunks.remove(&chunk);
            }
        }
    }

    fn compact(&mut self, keeper: &Keeper) -> Result<()> {
        let sparse = self
            .chunks
            .iter()
            .filter(|(_, stored)| 2 * stored.held < stored.chunk.rows());
        let sparse: BTreeSet<u32> = sparse.map(|(chunk, _)| *chunk).collect();
        let mut found = Vec::new();
        for place in self.by_key.values_mut() {
            if sparse.contains(&place.0) {
                let row = found.len();
                found.push(*place);
                *place = (self.next + (row / CHUNK) as u32, (row % CHUNK) as u32);
            }
        }
        for part in found.chunks(CHUNK) {
            let batch = self.gather(part)?;
            self.put(batch, keeper)?;
        }
        for chunk in sparse {
            if let Some(stored) = self.chunks.remove(&chunk) {
                self.stored -= stored.chunk.rows();
            }
        }
        Ok(())
    }

    fn gather(&self, rows: &[(u32, u32)]) -> Result<RecordBatch> {
        let needed: BTreeSet<u32> = rows.iter().map(|(chunk, _)| *chunk).collect();
        let (mut batches, mut places) = (Vec::new(), HashMap::new());
        for chunk in needed {
            let stored = self.chunks.get(&chunk).ok_or("a chunk is not there")?;
            places.insert(chunk, batches.len());
            batches.push(stored.chunk.load()?);
        }
        let batches: Vec<_> = batches.iter().collect();
        let indices: Vec<_> = rows
            .iter()
            .map(|(chunk, row)| (places[chunk], *row as usize))
            .collect();
        Ok(interleave_record_batch(&batches, &indices)?)
    }
}
