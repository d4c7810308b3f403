//! Which checkpoints of a run a table shows, for `exactly-once`.
//!
//! The table `wasmill_checkpoints`, in the schema of the one that is written, has a row for each
//! run: the last checkpoint whose rows are shown, and the number of the claim. Every transaction
//! writes its checkpoint there, along with its rows; so what that row says is what is shown,
//! whatever became of the process.
//!
//! A process that goes on with a run claims it first: it raises the number of the claim, and
//! learns the checkpoint. From then on no other process can commit for the run, for a transaction
//! writes its checkpoint only where the claim is still its own, and fails otherwise. One that has
//! written it already, but not committed, holds the row's lock: the claim waits until it has
//! committed, and learns of it, or is gone. Lest it wait for a process that has stopped without
//! dying, or a host that vanished, the claim ends the run's other connections first; they are known
//! by their application's name. Safety does not rest on that, only the wait does.
//!
//! A process that lost its connection and begins again claims the run only where the claim is still
//! its own. So of two processes of one run the one that began last goes on, and the other ends.

use tokio_postgres::types::ToSql;

use super::failure::Failure;
use super::session::{Opening, Session};
use super::target::quoted;
use crate::ConnectorError;

/// A run that this process has claimed.
#[derive(Debug)]
pub(super) struct Claim {
    pub run: String,
    pub number: i64,
    /// The last checkpoint whose rows are shown.
    pub shown: i64,
}

/// What the server calls the connections of a run.
fn application(run: &str) -> String {
    format!("wasmill {run}")
}

impl Opening {
    /// Connects and claims a run. Where this process has claimed it before, `before` is the number
    /// of that claim: it fails if another process has claimed the run since.
    pub(super) async fn claim(&self, run: &str, before: Option<i64>) -> Result<Session, Failure> {
        let mut session = self.open(&application(run)).await?;
        session.make_table().await?;
        let (sink, table) = (session.target.shown.clone(), session.table());
        let last = format!("SELECT claim FROM {table} WHERE sink = $1 AND run = $2");
        let last = session.query(&last, &[&sink, &run]).await?;
        let last: Option<i64> = match last.first() {
            Some(row) => Some(session.explained(row.try_get(0)).await?),
            None => None,
        };
        if before.is_some() && before != last {
            return Err(taken_over(&sink));
        }
        session.end_others(run).await?;
        let claim = format!(
            "INSERT INTO {table} AS c (sink, run, claim, checkpoint, changed) \
             VALUES ($1, $2, 1, 0, now()) ON CONFLICT (sink, run) \
             DO UPDATE SET claim = c.claim + 1, changed = now() WHERE c.claim = $3 \
             RETURNING claim, checkpoint"
        );
        let rows = session.query(&claim, &[&sink, &run, &last]).await?;
        let row = rows.first().ok_or_else(|| taken_over(&sink))?;
        session.claim = Some(Claim {
            run: run.to_owned(),
            number: session.explained(row.try_get(0)).await?,
            shown: session.explained(row.try_get(1)).await?,
        });
        Ok(session)
    }
}

/// The fault of whoever runs the job twice: to begin again would not help.
fn taken_over(sink: &str) -> Failure {
    let message = format!("another process has gone on with this job, and writes {sink}");
    let hint = "let one process run a job, and give a copy of it checkpoints of its own";
    Failure::Other(ConnectorError::job(message).with_hint(hint.to_owned()))
}

impl Session {
    fn table(&self) -> String {
        format!("{}.wasmill_checkpoints", quoted(&self.target.schema))
    }

    async fn make_table(&mut self) -> Result<(), Failure> {
        let table = self.table();
        let find = "SELECT 1 WHERE to_regclass($1) IS NOT NULL";
        if !self.query(find, &[&table]).await?.is_empty() {
            return Ok(());
        }
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {table} (sink text, run text, claim bigint NOT NULL, \
             checkpoint bigint NOT NULL, changed timestamptz NOT NULL, PRIMARY KEY (sink, run))"
        );
        // Two at once would clash in the catalog, IF NOT EXISTS or not.
        let lock = "SELECT pg_advisory_xact_lock(hashtext('wasmill_checkpoints'))";
        let made = self
            .execute(&format!("BEGIN; {lock}; {make}; COMMIT"))
            .await;
        made.map_err(|failure| match failure {
            Failure::Other(error) => {
                let grant = format!("GRANT SELECT, INSERT, UPDATE ON {table} TO …");
                let hint =
                    format!("exactly-once needs this table; its owner may run: {make}; {grant}");
                Failure::Other(error.with_hint(hint))
            }
            lost => lost,
        })
    }

    async fn end_others(&mut self, run: &str) -> Result<(), Failure> {
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE application_name = $1 AND datname = current_database() \
                   AND usename = current_user AND pid <> pg_backend_pid()";
        self.query(end, &[&application(run)]).await.map(drop)
    }

    /// Makes the transaction the one of a checkpoint.
    pub(super) async fn note(&mut self, checkpoint: i64) -> Result<(), Failure> {
        let Some(claim) = self.claim.take() else {
            return Err(Failure::Other(ConnectorError::bug("a run without a claim")));
        };
        let sink = self.target.shown.clone();
        let note = format!(
            "UPDATE {} SET checkpoint = $1, changed = now() \
             WHERE sink = $2 AND run = $3 AND claim = $4 RETURNING 1",
            self.table()
        );
        let parameters: [&(dyn ToSql + Sync); 4] = [&checkpoint, &sink, &claim.run, &claim.number];
        if self.query(&note, &parameters).await?.is_empty() {
            return Err(taken_over(&sink));
        }
        self.claim = Some(Claim {
            shown: checkpoint,
            ..claim
        });
        Ok(())
    }
}
