//! Connecting: TLS, and patience with a server that is not there yet.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use postgres_openssl::MakeTlsConnector;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error};

use super::failure;
use super::settings::Settings;
use crate::ConnectorError;
use crate::table::SharedWriter;

/// How a server's certificate is looked at.
#[derive(Debug)]
pub(super) struct Tls {
    pub verify: Verify,
    /// The authorities that are trusted, in a PEM file, instead of the system's.
    pub root: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verify {
    Nothing,
    /// That an authority which is trusted has signed it.
    Authority,
    /// And that it is the host's.
    Full,
}

/// A client, and the task that talks to the server for it: it ends with the connection, and tells
/// why if the server ended it.
pub(super) type Connection = (Client, JoinHandle<Option<Error>>);

/// Connects; a server that cannot be reached is given time. The user is told on `messages`.
pub(super) async fn connect(
    settings: &Settings,
    application: &str,
    messages: &SharedWriter,
) -> Result<Connection, ConnectorError> {
    let tell = |message: String| {
        if let Ok(mut messages) = messages.lock() {
            // Who does not listen need not be told.
            messages.write_all(message.as_bytes()).ok();
        }
    };
    let tls = connector(&settings.tls)?;
    let address = &settings.address;
    let mut wait = Duration::from_secs(1);
    let mut tries = 0;
    loop {
        let refusal = match once(settings, application, &tls).await {
            Ok(connection) => {
                if tries > 0 {
                    tell(format!("connected to PostgreSQL at {address}\n"));
                }
                return Ok(connection);
            }
            Err(refusal) => refusal,
        };
        let reason = refusal.reason();
        if tries == settings.retries || !refusal.may_pass() {
            let message = format!("cannot connect to PostgreSQL at {address}: {reason}");
            return Err(match refusal {
                Refusal::Postgres(error) => failure::of_connecting(&error, message),
                Refusal::Timeout => ConnectorError::environment(message),
            });
        }
        if tries == 0 {
            tell(format!("waiting for PostgreSQL at {address}: {reason}\n"));
        }
        tries += 1;
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(10));
    }
}

/// Why one try to connect failed.
enum Refusal {
    Timeout,
    Postgres(Error),
}

impl Refusal {
    fn reason(&self) -> String {
        match self {
            Self::Timeout => "it does not answer".to_owned(),
            Self::Postgres(error) => failure::reason(error),
        }
    }

    /// Whether the server may let the next one in.
    fn may_pass(&self) -> bool {
        match self {
            Self::Timeout => true,
            Self::Postgres(error) => failure::is_lost(error) || failure::is_full(error),
        }
    }
}

async fn once(
    settings: &Settings,
    application: &str,
    tls: &MakeTlsConnector,
) -> Result<Connection, Refusal> {
    let mut config = settings.config.clone();
    config.application_name(application);
    let limit = config.get_connect_timeout().copied();
    let connecting = config.connect(tls.clone());
    let limit = limit.unwrap_or(Duration::MAX);
    let connected = tokio::time::timeout(limit, connecting).await;
    let connected = connected.map_err(|_| Refusal::Timeout)?;
    let (client, connection) = connected.map_err(Refusal::Postgres)?;
    let driver = tokio::spawn(async move { connection.await.err() });
    Ok((client, driver))
}

fn connector(tls: &Tls) -> Result<MakeTlsConnector, ConnectorError> {
    let failed = |error: ErrorStack| ConnectorError::unexpected("setting up TLS", error);
    let mut builder = SslConnector::builder(SslMethod::tls()).map_err(failed)?;
    if let Some(path) = &tls.root {
        let shown = path.strip_prefix(".").unwrap_or(path);
        let shown = shown.display().to_string();
        let unread = |error: io::Error| ConnectorError::io("read", &shown, &error);
        let text = std::fs::read(path).map_err(unread)?;
        let unusable = || {
            ConnectorError::job(format!("{shown} holds no certificates"))
                .with_hint("'sslrootcert' names a PEM file of the authorities to trust".to_owned())
        };
        let certificates = X509::stack_from_pem(&text).map_err(|_| unusable())?;
        if certificates.is_empty() {
            return Err(unusable());
        }
        let mut store = X509StoreBuilder::new().map_err(failed)?;
        for certificate in certificates {
            store.add_cert(certificate).map_err(failed)?;
        }
        builder.set_cert_store(store.build());
    }
    let verify = tls.verify;
    builder.set_verify(match verify {
        Verify::Nothing => SslVerifyMode::NONE,
        Verify::Authority | Verify::Full => SslVerifyMode::PEER,
    });
    let mut connector = MakeTlsConnector::new(builder.build());
    connector.set_callback(move |connection, _host| {
        connection.set_verify_hostname(verify == Verify::Full);
        Ok(())
    });
    Ok(connector)
}
