//! Every connector with its options, and the way from a table's definition to a source or sink.

use std::sync::Arc;

use crate::error::did_you_mean;
use crate::format::PlacedFormat;
#[cfg(feature = "kafka")]
use crate::kafka;
use crate::options::Options;
use crate::{ConnectorContext, ConnectorError, Sink, Source, TableDefinition};
use crate::{blackhole, datagen, filesystem, format, postgres, print};

/// What a connector is called, can do, and takes in `WITH`.
#[derive(Debug, Clone, Copy)]
pub struct Connector {
    /// The value of the option `connector`.
    pub name: &'static str,
    pub source: bool,
    pub sink: bool,
    /// Its own options, without those of a format.
    pub options: &'static [ConnectorOption],
    /// The formats that it takes; empty where it needs none.
    pub formats: &'static [&'static str],
    /// Keys of `METADATA FROM`.
    pub metadata: &'static [&'static str],
}

/// One key of `WITH`.
#[derive(Debug, Clone, Copy)]
pub struct ConnectorOption {
    /// `#` stands for a column's name, `*` at the end for whatever the connector knows.
    pub key: &'static str,
    pub default: Option<&'static str>,
    pub description: &'static str,
}

impl ConnectorOption {
    pub(crate) const fn new(
        key: &'static str,
        default: Option<&'static str>,
        description: &'static str,
    ) -> Self {
        Self {
            key,
            default,
            description,
        }
    }

    /// Whether it is this one that `key` names in a table.
    fn matches(&self, key: &str, table: &TableDefinition) -> bool {
        if let Some(prefix) = self.key.strip_suffix('*') {
            return key.starts_with(prefix);
        }
        match self.key.split_once('#') {
            None => self.key == key,
            Some((before, after)) => key
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|name| {
                    let mut columns = table.columns.iter();
                    columns.any(|column| column.field.name() == name)
                }),
        }
    }
}

static CONNECTORS: &[Connector] = &[
    filesystem::CONNECTOR,
    #[cfg(feature = "kafka")]
    kafka::CONNECTOR,
    #[cfg(feature = "kafka")]
    kafka::UPSERT,
    print::CONNECTOR,
    blackhole::CONNECTOR,
    datagen::CONNECTOR,
    postgres::CONNECTOR,
    postgres::JDBC_CONNECTOR,
];

/// What every table that is read takes: it is the engine that goes by the time of rows, and that reads a
/// table again that is joined.
const READ: &[ConnectorOption] = &[
    ConnectorOption::new(
        "scan.watermark.idle-timeout",
        Some("0 ms"),
        "a split without rows for as long does not hold the watermark back",
    ),
    ConnectorOption::new(
        "scan.watermark.emit.strategy",
        Some("on-periodic"),
        "accepted; watermarks move between epochs",
    ),
    ConnectorOption::new("scan.watermark.alignment.group", None, "accepted"),
    ConnectorOption::new("scan.watermark.alignment.max-drift", None, "accepted"),
    ConnectorOption::new("scan.watermark.alignment.update-interval", None, "accepted"),
    ConnectorOption::new(
        "lookup.cache",
        Some("NONE"),
        "NONE: a table that is joined is read once; FULL: it is read again now and then",
    ),
    ConnectorOption::new(
        "lookup.full-cache.reload-strategy",
        Some("PERIODIC"),
        "PERIODIC",
    ),
    ConnectorOption::new(
        "lookup.full-cache.periodic-reload.interval",
        None,
        "how long after one reading the next begins; with FULL",
    ),
];

/// Connectors that a build may leave out, with the cargo features that have them.
const LEFT_OUT: &[(&str, &str)] = &[("kafka", "kafka"), ("upsert-kafka", "kafka")];

/// Every connector.
pub fn connectors() -> &'static [Connector] {
    CONNECTORS
}

/// The source that a table names. Checks the options and the columns' types; touches no data.
///
/// # Errors
/// [`ConnectorError::Job`] for anything wrong in the definition.
pub fn source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    match checked(definition)?.name {
        "filesystem" => filesystem::source(definition, context),
        "datagen" => datagen::source(definition, context),
        #[cfg(feature = "kafka")]
        "kafka" => kafka::source(definition, context),
        #[cfg(feature = "kafka")]
        "upsert-kafka" => kafka::upsert_source(definition, context),
        other => Err(ConnectorError::job(format!(
            "table {}: the connector '{other}' cannot be read, only written",
            definition.name
        ))
        .with_hint(able("readable", |connector| connector.source))),
    }
}

/// The sink that a table names. Checks the options and the columns' types; touches no data.
///
/// # Errors
/// [`ConnectorError::Job`] for anything wrong in the definition.
pub fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    match checked(definition)?.name {
        "filesystem" => filesystem::sink(definition, context),
        "print" => print::sink(definition, context),
        "blackhole" => blackhole::sink(definition),
        #[cfg(feature = "kafka")]
        "kafka" => kafka::sink(definition, context),
        #[cfg(feature = "kafka")]
        "upsert-kafka" => kafka::upsert_sink(definition, context),
        "postgres" | "jdbc" => postgres::sink(definition, context),
        other => Err(ConnectorError::job(format!(
            "table {}: the connector '{other}' cannot be written, only read",
            definition.name
        ))
        .with_hint(able("writable", |connector| connector.sink))),
    }
}

fn able(what: &str, can: impl Fn(&Connector) -> bool) -> String {
    let names = CONNECTORS.iter().filter(|connector| can(connector));
    let names: Vec<_> = names.map(|connector| connector.name).collect();
    format!("{what} connectors: {}", names.join(", "))
}

/// The connector of a table whose option keys and metadata keys are all known.
fn checked(definition: &TableDefinition) -> Result<&'static Connector, ConnectorError> {
    let options = Options::new(definition);
    let name = options.required("connector", "filesystem")?;
    let connector = CONNECTORS
        .iter()
        .find(|connector| connector.name == name)
        .ok_or_else(|| {
            if let Some((_, feature)) = LEFT_OUT.iter().find(|(left_out, _)| *left_out == name) {
                return ConnectorError::job(format!(
                    "table {}: this program was built without the connector '{name}'",
                    definition.name
                ))
                .with_hint(format!("build it with the cargo feature {feature}"));
            }
            let names = CONNECTORS.iter().map(|connector| connector.name);
            let hint = did_you_mean(name, names).unwrap_or_else(|| able("known", |_| true));
            ConnectorError::job(format!(
                "table {}: there is no connector '{name}'",
                definition.name
            ))
            .with_hint(hint)
        })?;
    let formats = format::checked(definition, connector)?;
    let time: &[ConnectorOption] = if connector.source { READ } else { &[] };
    let mut known: Vec<_> = connector
        .options
        .iter()
        .chain(time)
        .map(|option| KnownOption { prefix: "", option })
        .collect();
    for PlacedFormat { format, prefix } in &formats {
        let options = format.options.iter();
        known.extend(options.map(|option| KnownOption { prefix, option }));
    }
    for key in definition.options.keys() {
        if key == "connector" || known.iter().any(|option| option.matches(key, definition)) {
            continue;
        }
        return Err(unknown_option(definition, connector, &formats, &known, key));
    }
    for column in &definition.columns {
        let Some(key) = &column.metadata else {
            continue;
        };
        if !connector.metadata.contains(&key.as_str()) {
            let hint = did_you_mean(key, connector.metadata.iter().copied()).unwrap_or_else(|| {
                match connector.metadata {
                    [] => format!("the connector '{name}' has no metadata columns"),
                    keys => format!("known keys: {}", keys.join(", ")),
                }
            });
            return Err(ConnectorError::job(format!(
                "table {}: column {} reads the metadata '{key}', which the connector '{name}' does not have",
                definition.name,
                column.field.name(),
            ))
            .with_hint(hint));
        }
    }
    Ok(connector)
}

/// An option that a table may have.
struct KnownOption {
    /// Of a format: see [`PlacedFormat`].
    prefix: &'static str,
    option: &'static ConnectorOption,
}

impl KnownOption {
    fn matches(&self, key: &str, table: &TableDefinition) -> bool {
        let key = key.strip_prefix(self.prefix);
        key.is_some_and(|key| self.option.matches(key, table))
    }

    fn key(&self) -> String {
        format!("{}{}", self.prefix, self.option.key)
    }
}

fn unknown_option(
    definition: &TableDefinition,
    connector: &Connector,
    formats: &[PlacedFormat],
    known: &[KnownOption],
    key: &str,
) -> ConnectorError {
    let owner = match formats.first() {
        Some(placed) => format!("'{}' with format '{}'", connector.name, placed.format.name),
        None => format!("'{}'", connector.name),
    };
    let columns = definition.columns.iter().map(|column| column.field.name());
    let columns: Vec<_> = columns.collect();
    let spelled: Vec<String> = known
        .iter()
        .flat_map(|option| match option.option.key.contains('#') {
            true => columns
                .iter()
                .map(|column| option.option.key.replace('#', column))
                .collect(),
            false => vec![option.key()],
        })
        .collect();
    let other_format = format::FORMATS
        .iter()
        .filter(|format| {
            formats
                .iter()
                .all(|placed| placed.format.name != format.name)
        })
        .find(|format| format.options.iter().any(|option| option.key == key))
        .map(|format| format!("it belongs to format '{}'", format.name));
    let hint = other_format
        .or_else(|| {
            let known = spelled.iter().map(String::as_str);
            did_you_mean(key, known.chain(["connector"]))
        })
        .unwrap_or_else(|| {
            let keys: Vec<_> = known.iter().map(KnownOption::key).collect();
            match keys.is_empty() {
                true => "it takes none".to_owned(),
                false => format!("known options: {}", keys.join(", ")),
            }
        });
    ConnectorError::job(format!(
        "table {}: the connector {owner} has no option '{key}'",
        definition.name
    ))
    .with_hint(hint)
}
