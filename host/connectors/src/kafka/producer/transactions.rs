//! What a producer does in transactions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::Producer;
use crate::ConnectorError;
use crate::kafka::link::GRACE;

/// How long one step of a transaction may take before it is asked for again.
const STEP: Duration = Duration::from_secs(2);

/// After which a step that should have been over is given up.
pub(super) const HUNG: Duration = Duration::from_secs(10);

pub(super) struct Transactions {
    id: String,
    /// Whether one is open.
    open: AtomicBool,
    /// Reads what a transaction has noted of itself.
    notes: BaseConsumer,
}

impl Transactions {
    /// `notes` is the configuration of what reads the notes; its `group.id` is the transactional id.
    pub(super) fn new(notes: &ClientConfig) -> KafkaResult<Self> {
        Ok(Transactions {
            id: notes.get("group.id").unwrap_or_default().to_owned(),
            open: AtomicBool::new(false),
            notes: notes.create()?,
        })
    }
}

impl Producer {
    /// Takes the transactional id: a process that had it can commit nothing any more, and what it
    /// left open is taken back.
    pub(in crate::kafka) async fn take_over(self: &Arc<Self>) -> Result<(), ConnectorError> {
        self.ask(|producer| producer.client.init_transactions(STEP))
            .await
    }

    pub(in crate::kafka) fn begin(&self) -> Result<(), ConnectorError> {
        let begun = self.client.begin_transaction();
        begun.map_err(|error| {
            let judged = self.judged(&error).err();
            judged.unwrap_or_else(|| self.heard().link.failed(&error))
        })?;
        if let Some(transactions) = &self.transactions {
            transactions.open.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Notes in the transaction which checkpoint of a run it belongs to: as an offset that a group
    /// of the transactional id's name commits in partition 0 of the topic.
    pub(in crate::kafka) async fn note(
        self: &Arc<Self>,
        run: &str,
        checkpoint: u64,
    ) -> Result<(), ConnectorError> {
        let run = run.to_owned();
        self.ask(move |producer| {
            let Some(transactions) = &producer.transactions else {
                return Ok(());
            };
            let Some(group) = transactions.notes.group_metadata() else {
                return Ok(());
            };
            let mut list = TopicPartitionList::new();
            let mut note = list.add_partition(&producer.topic, 0);
            note.set_offset(Offset::Offset(
                i64::try_from(checkpoint).unwrap_or(i64::MAX),
            ))?;
            note.set_metadata(&run);
            producer
                .client
                .send_offsets_to_transaction(&list, &group, STEP)
        })
        .await
    }

    /// The checkpoint that the last committed transaction of a run has noted, or 0.
    pub(in crate::kafka) async fn noted(
        self: &Arc<Self>,
        run: &str,
    ) -> Result<u64, ConnectorError> {
        let run = run.to_owned();
        self.ask(move |producer| {
            let Some(transactions) = &producer.transactions else {
                return Ok(0);
            };
            let mut list = TopicPartitionList::new();
            list.add_partition(&producer.topic, 0);
            let found = transactions.notes.committed_offsets(list, STEP)?;
            let noted = found
                .elements()
                .into_iter()
                .find_map(|note| match note.offset() {
                    Offset::Offset(checkpoint) if note.metadata() == run => {
                        u64::try_from(checkpoint).ok()
                    }
                    _ => None,
                });
            Ok(noted.unwrap_or_default())
        })
        .await
    }

    pub(in crate::kafka) async fn commit(self: &Arc<Self>) -> Result<(), ConnectorError> {
        let committed = self.ask(|producer| producer.client.commit_transaction(STEP));
        committed.await?;
        if let Some(transactions) = &self.transactions {
            transactions.open.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Gives an open transaction up. What it sent can be seen by nobody, even if this fails.
    pub(in crate::kafka) async fn abort(self: &Arc<Self>) -> Result<(), ConnectorError> {
        let open = |transactions: &Transactions| transactions.open.swap(false, Ordering::AcqRel);
        if !self.transactions.as_deref().is_some_and(open) {
            return Ok(());
        }
        let aborted = self.ask(|producer| producer.client.abort_transaction(STEP));
        match tokio::time::timeout(GRACE, aborted).await {
            Ok(aborted) => aborted,
            Err(_) => Err(ConnectorError::environment("the broker does not answer")),
        }
    }

    /// What a failure in a transaction really is: that another process has taken the transactional
    /// id shows for certain only when the transaction is given up.
    pub(in crate::kafka) async fn explained(
        self: &Arc<Self>,
        error: ConnectorError,
    ) -> ConnectorError {
        match self.abort().await {
            Err(fenced @ ConnectorError::Job { .. }) => fenced,
            _ => error,
        }
    }

    /// Asks the brokers, on a thread that may wait, until they answer.
    pub(super) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        question: impl Fn(&Producer) -> KafkaResult<T> + Send + Sync + 'static,
    ) -> Result<T, ConnectorError> {
        let question = Arc::new(question);
        loop {
            let (producer, asked) = (self.clone(), question.clone());
            let answer = tokio::time::timeout(HUNG, blocking(move || asked(&producer)));
            let Ok(answer) = answer.await else {
                return Err(self.hung());
            };
            match answer? {
                Ok(answer) => {
                    self.heard().link.answers();
                    return Ok(answer);
                }
                Err(error) => self.judged(&error)?,
            }
            self.heard().link.check()?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// librdkafka may lose a question about a transaction while the broker's coordinator is away, and
    /// never answer (its issue 5456). Another producer does not wait for this one.
    fn hung(&self) -> ConnectorError {
        ConnectorError::environment(format!(
            "the Kafka client does not come back from a call about the topic '{}'",
            self.topic
        ))
        .with_hint("run the job again, it goes on behind what can be seen".to_owned())
    }

    /// `Ok` for an error of which another try may get rid.
    fn judged(&self, error: &KafkaError) -> Result<(), ConnectorError> {
        let KafkaError::Transaction(reason) = error else {
            return self.heard().link.weigh(error);
        };
        let id = self
            .transactions
            .as_ref()
            .map_or("", |transactions| &transactions.id);
        match reason.code() {
            RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced => Err(self.fenced()),
            _ if reason.is_retriable() => Ok(()),
            RDKafkaErrorCode::InvalidTransactionTimeout => Err(ConnectorError::environment(
                "the broker allows no transaction as long as 'properties.transaction.timeout.ms'",
            )
            .with_hint("its transaction.max.timeout.ms is the longest".to_owned())),
            _ => Err(ConnectorError::environment(format!(
                "the transaction '{id}' on the topic '{}' failed: {}",
                self.topic,
                reason.string()
            ))
            .with_hint(
                "nothing of it can be seen; run the job again, it goes on behind what can"
                    .to_owned(),
            )),
        }
    }

    /// Begun again, the job would take the id back, and the other process after it.
    pub(super) fn fenced(&self) -> ConnectorError {
        let id = self
            .transactions
            .as_ref()
            .map_or("", |transactions| &transactions.id);
        ConnectorError::job(format!(
            "another process writes with the transactional id '{id}' now"
        ))
        .with_hint(
            "run a job once, and give each a 'sink.transactional-id-prefix' of its own; brokers also take the id from a transaction that lasts longer than 'properties.transaction.timeout.ms'"
                .to_owned(),
        )
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConnectorError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ConnectorError::unexpected("a call of the Kafka client", error))
}
