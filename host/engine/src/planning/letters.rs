//! Dead-letter tables: which records a statement finds to be wrong, and the pipelines that write them.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BinaryArray, Int32Array, Int64Array, RecordBatch, RecordBatchOptions,
        StringArray, TimestampMillisecondArray,
    },
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
};
use datafusion::{
    common::DataFusionError,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::StreamExt;
use wasmill_connectors::{DeadLetter, Place};

use super::{
    EpochPipeline, Pipeline, Shared, SourceScan, as_scan, connector_error, execution_error,
};
use crate::{
    catalog::{Relation, Table},
    error::{EngineError, did_you_mean, nearest},
    job::Letters,
    sql::{flink_type, parse_type_text},
};

/// The columns that a dead-letter table may have.
const COLUMNS: &[(&str, &str)] = &[
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
pub(super) fn dead_letter_table(
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
                let table = writable(shared, scan, name)?;
                if scans.iter().any(|scan| scan.table() == name) {
                    return Err(EngineError::job(format!(
                        "'{name}' is the dead-letter table of '{}': the same job cannot read it",
                        scan.table()
                    ))
                    .with_hint("read it in a job of its own".to_owned())
                    .at(|| table.location.clone()));
                }
                let letters = Arc::new(Letters::default());
                planned.push(pipeline(shared, &table, &letters)?);
                letters
            }
        };
        scan.send_letters(letters);
    }
    Ok(planned)
}

/// The table of a name that is there.
fn writable(shared: &Shared, scan: &SourceScan, name: &str) -> Result<Arc<Table>, EngineError> {
    let catalog = shared.catalog.read();
    match catalog.relations.get(name) {
        Some(Relation::Table(table)) => Ok(Arc::clone(table)),
        found => {
            let what = match found {
                Some(_) => "is a view",
                None => "is not there",
            };
            let tables = catalog.relations.iter();
            let tables = tables.filter(|(_, relation)| matches!(relation, Relation::Table(_)));
            let tables: Vec<_> = tables.map(|(name, _)| name.clone()).collect();
            let source = catalog.table(scan.table()).ok();
            Err(EngineError::job(format!(
                "the dead-letter table '{name}' of '{}' {what}",
                scan.table()
            ))
            .with_hint(did_you_mean(name, &tables, "the tables are"))
            .at(|| source.and_then(|source| source.location.clone())))
        }
    }
}

/// Writes letters into a table.
fn pipeline(
    shared: &Shared,
    table: &Table,
    letters: &Arc<Letters>,
) -> Result<Pipeline, EngineError> {
    let at_table = |error: EngineError| error.at(|| table.location.clone());
    let definition = table.definition(&BTreeMap::new());
    let sink = wasmill_connectors::sink(&definition, &shared.connectors())
        .map_err(|error| at_table(connector_error(&error)))?;
    let mut fields = Vec::new();
    let mut not_null = Vec::new();
    for (index, column) in table.written_columns().into_iter().enumerate() {
        let declared = column
            .declared()
            .ok_or_else(|| EngineError::bug("a computed column is written"))?;
        let known = COLUMNS.iter().find(|(name, _)| *name == column.name);
        let (_, wanted) = known.ok_or_else(|| at_table(unknown_column(table, &column.name)))?;
        let wanted_type = parse_type_text(wanted).map(|wanted| wanted.data_type);
        if wanted_type.as_ref() != Some(&declared.data_type) {
            return Err(at_table(EngineError::job(format!(
                "the column '{}' of the dead-letter table '{}' must be {wanted}, not {}",
                column.name,
                table.name,
                flink_type(&declared.data_type)
            ))));
        }
        if !declared.nullable {
            not_null.push(index);
        }
        fields.push(Field::new(&column.name, declared.data_type.clone(), true));
    }
    let schema = Arc::new(Schema::new(fields));
    let partition: Arc<dyn PartitionStream> = Arc::new(LetterStream {
        letters: Arc::clone(letters),
        schema: Arc::clone(&schema),
    });
    let plan = StreamingTableExec::try_new(schema, vec![partition], None, [], false, None)
        .map_err(|error| execution_error(&error))?;
    shared.note_written(&definition);
    Ok(Pipeline {
        table: table.name.clone(),
        sink,
        overwrite: false,
        plan: Arc::new(plan),
        not_null,
        drop_nulls: shared.settings.read().drops_nulls(),
        letters: Some(Arc::clone(letters)),
    })
}

fn unknown_column(table: &Table, name: &str) -> EngineError {
    let near = nearest(name, COLUMNS.iter().map(|(name, _)| *name));
    let all = COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}"));
    let all = all.collect::<Vec<_>>().join(", ");
    EngineError::job(format!(
        "the dead-letter table '{}' has a column '{name}', which no letter has",
        table.name
    ))
    .with_hint(match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("its columns may be {all}"),
    })
}

/// The leaves of a plan.
fn scans(plan: &Arc<dyn ExecutionPlan>) -> Vec<&SourceScan> {
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

impl EpochPipeline {
    /// One that writes dead letters.
    pub(crate) fn of_letters(pipeline: Pipeline) -> Self {
        EpochPipeline {
            pipeline,
            clock: None,
            late: Arc::default(),
        }
    }
}

/// Gives the letters of an execution as rows.
#[derive(Debug)]
struct LetterStream {
    letters: Arc<Letters>,
    schema: SchemaRef,
}

impl PartitionStream for LetterStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let rows = self.letters.receive();
        let rows =
            rows.map(move |letters| rows_of(&letters, &schema).map_err(DataFusionError::from));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        ))
    }
}

fn rows_of(letters: &[DeadLetter], schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter();
    let columns = columns.map(|field| column(letters, field.name()));
    let rows = RecordBatchOptions::new().with_row_count(Some(letters.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns.collect(), &rows)
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
