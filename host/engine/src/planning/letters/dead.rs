//! Dead letters: which records a statement finds to be wrong.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
        TimestampMillisecondArray,
    },
    error::ArrowError,
};
use datafusion::physical_plan::ExecutionPlan;
use wasmill_connectors::{ConnectorError, DeadLetter, Place};

use super::table::{Columns, LetterTable};
use crate::{
    catalog::Table,
    error::EngineError,
    job::{LetterKind, LetterSender},
    planning::{EpochPipeline, Pipeline, Shared, SourceScan, as_scan},
};

/// The columns that a dead-letter table may have.
pub(super) const COLUMNS: Columns = &[
    ("source", "STRING"),
    ("topic", "STRING"),
    ("partition", "INT"),
    ("offset", "BIGINT"),
    ("timestamp", "TIMESTAMP_LTZ(3)"),
    ("key", "BYTES"),
    ("path", "STRING"),
    ("line", "BIGINT"),
    ("raw", "BYTES"),
    ("error", "STRING"),
];

/// The dead-letter table of a table that has one.
pub(in crate::planning) fn dead_letter_table(
    shared: &Shared,
    table: &Table,
    options: &BTreeMap<String, String>,
) -> Result<String, EngineError> {
    let own = options.get("dead-letter.table").cloned();
    let Some(name) = own.or_else(|| shared.settings.read().dead_letter_table()) else {
        return Err(EngineError::job(format!(
            "table {}: 'on-error' = 'dead-letter' needs a table for the letters",
            table.name
        ))
        .with_hint(
            "name it with 'dead-letter.table' = '…', or for all tables with SET 'dead-letter.table' = '…'"
                .to_owned(),
        ));
    };
    Ok(name)
}

/// The first table of a plan whose bad records are letters.
fn finds_letters(plan: &Arc<dyn ExecutionPlan>) -> Option<&SourceScan> {
    let mut scans = scans(plan).into_iter();
    scans.find(|scan| scan.dead_letter_table().is_some())
}

/// A SELECT that prints its rows has no sink for letters.
pub(crate) fn check_finds_no_letters(plan: &Arc<dyn ExecutionPlan>) -> Result<(), EngineError> {
    let Some(scan) = finds_letters(plan) else {
        return Ok(());
    };
    Err(EngineError::job(format!(
        "a SELECT writes no table, so the bad records of '{}' would be lost",
        scan.table()
    ))
    .with_hint(format!(
        "let it fail on them with {} /*+ OPTIONS('on-error' = 'fail') */, or write an INSERT",
        scan.table()
    )))
}

/// The pipelines that write what these find, one for each dead-letter table.
pub(crate) fn letter_pipelines(
    shared: &Shared,
    pipelines: &[Pipeline],
) -> Result<Vec<Pipeline>, EngineError> {
    let scans: Vec<_> = pipelines
        .iter()
        .flat_map(|found| scans(&found.plan))
        .collect();
    let mut planned: Vec<Pipeline> = Vec::new();
    for scan in &scans {
        let Some(name) = scan.dead_letter_table() else {
            continue;
        };
        let known = planned.iter().find(|pipeline| pipeline.table == name);
        let letters = match known.and_then(|pipeline| pipeline.letters.clone()) {
            Some(letters) => letters,
            None => {
                let source = shared.catalog.read().table(scan.table()).ok();
                let wanted = LetterTable {
                    kind: LetterKind::BadRecords,
                    name,
                    source: Some(scan.table()),
                    place: source.and_then(|source| source.location.clone()),
                };
                let (pipeline, letters) = wanted.pipeline(shared, &scans)?;
                planned.push(pipeline);
                letters
            }
        };
        scan.send_letters(letters);
    }
    Ok(planned)
}

/// The leaves of a plan.
pub(super) fn scans(plan: &Arc<dyn ExecutionPlan>) -> Vec<&SourceScan> {
    match as_scan(plan) {
        Some(scan) => vec![scan],
        None => plan.children().into_iter().flat_map(scans).collect(),
    }
}

/// A table with an end beside one without is read by itself, anew whenever the job begins again: its
/// letters would come again.
pub(crate) fn check_letters_once(
    pipeline: &Pipeline,
    in_epochs: &EpochPipeline,
) -> Result<(), EngineError> {
    let followed = scans(&in_epochs.pipeline.plan);
    let is_followed = |scan: &SourceScan| followed.iter().any(|found| std::ptr::eq(*found, scan));
    let mut found = scans(&pipeline.plan).into_iter();
    match found.find(|scan| scan.dead_letter_table().is_some() && !is_followed(scan)) {
        None => Ok(()),
        Some(scan) => Err(EngineError::job(format!(
            "'{}' has an end and is joined with a table without one: it is read anew whenever the \
             job begins again, and so would be its bad records",
            scan.table()
        ))
        .with_hint("leave out its 'on-error' = 'dead-letter'".to_owned())),
    }
}

/// Sends letters, if there are any; waits for room.
pub(crate) async fn deliver(
    letters: Vec<DeadLetter>,
    sender: Option<&LetterSender>,
) -> Result<(), ConnectorError> {
    if letters.is_empty() {
        return Ok(());
    }
    let bug = |message: String| ConnectorError::Bug { message };
    let sender = sender.ok_or_else(|| bug("nobody takes dead letters".to_owned()))?;
    let rows = rows_of(&letters).map_err(|error| bug(format!("dead letters: {error}")))?;
    sender.send(rows).await;
    Ok(())
}

fn rows_of(letters: &[DeadLetter]) -> Result<RecordBatch, ArrowError> {
    let columns = COLUMNS.iter();
    RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, _)| (*name, column(letters, name), true)),
    )
}

/// One of [`COLUMNS`].
fn column(letters: &[DeadLetter], name: &str) -> ArrayRef {
    match name {
        "source" => texts(letters, |letter| Some(&letter.source)),
        "topic" => texts(letters, |letter| match &letter.place {
            Place::Message { topic, .. } => Some(topic),
            Place::Line { .. } => None,
        }),
        "partition" => {
            let partitions = letters.iter().map(|letter| match &letter.place {
                Place::Message { partition, .. } => Some(*partition),
                Place::Line { .. } => None,
            });
            Arc::new(partitions.collect::<Int32Array>())
        }
        "offset" => {
            let offsets = letters.iter().map(|letter| match &letter.place {
                Place::Message { offset, .. } => Some(*offset),
                Place::Line { .. } => None,
            });
            Arc::new(offsets.collect::<Int64Array>())
        }
        "timestamp" => {
            let times = letters.iter().map(|letter| match &letter.place {
                Place::Message { timestamp, .. } => *timestamp,
                Place::Line { .. } => None,
            });
            let times = times.collect::<TimestampMillisecondArray>();
            Arc::new(times.with_timezone("UTC"))
        }
        "path" => texts(letters, |letter| match &letter.place {
            Place::Line { path, .. } => Some(path),
            Place::Message { .. } => None,
        }),
        "line" => {
            let lines = letters.iter().map(|letter| match &letter.place {
                Place::Line { line, .. } => i64::try_from(*line).ok(),
                Place::Message { .. } => None,
            });
            Arc::new(lines.collect::<Int64Array>())
        }
        "key" => {
            let keys = letters.iter().map(|letter| letter.key.as_deref());
            Arc::new(keys.collect::<BinaryArray>())
        }
        "raw" => {
            let raws = letters.iter().map(|letter| letter.raw.as_deref());
            Arc::new(raws.collect::<BinaryArray>())
        }
        _ => texts(letters, |letter| Some(&letter.error)),
    }
}

fn texts(letters: &[DeadLetter], text: impl Fn(&DeadLetter) -> Option<&str>) -> ArrayRef {
    Arc::new(letters.iter().map(text).collect::<StringArray>())
}
