//! The sink `postgres`, which Flink calls `jdbc`: rows into a table of PostgreSQL, by COPY.

#[cfg(feature = "postgres")]
mod buffered;
#[cfg(feature = "postgres")]
mod checkpoints;
#[cfg(feature = "postgres")]
mod connect;
#[cfg(feature = "postgres")]
mod encode;
#[cfg(feature = "postgres")]
mod failure;
#[cfg(feature = "postgres")]
mod numeric;
#[cfg(feature = "postgres")]
mod session;
#[cfg(feature = "postgres")]
mod settings;
#[cfg(feature = "postgres")]
mod sink;
#[cfg(feature = "postgres")]
mod streamed;
#[cfg(feature = "postgres")]
mod target;
#[cfg(feature = "postgres")]
mod types;

#[cfg(feature = "postgres")]
pub(crate) use sink::sink;

use crate::registry::{Connector, ConnectorOption};

pub(crate) const CONNECTOR: Connector = Connector {
    name: "postgres",
    source: false,
    sink: true,
    options: OPTIONS,
    formats: &[],
    metadata: &[],
};

/// Flink's name of it, so that a job file runs on both.
pub(crate) const JDBC_CONNECTOR: Connector = Connector {
    name: "jdbc",
    ..CONNECTOR
};

const OPTIONS: &[ConnectorOption] = &[
    ConnectorOption::new(
        "url",
        None,
        "jdbc:postgresql://host:port/database, or postgresql://user:password@host:port/database; \
         both take ?sslmode (disable, prefer, require, verify-ca, verify-full), sslrootcert (a file), \
         connectTimeout (seconds), user and password",
    ),
    ConnectorOption::new(
        "table-name",
        None,
        "a table that is there: table or schema.table",
    ),
    ConnectorOption::new("username", None, "who connects; goes before the url's"),
    ConnectorOption::new("password", None, "goes before the url's"),
    ConnectorOption::new(
        "sink.delivery-guarantee",
        Some("at-least-once"),
        "exactly-once or at-least-once, of a job without end; one with an end shows all of its rows \
         or none (not an option of Flink's)",
    ),
    ConnectorOption::new(
        "sink.buffer-flush.max-rows",
        Some("100"),
        "at-least-once: a job without end commits as soon as it holds as many rows; 0 for no such \
         limit",
    ),
    ConnectorOption::new(
        "sink.buffer-flush.interval",
        Some("1 s"),
        "at-least-once: a job without end commits what it holds this often; 0 for only when it is \
         full, at checkpoints and at the end",
    ),
    ConnectorOption::new(
        "sink.max-retries",
        Some("3"),
        "how often it connects anew to a server that cannot be reached, and at-least-once writes \
         anew what it holds",
    ),
    ConnectorOption::new("driver", None, "accepted for Flink's sake"),
    ConnectorOption::new(
        "connection.max-retry-timeout",
        Some("60 s"),
        "accepted for Flink's sake",
    ),
    ConnectorOption::new(
        "sink.parallelism",
        None,
        "accepted for Flink's sake: the job's parallelism holds",
    ),
];

#[cfg(not(feature = "postgres"))]
pub(crate) fn sink(
    definition: &crate::TableDefinition,
    _context: &crate::ConnectorContext,
) -> Result<std::sync::Arc<dyn crate::Sink>, crate::ConnectorError> {
    let message = format!(
        "table {}: this program was built without the connector for PostgreSQL",
        definition.name
    );
    Err(crate::ConnectorError::job(message)
        .with_hint("build it with the cargo feature 'postgres'".to_owned()))
}
