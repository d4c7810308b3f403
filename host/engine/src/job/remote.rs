//! Checkpoints on an object store, with which another machine can go on.
//!
//! The store has what the local folder has: `chk-<id>/_metadata`, and segments in `shared/`. A
//! checkpoint counts once its metadata is there, which is only ever written where there is none, and
//! none with a higher number: who comes second has lost the job to another process, and stops. Segments are named after the process
//! that wrote them, so none overwrites another's; those that no checkpoint names are removed by a
//! process that has just written one.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use object_store::{Error, ObjectStoreExt, PutMode, buffered::BufWriter, path::Path as ObjectPath};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use wasmill_connectors::ObjectFolder;

use super::checkpoints::{self, METADATA, PREFIX, SHARED, folder_of, parse, shared_of};
use crate::{error::EngineError, planning::connector_error};

/// How often the checkpoints are read that change meanwhile.
const ATTEMPTS: usize = 10;

/// Files on their way at once.
const AT_ONCE: usize = 4;

/// One job's checkpoints on an object store.
#[derive(Debug)]
pub(super) struct Remote {
    folder: ObjectFolder,
    /// Checkpoints that are there.
    checkpoints: Mutex<BTreeSet<u64>>,
    /// Segments that are there.
    segments: Mutex<BTreeSet<String>>,
    /// Whether a checkpoint was written: the job is this process's.
    owns: AtomicBool,
}

impl Remote {
    /// `folder` is the job's own.
    pub(super) fn new(folder: ObjectFolder) -> Self {
        Remote {
            folder,
            checkpoints: Mutex::default(),
            segments: Mutex::default(),
            owns: AtomicBool::new(false),
        }
    }

    pub(super) fn folder(&self) -> &ObjectFolder {
        &self.folder
    }

    /// Makes a local folder hold the checkpoints that are there, and nothing else.
    pub(super) async fn fetch(&self, local: &Path) -> Result<(), EngineError> {
        for _ in 0..ATTEMPTS {
            if self.try_fetch(local).await? {
                return Ok(());
            }
        }
        Err(EngineError::Environment {
            message: format!(
                "the checkpoints in {} come and go faster than they can be read",
                self.folder
            ),
            hint: Some("stop the process that runs the job".to_owned()),
        })
    }

    /// Whether none of them was removed meanwhile, as a process does that writes newer ones.
    async fn try_fetch(&self, local: &Path) -> Result<bool, EngineError> {
        let ids = self.ids().await?;
        let emptied = || {
            for id in checkpoints::ids(local)? {
                fs::remove_dir_all(folder_of(local, id))?;
            }
            let shared = shared_of(local);
            match fs::remove_dir_all(&shared) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => fs::create_dir_all(shared),
            }
        };
        let unwritten = |error: &io::Error| unwritten(local, error);
        emptied().map_err(|error| unwritten(&error))?;
        let mut segments = BTreeSet::new();
        for id in ids.iter().copied() {
            let Some(text) = self.metadata(id).await? else {
                return Ok(false);
            };
            // One that cannot be read is told of where it is needed.
            if let Ok(checkpoint) = parse(&text) {
                let named = checkpoint.segments();
                let shared = shared_of(local);
                let new = named.difference(&segments);
                let downloads = new.map(|name| self.download(name, &shared).boxed());
                match together(downloads).await {
                    Ok(()) => segments.extend(named),
                    Err(_) if self.metadata(id).await?.is_none() => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            let to = folder_of(local, id);
            let written = fs::create_dir_all(&to).and_then(|()| fs::write(to.join(METADATA), text));
            written.map_err(|error| unwritten(&error))?;
        }
        *self.checkpoints.lock() = ids.into_iter().collect();
        *self.segments.lock() = segments;
        Ok(true)
    }

    async fn download(&self, name: &str, to: &Path) -> Result<(), EngineError> {
        download(&self.folder, &self.segment(name), &to.join(name)).await
    }

    /// Writes a checkpoint whose segments are in the local folder `shared`.
    pub(super) async fn put(
        &self,
        id: u64,
        text: &[u8],
        segments: &BTreeSet<String>,
        shared: &Path,
    ) -> Result<(), EngineError> {
        let new: Vec<_> = {
            let there = self.segments.lock();
            segments.difference(&there).cloned().collect()
        };
        together(new.iter().map(|name| self.upload(name, shared).boxed())).await?;
        self.segments.lock().extend(new);
        let object = self.metadata_of(id);
        let put = self
            .folder
            .store
            .put_opts(&object, text.to_vec().into(), PutMode::Create.into());
        match put.await {
            Ok(_) => {}
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                // It may be our own: an answer can be lost.
                if self.metadata(id).await?.as_deref() != Some(text) {
                    return Err(self.lost(id));
                }
            }
            Err(error) => return Err(self.failed("write", &object, &error)),
        }
        // Another process may have written this one too, and removed it behind its next.
        if self.ids().await?.last().is_some_and(|newest| *newest > id) {
            self.delete(&object).await.ok();
            return Err(self.lost(id));
        }
        self.checkpoints.lock().insert(id);
        if !self.owns.swap(true, Ordering::Relaxed) {
            // What cannot be listed now is removed by the next process.
            let left = self.left_behind(&object).await.unwrap_or_default();
            self.segments.lock().extend(left);
        }
        Ok(())
    }

    /// The segments that are older than a checkpoint: whoever goes on from it writes younger ones.
    async fn left_behind(&self, checkpoint: &ObjectPath) -> Result<Vec<String>, Error> {
        let store = &self.folder.store;
        let written = store.head(checkpoint).await?.last_modified;
        let shared = self.folder.path.clone().join(SHARED);
        let found: Vec<_> = store.list(Some(&shared)).try_collect().await?;
        let older = found.iter().filter(|found| found.last_modified < written);
        let names = older.filter_map(|found| found.location.filename());
        Ok(names.map(str::to_owned).collect())
    }

    async fn upload(&self, name: &str, shared: &Path) -> Result<(), EngineError> {
        upload(&self.folder, &shared.join(name), &self.segment(name)).await
    }

    /// Removes the checkpoints before `oldest`, and all segments but these. What cannot be removed now
    /// is tried again behind the next checkpoint.
    pub(super) async fn clean(&self, oldest: u64, wanted: &BTreeSet<String>) {
        let old: Vec<_> = {
            let there = self.checkpoints.lock();
            there.range(..oldest).copied().collect()
        };
        for id in old {
            if self.delete(&self.metadata_of(id)).await.is_ok() {
                self.checkpoints.lock().remove(&id);
            }
        }
        let useless: Vec<_> = {
            let there = self.segments.lock();
            there.difference(wanted).cloned().collect()
        };
        for name in useless {
            if self.delete(&self.segment(&name)).await.is_ok() {
                self.segments.lock().remove(&name);
            }
        }
    }

    /// Removes the checkpoints behind one that is to be gone on from.
    pub(super) async fn back_to(&self, id: u64) -> Result<(), EngineError> {
        for later in self.ids().await?.into_iter().filter(|later| *later > id) {
            self.delete(&self.metadata_of(later)).await?;
            self.checkpoints.lock().remove(&later);
        }
        Ok(())
    }

    /// Removes all of the job, which has ended.
    pub(super) async fn remove(&self) -> Result<(), EngineError> {
        for id in self.ids().await? {
            self.delete(&self.metadata_of(id)).await?;
        }
        self.clean(0, &BTreeSet::new()).await;
        Ok(())
    }

    async fn delete(&self, object: &ObjectPath) -> Result<(), EngineError> {
        match self.folder.store.delete(object).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("remove", object, &error)),
        }
    }

    /// The checkpoints, the newest last.
    async fn ids(&self) -> Result<Vec<u64>, EngineError> {
        let path = &self.folder.path;
        let listed = self.folder.store.list_with_delimiter(Some(path)).await;
        let listed = listed.map_err(|error| self.failed("list", path, &error))?;
        let ids = listed.common_prefixes.iter().filter_map(|folder| {
            let id = folder.filename()?.strip_prefix(PREFIX)?;
            id.parse::<u64>().ok()
        });
        let mut ids: Vec<_> = ids.collect();
        ids.sort_unstable();
        Ok(ids)
    }

    async fn metadata(&self, id: u64) -> Result<Option<Vec<u8>>, EngineError> {
        let object = self.metadata_of(id);
        let read = async { self.folder.store.get(&object).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", &object, &error)),
        }
    }

    fn metadata_of(&self, id: u64) -> ObjectPath {
        let checkpoint = self.folder.path.clone().join(format!("{PREFIX}{id}"));
        checkpoint.join(METADATA)
    }

    fn segment(&self, name: &str) -> ObjectPath {
        self.folder.path.clone().join(SHARED).join(name)
    }

    fn failed(&self, action: &str, object: &ObjectPath, error: &Error) -> EngineError {
        connector_error(&self.folder.error(action, object, error))
    }

    fn lost(&self, id: u64) -> EngineError {
        EngineError::job(format!(
            "another process runs this job: checkpoint {id} in {} is not of this one",
            self.folder
        ))
        .with_hint(
            "the other one goes on; this one has shown nothing behind the checkpoint before"
                .to_owned(),
        )
    }
}

/// Copies an object to a file.
pub(super) async fn download(
    folder: &ObjectFolder,
    object: &ObjectPath,
    local: &Path,
) -> Result<(), EngineError> {
    let failed = |error: &Error| connector_error(&folder.error("read", object, error));
    let got = folder.store.get(object).await;
    let mut bytes = got.map_err(|error| failed(&error))?.into_stream();
    let unwritten = |error: &io::Error| unwritten(local, error);
    let file = tokio::fs::File::create(local).await;
    let mut file = file.map_err(|error| unwritten(&error))?;
    while let Some(part) = bytes.try_next().await.map_err(|error| failed(&error))? {
        let written = file.write_all(&part).await;
        written.map_err(|error| unwritten(&error))?;
    }
    file.flush().await.map_err(|error| unwritten(&error))
}

/// Copies a file of state to an object.
pub(super) async fn upload(
    folder: &ObjectFolder,
    local: &Path,
    object: &ObjectPath,
) -> Result<(), EngineError> {
    let unread = |error: &io::Error| EngineError::Environment {
        message: format!("the state in {} cannot be read: {error}", local.display()),
        hint: None,
    };
    let file = tokio::fs::File::open(local).await;
    let mut file = file.map_err(|error| unread(&error))?;
    let mut writer = BufWriter::new(folder.store.clone(), object.clone());
    let copied = async {
        tokio::io::copy(&mut file, &mut writer).await?;
        writer.shutdown().await
    };
    copied.await.map_err(|error| EngineError::Environment {
        message: format!("cannot write {}: {error}", folder.url(object)),
        hint: None,
    })
}

/// Does all of these, a few at once.
pub(super) async fn together(
    all: impl Iterator<Item = BoxFuture<'_, Result<(), EngineError>>>,
) -> Result<(), EngineError> {
    let all: Vec<_> = all.collect();
    stream::iter(all)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

fn unwritten(path: &Path, error: &io::Error) -> EngineError {
    EngineError::Environment {
        message: format!("{} cannot be written: {error}", path.display()),
        hint: None,
    }
}
