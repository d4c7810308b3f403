//! Where a job without end begins: with its last checkpoint, if it has one.

use std::collections::BTreeMap;

use super::{
    checkpoints::{Checkpoint, Checkpoints},
    endless::Endless,
    flow::Flow,
    savepoint::{Savepoint, check_origin},
};
use crate::{
    error::EngineError,
    planning::{Pipeline, as_scan, connector_error},
};

impl Endless {
    /// Brings the sinks and the sources to where the last checkpoint has them.
    pub(super) async fn go_on(&mut self) -> Result<(), EngineError> {
        let found = match &self.checkpoints {
            Some(checkpoints) => {
                // Of the run before; whether it could be written matters no more.
                self.store.finish_writing().await.ok();
                checkpoints.latest().await?
            }
            None => None,
        };
        if let Some(found) = &found {
            self.run.clone_from(&found.run);
        }
        let savepoint = match &self.savepoint {
            Some(place) => Some(Savepoint::open(place).await?),
            None => None,
        };
        if let (Some(found), Some(checkpoints), Some(savepoint)) =
            (&found, &self.checkpoints, &savepoint)
        {
            check_origin(found, checkpoints, savepoint)?;
        }
        let savepoint = savepoint.filter(|_| found.is_none() && self.last == 0);
        let found = self.decided(found).await?;
        let goes_on = found.is_some();
        let mut checkpoint = match (found, &savepoint) {
            (Some(found), _) => found,
            (None, Some(savepoint)) => self.begin_with(savepoint).await?,
            (None, None) => Checkpoint::new(self.last, &self.run),
        };
        self.last = checkpoint.id;
        self.origin.clone_from(&checkpoint.origin);
        if let (1.., Some(checkpoints)) = (checkpoint.id, &self.checkpoints) {
            let shown = checkpoints.shown();
            self.check_compatible(&checkpoint, &shown)?;
            self.say(&format!(
                "going on from checkpoint {} in {shown}",
                checkpoint.id
            ));
        }
        self.models.go_back_to(&checkpoint)?;
        self.models_then = match goes_on {
            true => checkpoint.models.clone(),
            false => self.models.versions(),
        };
        for flow in &mut self.flows {
            let prepared = checkpoint.sinks.get(&flow.key());
            let run = flow.run(&self.run);
            let recovered = flow.pipeline.sink.recover(&run, prepared).await;
            recovered.map_err(|error| connector_error(&error))?;
        }
        self.open_store().await?;
        if let Some(savepoint) = savepoint {
            let segments = savepoint.segments().await?;
            self.restore(&checkpoint, &segments.folder).await?;
        } else {
            let shared = self.checkpoints.as_deref().map(Checkpoints::shared);
            self.restore(&checkpoint, &shared.unwrap_or_default())
                .await?;
        }
        for flow in &self.flows {
            flow.begin_once(checkpoint.given.contains(&flow.key()))?;
        }
        let scans: Vec<_> = self.flows.iter().flat_map(Flow::keyed_scans).collect();
        for (key, scan) in scans {
            let from = checkpoint.sources.get(&key);
            let timed = self.is_timed(&key);
            let times = timed.then(|| checkpoint.times.get(&key).cloned().unwrap_or_default());
            if let Some(scan) = as_scan(&scan) {
                let followed = scan.follow(from, times.as_ref(), &self.gate).await;
                followed.map_err(|error| connector_error(&error))?;
            }
        }
        if !goes_on && self.checkpoints.is_some() {
            // From here on the run has a name, by which what it leaves behind is found again.
            let following = self.following().into_iter();
            let positions = following.map(|(key, found)| (key, found.position()));
            checkpoint.sources.extend(positions);
            self.snapshot(checkpoint)?.keep().await?;
        }
        self.begin().await
    }

    /// Whether windows need the time of a table.
    fn is_timed(&self, key: &str) -> bool {
        let mut flows = self.flows.iter();
        flows.any(|flow| flow.clock.is_some() && flow.keyed_scans().any(|(of, _)| of == key))
    }

    /// The checkpoint up to which the rows are shown: the last one, unless a sink decides.
    async fn decided(
        &mut self,
        latest: Option<Checkpoint>,
    ) -> Result<Option<Checkpoint>, EngineError> {
        let Some((pipeline, run)) = self.deciding(&self.run) else {
            return Ok(latest);
        };
        let shown = pipeline.sink.shown(&run).await;
        let shown = shown.map_err(|error| connector_error(&error))?;
        let (Some(latest), Some(checkpoints)) = (latest, &self.checkpoints) else {
            return Ok(None);
        };
        if shown > latest.id {
            return Err(EngineError::Environment {
                message: format!(
                    "'{}' has the rows up to checkpoint {shown}, but the newest in {} is {}",
                    pipeline.table,
                    checkpoints.shown(),
                    latest.id
                ),
                hint: Some(
                    "bring back the checkpoints that are missing there; without them rows would be \
                     written twice"
                        .to_owned(),
                ),
            });
        }
        let is_new = |flow: &Flow| flow.pipeline.sink.decides() && flow.is_new_to(&latest);
        if self.flows.iter().any(is_new) {
            // What it shows says nothing of the run yet.
            return Ok(Some(latest));
        }
        // The first one is of no sinks yet.
        if latest.id > 0 {
            self.check_compatible(&latest, &checkpoints.shown())?;
        }
        checkpoints.back_to(shown).await.map(Some)
    }

    /// The pipeline whose sink decides, and what that calls a run of the job.
    pub(super) fn deciding(&self, run: &str) -> Option<(Pipeline, String)> {
        let mut flows = self.flows.iter();
        let flow = flows.find(|flow| flow.pipeline.sink.decides())?;
        Some((flow.pipeline.clone(), flow.run(run)))
    }

    /// A checkpoint of other tables cannot be gone on from.
    pub(super) fn check_compatible(
        &self,
        checkpoint: &Checkpoint,
        folder: &str,
    ) -> Result<(), EngineError> {
        let sources = self.flows.iter().flat_map(Flow::keyed_scans);
        let sources: Vec<_> = sources.map(|(key, _)| key).collect();
        // A sink that decides must have been there from the beginning.
        let joins = |flow: &&Flow| flow.is_new_to(checkpoint) && !flow.pipeline.sink.decides();
        let writes = self.flows.iter().filter(|flow| !joins(flow));
        let sinks: Vec<_> = writes.map(Flow::key).collect();
        let changes = [
            changes("reads", &sources, &checkpoint.sources),
            changes("writes", &sinks, &checkpoint.sinks),
        ];
        let mut changes: Vec<_> = changes.into_iter().flatten().collect();
        if changes.is_empty() {
            changes.extend(
                self.flows
                    .iter()
                    .filter_map(|flow| held_differs(flow, checkpoint)),
            );
        }
        if changes.is_empty() {
            return Ok(());
        }
        Err(EngineError::job(format!(
            "the job cannot go on from checkpoint {} in {folder}: {}",
            checkpoint.id,
            changes.join("; ")
        ))
        .with_hint(
            "to start anew remove that folder, or give the job another name with SET 'pipeline.name'"
                .to_owned(),
        ))
    }

    /// Starts the writing up to the next checkpoint.
    pub(super) async fn begin(&mut self) -> Result<(), EngineError> {
        for flow in &mut self.flows {
            let run = flow.run(&self.run);
            let begun = flow.pipeline.sink.begin_checkpoint(&run, self.last + 1);
            let transaction = begun.await.map_err(|error| connector_error(&error))?;
            flow.transaction = Some(transaction);
        }
        Ok(())
    }
}

/// In words, how what a query's windows hold differs from what a checkpoint has for them.
fn held_differs(flow: &Flow, checkpoint: &Checkpoint) -> Option<String> {
    let prefix = format!("{}.", flow.index);
    let saved = checkpoint.state.iter();
    let saved = saved.filter(|(key, _)| key.starts_with(&prefix));
    let then: BTreeMap<_, _> = saved
        .map(|(key, file)| (key.clone(), file.of.clone()))
        .collect();
    let now = flow.keyed_holds().map(|(key, hold)| (key, hold.describe()));
    let now: BTreeMap<_, _> = now.collect();
    if now == then {
        return None;
    }
    let list = |held: BTreeMap<String, String>| match held.is_empty() {
        true => "nothing".to_owned(),
        false => {
            let held = held.into_values().map(|columns| format!("({columns})"));
            held.collect::<Vec<_>>().join(" and ")
        }
    };
    Some(format!(
        "the windows of the query into '{}' hold {}, those of the checkpoint {}",
        flow.pipeline.table,
        list(now),
        list(then)
    ))
}

/// In words, which tables a job has that a checkpoint has not, and the other way round.
fn changes<V>(verb: &str, now: &[String], then: &BTreeMap<String, V>) -> Option<String> {
    let table = |key: &String| {
        let (_, table) = key.split_once(':').unwrap_or_default();
        format!("'{table}'")
    };
    if now.len() == then.len() && now.iter().all(|key| then.contains_key(key)) {
        return None;
    }
    let list = |keys: Vec<String>| match keys.is_empty() {
        true => "no table".to_owned(),
        false => keys.join(", "),
    };
    Some(format!(
        "it {verb} {}, the checkpoint is of a job that {verb} {}",
        list(now.iter().map(table).collect()),
        list(then.keys().map(table).collect())
    ))
}
