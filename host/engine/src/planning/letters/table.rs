//! Tables that take letters, and the pipelines that write them.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{RecordBatch, RecordBatchOptions, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
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

use crate::{
    catalog::{Relation, Table},
    error::{EngineError, Location, did_you_mean, nearest},
    job::{LetterKind, Letters},
    planning::{EpochPipeline, Pipeline, Shared, SourceScan, connector_error, execution_error},
    sql::{flink_type, parse_type_text},
};

/// Names and types of the columns that letters always have.
pub(super) type Columns = &'static [(&'static str, &'static str)];

/// A table that is to take letters.
pub(super) struct LetterTable<'a> {
    pub kind: LetterKind,
    pub name: &'a str,
    /// The table, or the function, whose letters it takes; none where it takes those of all.
    pub source: Option<&'a str>,
    /// The columns that it may have, which a side output has of its own.
    pub columns: Vec<(String, DataType)>,
    /// Where it was asked for.
    pub place: Option<Location>,
}

/// The columns of letters of a kind.
pub(super) fn columns(columns: Columns) -> Vec<(String, DataType)> {
    let columns = columns.iter().filter_map(|(name, written)| {
        let declared = parse_type_text(written)?;
        Some(((*name).to_owned(), declared.data_type))
    });
    columns.collect()
}

/// What such a table is called, and one of its rows.
fn words(kind: LetterKind) -> (&'static str, &'static str) {
    match kind {
        LetterKind::BadRecords => ("dead-letter table", "letter"),
        LetterKind::LateRows => ("late-rows table", "late row"),
        LetterKind::SideOutput => ("table of a side output", "row of it"),
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
        let pipeline = self.write(shared, &table, &letters)?;
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

impl LetterTable<'_> {
    fn write(
        &self,
        shared: &Shared,
        table: &Table,
        letters: &Arc<Letters>,
    ) -> Result<Pipeline, EngineError> {
        let at_table = |error: EngineError| error.at(|| table.location.clone());
        let definition = table.definition(&BTreeMap::new());
        let sink = wasmill_connectors::sink(&definition, &shared.connectors())
            .map_err(|error| at_table(connector_error(&error)))?;
        self.check_columns(table)?;
        let mut fields = Vec::new();
        let mut not_null = Vec::new();
        for (index, column) in table.written_columns().into_iter().enumerate() {
            let declared = column
                .declared()
                .ok_or_else(|| EngineError::bug("a computed column is written"))?;
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

    /// The letters of another may go into the table too, if it is a table for them.
    pub(super) fn check_fits(&self, shared: &Shared) -> Result<(), EngineError> {
        let table = self.writable(shared)?;
        self.check_columns(&table)
    }

    fn check_columns(&self, table: &Table) -> Result<(), EngineError> {
        let at_table = |error: EngineError| error.at(|| table.location.clone());
        for column in table.written_columns() {
            let Some(declared) = column.declared() else {
                continue;
            };
            let mut known = self.columns.iter();
            let known = known.find(|(name, _)| *name == column.name);
            let (_, wanted) =
                known.ok_or_else(|| at_table(self.unknown_column(table, &column.name)))?;
            if *wanted != declared.data_type {
                return Err(at_table(EngineError::job(format!(
                    "the column '{}' of the {} '{}' must be {}, not {}",
                    column.name,
                    words(self.kind).0,
                    table.name,
                    flink_type(wanted),
                    flink_type(&declared.data_type)
                ))));
            }
        }
        Ok(())
    }

    fn unknown_column(&self, table: &Table, name: &str) -> EngineError {
        let columns = self.columns.iter();
        let near = nearest(name, columns.clone().map(|(name, _)| name.as_str()));
        let all = columns.map(|(name, data_type)| format!("{name} {}", flink_type(data_type)));
        let all = all.collect::<Vec<_>>().join(", ");
        let (title, row) = words(self.kind);
        EngineError::job(format!(
            "the {title} '{}' has a column '{name}', which no {row} has",
            table.name
        ))
        .with_hint(match near {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("its columns may be {all}"),
        })
    }
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
