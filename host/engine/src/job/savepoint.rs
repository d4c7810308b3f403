//! Savepoints: a checkpoint that is kept, with which the same job or another like it can begin.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    path::Path,
};

use super::{
    checkpoints::{Checkpoint, Checkpoints, METADATA, folder_of, ids, parse, read, shared_of},
    endless::{Endless, EndlessSettings},
};
use crate::{error::EngineError, planning::connector_error};

/// Copies the newest checkpoint of a job, which may be running, to a folder that is not there yet.
/// Answers the checkpoint's number.
pub(crate) async fn keep(settings: &EndlessSettings, to: &Path) -> Result<u64, EngineError> {
    let Some(remote) = settings.remote() else {
        return keep_of(&settings.folder.join(&settings.name), to);
    };
    let copy = tempfile::tempdir().map_err(|error| EngineError::Environment {
        message: format!("no folder for a copy of the checkpoints can be made: {error}"),
        hint: Some("the environment variable TMPDIR names where".to_owned()),
    })?;
    remote.fetch(copy.path()).await?;
    keep_of(copy.path(), to)
}

/// The same of the checkpoints in a local folder.
fn keep_of(job: &Path, to: &Path) -> Result<u64, EngineError> {
    let failed = |error: &io::Error| EngineError::Environment {
        message: format!("the savepoint {} cannot be written: {error}", to.display()),
        hint: None,
    };
    if to.exists() {
        return Err(EngineError::Environment {
            message: format!("there is something at {} already", to.display()),
            hint: Some("name a folder that is not there yet".to_owned()),
        });
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

impl Endless {
    /// The first checkpoint of a run that begins with a savepoint. Its sinks show what they had
    /// stored by then, if they did not before; what they get from here on is of another run.
    pub(super) async fn begin_with(&mut self, savepoint: &Path) -> Result<Checkpoint, EngineError> {
        let saved = read(savepoint)?;
        self.check_compatible(&saved, &savepoint.display().to_string())?;
        if let Some((pipeline, run)) = self.deciding(&saved.run) {
            let shown = pipeline.sink.shown(&run).await;
            let shown = shown.map_err(|error| connector_error(&error))?;
            if shown < saved.id {
                return Err(EngineError::Environment {
                    message: format!(
                        "'{}' has the rows up to checkpoint {shown} only, the savepoint {} is of \
                         checkpoint {}",
                        pipeline.table,
                        savepoint.display(),
                        saved.id
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
    savepoint: &Path,
) -> Result<(), EngineError> {
    if own.origin == Some(origin(&read(savepoint)?)) {
        return Ok(());
    }
    Err(EngineError::Environment {
        message: format!(
            "the job cannot begin with the savepoint {}: it has checkpoints of its own in {}",
            savepoint.display(),
            checkpoints.shown()
        ),
        hint: Some(
            "remove that folder to give them up, or give the job another name with \
             SET 'pipeline.name'"
                .to_owned(),
        ),
    })
}
