//! The sink: which way rows take, by the kind of job and the guarantee that is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::buffered::{Buffer, Buffered};
use super::session::{Opening, Session};
use super::settings::Settings;
use super::streamed::{Shared, Streamed};
use super::target::Declared;
use super::types;
use crate::{ConnectorContext, ConnectorError, Sink, SinkTransaction, TableDefinition};

pub(crate) fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    types::check(definition)?;
    let settings = Settings::parse(definition, &context.base)?;
    if let Some(key) = definition.partition_keys.first() {
        let message = format!(
            "table {}: PARTITIONED BY ({key}) means nothing to PostgreSQL",
            definition.name
        );
        return Err(ConnectorError::job(message).with_hint("leave it out".to_owned()));
    }
    let opening = Opening {
        settings: Arc::new(settings),
        declared: Arc::new(Declared {
            schema: definition.sink_schema(),
            primary_key: definition.primary_key.clone(),
        }),
        messages: context.stderr.clone(),
    };
    Ok(Arc::new(PostgresSink {
        claimed: Shared::default(),
        claim: AtomicI64::new(0),
        buffer: Arc::new(Buffer::new(opening.clone())),
        opening,
    }))
}

struct PostgresSink {
    opening: Opening,
    /// The connection that has claimed a run; exactly-once.
    claimed: Shared,
    /// The last claim of this process, 0 before there is one.
    claim: AtomicI64,
    /// Rows between two commits; at-least-once.
    buffer: Arc<Buffer>,
}

impl std::fmt::Debug for PostgresSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresSink")
            .field("settings", &self.opening.settings)
            .field("declared", &self.opening.declared)
            .finish_non_exhaustive()
    }
}

impl PostgresSink {
    async fn claim(&self, run: &str) -> Result<Session, ConnectorError> {
        let before = self.claim.load(Ordering::Acquire);
        let session = self.opening.claim(run, (before > 0).then_some(before));
        let session = session.await?;
        if let Some(claim) = &session.claim {
            self.claim.store(claim.number, Ordering::Release);
        }
        Ok(session)
    }
}

#[async_trait]
impl Sink for PostgresSink {
    fn schema(&self) -> SchemaRef {
        self.opening.declared.schema.clone()
    }

    fn replaces_by(&self) -> Option<&[String]> {
        let key = &self.opening.declared.primary_key;
        (!key.is_empty()).then_some(key)
    }

    async fn begin(&self, overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        let mut session = self.opening.open("wasmill").await?;
        if overwrite {
            session.delete_all().await?;
        }
        let target = session.target.clone();
        let session = Shared::new(Some(session).into());
        Ok(Arc::new(Streamed::new(session, target, None)))
    }

    fn shows_at_checkpoints(&self) -> bool {
        self.opening.settings.exactly_once
    }

    async fn begin_checkpoint(
        &self,
        run: &str,
        checkpoint: u64,
    ) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        if !self.opening.settings.exactly_once {
            self.buffer.open().await?;
            return Ok(Arc::new(Buffered::new(self.buffer.clone())));
        }
        let mut claimed = self.claimed.lock().await;
        let session = match claimed.take() {
            Some(session) if session.claim.is_some() => session,
            _ => self.claim(run).await?,
        };
        let shown = session.claim.as_ref().map_or(0, |claim| claim.shown);
        let checkpoint = i64::try_from(checkpoint).unwrap_or(i64::MAX);
        if shown + 1 != checkpoint {
            let message = format!(
                "{} at {} shows the rows of the job up to checkpoint {shown}, but the job goes on \
                 from checkpoint {}",
                session.target.shown,
                self.opening.settings.address,
                checkpoint - 1
            );
            return Err(ConnectorError::environment(message));
        }
        let target = session.target.clone();
        *claimed = Some(session);
        let session = self.claimed.clone();
        Ok(Arc::new(Streamed::new(session, target, Some(checkpoint))))
    }

    fn decides(&self) -> bool {
        self.opening.settings.exactly_once
    }

    async fn shown(&self, run: &str) -> Result<u64, ConnectorError> {
        let mut claimed = self.claimed.lock().await;
        let session = self.claim(run).await?;
        let shown = session.claim.as_ref().map_or(0, |claim| claim.shown);
        *claimed = Some(session);
        u64::try_from(shown).map_err(|_| {
            let table = &self.opening.settings.table.1;
            ConnectorError::environment(format!("the checkpoint of {table} is below 0"))
        })
    }
}
