//! The catalog's tables as DataFusion sees them.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, FieldRef, SchemaRef},
    catalog::{
        SchemaProvider, Session, TableProvider, default_table_source::provider_as_source,
        view::ViewTable,
    },
    common::{Column, DataFusionError, Result, TableReference},
    logical_expr::{Expr, LogicalPlanBuilder, TableType, cast},
    physical_plan::ExecutionPlan,
};

use super::{
    casts::in_zone, context::Shared, external, letters::dead_letter_table, lookup,
    scan::SourceScan, watermark, windows::TimeAttribute,
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
        schema: table.read_schema(),
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
        let later = path.is_some_and(|path| self.shared.will_be_written(path));
        let dead_letters = match source.gives_dead_letters() {
            true => {
                let table = dead_letter_table(&self.shared, &self.table, &definition.options);
                Some(table.map_err(|error| external(error.at(|| self.table.location.clone())))?)
            }
            false => None,
        };
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
        let reload = lookup::reload(&self.table.name, &definition.options)
            .map_err(|error| external(error.at(|| self.table.location.clone())))?;
        let scan = scan.with_reload(reload);
        let scan = scan.with_dead_letter_table(dead_letters);
        Ok(Arc::new(match rule {
            Some(rule) => scan.with_time(rule, given)?,
            None => scan,
        }))
    }
}
