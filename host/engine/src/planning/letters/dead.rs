//! Dead letters: which records a statement finds to be wrong, and on which rows its functions fail.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
        TimestampMillisecondArray,
    },
    error::ArrowError,
};
use datafusion::{
    arrow::datatypes::{DataType, Field},
    physical_plan::ExecutionPlan,
};
use wasmill_connectors::{ConnectorError, DeadLetter, Place};

use super::table::{Columns, LetterTable, columns};
use crate::{
    catalog::Table,
    error::{EngineError, Location},
    job::{EPOCH, LetterKind, LetterSender, Letters},
    planning::{
        EpochPipeline, Once, Pipeline, Shared, SourceScan, as_scan,
        endless::processes,
        guards::{GuardedCalls, guards},
    },
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
    ("function", "STRING"),
    ("error", "STRING"),
    (EPOCH, "BIGINT"),
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
    let processes = processes(plan);
    let mut sides = processes.iter().flat_map(|process| &process.rule().sides);
    if let Some(side) = sides.find_map(Option::as_ref) {
        return Err(EngineError::job(format!(
            "a SELECT writes no table, so the rows of the side output '{}' of '{}' would be lost",
            side.output, side.function
        ))
        .with_hint("write an INSERT".to_owned()));
    }
    let leaves_out = processes.iter().any(|process| process.failed().is_some());
    if leaves_out || !guards(plan).is_empty() {
        return Err(EngineError::job(
            "a SELECT writes no table, so the rows would be lost on which a function with \
             'on-error' = 'dead-letter' fails",
        )
        .with_hint(
            "write an INSERT, or let it fail: declare the function without 'on-error'".to_owned(),
        ));
    }
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

/// The pipelines that write what these find, one for each dead-letter table. `place` is the
/// statement's.
pub(crate) fn letter_pipelines(
    shared: &Shared,
    pipelines: &[Pipeline],
    place: Option<Location>,
) -> Result<Vec<Pipeline>, EngineError> {
    let plans = pipelines.iter().map(|found| &found.plan);
    let scans: Vec<_> = plans.clone().flat_map(scans).collect();
    let mut planned: Vec<Pipeline> = Vec::new();
    let mut letters_for = |wanted: LetterTable<'_>| -> Result<Arc<Letters>, EngineError> {
        let known = planned
            .iter()
            .find(|pipeline| pipeline.table == wanted.name);
        if let Some(letters) = known.and_then(|pipeline| pipeline.letters.clone()) {
            wanted.check_fits(shared)?;
            return Ok(letters);
        }
        let (pipeline, letters) = wanted.pipeline(shared, &scans)?;
        planned.push(pipeline);
        Ok(letters)
    };
    for scan in &scans {
        let Some(name) = scan.dead_letter_table() else {
            continue;
        };
        let source = shared.catalog.read().table(scan.table()).ok();
        scan.send_letters(letters_for(LetterTable {
            kind: LetterKind::BadRecords,
            name,
            source: Some(scan.table()),
            columns: columns(COLUMNS),
            place: source.and_then(|source| source.location.clone()),
        })?);
    }
    let guards: Vec<_> = plans.clone().flat_map(guards).collect();
    let processes: Vec<_> = plans.flat_map(processes).collect();
    let failed = guards.iter().map(|guard| guard.failed());
    let failed = failed.chain(processes.iter().filter_map(|process| process.failed()));
    let failed: Vec<_> = failed.collect();
    if !failed.is_empty() {
        let Some(name) = shared.settings.read().dead_letter_table() else {
            return Err(EngineError::job(
                "a function with 'on-error' = 'dead-letter' needs a table for the letters",
            )
            .with_hint("name it with SET 'dead-letter.table' = '…'".to_owned())
            .at(|| place.clone()));
        };
        let letters = letters_for(LetterTable {
            kind: LetterKind::BadRecords,
            name: &name,
            source: None,
            columns: columns(COLUMNS),
            place: place.clone(),
        })?;
        for failed in failed {
            failed.send_to(Arc::clone(&letters));
        }
    }
    let sides = processes.iter().flat_map(|process| &process.rule().sides);
    for side in sides.flatten() {
        let fields = side.schema();
        let fields = fields.fields().iter().map(|field| &**field);
        let epoch = Field::new(EPOCH, DataType::Int64, true);
        let fields = fields.chain([&epoch]);
        side.send_to(letters_for(LetterTable {
            kind: LetterKind::SideOutput,
            name: &side.table,
            source: Some(&side.function),
            columns: fields
                .map(|field| (field.name().clone(), field.data_type().clone()))
                .collect(),
            place: place.clone(),
        })?);
    }
    Ok(planned)
}

/// The leaves of a plan.
pub(in crate::planning) fn scans(plan: &Arc<dyn ExecutionPlan>) -> Vec<&SourceScan> {
    match as_scan(plan) {
        Some(scan) => vec![scan],
        None => plan.children().into_iter().flat_map(scans).collect(),
    }
}

/// A table with an end beside one without is read by itself, anew whenever the job begins again: its
/// letters, and those of functions called below the join, would come again.
pub(crate) fn check_letters_once(
    pipeline: &Pipeline,
    in_epochs: &EpochPipeline,
) -> Result<(), EngineError> {
    let anew = |what: &str, its: &str, hint: &str| {
        let message = format!(
            "{what} has an end and is joined with a table without one: it is read anew whenever \
             the job begins again, and so would be its {its}"
        );
        Err(EngineError::job(message).with_hint(hint.to_owned()))
    };
    // What is read once is not read again.
    let plan = &in_epochs.pipeline.plan;
    let once = Once::all(plan);
    let read: Vec<_> = [plan]
        .into_iter()
        .chain(once.iter().map(Once::plan))
        .collect();
    let followed: Vec<_> = read.iter().flat_map(|plan| scans(plan)).collect();
    let is_followed = |scan: &SourceScan| followed.iter().any(|found| std::ptr::eq(*found, scan));
    let mut found = scans(&pipeline.plan).into_iter();
    if let Some(scan) = found.find(|scan| scan.dead_letter_table().is_some() && !is_followed(scan))
    {
        let table = format!("'{}'", scan.table());
        return anew(
            &table,
            "bad records",
            "leave out its 'on-error' = 'dead-letter'",
        );
    }
    let executed: Vec<_> = read.iter().flat_map(|plan| guards(plan)).collect();
    let is_executed = |guard: &GuardedCalls| {
        let mut executed = executed.iter();
        executed.any(|found| Arc::ptr_eq(found.failed(), guard.failed()))
    };
    match guards(&pipeline.plan).into_iter().all(is_executed) {
        true => Ok(()),
        false => anew(
            "a table with a call of a function with 'on-error' = 'dead-letter'",
            "letters",
            "call the function above the join",
        ),
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
    let sent = sender.send(rows).await;
    sent.map_err(|error| bug(format!("dead letters: {error}")))
}

fn rows_of(letters: &[DeadLetter]) -> Result<RecordBatch, ArrowError> {
    let columns = COLUMNS.iter().filter(|(name, _)| *name != EPOCH);
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
        "function" => texts(letters, |_| None),
        _ => texts(letters, |letter| Some(&letter.error)),
    }
}

fn texts(letters: &[DeadLetter], text: impl Fn(&DeadLetter) -> Option<&str>) -> ArrayRef {
    Arc::new(letters.iter().map(text).collect::<StringArray>())
}
