//! CREATE TABLE, CREATE MODEL and ALTER: what they make of the catalog.

mod models;

pub(crate) use models::{create_model, redeclare};

use std::sync::Arc;

use datafusion::{common::DataFusionError, execution::SessionState};

use crate::{
    catalog::{Column, Relation, Table, Watermark},
    error::{EngineError, did_you_mean},
    planning::{Shared, computed_column, planned_watermark, query_plan},
    sql::{
        Alter, AlterAction, ColumnKind, CreateTable, DeclaredType, Insert, Like, Name, ObjectKind,
        Script, flink_type, parse_type_text,
    },
};

pub(crate) enum DeclareError {
    Engine(EngineError),
    Planning(DataFusionError),
}

impl From<EngineError> for DeclareError {
    fn from(error: EngineError) -> Self {
        DeclareError::Engine(error)
    }
}

/// Puts the table into the catalog; gives the INSERT of CREATE TABLE … AS.
pub(crate) async fn create_table(
    shared: &Shared,
    state: &SessionState,
    create: &CreateTable,
    script: &Script,
) -> Result<Option<Insert>, DeclareError> {
    let name = &create.name;
    let at_name = |error: EngineError| error.at(|| script.location(name.span));
    let free = shared
        .catalog
        .read()
        .is_free(ObjectKind::Table, &name.text, create.if_not_exists)
        .map_err(at_name)?;
    if !free {
        return Ok(None);
    }
    let names = |names: &[Name]| names.iter().map(|name| name.text.clone()).collect();
    let mut table = Table {
        name: name.text.clone(),
        temporary: create.temporary,
        columns: create
            .columns
            .iter()
            .map(|column| Column {
                name: column.name.text.clone(),
                kind: column.kind.clone(),
                computed: None,
                comment: column.comment.clone(),
            })
            .collect(),
        watermark: create.watermark.as_ref().map(|watermark| Watermark {
            column: watermark.column.text.clone(),
            text: watermark.text.clone(),
            sql: watermark.expr.clone(),
            expr: None,
        }),
        primary_key: names(&create.primary_key),
        comment: create.comment.clone(),
        partition_keys: names(&create.partition_keys),
        options: create.options.values.clone(),
        location: script.location(name.span),
    };
    if let Some(like) = &create.like {
        let source = shared
            .catalog
            .read()
            .table(&like.source.text)
            .map_err(|error| error.at(|| script.location(like.source.span)))?;
        inherit(&mut table, &source, like);
    }
    if let Some((query, _)) = &create.query {
        let plan = query_plan(state, query)
            .await
            .map_err(DeclareError::Planning)?;
        for field in plan.schema().fields() {
            if table
                .columns
                .iter()
                .any(|column| column.name == *field.name())
            {
                continue;
            }
            let text = flink_type(field.data_type());
            let data_type = parse_type_text(&text)
                .ok_or_else(|| {
                    at_name(EngineError::job(format!(
                        "the column '{}' of the query is {text}, which no table can hold",
                        field.name()
                    )))
                })?
                .data_type;
            table.columns.push(Column {
                name: field.name().clone(),
                kind: ColumnKind::Physical(DeclaredType {
                    data_type,
                    nullable: field.is_nullable(),
                    text,
                }),
                computed: None,
                comment: None,
            });
        }
    }
    for key in &table.primary_key {
        if let Some(column) = table.columns.iter_mut().find(|column| column.name == *key)
            && let ColumnKind::Physical(declared) = &mut column.kind
        {
            declared.nullable = false;
        }
    }
    for index in 0..table.columns.len() {
        if let ColumnKind::Computed { expr, .. } = table.columns[index].kind.clone() {
            let computed = computed_column(state, &table, &expr).map_err(DeclareError::Planning)?;
            table.columns[index].computed = Some(computed);
        }
    }
    if let Some(watermark) = table.watermark.take() {
        let expr = planned_watermark(state, &table, &watermark)?;
        table.watermark = Some(Watermark {
            expr: Some(expr),
            ..watermark
        });
    }
    let hint = "WITH ('connector' = 'filesystem', 'path' = '…', 'format' = 'csv')";
    if !table.options.contains_key("connector") {
        return Err(at_name(
            EngineError::job(format!("the table '{}' has no 'connector'", table.name))
                .with_hint(hint.to_owned()),
        )
        .into());
    }
    shared
        .catalog
        .write()
        .relations
        .insert(name.text.clone(), Relation::Table(Arc::new(table)));
    Ok(create.query.as_ref().map(|(query, _)| Insert {
        table: name.clone(),
        overwrite: false,
        partition: vec![],
        columns: vec![],
        query: query.clone(),
    }))
}

/// `LIKE source`: what the table does not say itself.
fn inherit(table: &mut Table, source: &Table, like: &Like) {
    let includes = |feature: &str| {
        let excludes = |name: &str| like.excluding.iter().any(|excluded| excluded == name);
        !excludes("ALL") && !excludes(feature)
    };
    let mut columns: Vec<Column> = source
        .columns
        .iter()
        .filter(|column| match column.kind {
            ColumnKind::Physical(_) => true,
            ColumnKind::Metadata { .. } => includes("METADATA"),
            ColumnKind::Computed { .. } => includes("GENERATED"),
        })
        .filter(|column| !table.columns.iter().any(|own| own.name == column.name))
        .cloned()
        .collect();
    columns.append(&mut table.columns);
    table.columns = columns;
    if includes("OPTIONS") {
        for (key, value) in &source.options {
            table
                .options
                .entry(key.clone())
                .or_insert_with(|| value.clone());
        }
    }
    if includes("WATERMARKS") && table.watermark.is_none() {
        table.watermark = source.watermark.clone();
    }
    if includes("CONSTRAINTS") && table.primary_key.is_empty() {
        table.primary_key = source.primary_key.clone();
    }
    if includes("PARTITIONS") && table.partition_keys.is_empty() {
        table.partition_keys = source.partition_keys.clone();
    }
}

/// ALTER TABLE, VIEW or MODEL. A job that runs with the model goes on with what it is from now on.
pub(crate) fn alter(shared: &Shared, alter: &Alter) -> Result<(), EngineError> {
    if alter.kind == ObjectKind::Model {
        return models::alter_model(shared, alter);
    }
    let catalog = &mut *shared.catalog.write();
    let name = &alter.name.text;
    let found = match alter.kind {
        ObjectKind::Table => catalog.table(name).map(|_| ()),
        _ => catalog.view(name).map(|_| ()),
    };
    match found {
        Err(_) if alter.if_exists => return Ok(()),
        found => found?,
    }
    if let AlterAction::Rename(to) = &alter.action {
        catalog.is_free(alter.kind, &to.text, false)?;
        let relation = match catalog.relation(name)? {
            Relation::Table(table) => Relation::Table(Arc::new(Table {
                name: to.text.clone(),
                ..table.as_ref().clone()
            })),
            view @ Relation::View(_) => view,
        };
        catalog.relations.remove(name);
        catalog.relations.insert(to.text.clone(), relation);
        return Ok(());
    }
    let mut table = catalog.table(name)?.as_ref().clone();
    match &alter.action {
        AlterAction::Set(set) => table.options.extend(set.values.clone()),
        AlterAction::Reset(keys) => reset(&mut table.options, keys)?,
        AlterAction::Rename(_) => {}
    }
    catalog
        .relations
        .insert(name.clone(), Relation::Table(Arc::new(table)));
    Ok(())
}

fn reset(
    options: &mut std::collections::BTreeMap<String, String>,
    keys: &[Name],
) -> Result<(), EngineError> {
    for key in keys {
        if options.remove(&key.text).is_none() {
            let names: Vec<_> = options.keys().cloned().collect();
            return Err(
                EngineError::job(format!("there is no option '{}' to reset", key.text))
                    .with_hint(did_you_mean(&key.text, &names, "there are")),
            );
        }
    }
    Ok(())
}
