//! SlateDB: sorted files on an object store, here a local folder, that are merged in the background.

use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use slatedb::{
    Db, WriteBatch,
    admin::{Admin, AdminBuilder},
    config::{
        CheckpointOptions, CheckpointScope, CompactionWorkerOptions, CompactorOptions,
        GarbageCollectorDirectoryOptions, GarbageCollectorOptions, Settings,
    },
    db_cache::foyer::{FoyerCache, FoyerCacheOptions},
    object_store::{ObjectStore, local::LocalFileSystem},
};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::entries::{Change, Entries};
use crate::Result;

/// Of the database in the object store.
const NAME: &str = "state";

/// Checkpoints that can be opened.
const KEPT: usize = 2;

/// Keys that are asked for at a time.
const ASKED: usize = 16;

/// How often there is a look for files to merge, and for files that nothing needs any more. SlateDB's own
/// times are those of a far object store.
const OFTEN: Duration = Duration::from_millis(100);
const SOMETIMES: Duration = Duration::from_secs(5);

pub struct Slate {
    runtime: Runtime,
    database: Db,
    admin: Admin,
    checkpoints: VecDeque<Uuid>,
}

impl Slate {
    /// Half of the memory is for the blocks of files; the tables that are written to and those that wait
    /// for their files share the other.
    pub fn open(folder: &Path, memory: usize) -> Result<Self> {
        let runtime = Runtime::new()?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        let directory = GarbageCollectorDirectoryOptions {
            interval: Some(SOMETIMES),
            min_age: SOMETIMES,
            ..Default::default()
        };
        let settings = Settings {
            // A checkpoint is all that has to be on disk.
            wal_enabled: false,
            flush_interval: None,
            l0_sst_size_bytes: memory / 8,
            max_unflushed_bytes: memory / 2,
            // Each checkpoint makes one.
            l0_max_ssts: 32,
            l0_max_ssts_per_key: 32,
            compactor_options: Some(CompactorOptions {
                poll_interval: OFTEN,
                commit_compacted_interval: OFTEN,
                worker: Some(CompactionWorkerOptions {
                    compactions_poll_interval: OFTEN,
                    ..Default::default()
                }),
                ..Default::default()
            }),
            manifest_poll_interval: OFTEN,
            garbage_collector_options: Some(GarbageCollectorOptions {
                manifest_options: Some(directory),
                wal_options: Some(directory),
                compacted_options: Some(directory),
                ..Default::default()
            }),
            ..Default::default()
        };
        let cache = FoyerCache::new_with_opts(FoyerCacheOptions {
            max_capacity: memory as u64 / 2,
            ..Default::default()
        });
        let database = runtime.block_on(
            Db::builder(NAME, Arc::clone(&store))
                .with_settings(settings)
                .with_db_cache(Arc::new(cache), 0)
                .build(),
        )?;
        Ok(Slate {
            runtime,
            database,
            admin: AdminBuilder::new(NAME, store).build(),
            checkpoints: VecDeque::new(),
        })
    }
}

impl Entries for Slate {
    fn get(
        &mut self,
        keys: &[&[u8]],
        value: &mut dyn FnMut(usize, Option<&[u8]>) -> Result<()>,
    ) -> Result<()> {
        let database = &self.database;
        let asked = stream::iter(keys)
            .map(|key| database.get(key))
            .buffered(ASKED);
        let found: Vec<_> = self.runtime.block_on(asked.try_collect())?;
        for (index, found) in found.iter().enumerate() {
            value(index, found.as_deref())?;
        }
        Ok(())
    }

    fn change(&mut self, changes: Vec<Change>) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut batch = WriteBatch::new();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put_bytes(key.into(), value.into()),
                None => batch.delete(key),
            }
        }
        self.runtime.block_on(self.database.write(batch))?;
        Ok(())
    }

    fn scan(
        &mut self,
        from: &[u8],
        to: &[u8],
        entry: &mut dyn FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        self.runtime.block_on(async {
            let mut entries = self.database.scan(from.to_vec()..to.to_vec()).await?;
            while let Some(found) = entries.next().await? {
                entry(&found.key, &found.value)?;
            }
            Ok::<_, Box<dyn std::error::Error>>(())
        })
    }

    /// Writes what is in memory to a file, and names the files of now.
    fn checkpoint(&mut self) -> Result<()> {
        let kept = self.runtime.block_on(async {
            self.database.flush().await?;
            let (scope, options) = (CheckpointScope::Durable, CheckpointOptions::default());
            self.database.create_checkpoint(scope, &options).await
        })?;
        self.checkpoints.push_back(kept.id);
        if self.checkpoints.len() > KEPT
            && let Some(oldest) = self.checkpoints.pop_front()
        {
            self.runtime
                .block_on(self.admin.delete_checkpoint(oldest))
                .map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Drop for Slate {
    fn drop(&mut self) {
        // All that counts is in a checkpoint.
        self.runtime.block_on(self.database.close()).ok();
    }
}
