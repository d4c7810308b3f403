//! Tables that take letters, and the pipelines that write them.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions, StringArray},
    datatypes::{Field, Schema, SchemaRef},
    error::ArrowError,
    json::{WriterBuilder, writer::LineDelimited},
};
use datafusion::{
    common::{Result as PlanResult, internal_datafusion_err},
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures::StreamExt;

use super::{dead, late};
use crate::{
    catalog::{Relation, Table},
    error::{EngineError, Location, did_you_mean, nearest},
    job::{LetterKind, Letters},
    planning::{EpochPipeline, Pipeline, Shared, SourceScan, connector_error, execution_error},
    sql::{flink_type, parse_type_text},
};

/// Names and types of the columns that a table of letters may have.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// A table that is to take letters.
pub(super) struct LetterTable<'a> {
    pub kind: LetterKind,
    pub name: &'a str,
    /// The table whose letters it takes; none where it takes those of all.
    pub source: Option<&'a str>,
    /// Where it was asked for.
    pub place: Option<Location>,
}

fn columns(kind: LetterKind) -> Columns {
    match kind {
        LetterKind::BadRecords => dead::COLUMNS,
        LetterKind::LateRows => late::COLUMNS,
    }
}

/// What such a table is called, and one of its rows.
fn words(kind: LetterKind) -> (&'static str, &'static str) {
    match kind {
        LetterKind::BadRecords => ("dead-letter table", "letter"),
        LetterKind::LateRows => ("late-rows table", "late row"),
    }
}

impl LetterTable<'_> {
    /// Writes letters into the table, which the same job must not read.
    pub(super) fn pipeline(
        self,
        shared: &Shared,
        read: &[&SourceScan],
    ) -> Result<(Pipeline, Arc<Letters>), EngineError> {
        let table = self.writable(shared)?;
        if read.iter().any(|scan| scan.table() == self.name) {
            return Err(EngineError::job(format!(
                "'{}' is the {}{}: the same job cannot read it",
                self.name,
                words(self.kind).0,
                self.of()
            ))
            .with_hint("read it in a job of its own".to_owned())
            .at(|| table.location.clone()));
        }
        let letters = Arc::new(Letters::new(self.kind));
        let pipeline = pipeline(shared, &table, &letters)?;
        Ok((pipeline, letters))
    }

    fn of(&self) -> String {
        let source = self.source.map(|source| format!(" of '{source}'"));
        source.unwrap_or_default()
    }

    /// The table, if there is one of its name.
    fn writable(&self, shared: &Shared) -> Result<Arc<Table>, EngineError> {
        let catalog = shared.catalog.read();
        let what = match catalog.relations.get(self.name) {
            Some(Relation::Table(table)) => return Ok(Arc::clone(table)),
            Some(Relation::View(_)) => "is a view",
            None => "is not there",
        };
        let tables = catalog.relations.iter();
        let tables = tables.filter(|(_, relation)| matches!(relation, Relation::Table(_)));
        let tables: Vec<_> = tables.map(|(name, _)| name.clone()).collect();
        Err(EngineError::job(format!(
            "the {} '{}'{} {what}",
            words(self.kind).0,
            self.name,
            self.of()
        ))
        .with_hint(did_you_mean(self.name, &tables, "the tables are"))
        .at(|| self.place.clone()))
    }
}

fn pipeline(
    shared: &Shared,
    table: &Table,
    letters: &Arc<Letters>,
) -> Result<Pipeline, EngineError> {
    let at_table = |error: EngineError| error.at(|| table.location.clone());
    let definition = table.definition(&BTreeMap::new());
    let sink = wasmill_connectors::sink(&definition, &shared.connectors())
        .map_err(|error| at_table(connector_error(&error)))?;
    let kind = letters.kind();
    let mut fields = Vec::new();
    let mut not_null = Vec::new();
    for (index, column) in table.written_columns().into_iter().enumerate() {
        let declared = column
            .declared()
            .ok_or_else(|| EngineError::bug("a computed column is written"))?;
        let mut known = columns(kind).iter();
        let known = known.find(|(name, _)| *name == column.name);
        let (_, wanted) =
            known.ok_or_else(|| at_table(unknown_column(kind, table, &column.name)))?;
        let wanted_type = parse_type_text(wanted).map(|wanted| wanted.data_type);
        if wanted_type.as_ref() != Some(&declared.data_type) {
            return Err(at_table(EngineError::job(format!(
                "the column '{}' of the {} '{}' must be {wanted}, not {}",
                column.name,
                words(kind).0,
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
        takes_back: false,
        letters: Some(Arc::clone(letters)),
    })
}

fn unknown_column(kind: LetterKind, table: &Table, name: &str) -> EngineError {
    let columns = columns(kind).iter();
    let near = nearest(name, columns.clone().map(|(name, _)| *name));
    let all = columns.map(|(name, kind)| format!("{name} {kind}"));
    let all = all.collect::<Vec<_>>().join(", ");
    let (title, row) = words(kind);
    EngineError::job(format!(
        "the {title} '{}' has a column '{name}', which no {row} has",
        table.name
    ))
    .with_hint(match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("its columns may be {all}"),
    })
}

impl EpochPipeline {
    /// One that writes letters.
    pub(crate) fn of_letters(pipeline: Pipeline) -> Self {
        EpochPipeline {
            pipeline,
            clock: None,
            machine: None,
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
        let rows = rows.map(move |letters| chosen(&letters, &schema));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        ))
    }
}

/// The columns of letters that a table has.
fn chosen(letters: &RecordBatch, schema: &SchemaRef) -> PlanResult<RecordBatch> {
    let columns = schema.fields().iter().map(|field| {
        let column = letters.column_by_name(field.name());
        column
            .cloned()
            .ok_or_else(|| internal_datafusion_err!("letters have no {}", field.name()))
    });
    let columns = columns.collect::<PlanResult<_>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(letters.num_rows()));
    let schema = Arc::clone(schema);
    Ok(RecordBatch::try_new_with_options(schema, columns, &rows)?)
}

/// Every row as a JSON object, times as Flink's format json writes them.
pub(super) fn as_json(rows: &RecordBatch) -> Result<StringArray, ArrowError> {
    let writer = WriterBuilder::new()
        .with_explicit_nulls(true)
        .with_timestamp_format("%Y-%m-%d %H:%M:%S%.f".to_owned())
        .with_timestamp_tz_format("%Y-%m-%d %H:%M:%S%.fZ".to_owned());
    let mut writer = writer.build::<_, LineDelimited>(Vec::new());
    writer.write(rows)?;
    writer.finish()?;
    let text = String::from_utf8(writer.into_inner());
    let text = text.map_err(|error| ArrowError::JsonError(error.to_string()))?;
    Ok(text.lines().map(Some).collect())
}
