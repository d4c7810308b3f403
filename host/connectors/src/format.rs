//! Every format with its options: `csv`, `json`, `parquet`.

use crate::error::did_you_mean;
use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::{ConnectorError, TableDefinition, filesystem};

/// What a format is called and takes in `WITH`.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    pub name: &'static str,
    pub options: &'static [ConnectorOption],
}

pub(crate) static FORMATS: [Format; 3] = [
    filesystem::csv::FORMAT,
    filesystem::json::FORMAT,
    filesystem::parquet::FORMAT,
];

/// Every format.
pub fn formats() -> &'static [Format] {
    &FORMATS
}

/// The format that a table names, where its connector takes one.
pub(crate) fn checked(
    definition: &TableDefinition,
    connector: &Connector,
) -> Result<Option<&'static Format>, ConnectorError> {
    if connector.formats.is_empty() {
        return Ok(None);
    }
    let name = Options::new(definition).required("format", connector.formats[0])?;
    let mut formats = FORMATS.iter();
    let found = formats.find(|format| format.name == name && connector.formats.contains(&name));
    found.map(Some).ok_or_else(|| {
        let hint = did_you_mean(name, connector.formats.iter().copied())
            .unwrap_or_else(|| format!("known formats: {}", connector.formats.join(", ")));
        ConnectorError::job(format!(
            "table {}: the connector '{}' has no format '{name}'",
            definition.name, connector.name
        ))
        .with_hint(hint)
    })
}
