//! The producer of a table: sends messages, waits for their delivery, and commits them.

mod sticky;
#[cfg(test)]
mod tests;
mod transactions;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::Mutex as AsyncMutex;

use self::sticky::Sticky;
use self::transactions::{HUNG, Transactions};
use self::waiting::Progress;
use super::batch::{HandedOver, Topic};
use super::link::{Link, PATIENCE, words};
use crate::ConnectorError;
use crate::message::Messages;

/// How long a full queue is left alone.
const FULL: Duration = Duration::from_millis(2);

type Client = ThreadedProducer<Deliveries, Sticky>;

/// One client of the brokers, shared by all writers of a table, or of tables that are written in the same
/// transactions.
pub(super) struct Producer {
    // Before the client, which must be there when it goes.
    batches: Topic,
    client: Arc<Client>,
    topic: String,
    /// Held by the one that waits for deliveries.
    waits: AsyncMutex<()>,
    /// How long no message may be delivered, twice, before the client is given up.
    hangs_after: Duration,
    /// Of a table in transactions.
    transactions: Option<Arc<Transactions>>,
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
    /// Chooses the partitions, where the client does not.
    sticky: Option<Sticky>,
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

    fn messages_under_way(&self) -> usize {
        let counts = self.under_way.iter();
        counts.map(|count| count.load(Ordering::Acquire)).sum()
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

impl ProducerContext<Sticky> for Deliveries {
    type DeliveryOpaque = usize;

    fn get_custom_partitioner(&self) -> Option<&Sticky> {
        self.sticky.as_ref()
    }

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
    /// Messages of a table with keys go where these say.
    pub(super) fn new(
        config: &ClientConfig,
        notes: Option<&ClientConfig>,
        topic: &str,
        with_keys: bool,
        link: Link,
    ) -> Result<Self, ConnectorError> {
        let refused = |error: KafkaError| ConnectorError::job(format!("the Kafka client: {error}"));
        let transactions = match notes {
            None => None,
            Some(notes) => Some(Arc::new(Transactions::new(notes).map_err(refused)?)),
        };
        let mut config = config.clone();
        // Others with keys may write in the same transactions.
        let sticky = match with_keys || transactions.is_some() {
            true => None,
            false => Sticky::of(&mut config),
        };
        let deliveries = Deliveries {
            link,
            sticky,
            failed: Mutex::default(),
            under_way: Default::default(),
            now: AtomicUsize::new(0),
        };
        // So long they may be held back on purpose.
        let linger = config.get("linger.ms").and_then(|text| text.parse().ok());
        let hangs_after = HUNG + Duration::from_millis(linger.unwrap_or(0));
        let client: Client = config.create_with_context(deliveries).map_err(refused)?;
        Ok(Producer {
            batches: Topic::new(client.client(), topic)?,
            client: Arc::new(client),
            topic: topic.to_owned(),
            waits: AsyncMutex::default(),
            hangs_after,
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
            hangs_after: self.hangs_after,
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
        record.partition = record.partition.or_else(|| self.chosen());
        let mut progress = None;
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
                    let progress = progress.get_or_insert_with(|| Progress::new(self.heard()));
                    self.look_for_life(progress).await?;
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
        let mut progress = None;
        while sent < count {
            let of = self.heard().send(count - sent);
            let partition = partition.or_else(|| self.chosen());
            let handed_over = self.batches.send(partition, keys, values, sent, of);
            let HandedOver { messages, refused } = handed_over;
            sent += messages;
            self.heard().ends(of, count - sent);
            match refused {
                None => {}
                Some(RDKafkaErrorCode::QueueFull) => {
                    self.check()?;
                    let progress = progress.get_or_insert_with(|| Progress::new(self.heard()));
                    self.look_for_life(progress).await?;
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

    /// The partition of messages for which none is named, if it is ours to say.
    fn chosen(&self) -> Option<i32> {
        self.heard().sticky.as_ref()?.chosen()
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
}
