//! From INSERTs to jobs, with an end or without.

use std::{path::Path, sync::Arc};

use datafusion::sql::sqlparser::tokenizer::Span;
use wasmill_connectors::ObjectFolder;
use wasmill_state::StateStore;

use super::{Work, planner::Planner};
use crate::{
    error::EngineError,
    job::{EndlessSettings, LetterKind, SavepointPlace},
    planning::{
        EpochPipeline, Obstacle, Pipeline, check_gives_rows, check_letters_once, connector_error,
        epoch_pipeline, execution_error, is_endless, late_pipeline, letter_pipelines,
    },
    sql::Insert,
};

impl Planner<'_> {
    /// The pipelines of INSERTs that run together, and of what they find wrong.
    pub(super) async fn pipelines(&self, inserts: &[(&Insert, Span)]) -> Result<Work, EngineError> {
        let mut pipelines = Vec::with_capacity(inserts.len());
        for (insert, span) in inserts {
            pipelines.push(self.insert(insert, *span).await?);
        }
        let place = self.location(self.span);
        pipelines.extend(letter_pipelines(self.shared, &pipelines, place)?);
        let context = self.context.clone();
        if is_endless(&pipelines) {
            let place = self.location(self.span);
            pipelines.extend(late_pipeline(self.shared, &pipelines, place)?);
            let settings = self.endless(&pipelines)?;
            return Ok(Work::Endless {
                pipelines: self.in_epochs(&pipelines, inserts, &settings.store)?,
                context,
                settings: Box::new(settings),
            });
        }
        for (pipeline, (insert, span)) in pipelines.iter().zip(inserts) {
            check_gives_rows(&pipeline.plan).map_err(|error| {
                let error = self.diagnose(&error, Some(&insert.query));
                error.at(|| self.location(*span))
            })?;
        }
        Ok(Work::Pipelines { pipelines, context })
    }

    /// The pipelines of a job without end, so that they run in epochs.
    fn in_epochs(
        &self,
        pipelines: &[Pipeline],
        inserts: &[(&Insert, Span)],
        store: &Arc<StateStore>,
    ) -> Result<Vec<EpochPipeline>, EngineError> {
        let mut in_epochs = Vec::with_capacity(pipelines.len());
        let ttl = self.shared.settings.read().state_ttl();
        let mut letters = pipelines
            .iter()
            .filter_map(|pipeline| pipeline.letters.as_ref());
        let late_rows = letters.find(|letters| letters.kind() == LetterKind::LateRows);
        for (pipeline, (_, span)) in pipelines.iter().zip(inserts) {
            let table = &pipeline.table;
            let refused = |message: String, hint: &str| {
                let error = EngineError::job(message).with_hint(hint.to_owned());
                Err(error.at(|| self.location(*span)))
            };
            match epoch_pipeline(pipeline, store, ttl, late_rows) {
                Ok(pipeline) => in_epochs.push(pipeline),
                Err(Obstacle::Part(part, hint)) => {
                    let message = format!(
                        "the query into '{table}' is over tables without end and has {part}, for \
                         which they would have to end"
                    );
                    return refused(message, hint);
                }
                Err(Obstacle::Internal(error)) => return Err(execution_error(&error)),
            }
            let mut deciding = pipelines.iter().filter(|pipeline| pipeline.sink.decides());
            let first = deciding.next();
            let other =
                deciding.find(|other| first.is_some_and(|first| !other.sink.joins(&first.sink)));
            if let (Some(first), Some(other)) = (first, other) {
                return refused(
                    format!(
                        "the sinks '{}' and '{}' each commit by themselves, so that a crash may fall \
                         between the two",
                        first.table, other.table
                    ),
                    "topics can be written in one transaction, if their 'properties.*' are the same; \
                     otherwise let one sink be exactly-once in a job, and give the others \
                     'sink.delivery-guarantee' = 'at-least-once'",
                );
            }
            if pipeline.overwrite {
                return refused(
                    format!("INSERT OVERWRITE into '{table}' needs an end, and the job has none"),
                    "use INSERT INTO",
                );
            }
        }
        for ((pipeline, found), (_, span)) in pipelines.iter().zip(&in_epochs).zip(inserts) {
            check_letters_once(pipeline, found)
                .map_err(|error| error.at(|| self.location(*span)))?;
        }
        let letters = pipelines
            .iter()
            .filter(|pipeline| pipeline.letters.is_some());
        in_epochs.extend(letters.cloned().map(EpochPipeline::of_letters));
        Ok(in_epochs)
    }

    fn endless(&self, pipelines: &[Pipeline]) -> Result<EndlessSettings, EngineError> {
        let settings = self.shared.settings.read();
        let connectors = self.shared.connectors();
        let interval = settings.checkpoint_interval();
        let waits = |pipeline: &&Pipeline| pipeline.sink.shows_at_checkpoints();
        if let (None, Some(pipeline)) = (interval, pipelines.iter().find(waits)) {
            self.shared.warnings.lock().push(format!(
                "the job has no end and takes no checkpoints: '{}' shows nothing before the job is \
                 stopped; SET 'execution.checkpointing.interval' = '10 s' shows its rows every 10 s",
                pipeline.table
            ));
        }
        let folder = settings.checkpoint_folder();
        let remote = folder.map(ObjectFolder::parse).transpose();
        let remote = remote.map_err(|error| connector_error(&error))?.flatten();
        let folder = match (folder, &remote) {
            (Some(_), Some(_)) => ".wasmill/checkpoints-of-store",
            (Some(folder), None) => folder.strip_prefix("file://").unwrap_or(folder),
            (None, _) => ".wasmill/checkpoints",
        };
        let folder = connectors.base.join(folder);
        let name = settings.job_name().unwrap_or_else(|| self.script.stem());
        let inserts = pipelines.iter().filter(|found| found.letters.is_none());
        let sinks: Vec<_> = inserts.map(|found| &*found.table).collect();
        Ok(EndlessSettings {
            limits: settings.epoch_limits(),
            interval,
            folder: folder.strip_prefix(".").unwrap_or(&folder).to_owned(),
            remote,
            name: file_name(&format!("{name}-{}", sinks.join("+"))),
            retained: settings.retained_checkpoints(),
            restart: settings.restart_strategy(),
            savepoint: settings
                .savepoint()
                .map(|path| match path.contains("://") {
                    true => SavepointPlace::parse(Path::new(path)),
                    false => SavepointPlace::parse(&connectors.base.join(path)),
                })
                .transpose()?,
            run: connectors.job.clone(),
            epoch: self.shared.epoch.clone(),
            models: self.shared.catalog.read().loaded_models(),
            messages: connectors.stderr.clone(),
            store: Arc::new(StateStore::new(settings.state_memory())),
        })
    }
}

/// What may be the name of a folder.
fn file_name(text: &str) -> String {
    let usable = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '+' | '.');
    let letters = text.chars();
    letters
        .map(|letter| if usable(letter) { letter } else { '_' })
        .take(100)
        .collect()
}
