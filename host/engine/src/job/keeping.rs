//! What the nodes of a job hold: brought back from a checkpoint, kept within bounds, put into the next.

use std::{io, path::Path};

use wasmill_state::read_batches;

use super::{
    checkpoints::{Checkpoint, Checkpoints, unreadable},
    endless::Endless,
    flow::Flow,
};
use crate::{
    error::EngineError,
    planning::{as_holding, execution_error},
};

impl Endless {
    /// Makes the folder of what nodes hold ready, if there are such nodes.
    pub(super) async fn open_store(&mut self) -> Result<(), EngineError> {
        if self.flows.iter().all(|flow| flow.stages.is_empty()) {
            return Ok(());
        }
        if let Some(checkpoints) = &self.checkpoints {
            let (shared, wanted) = (checkpoints.shared(), checkpoints.segments()?);
            let opened = self.store.open_beside(&shared, &self.process, wanted).await;
            return opened.map_err(|error| checkpoints.failed("opened", &error));
        }
        let scratch = async {
            let folder = tempfile::tempdir()?;
            self.store.open_scratch(folder.path()).await?;
            io::Result::Ok(folder)
        };
        let scratch = scratch.await.map_err(|error| EngineError::Environment {
            message: format!("no folder for the state of the job can be made: {error}"),
            hint: Some("the environment variable TMPDIR names where".to_owned()),
        })?;
        self.scratch = Some(scratch);
        Ok(())
    }

    /// Brings windows to where a checkpoint has them, whose segments are in `folder`.
    pub(super) async fn restore(
        &mut self,
        checkpoint: &Checkpoint,
        folder: &Path,
    ) -> Result<(), EngineError> {
        let failed = |error: &io::Error| unreadable(folder, &error.to_string());
        for flow in &self.flows {
            let clocks = [
                (&flow.clock, &checkpoint.clocks),
                (&flow.machine, &checkpoint.machine_clocks),
            ];
            for (clock, saved) in clocks {
                if let Some(clock) = clock {
                    let saved = saved.get(&flow.key());
                    clock.restore(saved.map_or(&[], Vec::as_slice));
                }
            }
        }
        let nodes: Vec<_> = self.flows.iter().flat_map(Flow::keyed_nodes).collect();
        for (key, node) in nodes {
            let Some(hold) = as_holding(&node) else {
                continue;
            };
            hold.clear().map_err(|error| execution_error(&error))?;
            let (saved, schema) = (checkpoint.state.get(&key), hold.schema_held());
            for place in saved.iter().flat_map(|held| &held.chunks) {
                let batches = read_batches(folder, place, &schema);
                for batch in batches.map_err(|error| failed(&error))? {
                    let batch = batch.map_err(|error| failed(&error))?;
                    let restored = hold.restore(batch);
                    restored.map_err(|error| execution_error(&error))?;
                    self.relieve_store().await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps what is in memory of what nodes hold within bounds.
    pub(super) async fn relieve_store(&mut self) -> Result<(), EngineError> {
        if self.storing.is_some() {
            // It writes what there is, and names files that must stay.
            if !self.store.is_full() {
                return Ok(());
            }
            self.finish_storing().await?;
        }
        let relieved = self.store.relieve().await;
        relieved.map_err(|error| store_failed(self.checkpoints.as_deref(), &error))
    }

    /// Whether a checkpoint can be taken at once; otherwise it is made ready while epochs run.
    pub(super) async fn is_store_ready(&mut self) -> Result<bool, EngineError> {
        let ready = self.store.is_ready().await;
        ready.map_err(|error| store_failed(self.checkpoints.as_deref(), &error))
    }
}

/// The state cannot be written, to the checkpoints or, in a job without, to a folder of its own.
pub(super) fn store_failed(checkpoints: Option<&Checkpoints>, error: &io::Error) -> EngineError {
    match checkpoints {
        Some(checkpoints) => checkpoints.failed("written", error),
        None => EngineError::Environment {
            message: format!("the state of the job cannot be written: {error}"),
            hint: Some("the environment variable TMPDIR names where".to_owned()),
        },
    }
}
