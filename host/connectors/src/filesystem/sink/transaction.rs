//! Parts between their writing and the commit that shows them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use super::Plan;
use super::writer::{Finished, Writer};
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

/// Hidden and final paths of parts that are closed.
type Closed = Vec<(PathBuf, PathBuf)>;

/// The same of parts that stay open, with their bytes.
type Open = Vec<(PathBuf, PathBuf, u64)>;

impl Transaction {
    /// Closes the open parts whose time is over, and makes sure that the others are on disk.
    async fn roll(&self, last: bool) -> Result<(Closed, Open), ConnectorError> {
        let (mut closed, mut open) = (Vec::new(), Vec::new());
        for (place, mut part) in self.plan.open.take_all() {
            if last || self.plan.open.is_over(&part, open.len()) {
                match part.finish().await? {
                    Finished::Local(hidden, name) => closed.push((hidden, name)),
                    Finished::Upload(_) => {
                        return Err(ConnectorError::bug("an upload to a local folder"));
                    }
                }
                continue;
            }
            let bytes = part.sync().await?;
            let (hidden, name) = part.names()?;
            open.push((hidden, name, bytes));
            self.plan.open.put(place, part);
        }
        Ok((closed, open))
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

    async fn prepare(&self, last: bool) -> Result<Committable, ConnectorError> {
        let (finished, open) = self.roll(last).await?;
        let mut staged = self.staged.lock();
        let Some(Staged::InPlace(pending)) = staged.as_mut() else {
            return Ok(Committable::Null);
        };
        pending.finished.extend(finished);
        pending.open = open;
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
        // The last checkpoint knows how far they are.
        drop(self.plan.open.take_all());
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
