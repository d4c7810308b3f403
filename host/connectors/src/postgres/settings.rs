//! What a table's options say: the server, the table in it, and when rows are committed.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::connect::{Tls, Verify};
use crate::error::did_you_mean;
use crate::options::Options;
use crate::{ConnectorError, TableDefinition};

const URL: &str = "jdbc:postgresql://localhost:5432/database";
const GUARANTEES: &[&str] = &["at-least-once", "exactly-once"];
/// What a url may say behind its question mark.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "connectTimeout",
    "connect_timeout",
    "user",
    "password",
    "reWriteBatchedInserts",
];
/// The names that PostgreSQL gives to modes of TLS.
const MODES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];

#[derive(Debug)]
pub(super) struct Settings {
    /// The table's name in the job.
    pub name: String,
    /// Holds the password: `Debug` leaves it out.
    pub config: Config,
    pub tls: Tls,
    /// `host:port/database`, for messages.
    pub address: String,
    /// The schema, where one is named, and the table.
    pub table: (Option<String>, String),
    pub exactly_once: bool,
    /// Rows that are held at most before they are committed.
    pub max_rows: u64,
    /// How long rows are held at most; `None` where they wait for others.
    pub interval: Option<Duration>,
    pub retries: u64,
}

impl Settings {
    pub(super) fn parse(definition: &TableDefinition, base: &Path) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        let url = options.required("url", URL)?;
        let (mut config, tls) = parse_url(&options, url, base)?;
        if let Some(user) = options.text("username") {
            config.user(user);
        }
        if let Some(password) = options.text("password") {
            config.password(password);
        }
        let table = options.required("table-name", "public.readings")?;
        let table = match table.split_once('.') {
            Some((schema, table)) => (Some(schema.to_owned()), table.to_owned()),
            None => (None, table.to_owned()),
        };
        if table.1.is_empty() || table.0.as_ref().is_some_and(String::is_empty) {
            return Err(options.invalid("table-name", "a table's name, or schema.table"));
        }
        options.number("sink.parallelism")?;
        let guarantee = options.choice("sink.delivery-guarantee", GUARANTEES)?;
        let interval = options.duration("sink.buffer-flush.interval")?;
        let interval = interval.unwrap_or(Duration::from_secs(1));
        let max_rows = match options.number("sink.buffer-flush.max-rows")?.unwrap_or(100) {
            0 => u64::MAX,
            rows => rows,
        };
        Ok(Self {
            name: definition.name.clone(),
            address: address(&config),
            config,
            tls,
            table,
            exactly_once: guarantee == Some("exactly-once"),
            max_rows,
            interval: (!interval.is_zero()).then_some(interval),
            retries: options.number("sink.max-retries")?.unwrap_or(3),
        })
    }
}

fn address(config: &Config) -> String {
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(host) => host.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().unwrap_or_default();
    format!("{}:{port}/{database}", host.unwrap_or_default())
}

fn parse_url(
    options: &Options<'_>,
    url: &str,
    base: &Path,
) -> Result<(Config, Tls), ConnectorError> {
    let wanted = || {
        // A url may hold a password: it is not shown.
        let but = "must be a URL such as 'jdbc:postgresql://host:5432/database'";
        options.unsupported("url", but)
    };
    let plain = url.strip_prefix("jdbc:").unwrap_or(url);
    if !plain.starts_with("postgresql://") && !plain.starts_with("postgres://") {
        let hint = "of all databases, PostgreSQL is the one that tables can be written to";
        return Err(wanted().with_hint(hint.to_owned()));
    }
    let (place, query) = plain.split_once('?').unwrap_or((plain, ""));
    let mut config = Config::from_str(place).map_err(|_| wanted())?;
    if config.get_hosts().is_empty() || config.get_dbname().is_none_or(str::is_empty) {
        return Err(wanted());
    }
    let mut mode = "prefer";
    let mut root: Option<PathBuf> = None;
    let mut timeout = 10;
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let invalid = |but: &str| {
            options.unsupported("url", &format!("has {key}={value}, which must be {but}"))
        };
        match key.as_ref() {
            "user" => drop(config.user(value.as_ref())),
            "password" => drop(config.password(value.as_ref())),
            "sslmode" => {
                let known = MODES.iter().find(|known| **known == value);
                let list = MODES.join(", ");
                mode = known.ok_or_else(|| {
                    invalid(&format!("one of {list}"))
                        .with_hint(did_you_mean(&value, MODES.iter().copied()))
                })?;
            }
            "sslrootcert" => root = Some(base.join(value.as_ref())),
            "connectTimeout" | "connect_timeout" => {
                timeout = value.parse().map_err(|_| invalid("a number of seconds"))?;
            }
            // COPY is faster than what this one asks for.
            "reWriteBatchedInserts" => {}
            other => {
                let hint = did_you_mean(other, PARAMETERS.iter().copied())
                    .unwrap_or_else(|| format!("it takes {}", PARAMETERS.join(", ")));
                let but = format!("has the parameter '{other}', which is not known");
                return Err(options.unsupported("url", &but).with_hint(hint));
            }
        }
    }
    config
        .connect_timeout(Duration::from_secs(timeout))
        // A server that vanished is noticed in a minute or two, not in hours.
        .tcp_user_timeout(Duration::from_secs(60))
        .keepalives_idle(Duration::from_secs(60))
        .keepalives_interval(Duration::from_secs(10))
        .keepalives_retries(3)
        .ssl_mode(match mode {
            "disable" => SslMode::Disable,
            "prefer" => SslMode::Prefer,
            _ => SslMode::Require,
        });
    let verify = match mode {
        "verify-full" => Verify::Full,
        "verify-ca" => Verify::Authority,
        // As PostgreSQL's own client does it.
        "require" if root.is_some() => Verify::Authority,
        _ => Verify::Nothing,
    };
    Ok((config, Tls { verify, root }))
}
