//! One connection to the table, with at most one transaction and one COPY under way.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, CopyInSink, Error, Row};

use super::checkpoints::Claim;
use super::connect::connect;
use super::encode::{HEADER, TRAILER};
use super::failure::{self, Failure};
use super::settings::Settings;
use super::target::{Declared, Target, Unusable};
use crate::ConnectorError;
use crate::table::SharedWriter;

/// A COPY ends behind as many bytes and another begins: only at its end does PostgreSQL say what is
/// wrong with the rows.
const COPY_BYTES: usize = 64 << 20;

/// What a sink needs in order to open a session.
#[derive(Clone)]
pub(super) struct Opening {
    pub settings: Arc<Settings>,
    pub declared: Arc<Declared>,
    pub messages: SharedWriter,
}

/// A connection. Dropped, its transaction is taken back by the server.
pub(super) struct Session {
    client: Client,
    /// Until it has told why the connection ended.
    driver: Option<JoinHandle<Option<Error>>>,
    settings: Arc<Settings>,
    pub target: Arc<Target>,
    /// A transaction has begun.
    begun: bool,
    copy: Option<Pin<Box<CopyInSink<Bytes>>>>,
    /// Bytes that the COPY has taken.
    copied: usize,
    /// Whether some of the transaction's rows take others back.
    takes_back: bool,
    /// Whose checkpoints its commits belong to.
    pub claim: Option<Claim>,
}

impl Opening {
    /// Connects and looks at the table. `application` is what the server calls the connection.
    pub(super) async fn open(&self, application: &str) -> Result<Session, Failure> {
        let settings = &self.settings;
        let connected = connect(settings, application, &self.messages).await;
        let (client, driver) = connected.map_err(Failure::Other)?;
        let target = Target::find(&client, settings, &self.declared).await;
        let target = target.map_err(|error| match error {
            Unusable::Database(error) => failure::of_writing(&error, settings, &settings.table.1),
            Unusable::Misfit(error) => Failure::Other(error),
        })?;
        let mut session = Session {
            client,
            driver: Some(driver),
            settings: settings.clone(),
            target: Arc::new(target),
            begun: false,
            copy: None,
            copied: 0,
            takes_back: false,
            claim: None,
        };
        // What the server's default is must not change what a commit means.
        let level = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED";
        session.execute(level).await?;
        if let Some(prepare) = session.target.clone().prepare.as_deref() {
            session.execute(prepare).await?;
        }
        Ok(session)
    }
}

impl Session {
    /// Runs a statement without parameters.
    pub(super) async fn execute(&mut self, statement: &str) -> Result<(), Failure> {
        let done = self.client.batch_execute(statement).await;
        self.explained(done).await
    }

    /// Runs a statement; answers its rows.
    pub(super) async fn query(
        &mut self,
        statement: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let rows = self.client.query(statement, parameters).await;
        self.explained(rows).await
    }

    /// Begins a transaction unless one has begun.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if !self.begun {
            self.execute("BEGIN").await?;
            self.begun = true;
        }
        Ok(())
    }

    /// Takes out all rows that the table holds.
    pub(super) async fn delete_all(&mut self) -> Result<(), Failure> {
        self.begin().await?;
        self.execute(&self.target.clone().delete).await
    }

    /// Sends encoded rows. Waits while the server is busy.
    pub(super) async fn copy(&mut self, rows: Bytes, taken_back: bool) -> Result<(), Failure> {
        self.takes_back |= taken_back;
        let mut copy = match self.copy.take() {
            Some(copy) => copy,
            None => {
                self.begin().await?;
                let begun = self.client.copy_in(&self.target.copy).await;
                let mut copy = Box::pin(self.explained(begun).await?);
                let sent = copy.send(Bytes::from_static(HEADER)).await;
                self.explained(sent).await?;
                copy
            }
        };
        self.copied += rows.len();
        let sent = copy.send(rows).await;
        self.explained(sent).await?;
        self.copy = Some(copy);
        match self.copied >= COPY_BYTES {
            true => self.end_copy().await,
            false => Ok(()),
        }
    }

    /// Ends the COPY: PostgreSQL has taken all rows that were sent, or says why not.
    pub(super) async fn end_copy(&mut self) -> Result<(), Failure> {
        let Some(mut copy) = self.copy.take() else {
            return Ok(());
        };
        self.copied = 0;
        let sent = copy.send(Bytes::from_static(TRAILER)).await;
        self.explained(sent).await?;
        let ended = copy.as_mut().finish().await;
        self.explained(ended).await.map(drop)
    }

    /// Brings the transaction to where nothing but its commit is left to do.
    pub(super) async fn complete(&mut self) -> Result<(), Failure> {
        self.end_copy().await?;
        if !self.begun {
            return Ok(());
        }
        let target = self.target.clone();
        if std::mem::take(&mut self.takes_back)
            && let Some(take_back) = &target.take_back
        {
            self.execute(take_back).await?;
        }
        match &target.merge {
            Some(merge) => self.execute(merge).await,
            None => Ok(()),
        }
    }

    /// Commits the transaction, where one has begun.
    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        if !self.begun {
            return Ok(());
        }
        self.execute("COMMIT").await?;
        self.begun = false;
        Ok(())
    }

    /// An error of PostgreSQL's in the user's terms.
    pub(super) async fn explained<T>(&mut self, result: Result<T, Error>) -> Result<T, Failure> {
        let mut error = match result {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if error.is_closed()
            && let Some(driver) = self.driver.take()
            // Whoever talks to the server knows more than that the connection is closed.
            && let Ok(Ok(Some(cause))) = tokio::time::timeout(Duration::from_secs(1), driver).await
        {
            error = cause;
        }
        let failure = failure::of_writing(&error, &self.settings, &self.target.shown);
        let duplicate = error.code() == Some(&tokio_postgres::error::SqlState::UNIQUE_VIOLATION);
        Err(match failure {
            Failure::Other(error @ ConnectorError::Data { .. })
                if duplicate && self.target.merge.is_none() =>
            {
                let hint = "PRIMARY KEY (…) NOT ENFORCED in the table's declaration lets a row \
                            replace the one of the same key";
                Failure::Other(error.with_hint(hint.to_owned()))
            }
            failure => failure,
        })
    }
}
