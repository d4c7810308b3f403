//! fjall: a log, tables in memory, and sorted files that are merged in the background.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::entries::{Change, Entries};
use crate::Result;

pub struct Fjall {
    database: Database,
    entries: Keyspace,
}

impl Fjall {
    /// Half of the memory is for the blocks of files; up to five tables share the other, one that is
    /// written to and those that wait for their files.
    pub fn open(folder: &Path, memory: usize) -> Result<Self> {
        let memory = memory as u64;
        let database = Database::builder(folder)
            .cache_size(memory / 2)
            // Only a checkpoint has to be on disk.
            .manual_journal_persist(true)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(memory / 8);
        let entries = database.keyspace("state", options)?;
        Ok(Fjall { database, entries })
    }
}

impl Entries for Fjall {
    fn get(
        &mut self,
        keys: &[&[u8]],
        value: &mut dyn FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        for (index, key) in keys.iter().enumerate() {
            value(index, self.entries.get(key)?.as_deref())?;
        }
        Ok(())
    }

    fn change(&mut self, changes: Vec<Change>) -> Result<()> {
        let mut batch = self.database.batch();
        for (key, value) in changes {
            match value {
                Some(value) => batch.insert(&self.entries, key, value),
                None => batch.remove(&self.entries, key),
            }
        }
        Ok(batch.commit()?)
    }

    fn scan(
        &mut self,
        from: &[u8],
        to: &[u8],
        entry: &mut dyn FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        for found in self.entries.range(from..to) {
            let (key, value) = found.into_inner()?;
            entry(&key, &value)?;
        }
        Ok(())
    }

    /// Has the log on disk. What comes after may be there as well when the database is opened again, and
    /// no state before the last one can be.
    fn checkpoint(&mut self) -> Result<()> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
