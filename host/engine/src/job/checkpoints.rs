//! Checkpoints on disk: where the sources stand and what the sinks have stored, in one atomic write.
//!
//! A job's folder holds `chk-<id>/_metadata`, named as Flink names them. A checkpoint is written under
//! another name and renamed when it is whole and on disk, so that the newest one is always complete.
//! The rows that it needs are in segments in `shared/`, with those of other checkpoints. Where the
//! checkpoints are on an object store (`remote.rs`), the folder is a copy of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};
use wasmill_connectors::{Committable, Position};
use wasmill_inference::VersionsInUse;
use wasmill_state::Place;

use super::remote::Remote;
use crate::error::EngineError;

/// Changes when old checkpoints can no longer be read.
const VERSION: u32 = 2;
pub(super) const PREFIX: &str = "chk-";
pub(super) const SHARED: &str = "shared";
pub(super) const METADATA: &str = "_metadata";

/// All that a job needs in order to go on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    pub(super) version: u32,
    pub id: u64,
    /// Names the job's run through all of its restarts.
    pub run: String,
    /// The savepoint that the run began with.
    #[serde(default)]
    pub origin: Option<String>,
    pub sources: BTreeMap<String, Position>,
    pub sinks: BTreeMap<String, Committable>,
    /// The sinks that have got the rows that come but once.
    #[serde(default)]
    pub given: BTreeSet<String>,
    /// The watermarks of the splits of a source.
    #[serde(default)]
    pub times: BTreeMap<String, BTreeMap<String, i64>>,
    /// The watermarks of a pipeline.
    #[serde(default)]
    pub clocks: BTreeMap<String, Vec<i64>>,
    /// Those of its windows over processing time.
    #[serde(default)]
    pub machine_clocks: BTreeMap<String, Vec<i64>>,
    /// The versions of models that the rows behind it are predicted with.
    #[serde(default)]
    pub models: BTreeMap<String, VersionsInUse>,
    /// What the nodes of the plans hold.
    #[serde(default)]
    pub state: BTreeMap<String, HeldRows>,
}

/// Rows that a node of a plan holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct HeldRows {
    /// What the rows are: those of another query are of no use.
    pub of: String,
    pub rows: u64,
    pub chunks: Vec<Place>,
}

impl Checkpoint {
    pub(crate) fn new(id: u64, run: &str) -> Self {
        Checkpoint {
            version: VERSION,
            id,
            run: run.to_owned(),
            origin: None,
            sources: BTreeMap::new(),
            sinks: BTreeMap::new(),
            given: BTreeSet::new(),
            times: BTreeMap::new(),
            clocks: BTreeMap::new(),
            machine_clocks: BTreeMap::new(),
            models: BTreeMap::new(),
            state: BTreeMap::new(),
        }
    }

    /// The files that its rows are in.
    pub(super) fn segments(&self) -> BTreeSet<String> {
        let places = self.state.values().flat_map(|held| &held.chunks);
        places.map(|place| place.segment.clone()).collect()
    }
}

/// The checkpoints of one job; no other process has them open.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    retained: usize,
    remote: Option<Remote>,
    _lock: File,
}

impl Checkpoints {
    /// Opens a job's folder, which is made if need be.
    pub(crate) fn open(
        folder: PathBuf,
        retained: usize,
        remote: Option<Remote>,
    ) -> Result<Self, EngineError> {
        let failed = |error: &io::Error| unusable(&folder, "opened", error);
        fs::create_dir_all(&folder).map_err(|error| failed(&error))?;
        let lock = File::create(folder.join("lock")).map_err(|error| failed(&error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(EngineError::Environment {
                    message: format!(
                        "another process runs this job: it holds the checkpoints in {}",
                        folder.display()
                    ),
                    hint: Some(
                        "stop it first, or give this one a name of its own with SET 'pipeline.name'"
                            .to_owned(),
                    ),
                });
            }
            Err(fs::TryLockError::Error(error)) => return Err(failed(&error)),
        }
        Ok(Checkpoints {
            folder,
            retained: retained.max(1),
            remote,
            _lock: lock,
        })
    }

    /// Where the segments are.
    pub(crate) fn shared(&self) -> PathBuf {
        shared_of(&self.folder)
    }

    /// The segments that each of the checkpoints needs.
    pub(crate) fn segments(&self) -> Result<BTreeMap<u64, BTreeSet<String>>, EngineError> {
        let ids = self.ids().map_err(|error| self.failed("listed", &error))?;
        // One that cannot be read is not gone back to.
        let found = ids
            .into_iter()
            .filter_map(|id| Some((id, read(&self.path(id)).ok()?)));
        Ok(found
            .map(|(id, checkpoint)| (id, checkpoint.segments()))
            .collect())
    }

    /// Where the checkpoints are, as messages show it.
    pub(crate) fn shown(&self) -> String {
        match &self.remote {
            Some(remote) => remote.folder().to_string(),
            None => self.folder.display().to_string(),
        }
    }

    /// The newest checkpoint. Nothing may be written to the folder meanwhile.
    pub(crate) async fn latest(&self) -> Result<Option<Checkpoint>, EngineError> {
        if let Some(remote) = &self.remote {
            remote.fetch(&self.folder).await?;
        }
        let ids = self.ids().map_err(|error| self.failed("listed", &error))?;
        ids.last().map(|id| read(&self.path(*id))).transpose()
    }

    /// A checkpoint that is to be gone on from; those behind it are removed.
    pub(crate) async fn back_to(&self, id: u64) -> Result<Checkpoint, EngineError> {
        let checkpoint = read(&self.path(id))?;
        if let Some(remote) = &self.remote {
            remote.back_to(id).await?;
        }
        let ids = self.ids().map_err(|error| self.failed("listed", &error))?;
        for later in ids.into_iter().filter(|later| *later > id) {
            self.discard(later)
                .map_err(|error| self.failed("removed", &error))?;
        }
        Ok(checkpoint)
    }

    /// Removes a checkpoint. It is renamed first: one that is removed in part must not be found.
    fn discard(&self, id: u64) -> io::Result<()> {
        let unfinished = self.clear_unfinished()?;
        fs::rename(self.path(id), &unfinished)?;
        fs::remove_dir_all(unfinished)
    }

    /// The name of what is no checkpoint; nothing has it then.
    fn clear_unfinished(&self) -> io::Result<PathBuf> {
        let unfinished = self.folder.join("unfinished");
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(unfinished),
        }
    }

    /// Writes a checkpoint whose segments are on disk, and removes those that are no longer wanted.
    /// Answers the oldest that is kept.
    pub(crate) async fn write(&self, checkpoint: &Checkpoint) -> Result<u64, EngineError> {
        let text = serde_json::to_vec_pretty(checkpoint)
            .map_err(|error| EngineError::bug(format!("a checkpoint has no JSON: {error}")))?;
        let (id, segments) = (checkpoint.id, checkpoint.segments());
        if let Some(remote) = &self.remote {
            remote.put(id, &text, &segments, &self.shared()).await?;
        }
        let oldest =
            waiting(|| self.store(id, &text)).map_err(|error| self.failed("written", &error))?;
        if let Some(remote) = &self.remote {
            let wanted = self.segments()?.into_values().flatten().collect();
            remote.clean(oldest, &wanted).await;
        }
        Ok(oldest)
    }

    fn store(&self, id: u64, text: &[u8]) -> io::Result<u64> {
        let unfinished = self.clear_unfinished()?;
        fs::create_dir(&unfinished)?;
        let mut file = File::create(unfinished.join(METADATA))?;
        file.write_all(text)?;
        file.sync_all()?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, self.path(id))?;
        File::open(&self.folder)?.sync_all()?;
        let ids = self.ids()?;
        let (old, kept) = ids.split_at(ids.len().saturating_sub(self.retained));
        for old in old {
            self.discard(*old)?;
        }
        Ok(kept.first().copied().unwrap_or(id))
    }

    /// Removes all checkpoints of a job that has ended.
    pub(crate) async fn remove(&self) -> Result<(), EngineError> {
        if let Some(remote) = &self.remote {
            remote.remove().await?;
        }
        fs::remove_dir_all(&self.folder).map_err(|error| self.failed("removed", &error))
    }

    fn path(&self, id: u64) -> PathBuf {
        folder_of(&self.folder, id)
    }

    fn ids(&self) -> io::Result<Vec<u64>> {
        ids(&self.folder)
    }

    pub(super) fn failed(&self, what: &str, error: &io::Error) -> EngineError {
        unusable(&self.folder, what, error)
    }
}

/// Does what waits for the disk; tasks that share the thread run on another meanwhile.
fn waiting<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(work),
        _ => work(),
    }
}

/// The checkpoints in a job's folder, the newest last.
pub(super) fn ids(folder: &Path) -> io::Result<Vec<u64>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        ids.extend(id.and_then(|id| id.parse::<u64>().ok()));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// The folder of the segments of a job's checkpoints.
pub(super) fn shared_of(job: &Path) -> PathBuf {
    job.join(SHARED)
}

/// The folder of a checkpoint.
pub(super) fn folder_of(job: &Path, id: u64) -> PathBuf {
    job.join(format!("{PREFIX}{id}"))
}

fn unusable(folder: &Path, what: &str, error: &io::Error) -> EngineError {
    EngineError::Environment {
        message: format!(
            "the checkpoints in {} cannot be {what}: {error}",
            folder.display()
        ),
        hint: Some("SET 'execution.checkpointing.dir' names another folder".to_owned()),
    }
}

pub(super) fn unreadable(path: &Path, reason: &str) -> EngineError {
    EngineError::Environment {
        message: format!("the checkpoint {} cannot be read: {reason}", path.display()),
        hint: Some(
            "remove its folder to go on from the one before, or to start anew if it is the only one"
                .to_owned(),
        ),
    }
}

/// The checkpoint, or savepoint, in a folder.
pub(crate) fn read(folder: &Path) -> Result<Checkpoint, EngineError> {
    let path = folder.join(METADATA);
    let wrong = |reason: String| unreadable(&path, &reason);
    let text = fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    parse(&text).map_err(wrong)
}

/// The checkpoint in a text, or what is wrong with it.
pub(super) fn parse(text: &[u8]) -> Result<Checkpoint, String> {
    /// What checkpoints of all versions have.
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let found: Versioned = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if found.version != VERSION {
        return Err(format!(
            "it is of version {}, this program writes version {VERSION}",
            found.version
        ));
    }
    let checkpoint: Checkpoint = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let own = |name: &String| Path::new(name).file_name() == Some(name.as_ref());
    match checkpoint.segments().iter().all(own) {
        true => Ok(checkpoint),
        false => Err("it names files of other folders".to_owned()),
    }
}
