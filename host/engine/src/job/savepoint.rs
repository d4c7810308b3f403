//! Savepoints: a checkpoint that is kept, with which the same job or another like it can begin.

use std::{
    fmt,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use futures::{FutureExt, TryStreamExt};
use object_store::{Error, ObjectStoreExt, PutMode};
use tempfile::TempDir;
use wasmill_connectors::ObjectFolder;

use super::{
    checkpoints::{
        Checkpoint, Checkpoints, METADATA, folder_of, ids, parse, read, shared_of, unreadable,
    },
    endless::{Endless, EndlessSettings},
    remote::{download, together, upload},
};
use crate::{error::EngineError, planning::connector_error};

/// Where a savepoint is.
#[derive(Debug, Clone)]
pub(crate) enum SavepointPlace {
    Local(PathBuf),
    Store(ObjectFolder),
}

impl SavepointPlace {
    /// A path, of a folder or of one on an object store.
    pub(crate) fn parse(path: &Path) -> Result<Self, EngineError> {
        let url = path.to_str().filter(|text| text.contains("://"));
        let store = url.map(ObjectFolder::parse).transpose();
        let store = store.map_err(|error| connector_error(&error))?.flatten();
        Ok(match store {
            Some(store) => SavepointPlace::Store(store),
            None => {
                let local = url.and_then(|url| url.strip_prefix("file://"));
                SavepointPlace::Local(local.map_or(path, Path::new).to_owned())
            }
        })
    }
}

impl fmt::Display for SavepointPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SavepointPlace::Local(folder) => write!(f, "{}", folder.display()),
            SavepointPlace::Store(folder) => write!(f, "{folder}"),
        }
    }
}

/// Copies the newest checkpoint of a job, which may be running, to a folder that is not there yet.
/// Answers the checkpoint's number.
pub(crate) async fn keep(
    settings: &EndlessSettings,
    to: &SavepointPlace,
) -> Result<u64, EngineError> {
    let (job, _copy) = match settings.remote() {
        Some(remote) => {
            let copy = scratch()?;
            remote.fetch(copy.path()).await?;
            (copy.path().to_owned(), Some(copy))
        }
        None => (settings.folder.join(&settings.name), None),
    };
    let store = match to {
        SavepointPlace::Local(to) => return keep_of(&job, to),
        SavepointPlace::Store(store) => store,
    };
    check_free(store).await?;
    let beside = scratch()?;
    let kept = beside.path().join("savepoint");
    let id = keep_of(&job, &kept)?;
    put(&kept, store).await.map(|()| id)
}

fn scratch() -> Result<TempDir, EngineError> {
    tempfile::tempdir().map_err(|error| EngineError::Environment {
        message: format!("no folder for a copy of the checkpoints can be made: {error}"),
        hint: Some("the environment variable TMPDIR names where".to_owned()),
    })
}

fn taken(to: &impl fmt::Display) -> EngineError {
    EngineError::Environment {
        message: format!("there is something at {to} already"),
        hint: Some("name a folder that is not there yet".to_owned()),
    }
}

async fn check_free(to: &ObjectFolder) -> Result<(), EngineError> {
    let first = to.store.list(Some(&to.path)).try_next().await;
    let first = first.map_err(|error| connector_error(&to.error("list", &to.path, &error)))?;
    match first {
        Some(_) => Err(taken(to)),
        None => Ok(()),
    }
}

/// Copies a savepoint to an object store. It is there once its metadata is.
async fn put(kept: &Path, to: &ObjectFolder) -> Result<(), EngineError> {
    let segments = read(kept)?.segments();
    let uploads = segments.iter().map(|name| {
        let (local, object) = (kept.join(name), to.path.clone().join(name.as_str()));
        async move { upload(to, &local, &object).await }.boxed()
    });
    together(uploads).await?;
    let text = fs::read(kept.join(METADATA));
    let text = text.map_err(|error| unreadable(&kept.join(METADATA), &error.to_string()))?;
    let object = to.path.clone().join(METADATA);
    let put = to
        .store
        .put_opts(&object, text.into(), PutMode::Create.into());
    match put.await {
        Ok(_) => Ok(()),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Err(taken(to)),
        Err(error) => Err(connector_error(&to.error("write", &object, &error))),
    }
}

/// The same of the checkpoints in a local folder.
fn keep_of(job: &Path, to: &Path) -> Result<u64, EngineError> {
    let failed = |error: &io::Error| EngineError::Environment {
        message: format!("the savepoint {} cannot be written: {error}", to.display()),
        hint: None,
    };
    if to.exists() {
        return Err(taken(&to.display()));
    }
    let beside = to.with_extension(format!("{}.part", std::process::id()));
    loop {
        let newest = match ids(job) {
            Ok(ids) => ids.last().copied(),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(failed(&error)),
        };
        let Some(id) = newest else {
            return Err(EngineError::Environment {
                message: format!("the job has no checkpoint in {}", job.display()),
                hint: Some(
                    "run it with SET 'execution.checkpointing.interval' = '10 s' first".to_owned(),
                ),
            });
        };
        match copy(job, id, &beside) {
            Ok(()) => {
                fs::rename(&beside, to).map_err(|error| failed(&error))?;
                return Ok(id);
            }
            // A newer one has taken its place meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::remove_dir_all(&beside).ok();
            }
            Err(error) => return Err(failed(&error)),
        }
    }
}

/// Copies a checkpoint, with the segments that it needs.
fn copy(job: &Path, id: u64, to: &Path) -> io::Result<()> {
    let from = folder_of(job, id);
    let metadata = fs::read(from.join(METADATA))?;
    let checkpoint = parse(&metadata).map_err(io::Error::other)?;
    fs::create_dir_all(to)?;
    let segments = checkpoint.segments().into_iter();
    let segments = segments.map(|name| (shared_of(job).join(&name), to.join(name)));
    for (from, to) in segments.chain([(from.join(METADATA), to.join(METADATA))]) {
        fs::copy(from, &to)?;
        File::open(to)?.sync_all()?;
    }
    File::open(to)?.sync_all()
}

/// A savepoint that a job begins with.
pub(super) struct Savepoint {
    place: SavepointPlace,
    checkpoint: Checkpoint,
}

/// The segments of a savepoint.
pub(super) struct Segments {
    pub folder: PathBuf,
    /// Where the folder is a copy.
    _copy: Option<TempDir>,
}

impl Savepoint {
    pub(super) async fn open(place: &SavepointPlace) -> Result<Self, EngineError> {
        let checkpoint = match place {
            SavepointPlace::Local(folder) => read(folder)?,
            SavepointPlace::Store(store) => {
                let object = store.path.clone().join(METADATA);
                let got = async { store.store.get(&object).await?.bytes().await };
                let text = match got.await {
                    Ok(text) => text,
                    Err(Error::NotFound { .. }) => return Err(missing(place)),
                    Err(error) => {
                        return Err(connector_error(&store.error("read", &object, &error)));
                    }
                };
                parse(&text)
                    .map_err(|reason| unreadable(Path::new(&store.url(&object)), &reason))?
            }
        };
        Ok(Savepoint {
            place: place.clone(),
            checkpoint,
        })
    }

    /// Its segments, in a local folder.
    pub(super) async fn segments(&self) -> Result<Segments, EngineError> {
        let store = match &self.place {
            SavepointPlace::Local(folder) => {
                return Ok(Segments {
                    folder: folder.clone(),
                    _copy: None,
                });
            }
            SavepointPlace::Store(store) => store,
        };
        let copy = scratch()?;
        let names = self.checkpoint.segments();
        let downloads = names.iter().map(|name| {
            let (object, local) = (
                store.path.clone().join(name.as_str()),
                copy.path().join(name),
            );
            async move { download(store, &object, &local).await }.boxed()
        });
        together(downloads).await?;
        Ok(Segments {
            folder: copy.path().to_owned(),
            _copy: Some(copy),
        })
    }
}

fn missing(place: &SavepointPlace) -> EngineError {
    EngineError::Environment {
        message: format!("there is no savepoint at {place}"),
        hint: Some(format!(
            "`wasmill savepoint JOB.sql {place}` keeps one there"
        )),
    }
}

impl Endless {
    /// The first checkpoint of a run that begins with a savepoint. Its sinks show what they had
    /// stored by then, if they did not before; what they get from here on is of another run.
    pub(super) async fn begin_with(
        &mut self,
        savepoint: &Savepoint,
    ) -> Result<Checkpoint, EngineError> {
        let saved = savepoint.checkpoint.clone();
        self.check_compatible(&saved, &savepoint.place.to_string())?;
        if let Some((pipeline, run)) = self.deciding(&saved.run) {
            let shown = pipeline.sink.shown(&run).await;
            let shown = shown.map_err(|error| connector_error(&error))?;
            if shown < saved.id {
                return Err(EngineError::Environment {
                    message: format!(
                        "'{}' has the rows up to checkpoint {shown} only, the savepoint {} is of \
                         checkpoint {}",
                        pipeline.table, savepoint.place, saved.id
                    ),
                    hint: Some("run the job that it was taken of once more".to_owned()),
                });
            }
        }
        for flow in &mut self.flows {
            let run = flow.run(&saved.run);
            let prepared = saved.sinks.get(&flow.key());
            let recovered = flow.pipeline.sink.recover(&run, prepared).await;
            recovered.map_err(|error| connector_error(&error))?;
        }
        Ok(Checkpoint {
            id: 0,
            run: self.run.clone(),
            origin: Some(origin(&saved)),
            sinks: Default::default(),
            ..saved
        })
    }
}

/// Names a savepoint.
fn origin(savepoint: &Checkpoint) -> String {
    format!("{}:{}", savepoint.run, savepoint.id)
}

/// A job that has checkpoints of its own goes on from them, if they came of this savepoint.
pub(super) fn check_origin(
    own: &Checkpoint,
    checkpoints: &Checkpoints,
    savepoint: &Savepoint,
) -> Result<(), EngineError> {
    if own.origin == Some(origin(&savepoint.checkpoint)) {
        return Ok(());
    }
    Err(EngineError::Environment {
        message: format!(
            "the job cannot begin with the savepoint {}: it has checkpoints of its own in {}",
            savepoint.place,
            checkpoints.shown()
        ),
        hint: Some(
            "remove that folder to give them up, or give the job another name with \
             SET 'pipeline.name'"
                .to_owned(),
        ),
    })
}
