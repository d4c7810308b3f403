//! Parts between their writing and the commit that shows them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use super::Plan;
use super::writer::Writer;
use crate::filesystem::location::object_error;
use crate::filesystem::output::blocking;
use crate::filesystem::pending::Pending;
use crate::filesystem::staging::{Keep, Staging};
use crate::{Committable, ConnectorError, SinkTransaction, SinkWriter};

/// Where the parts are until the commit.
pub(super) enum Staged {
    Local(Staging),
    InPlace(Pending),
    Object {
        store: Arc<dyn ObjectStore>,
        folder: ObjectPath,
        uploads: Vec<Box<dyn MultipartUpload>>,
    },
}

pub(super) type Shared = Arc<Mutex<Option<Staged>>>;

pub(super) struct Transaction {
    plan: Arc<Plan>,
    /// What the names of its parts begin with.
    prefix: Arc<str>,
    overwrite: bool,
    /// `None` once it is committed or aborted.
    staged: Shared,
    /// Parts begun, so that every part has a name of its own.
    count: Arc<AtomicU64>,
}

impl Transaction {
    pub(super) fn new(plan: &Arc<Plan>, prefix: String, overwrite: bool, place: Staged) -> Self {
        Self {
            plan: plan.clone(),
            prefix: prefix.into(),
            overwrite,
            staged: Arc::new(Mutex::new(Some(place))),
            count: Arc::default(),
        }
    }
}

#[async_trait]
impl SinkTransaction for Transaction {
    async fn writer(&self, partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let (plan, prefix) = (self.plan.clone(), self.prefix.clone());
        let (staged, count) = (self.staged.clone(), self.count.clone());
        let writer = Writer::new(plan, prefix, staged, count, partition);
        Ok(Box::new(writer))
    }

    async fn prepare(&self) -> Result<Committable, ConnectorError> {
        let mut staged = self.staged.lock();
        let Some(Staged::InPlace(pending)) = staged.as_mut() else {
            return Ok(Committable::Null);
        };
        let parts = pending.parts(self.plan.partition_marker());
        parts
            .sync(&pending.folder)
            .map_err(|error| self.plan.unwritable(&error))?;
        serde_json::to_value(parts)
            .map_err(|error| ConnectorError::unexpected("preparing a checkpoint", error))
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        let staged = self.staged.lock().take();
        let keep = match (self.overwrite, self.plan.partitioning.is_empty()) {
            (false, _) => Keep::All,
            (true, true) => Keep::Nothing,
            (true, false) => Keep::OtherPartitions,
        };
        match staged.ok_or_else(ended)? {
            Staged::InPlace(pending) => {
                let parts = pending.parts(self.plan.partition_marker());
                blocking(move || pending.publish(&parts))
                    .await?
                    .map_err(|error| self.plan.unwritable(&error))
            }
            Staged::Local(staging) => {
                let marker = self.plan.partition_marker();
                blocking(move || {
                    clean(&staging.folder, marker.as_deref())?;
                    staging.commit(keep)
                })
                .await?
                .map_err(|error| self.plan.unwritable(&error))
            }
            Staged::Object {
                store,
                folder,
                uploads,
            } => {
                let shown = self.plan.location.shown();
                let failed = |error| object_error("write", &shown, &error);
                let old: Vec<_> = match keep {
                    Keep::All => Vec::new(),
                    _ => store
                        .list(Some(&folder))
                        .try_collect()
                        .await
                        .map_err(failed)?,
                };
                for mut upload in uploads {
                    upload.complete().await.map_err(failed)?;
                }
                for meta in old {
                    store.delete(&meta.location).await.map_err(failed)?;
                }
                Ok(())
            }
        }
    }

    async fn abort(&self) {
        let staged = self.staged.lock().take();
        match staged {
            Some(Staged::Local(staging)) => drop(blocking(move || drop(staging)).await),
            Some(Staged::InPlace(pending)) => {
                if let Ok(Err(error)) = blocking(move || pending.remove_hidden()).await {
                    tracing::warn!("cannot remove unfinished parts: {error}");
                }
            }
            Some(Staged::Object { uploads, .. }) => {
                for mut upload in uploads {
                    if let Err(error) = upload.abort().await {
                        tracing::warn!("cannot abort an upload: {error}");
                    }
                }
            }
            None => {}
        }
    }
}

pub(super) fn ended() -> ConnectorError {
    ConnectorError::bug("a sink is used after its commit")
}

/// Removes what unfinished writers left, and marks the folders that hold files.
fn clean(folder: &Path, marker: Option<&str>) -> std::io::Result<()> {
    let mut holds_files = false;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            clean(&entry.path(), marker)?;
        } else if entry.file_name().to_string_lossy().starts_with('.') {
            std::fs::remove_file(entry.path())?;
        } else {
            holds_files = true;
        }
    }
    match marker {
        Some(name) if holds_files => File::create(folder.join(name))?.sync_all(),
        _ => Ok(()),
    }
}
