//! The catalog's tables as DataFusion sees them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef},
    catalog::{
        SchemaProvider, Session, TableProvider, default_table_source::provider_as_source,
        view::ViewTable,
    },
    common::{Column, DataFusionError, Result, TableReference},
    logical_expr::{Expr, LogicalPlanBuilder, TableType, cast},
    physical_plan::ExecutionPlan,
};
use wasmill_connectors::{Source, TableDefinition};

use super::{
    casts::in_zone, changes::Changes, context::Shared, external, letters::dead_letter_table,
    lookup, scan::SourceScan, watermark, windows::TimeAttribute,
};
use crate::{
    catalog::{Relation, Table},
    sql::split_hinted_name,
};

/// The one database. Names may carry the options of a hint.
#[derive(Debug)]
pub(super) struct Tables {
    shared: Arc<Shared>,
}

impl Tables {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Tables { shared }
    }
}

#[async_trait]
impl SchemaProvider for Tables {
    fn table_names(&self) -> Vec<String> {
        self.shared.catalog.read().relation_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let (name, hint) = split_hinted_name(name);
        let relation = self.shared.catalog.read().relations.get(name).cloned();
        Ok(match relation {
            None => None,
            Some(Relation::View(view)) => Some(Arc::new(ViewTable::new(
                view.plan.clone(),
                Some(view.text.clone()),
            ))),
            Some(Relation::Table(table)) => Some(provider(&self.shared, table, hint)?),
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        let (name, _) = split_hinted_name(name);
        self.shared.catalog.read().relations.contains_key(name)
    }
}

/// A table, with its computed columns, and instants in the session's time zone, as a projection over
/// what its connector reads.
fn provider(
    shared: &Arc<Shared>,
    table: Arc<Table>,
    hint: BTreeMap<String, String>,
) -> Result<Arc<dyn TableProvider>> {
    let read: Arc<dyn TableProvider> = Arc::new(ConnectorTable {
        shared: Arc::clone(shared),
        schema: given(&table),
        hint,
        table: Arc::clone(&table),
    });
    let name = TableReference::bare(table.name.clone());
    let settings = shared.settings.read();
    let in_zone = |data_type: &DataType| in_zone(data_type, settings.time_zone());
    let fields = table.read_schema();
    let in_utc = |field: &&FieldRef| in_zone(field.data_type()) != *field.data_type();
    let has_instants = fields.fields().iter().any(|field| in_utc(&field));
    if !has_instants && !table.has_computed_columns() && table.watermark.is_none() {
        return Ok(read);
    }
    let mut plan = LogicalPlanBuilder::scan(name.clone(), provider_as_source(read), None)?;
    if has_instants {
        let columns = fields.fields().iter().map(|field| {
            let column = Expr::Column(Column::new(Some(name.clone()), field.name()));
            if in_utc(&field) {
                let local = cast(column, in_zone(field.data_type()));
                local.alias_qualified(Some(name.clone()), field.name())
            } else {
                column
            }
        });
        plan = plan.project(columns.collect::<Vec<_>>())?;
    }
    if table.has_computed_columns() {
        let columns = table.columns.iter().map(|column| match &column.computed {
            Some(computed) => computed.expr.clone().alias(&column.name),
            None => Expr::Column(Column::new(Some(name.clone()), &column.name)),
        });
        plan = plan.project(columns.collect::<Vec<_>>())?;
    }
    if let Some(watermark) = &table.watermark {
        let columns = plan.schema().columns().into_iter();
        let columns = columns.map(|column| match column.name == watermark.column {
            true => {
                let name = column.name.clone();
                Expr::Column(column)
                    .alias_with_metadata(name, Some(TimeAttribute::Rowtime.metadata()))
            }
            false => Expr::Column(column),
        });
        let columns = columns.collect::<Vec<_>>();
        plan = plan.project(columns)?;
    }
    Ok(Arc::new(ViewTable::new(plan.build()?, None)))
}

/// What a connector gives of a table: of changes, only the key of which is never NULL.
fn given(table: &Table) -> SchemaRef {
    let schema = table.read_schema();
    let connector = table.options.get("connector").map(String::as_str);
    if connector != Some("upsert-kafka") {
        return schema;
    }
    let fields = schema.fields().iter().map(|field| {
        let nullable = !table.primary_key.contains(field.name());
        field.as_ref().clone().with_nullable(nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What a connector reads of a table.
#[derive(Debug)]
struct ConnectorTable {
    shared: Arc<Shared>,
    table: Arc<Table>,
    schema: SchemaRef,
    /// Options that a hint replaces.
    hint: BTreeMap<String, String>,
}

#[async_trait]
impl TableProvider for ConnectorTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let located = |error: wasmill_connectors::ConnectorError| {
            external(super::connector_error(&error).at(|| self.table.location.clone()))
        };
        let definition = self.table.definition(&self.hint);
        let source =
            wasmill_connectors::source(&definition, &self.shared.connectors()).map_err(located)?;
        let path = definition.options.get("path");
        if let Some(keys) = source.changes_by().map(<[String]>::to_vec) {
            return self.changes(source, &keys, &definition, projection).await;
        }
        let later = path.is_some_and(|path| self.shared.will_be_written(path));
        let dead_letters = self.dead_letters(&source, &definition)?;
        let statistics = if later {
            None
        } else {
            Some(source.discover().await.map_err(located)?)
        };
        let mut read = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let given = read.len();
        let rule = match source.bounded() {
            true => None,
            false => {
                let (table, options) = (&self.table, &definition.options);
                watermark::rule(&self.shared, state, table, options, &mut read)?
            }
        };
        let scan = SourceScan::new(
            &self.table.name,
            source,
            statistics,
            read,
            state.config().target_partitions(),
        )?;
        let scan = scan.with_reload(self.reload(&definition)?);
        let scan = scan.with_dead_letter_table(dead_letters);
        let scan = scan.with_metadata(&definition.columns);
        Ok(Arc::new(match rule {
            Some(rule) => scan.with_time(rule, given)?,
            None => scan,
        }))
    }
}

impl ConnectorTable {
    /// Reads a table of changes by these columns.
    async fn changes(
        &self,
        source: Arc<dyn Source>,
        keys: &[String],
        definition: &TableDefinition,
        projection: Option<&Vec<usize>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = source.schema();
        let columns = all.fields().len().saturating_sub(1);
        let mut read = match projection {
            Some(projection) => projection.clone(),
            None => (0..columns).collect(),
        };
        let given = read.len();
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            let index = all.index_of(key)?;
            places.push(match read.iter().position(|known| *known == index) {
                Some(place) => place,
                None => {
                    read.push(index);
                    read.len() - 1
                }
            });
        }
        read.push(columns);
        let dead_letters = self.dead_letters(&source, definition)?;
        // Changes of a key must stay in order.
        let partitions = 1;
        let scan = SourceScan::new(&self.table.name, source, None, read, partitions)?;
        let scan = scan.with_reload(self.reload(definition)?);
        let scan = scan.with_dead_letter_table(dead_letters);
        Ok(Arc::new(Changes::new(scan, places, given)?))
    }

    fn dead_letters(
        &self,
        source: &Arc<dyn Source>,
        definition: &TableDefinition,
    ) -> Result<Option<String>> {
        if !source.gives_dead_letters() {
            return Ok(None);
        }
        let table = dead_letter_table(&self.shared, &self.table, &definition.options);
        let table = table.map_err(|error| external(error.at(|| self.table.location.clone())))?;
        Ok(Some(table))
    }

    fn reload(&self, definition: &TableDefinition) -> Result<Option<Duration>> {
        lookup::reload(&self.table.name, &definition.options)
            .map_err(|error| external(error.at(|| self.table.location.clone())))
    }
}
