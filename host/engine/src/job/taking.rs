//! Taking a checkpoint: what it has of the moment between two epochs, and how that is stored.
//!
//! What the nodes hold does not change any more, and positions and clocks are copied. So only sinks
//! that show rows at checkpoints keep the next epoch waiting until all is on disk; where there are
//! none, the checkpoint is stored while epochs run, and a slow disk delays no row.

use std::sync::{Arc, atomic::Ordering};

use tokio::task::JoinHandle;
use wasmill_connectors::{Position, SinkTransaction};
use wasmill_state::{Chunk, StateStore, places};

use super::{
    checkpoints::{Checkpoint, Checkpoints, HeldRows},
    endless::Endless,
    epoch::Following,
    flow::Flow,
    keeping::store_failed,
    partition::joined,
};
use crate::{
    error::EngineError,
    planning::{connector_error, execution_error},
};

/// A checkpoint that is stored while epochs run.
pub(super) type Storing = JoinHandle<Result<(), EngineError>>;

/// What a checkpoint has of a moment, but for what the sinks say of it.
pub(super) struct Snapshot {
    checkpoint: Checkpoint,
    held: Vec<HeldChunks>,
    checkpoints: Option<Arc<Checkpoints>>,
    store: Arc<StateStore>,
}

/// What one node holds.
struct HeldChunks {
    key: String,
    /// What the rows are.
    of: String,
    chunks: Vec<Chunk>,
}

/// A checkpoint that is being taken.
struct Taken {
    snapshot: Snapshot,
    written: Vec<Written>,
    positions: Vec<(Arc<Following>, Position)>,
}

/// What a flow has written since the checkpoint before.
struct Written {
    key: String,
    decides: bool,
    transaction: Arc<dyn SinkTransaction>,
}

impl Endless {
    /// Between two epochs: stores what was written and where the sources are, and shows it; or begins
    /// to, where no sink waits for it.
    pub(super) async fn checkpoint(&mut self, last: bool) -> Result<(), EngineError> {
        self.finish_storing().await?;
        let rows = self.rows_moved();
        let shows_more = self.flows.iter().any(|flow| flow.pipeline.sink.is_due());
        let models = self.models.versions();
        if !last && rows == self.rows_then && !shows_more && models == self.models_then {
            return Ok(());
        }
        let mut taken = self.take().await?;
        let id = taken.snapshot.checkpoint.id;
        let flows = &self.flows;
        let waits = flows
            .iter()
            .any(|flow| flow.pipeline.sink.shows_at_checkpoints());
        if last || waits || self.checkpoints.is_none() {
            taken.prepare(last).await?;
            // From here on nothing may be taken back: the checkpoint may be on disk even if writing it
            // failed.
            for flow in &mut self.flows {
                flow.transaction = None;
            }
            self.last = id;
            let stores_all = self.stores_all();
            taken.store(stores_all).await?;
            if !last {
                self.begin().await?;
            }
        } else {
            self.last = id;
            self.begin().await?;
            self.storing = Some(tokio::spawn(async move {
                taken.prepare(false).await?;
                taken.store(true).await
            }));
        }
        self.rows_then = rows;
        self.models_then = models;
        Ok(())
    }

    /// The moment.
    async fn take(&mut self) -> Result<Taken, EngineError> {
        let mut checkpoint = Checkpoint::new(self.last + 1, &self.run);
        checkpoint.origin.clone_from(&self.origin);
        let mut written = Vec::new();
        for flow in &mut self.flows {
            for writer in flow.writers.drain(..).flatten() {
                let finished = writer.finish().await;
                finished.map_err(|error| connector_error(&error))?;
            }
            if let Some(transaction) = &flow.transaction {
                written.push(Written {
                    key: flow.key(),
                    decides: flow.pipeline.sink.decides(),
                    transaction: Arc::clone(transaction),
                });
            }
        }
        let mut positions = Vec::new();
        for (key, following) in self.following() {
            let position = following.position();
            if let Some(times) = following.times() {
                checkpoint.times.insert(key.clone(), times);
            }
            checkpoint.sources.insert(key, position.clone());
            positions.push((following, position));
        }
        Ok(Taken {
            snapshot: self.snapshot(checkpoint)?,
            written,
            positions,
        })
    }

    /// Adds what the nodes hold to a checkpoint.
    pub(super) fn snapshot(&self, mut checkpoint: Checkpoint) -> Result<Snapshot, EngineError> {
        let mut held = Vec::new();
        checkpoint.models = self.models.versions();
        let given = self.flows.iter().filter(|flow| flow.is_given());
        checkpoint.given = given.map(Flow::key).collect();
        if self.checkpoints.is_some() {
            let flows = self.flows.iter();
            let clocks = flows.filter_map(|flow| Some((flow.key(), flow.clock.as_ref()?.levels())));
            checkpoint.clocks = clocks.collect();
            let flows = self.flows.iter();
            let clocks =
                flows.filter_map(|flow| Some((flow.key(), flow.machine.as_ref()?.levels())));
            checkpoint.machine_clocks = clocks.collect();
            for (key, holding) in self.flows.iter().flat_map(Flow::keyed_holds) {
                let chunks = holding.save().map_err(|error| execution_error(&error))?;
                let of = holding.describe();
                held.push(HeldChunks { key, of, chunks });
            }
        }
        Ok(Snapshot {
            checkpoint,
            held,
            checkpoints: self.checkpoints.clone(),
            store: Arc::clone(&self.store),
        })
    }

    /// Whether a checkpoint is being stored while epochs run. Fails if storing it failed.
    pub(super) async fn is_storing(&mut self) -> Result<bool, EngineError> {
        match &self.storing {
            Some(storing) if !storing.is_finished() => Ok(true),
            _ => self.finish_storing().await.map(|()| false),
        }
    }

    /// Waits for the checkpoint that is being stored.
    pub(super) async fn finish_storing(&mut self) -> Result<(), EngineError> {
        match self.storing.take() {
            Some(storing) => joined(storing.await),
            None => Ok(()),
        }
    }

    /// Gives the checkpoint up that is being stored; it may be on disk, or not.
    pub(super) async fn stop_storing(&mut self) {
        if let Some(storing) = self.storing.take() {
            storing.abort();
            storing.await.ok();
        }
    }

    /// Whether a crash loses nothing of the rows before a checkpoint: no window holds any, or what it
    /// holds is in the checkpoint.
    pub(super) fn stores_all(&self) -> bool {
        self.checkpoints.is_some() || self.flows.iter().all(|flow| flow.stages.is_empty())
    }

    fn rows_moved(&self) -> u64 {
        let sources = self.flows.iter().flat_map(|flow| &flow.sources);
        let read = sources.map(|source| source.rows.load(Ordering::Relaxed));
        let flows = self.flows.iter();
        let written = flows.map(|flow| flow.rows.load(Ordering::Relaxed));
        read.chain(written).sum()
    }
}

impl Taken {
    /// Has the sinks store the rows.
    async fn prepare(&mut self, last: bool) -> Result<(), EngineError> {
        for written in &self.written {
            let prepared = written.transaction.prepare(last).await;
            let prepared = prepared.map_err(|error| connector_error(&error))?;
            let sinks = &mut self.snapshot.checkpoint.sinks;
            sinks.insert(written.key.clone(), prepared);
        }
        Ok(())
    }

    /// Writes the checkpoint, shows the rows, and tells the sources, if nothing is lost that way.
    async fn store(self, tells_sources: bool) -> Result<(), EngineError> {
        self.snapshot.keep().await?;
        let mut written = self.written;
        // What one sink decides the others follow.
        written.sort_by_key(|written| !written.decides);
        for written in written {
            let committed = written.transaction.commit().await;
            committed.map_err(|error| connector_error(&error))?;
        }
        for (following, position) in self.positions.into_iter().filter(|_| tells_sources) {
            let stored = following.stored(&position).await;
            stored.map_err(|error| connector_error(&error))?;
        }
        Ok(())
    }
}

impl Snapshot {
    /// Writes it, in a job that takes checkpoints.
    pub(super) async fn keep(self) -> Result<(), EngineError> {
        let Some(checkpoints) = self.checkpoints else {
            return Ok(());
        };
        let mut checkpoint = self.checkpoint;
        let written = self.store.write_all().await;
        written.map_err(|error| store_failed(Some(&checkpoints), &error))?;
        let held = self.held.into_iter().map(|held| {
            let chunks_at = places(&held.chunks);
            let rows = HeldRows {
                of: held.of,
                rows: held.chunks.iter().map(|chunk| chunk.rows() as u64).sum(),
                chunks: chunks_at.ok_or_else(|| EngineError::bug("a chunk was not written"))?,
            };
            Ok((held.key, rows))
        });
        checkpoint.state = held.collect::<Result<_, EngineError>>()?;
        let oldest = checkpoints.write(&checkpoint).await?;
        let retained = self
            .store
            .retain(checkpoint.id, checkpoint.segments(), oldest);
        retained.map_err(|error| store_failed(Some(&checkpoints), &error))
    }
}
