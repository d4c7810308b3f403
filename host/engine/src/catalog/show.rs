//! What SHOW and DESCRIBE print.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema},
};

use super::{Catalog, Column, DeclaredFunction, DeclaredModel, Relation, Table, View, Watermark};
use crate::{
    error::EngineError,
    sql::{ColumnKind, ModelColumn, ObjectKind, Options, flink_type},
};

/// A table of strings, with these column names.
pub(crate) fn list(
    names: &[&str],
    rows: Vec<Vec<Option<String>>>,
) -> Result<RecordBatch, EngineError> {
    let fields: Vec<_> = names
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    let columns = (0..names.len())
        .map(|column| {
            let values = rows.iter().map(|row| row.get(column).cloned().flatten());
            Arc::new(values.collect::<StringArray>()) as ArrayRef
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| EngineError::bug(error.to_string()))
}

pub(crate) fn describe(
    catalog: &Catalog,
    kind: ObjectKind,
    name: &str,
) -> Result<RecordBatch, EngineError> {
    const COLUMNS: &[&str] = &[
        "name",
        "type",
        "null",
        "key",
        "extras",
        "watermark",
        "comment",
    ];
    match kind {
        ObjectKind::Table | ObjectKind::View => match catalog.relation(name)? {
            Relation::Table(table) => {
                let rows = table
                    .columns
                    .iter()
                    .map(|column| describe_column(&table, column));
                list(COLUMNS, rows.collect())
            }
            Relation::View(view) => {
                let fields = view.plan.schema().fields();
                let rows = fields.iter().map(|field| {
                    let kind = flink_type(field.data_type());
                    let null = field.is_nullable().to_string().to_uppercase();
                    vec![Some(field.name().clone()), Some(kind), Some(null)]
                });
                list(COLUMNS, rows.collect())
            }
        },
        ObjectKind::Model => {
            let model = catalog.model(name)?;
            let row = |column: &ModelColumn, is_input: bool| {
                vec![
                    Some(column.name.text.clone()),
                    Some(column.declared.text.clone()),
                    Some(column.declared.nullable.to_string().to_uppercase()),
                    Some(is_input.to_string().to_uppercase()),
                    column.comment.clone(),
                ]
            };
            let inputs = model.inputs.iter().map(|column| row(column, true));
            let outputs = model.outputs.iter().map(|column| row(column, false));
            list(
                &["name", "type", "null", "is input", "comment"],
                inputs.chain(outputs).collect(),
            )
        }
        ObjectKind::Function => {
            let function = catalog.function(name)?;
            let mut rows = vec![
                ("name", function.name.clone()),
                ("kind", function.kind.name().to_owned()),
                ("component", function.component.clone()),
                ("sha256", function.plugin.sha256().to_owned()),
            ];
            rows.extend(function.grants.options());
            if let Some(signature) = function
                .plugin
                .functions()
                .iter()
                .find(|signature| signature.name == function.function)
            {
                rows.push(("description", signature.description.clone()));
                for parameter in &signature.parameters {
                    rows.push(("parameter", parameter_text(parameter)));
                }
            }
            let rows = rows
                .into_iter()
                .map(|(name, value)| vec![Some(name.to_owned()), Some(value)]);
            list(&["info name", "info value"], rows.collect())
        }
    }
}

/// A line for each function of a plugin that a plan calls: what it is and what it was given.
pub(crate) fn called_functions(catalog: &Catalog, plan: &str) -> String {
    let called = catalog
        .functions
        .iter()
        .filter(|(name, _)| calls(plan, name));
    let lines = called.map(|(_, function)| {
        let grants = function.grants.options().into_iter();
        let grants: Vec<_> = grants
            .map(|(option, value)| format!("{}={value}", option.trim_start_matches("grant.")))
            .collect();
        format!(
            "Function: name={}, kind={}, component={}, grants=[{}]\n",
            function.name,
            function.kind.name(),
            function.component,
            grants.join("; ")
        )
    });
    lines.collect()
}

/// Whether a plan's text has a call of the function, or a node of it.
fn calls(plan: &str, name: &str) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || letter == '_';
    plan.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&plan[..at], &plan[at + name.len()..]);
        match behind.starts_with('(') {
            true => !before.ends_with(inside),
            false => before.ends_with("ProcessRows: function=") && !behind.starts_with(inside),
        }
    })
}

fn parameter_text(parameter: &wasmill_plugin::Parameter) -> String {
    let need = match &parameter.default {
        Some(default) => format!("default '{default}'"),
        None if parameter.required => "required".to_owned(),
        None => "optional".to_owned(),
    };
    format!("'{}' ({need}): {}", parameter.name, parameter.description)
}

fn describe_column(table: &Table, column: &Column) -> Vec<Option<String>> {
    let (data_type, nullable) = match (&column.computed, column.declared()) {
        (Some(computed), _) => (flink_type(&computed.data_type), computed.nullable),
        (None, Some(declared)) => (declared.text.clone(), declared.nullable),
        (None, None) => (String::new(), true),
    };
    let in_key = table.primary_key.contains(&column.name);
    let extras = match &column.kind {
        ColumnKind::Physical(_) => None,
        ColumnKind::Computed { text, .. } => Some(format!("AS {text}")),
        ColumnKind::Metadata { .. } => metadata_text(&column.kind),
    };
    let watermark = table
        .watermark
        .as_ref()
        .filter(|watermark| watermark.column == column.name)
        .map(|watermark| watermark.text.clone());
    vec![
        Some(column.name.clone()),
        Some(data_type),
        Some((nullable && !in_key).to_string().to_uppercase()),
        in_key.then(|| format!("PRI({})", table.primary_key.join(", "))),
        extras,
        watermark,
        column.comment.clone(),
    ]
}

fn metadata_text(kind: &ColumnKind) -> Option<String> {
    match kind {
        ColumnKind::Metadata {
            key, is_virtual, ..
        } => {
            let mut text = "METADATA".to_owned();
            if let Some(key) = key {
                text.push_str(&format!(" FROM {}", quoted(key)));
            }
            if *is_virtual {
                text.push_str(" VIRTUAL");
            }
            Some(text)
        }
        _ => None,
    }
}

/// The statement that would declare the same thing.
pub(crate) fn show_create(
    catalog: &Catalog,
    kind: ObjectKind,
    name: &str,
) -> Result<String, EngineError> {
    Ok(match kind {
        ObjectKind::Table => create_table(&*catalog.table(name)?),
        ObjectKind::View => create_view(&*catalog.view(name)?),
        ObjectKind::Model => create_model(&*catalog.model(name)?),
        ObjectKind::Function => create_function(&*catalog.function(name)?),
    })
}

fn temporary(temporary: bool) -> &'static str {
    if temporary { "TEMPORARY " } else { "" }
}

fn create_table(table: &Table) -> String {
    let mut elements: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let mut text = format!("`{}`", column.name);
            match &column.kind {
                ColumnKind::Computed { text: expr, .. } => text.push_str(&format!(" AS {expr}")),
                ColumnKind::Physical(declared) | ColumnKind::Metadata { declared, .. } => {
                    text.push_str(&format!(" {}", declared.text));
                    if !declared.nullable {
                        text.push_str(" NOT NULL");
                    }
                    if let Some(metadata) = metadata_text(&column.kind) {
                        text.push_str(&format!(" {metadata}"));
                    }
                }
            }
            text + &comment_text(&column.comment)
        })
        .collect();
    if let Some(Watermark { column, text, .. }) = &table.watermark {
        elements.push(format!("WATERMARK FOR `{column}` AS {text}"));
    }
    if !table.primary_key.is_empty() {
        let keys = names(&table.primary_key);
        elements.push(format!("PRIMARY KEY ({keys}) NOT ENFORCED"));
    }
    let mut text = format!(
        "CREATE {}TABLE `{}` (\n  {}\n)",
        temporary(table.temporary),
        table.name,
        elements.join(",\n  ")
    );
    if table.comment.is_some() {
        text.push_str(&format!("\n{}", comment_text(&table.comment).trim_start()));
    }
    if !table.partition_keys.is_empty() {
        text.push_str(&format!(
            "\nPARTITIONED BY ({})",
            names(&table.partition_keys)
        ));
    }
    let options = Options {
        values: table.options.clone(),
        ..Options::default()
    };
    text + &with_text(&options)
}

fn create_view(view: &View) -> String {
    let comment = comment_text(&view.comment);
    format!(
        "CREATE {}VIEW `{}`{comment} AS\n{}",
        temporary(view.temporary),
        view.name,
        view.text
    )
}

fn create_model(model: &DeclaredModel) -> String {
    let columns = |columns: &[ModelColumn]| {
        let columns: Vec<_> = columns
            .iter()
            .map(|column| {
                let not_null = if column.declared.nullable {
                    ""
                } else {
                    " NOT NULL"
                };
                format!(
                    "`{}` {}{not_null}{}",
                    column.name.text,
                    column.declared.text,
                    comment_text(&column.comment)
                )
            })
            .collect();
        columns.join(", ")
    };
    let mut text = format!(
        "CREATE {}MODEL `{}`\nINPUT ({})\nOUTPUT ({})",
        temporary(model.temporary),
        model.name,
        columns(&model.inputs),
        columns(&model.outputs)
    );
    if model.comment.is_some() {
        text.push_str(&format!("\n{}", comment_text(&model.comment).trim_start()));
    }
    text + &with_text(&model.options)
}

fn create_function(function: &DeclaredFunction) -> String {
    format!(
        "CREATE {}FUNCTION `{}` AS {} LANGUAGE WASM{}",
        temporary(function.temporary),
        function.name,
        quoted(&function.component),
        with_text(&function.options)
    )
}

fn with_text(options: &Options) -> String {
    if options.values.is_empty() {
        return String::new();
    }
    let options: Vec<_> = options
        .values
        .iter()
        .map(|(key, value)| format!("{} = {}", quoted(key), quoted(value)))
        .collect();
    format!("\nWITH (\n  {}\n)", options.join(",\n  "))
}

fn comment_text(comment: &Option<String>) -> String {
    comment
        .as_ref()
        .map(|comment| format!(" COMMENT {}", quoted(comment)))
        .unwrap_or_default()
}

fn names(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
