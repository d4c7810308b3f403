//! The stores, and what they are asked for.

mod chunks;
mod entries;
mod fjall;
mod redb;
mod slatedb;

use std::{fs, path::Path};

use arrow::array::RecordBatch;
use clap::ValueEnum;

use self::{
    chunks::Chunks,
    entries::{Kept, KeyValue},
};
use crate::Result;

/// What the workloads need of a store. A store has windows or keys, never both.
pub trait Store {
    /// Adds rows to a window.
    fn append(&mut self, window: i64, rows: RecordBatch) -> Result<()>;

    /// Gives the rows of a window, in any order, and removes them.
    fn take(&mut self, window: i64) -> Result<Vec<RecordBatch>>;

    /// Puts rows, no two of one key, in the place of those of their keys, which are given in the order
    /// of the new ones.
    fn replace(&mut self, rows: &RecordBatch) -> Result<RecordBatch>;

    /// An epoch's rows have been handed over.
    fn end_epoch(&mut self) -> Result<()>;

    /// Has all rows of the epochs so far on disk (synced), as a checkpoint. Answers whether it does: it
    /// may also write while some more epochs run, and want to be asked again.
    fn checkpoint(&mut self) -> Result<bool>;

    /// Gives all rows of the last checkpoint, and is as it was then.
    fn restore(&mut self, rows: &mut dyn FnMut(RecordBatch)) -> Result<()>;
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    Wasmill,
    Fjall,
    Redb,
    Slatedb,
}

impl Kind {
    pub fn all() -> &'static [Kind] {
        Self::value_variants()
    }

    pub fn name(self) -> &'static str {
        match self {
            Kind::Wasmill => "wasmill",
            Kind::Fjall => "fjall",
            Kind::Redb => "redb",
            Kind::Slatedb => "slatedb",
        }
    }

    /// The store in a folder, which may have `memory` bytes in memory.
    pub fn open(self, folder: &Path, memory: usize, keyed: bool) -> Result<Box<dyn Store>> {
        fs::create_dir_all(folder)?;
        let kept = if keyed { Kept::Rows } else { Kept::Windows };
        Ok(match self {
            Kind::Wasmill => Box::new(Chunks::open(folder, memory, keyed)?),
            Kind::Fjall => Box::new(KeyValue::new(fjall::Fjall::open(folder, memory)?, kept)),
            Kind::Redb => Box::new(KeyValue::new(redb::Redb::open(folder, memory)?, kept)),
            Kind::Slatedb => Box::new(KeyValue::new(slatedb::Slate::open(folder, memory)?, kept)),
        })
    }
}
