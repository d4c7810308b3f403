//! The producer of a table: sends messages, waits for their delivery, and commits them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::Mutex as AsyncMutex;

use super::batch::{HandedOver, Topic};
use super::link::{GRACE, Link, PATIENCE, words};
use crate::ConnectorError;
use crate::message::Messages;

/// How long one step of a transaction may take before it is asked for again.
const STEP: Duration = Duration::from_secs(2);

/// How often it is asked whether all messages are delivered.
const DELIVERY: Duration = Duration::from_millis(1);

/// After which a step that should have been over is given up.
const HUNG: Duration = Duration::from_secs(10);

/// How long a full queue is left alone.
const FULL: Duration = Duration::from_millis(2);

type Client = ThreadedProducer<Deliveries>;

/// One client of the brokers, shared by all writers of a table, or of tables that are written in the same
/// transactions.
pub(super) struct Producer {
    // Before the client, which must be there when it goes.
    batches: Topic,
    client: Arc<Client>,
    topic: String,
    /// Held by the one that waits for deliveries.
    waits: AsyncMutex<()>,
    /// Of a table in transactions.
    transactions: Option<Arc<Transactions>>,
}

struct Transactions {
    id: String,
    /// Whether one is open.
    open: AtomicBool,
    /// Reads what a transaction has noted of itself.
    notes: BaseConsumer,
}

/// Hears what became of messages, and what the client says by itself.
pub(super) struct Deliveries {
    link: Link,
    /// A topic, and why a message was not delivered there.
    failed: Mutex<Option<(String, KafkaError)>>,
    /// Messages on their way: of every other time between two waits.
    under_way: [AtomicUsize; 2],
    /// Which of them it is now.
    now: AtomicUsize,
}

impl Deliveries {
    /// Notes messages before they are handed over; what it answers goes with each of them.
    fn send(&self, messages: usize) -> usize {
        let now = self.now.load(Ordering::Acquire) % 2;
        self.under_way[now].fetch_add(messages, Ordering::AcqRel);
        now
    }

    /// They are no longer on their way, or never were.
    fn ends(&self, of: usize, messages: usize) {
        self.under_way[of % 2].fetch_sub(messages, Ordering::AcqRel);
    }

    fn are_over(&self, of: usize) -> bool {
        self.under_way[of % 2].load(Ordering::Acquire) == 0
    }
}

impl ClientContext for Deliveries {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.link.hear(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, of: usize) {
        match result {
            Ok(message) => {
                tracing::trace!(offset = message.offset(), "delivered");
                if self.link.is_down() {
                    self.link.answers();
                }
            }
            // What is purged belongs to a transaction that is given up.
            Err((
                KafkaError::MessageProduction(
                    RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight,
                ),
                _,
            )) => {}
            Err((error, message)) => {
                let failed = || (message.topic().to_owned(), error.clone());
                self.failed.lock().get_or_insert_with(failed);
            }
        }
        // Behind the failure, which whoever waits must see.
        self.ends(of, 1);
    }
}

impl Producer {
    /// `notes` is the configuration of a table in transactions; its `group.id` is the transactional id.
    pub(super) fn new(
        config: &ClientConfig,
        notes: Option<&ClientConfig>,
        topic: &str,
        link: Link,
    ) -> Result<Self, ConnectorError> {
        let refused = |error: KafkaError| ConnectorError::job(format!("the Kafka client: {error}"));
        let transactions = match notes {
            None => None,
            Some(notes) => Some(Arc::new(Transactions {
                id: notes.get("group.id").unwrap_or_default().to_owned(),
                open: AtomicBool::new(false),
                notes: notes.create().map_err(refused)?,
            })),
        };
        let deliveries = Deliveries {
            link,
            failed: Mutex::default(),
            under_way: Default::default(),
            now: AtomicUsize::new(0),
        };
        let client: Client = config.create_with_context(deliveries).map_err(refused)?;
        Ok(Producer {
            batches: Topic::new(client.client(), topic)?,
            client: Arc::new(client),
            topic: topic.to_owned(),
            waits: AsyncMutex::default(),
            transactions,
        })
    }

    /// Writes to another topic, in the same transactions.
    pub(super) fn beside(&self, topic: &str) -> Result<Self, ConnectorError> {
        Ok(Producer {
            batches: Topic::new(self.client.client(), topic)?,
            client: Arc::clone(&self.client),
            topic: topic.to_owned(),
            waits: AsyncMutex::default(),
            transactions: self.transactions.clone(),
        })
    }

    pub(super) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.client, &other.client)
    }

    fn heard(&self) -> &Deliveries {
        self.client.context()
    }

    /// Fails once a message could not be delivered, or the brokers refuse this client.
    pub(super) fn check(&self) -> Result<(), ConnectorError> {
        let heard = self.heard();
        heard.link.check()?;
        let Some((topic, error)) = heard.failed.lock().clone() else {
            return Ok(());
        };
        Err(self.undelivered(&topic, &error))
    }

    fn undelivered(&self, topic: &str, error: &KafkaError) -> ConnectorError {
        let hint = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
                Some(format!("create it first: kafka-topics.sh --create --topic {topic}"))
            }
            Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced) => {
                return self.fenced();
            }
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => Some(
                "'properties.max.request.size' is the client's limit, max.message.bytes the topic's".to_owned(),
            ),
            _ => None,
        };
        let reason = match error {
            KafkaError::MessageProduction(code) => words(*code),
            error => error.to_string(),
        };
        ConnectorError::environment(format!(
            "a message for the topic '{topic}' was not delivered: {reason}"
        ))
        .with_hint(hint)
    }

    /// Hands a message to the client; waits while its queue is full.
    pub(super) async fn send(
        &self,
        record: BaseRecord<'_, [u8], [u8]>,
    ) -> Result<(), ConnectorError> {
        let mut record = BaseRecord {
            topic: record.topic,
            partition: record.partition,
            payload: record.payload,
            key: record.key,
            timestamp: record.timestamp,
            headers: record.headers,
            delivery_opaque: 0,
        };
        loop {
            // Noted anew at each try: whoever waits here may be given up.
            record.delivery_opaque = self.heard().send(1);
            let Err((error, again)) = self.client.send(record) else {
                return Ok(());
            };
            self.heard().ends(again.delivery_opaque, 1);
            match error {
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => {
                    record = again;
                    self.check()?;
                    tokio::time::sleep(FULL).await;
                }
                error => return Err(self.undelivered(&self.topic, &error)),
            }
        }
    }

    /// Hands messages to the client that are a key and a value each; waits while its queue is full.
    /// The client chooses the partitions where none is named.
    pub(super) async fn send_all(
        &self,
        partition: Option<i32>,
        keys: &Messages,
        values: &Messages,
    ) -> Result<(), ConnectorError> {
        let count = values.len();
        let mut sent = 0;
        while sent < count {
            let of = self.heard().send(count - sent);
            let handed_over = self.batches.send(partition, keys, values, sent, of);
            let HandedOver { messages, refused } = handed_over;
            sent += messages;
            self.heard().ends(of, count - sent);
            match refused {
                None => {}
                Some(RDKafkaErrorCode::QueueFull) => {
                    self.check()?;
                    tokio::time::sleep(FULL).await;
                }
                Some(code) => {
                    let error = KafkaError::MessageProduction(code);
                    return Err(self.undelivered(&self.topic, &error));
                }
            }
        }
        Ok(())
    }

    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// Partitions of the topic.
    pub(super) async fn partitions(self: &Arc<Self>) -> Result<usize, ConnectorError> {
        loop {
            let found = self.ask(|producer| {
                let metadata = producer
                    .client
                    .client()
                    .fetch_metadata(Some(&producer.topic), PATIENCE)?;
                let topic = metadata.topics().first();
                Ok(topic.map_or(0, |topic| topic.partitions().len()))
            });
            match found.await? {
                0 => self.heard().link.unknown_topic(&self.topic)?,
                found => return Ok(found),
            }
            tokio::time::sleep(PATIENCE).await;
        }
    }

    /// Waits until all messages are delivered.
    pub(super) async fn flush(&self) -> Result<(), ConnectorError> {
        // Without a time to wait: the client would spend it 100 ms at a time on events that its own
        // thread takes.
        self.until(|| self.client.flush(Duration::ZERO)).await
    }

    /// Waits until the messages are delivered that were sent before; others may be sent meanwhile.
    pub(super) async fn delivered(&self) -> Result<(), ConnectorError> {
        let _waits = self.waits.lock().await;
        let heard = self.heard();
        let over = |of: usize| match heard.are_over(of) {
            true => Ok(()),
            false => Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut)),
        };
        let before = heard.now.load(Ordering::Acquire);
        // Of a wait that was given up.
        self.until(|| over(before + 1)).await?;
        heard.now.store((before + 1) % 2, Ordering::Release);
        self.until(|| over(before)).await
    }

    async fn until(&self, is_over: impl Fn() -> KafkaResult<()>) -> Result<(), ConnectorError> {
        let mut patient_until = Instant::now() + PATIENCE;
        loop {
            let over = is_over();
            self.check()?;
            match over {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let timed_out = RDKafkaErrorCode::OperationTimedOut;
                    let waits = error.rdkafka_error_code() == Some(timed_out);
                    if !waits || Instant::now() >= patient_until {
                        self.heard().link.weigh(&error)?;
                        patient_until = Instant::now() + PATIENCE;
                    }
                }
            }
            tokio::time::sleep(DELIVERY).await;
        }
    }

    /// Takes the transactional id: a process that had it can commit nothing any more, and what it
    /// left open is taken back.
    pub(super) async fn take_over(self: &Arc<Self>) -> Result<(), ConnectorError> {
        self.ask(|producer| producer.client.init_transactions(STEP))
            .await
    }

    pub(super) fn begin(&self) -> Result<(), ConnectorError> {
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
    pub(super) async fn note(
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
    pub(super) async fn noted(self: &Arc<Self>, run: &str) -> Result<u64, ConnectorError> {
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

    pub(super) async fn commit(self: &Arc<Self>) -> Result<(), ConnectorError> {
        let committed = self.ask(|producer| producer.client.commit_transaction(STEP));
        committed.await?;
        if let Some(transactions) = &self.transactions {
            transactions.open.store(false, Ordering::Release);
        }
        Ok(())
    }

    /// Gives an open transaction up. What it sent can be seen by nobody, even if this fails.
    pub(super) async fn abort(self: &Arc<Self>) -> Result<(), ConnectorError> {
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
    pub(super) async fn explained(self: &Arc<Self>, error: ConnectorError) -> ConnectorError {
        match self.abort().await {
            Err(fenced @ ConnectorError::Job { .. }) => fenced,
            _ => error,
        }
    }

    /// Asks the brokers, on a thread that may wait, until they answer.
    async fn ask<T: Send + 'static>(
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
    fn fenced(&self) -> ConnectorError {
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

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ConnectorError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ConnectorError::unexpected("a call of the Kafka client", error))
}
