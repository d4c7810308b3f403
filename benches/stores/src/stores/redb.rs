//! redb: one file with a B-tree whose pages are copied when they are written.

use std::{collections::VecDeque, path::Path};

use redb::{Database, ReadableTable, TableDefinition, WriteTransaction};

use super::entries::{Change, Entries};
use crate::Result;

const ENTRIES: TableDefinition<&[u8], &[u8]> = TableDefinition::new("state");

/// Checkpoints that can be gone back to.
const KEPT: usize = 2;

pub struct Redb {
    database: Database,
    /// From one checkpoint to the next.
    transaction: Option<WriteTransaction>,
    savepoints: VecDeque<u64>,
}

impl Redb {
    pub fn open(folder: &Path, memory: usize) -> Result<Self> {
        let database = Database::builder()
            .set_cache_size(memory)
            .create(folder.join("redb"))?;
        Ok(Redb {
            database,
            transaction: None,
            savepoints: VecDeque::new(),
        })
    }

    /// The transaction that the next checkpoint ends. It begins with a savepoint, which is what was
    /// committed last.
    fn transaction(&mut self) -> Result<&WriteTransaction> {
        let transaction = match self.transaction.take() {
            Some(transaction) => transaction,
            None => {
                let transaction = self.database.begin_write()?;
                self.savepoints
                    .push_back(transaction.persistent_savepoint()?);
                if self.savepoints.len() > KEPT
                    && let Some(oldest) = self.savepoints.pop_front()
                {
                    transaction.delete_persistent_savepoint(oldest)?;
                }
                transaction
            }
        };
        Ok(self.transaction.insert(transaction))
    }
}

impl Entries for Redb {
    fn get(
        &mut self,
        keys: &[&[u8]],
        value: &mut dyn FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        let table = self.transaction()?.open_table(ENTRIES)?;
        for (index, key) in keys.iter().enumerate() {
            let found = table.get(*key)?;
            value(index, found.as_ref().map(|found| found.value()))?;
        }
        Ok(())
    }

    fn change(&mut self, changes: Vec<Change>) -> Result<()> {
        let mut table = self.transaction()?.open_table(ENTRIES)?;
        for (key, value) in changes {
            match value {
                Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                None => table.remove(key.as_slice())?,
            };
        }
        Ok(())
    }

    fn scan(
        &mut self,
        from: &[u8],
        to: &[u8],
        entry: &mut dyn FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        let table = self.transaction()?.open_table(ENTRIES)?;
        for found in table.range(from..to)? {
            let (key, value) = found?;
            entry(key.value(), value.value())?;
        }
        Ok(())
    }

    /// Commits, which has it on disk.
    fn checkpoint(&mut self) -> Result<()> {
        match self.transaction.take() {
            Some(transaction) => Ok(transaction.commit()?),
            None => Ok(()),
        }
    }
}
