//! Which of a table's columns stand in a message's key, its value, or beside them.

use crate::message::MessageFields;
use crate::options::Options;
use crate::{ConnectorError, TableColumn, TableDefinition};

/// Where the columns of a schema stand; all are indices into it.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub key: Vec<usize>,
    pub value: Vec<usize>,
    /// With the metadata's key.
    pub metadata: Vec<(usize, String)>,
    key_fields: MessageFields,
    value_fields: MessageFields,
}

impl Columns {
    /// Of the columns that are read (`virtual_too`), or of those that are written.
    pub(super) fn of(
        definition: &TableDefinition,
        virtual_too: bool,
        upsert: bool,
        topic: Option<&str>,
    ) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        let prefix = options.text("key.fields-prefix").unwrap_or_default();
        let names = key_names(definition, &options, upsert)?;
        let wrong =
            |message: String| ConnectorError::job(format!("table {}: {message}", definition.name));
        for name in &names {
            if !definition
                .columns
                .iter()
                .any(|column| is_physical(column) && column.field.name() == name)
            {
                return Err(wrong(format!(
                    "'key.fields' names {name}, which is no physical column"
                )));
            }
            if !name.starts_with(prefix) {
                return Err(wrong(format!(
                    "the key's column {name} does not begin with '{prefix}', as 'key.fields-prefix' says"
                )));
            }
        }
        let except =
            options.choice("value.fields-include", &["ALL", "EXCEPT_KEY"])? == Some("EXCEPT_KEY");
        if !prefix.is_empty() && !except {
            return Err(wrong(
                "option 'key.fields-prefix' needs 'value.fields-include' = 'EXCEPT_KEY'".to_owned(),
            ));
        }
        if except && names.is_empty() {
            return Err(wrong(
                "option 'value.fields-include' = 'EXCEPT_KEY' needs 'key.fields'".to_owned(),
            ));
        }
        let columns = definition.columns.iter();
        let columns: Vec<_> = columns
            .filter(|column| virtual_too || !column.virtual_column)
            .collect();
        let place = |name: &str| {
            columns
                .iter()
                .position(|column| is_physical(column) && column.field.name() == name)
        };
        let key: Vec<usize> = names.iter().filter_map(|name| place(name)).collect();
        let value = (0..columns.len())
            .filter(|index| is_physical(columns[*index]) && !(except && key.contains(index)));
        let value: Vec<usize> = value.collect();
        let metadata = columns.iter().enumerate();
        let metadata =
            metadata.filter_map(|(index, column)| Some((index, column.metadata.clone()?)));
        let field = |index: &usize| columns[*index].field.clone();
        Ok(Columns {
            metadata: metadata.collect(),
            key_fields: MessageFields {
                fields: key
                    .iter()
                    .map(|index| {
                        let field = field(index);
                        let name = field
                            .name()
                            .strip_prefix(prefix)
                            .unwrap_or(field.name())
                            .to_owned();
                        field.with_name(name)
                    })
                    .collect(),
                prefix: "key.",
                subject: topic.map(|topic| format!("{topic}-key")),
            },
            value_fields: MessageFields {
                fields: value.iter().map(field).collect(),
                prefix: match options.text("format") {
                    Some(_) => "",
                    None => "value.",
                },
                subject: topic.map(|topic| format!("{topic}-value")),
            },
            key,
            value,
        })
    }

    pub(super) fn key_fields(&self) -> &MessageFields {
        &self.key_fields
    }

    pub(super) fn value_fields(&self) -> &MessageFields {
        &self.value_fields
    }
}

fn is_physical(column: &TableColumn) -> bool {
    column.metadata.is_none()
}

fn key_names(
    definition: &TableDefinition,
    options: &Options<'_>,
    upsert: bool,
) -> Result<Vec<String>, ConnectorError> {
    if upsert {
        if definition.primary_key.is_empty() {
            return Err(ConnectorError::job(format!(
                "table {}: the connector 'upsert-kafka' needs a PRIMARY KEY",
                definition.name
            ))
            .with_hint("for example PRIMARY KEY (id) NOT ENFORCED".to_owned()));
        }
        return Ok(definition.primary_key.clone());
    }
    match (options.text("key.format"), options.text("key.fields")) {
        (Some(_), Some(names)) => Ok(names
            .split(';')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect()),
        (None, None) => Ok(Vec::new()),
        (None, Some(_)) => options.required("key.format", "raw").map(|_| Vec::new()),
        (Some(_), None) => options.required("key.fields", "id").map(|_| Vec::new()),
    }
}
