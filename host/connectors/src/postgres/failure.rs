//! What PostgreSQL says of a failure, in one sentence, and whose fault it is.

use std::error::Error as _;
use std::io;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::settings::Settings;
use crate::ConnectorError;

const REFUSED_CERTIFICATE: &str = "its certificate is refused";

/// A failure while rows are written.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is gone: another may do better.
    Lost(ConnectorError),
    Other(ConnectorError),
}

impl From<Failure> for ConnectorError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(error) | Failure::Other(error) => error,
        }
    }
}

/// The failure of a statement for a table.
pub(super) fn of_writing(error: &Error, settings: &Settings, table: &str) -> Failure {
    let address = &settings.address;
    let reason = reason(error);
    if is_lost(error) {
        let mut message = format!("the connection to PostgreSQL at {address} was lost");
        if !error.is_closed() {
            message = format!("{message}: {reason}");
        }
        return Failure::Lost(ConnectorError::environment(message));
    }
    let message = format!("cannot write {table} at {address}: {reason}");
    let code = error.code().map_or("", SqlState::code);
    // The first two characters are the class.
    Failure::Other(match code.get(..2) {
        Some("22" | "23") => ConnectorError::data(message),
        Some("42") if code != SqlState::INSUFFICIENT_PRIVILEGE.code() => {
            ConnectorError::job(message)
        }
        _ => ConnectorError::environment(message),
    })
}

/// The failure to connect, of which `message` says all but what to do.
pub(super) fn of_connecting(error: &Error, message: String) -> ConnectorError {
    match error.code().map_or("", SqlState::code) {
        "28000" | "28P01" => ConnectorError::environment(message)
            .with_hint("check the options 'username' and 'password', and sslmode".to_owned()),
        "3D000" => ConnectorError::job(message)
            .with_hint("the last part of the option 'url' names the database".to_owned()),
        _ if message.contains(REFUSED_CERTIFICATE) => ConnectorError::environment(message)
            .with_hint(
                "sslrootcert names a PEM file of the authorities to trust; sslmode=verify-ca does \
                 not look at the host's name"
                    .to_owned(),
            ),
        _ => ConnectorError::environment(message),
    }
}

/// Whether the connection is gone, or never was.
pub(super) fn is_lost(error: &Error) -> bool {
    let code = error.code().map_or("", SqlState::code);
    let server_is_leaving = matches!(code, "57P01" | "57P02" | "57P03" | "57P05");
    let network = error
        .source()
        .is_some_and(|source| source.is::<io::Error>());
    error.is_closed() || network || server_is_leaving || code.starts_with("08")
}

/// Whether the server has no room for another connection.
pub(super) fn is_full(error: &Error) -> bool {
    error.code() == Some(&SqlState::TOO_MANY_CONNECTIONS)
}

/// What went wrong, without "db error".
pub(super) fn reason(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return said(error);
    }
    let Some(source) = error.source() else {
        return error.to_string();
    };
    let text = source.to_string();
    if text.contains("certificate verify failed")
        && let Some((_, why)) = text.rsplit_once(": ")
    {
        return format!("{REFUSED_CERTIFICATE}: {why}");
    }
    match text.split_once(" (os error") {
        Some((text, _)) => text.to_lowercase(),
        None => text,
    }
}

/// `duplicate key value violates unique constraint "t_pkey": Key (id)=(7) already exists`.
fn said(error: &DbError) -> String {
    let mut text = error.message().to_owned();
    if let Some(detail) = error.detail() {
        text = format!("{text}: {}", detail.trim_end_matches('.'));
    }
    // COPY names the column only in the words of "COPY t, line 7, column c".
    let column = error.where_().and_then(|place| {
        let place = place.lines().next()?;
        let (_, column) = place.strip_prefix("COPY ")?.split_once(", column ")?;
        Some(column.split(": ").next().unwrap_or(column))
    });
    match column {
        Some(column) if error.detail().is_none() => format!("{text} (column {column})"),
        _ => text,
    }
}
