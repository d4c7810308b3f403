//! The sink: rows become messages.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::producer::BaseRecord;
use tokio::sync::Mutex;

use super::columns::Columns;
use super::link::Link;
use super::metadata::{self, Beside};
use super::producer::Producer;
use crate::message::{MessageEncoder, MessageFormat, Messages};
use crate::options::Options;
use crate::{
    Committable, ConnectorContext, ConnectorError, SharedWriter, Sink, SinkTransaction, SinkWriter,
    TableDefinition,
};

/// Milliseconds: the longest that brokers allow, unless they are told otherwise.
const TRANSACTION_TIMEOUT: &str = "900000";

pub(super) struct KafkaSink {
    table: String,
    schema: SchemaRef,
    shared: Arc<Shared>,
    topic: String,
    config: ClientConfig,
    /// Of a sink in transactions: how its notes are read.
    notes: Option<ClientConfig>,
    servers: String,
    messages: SharedWriter,
    /// The primary key of an upsert table.
    replaces_by: Option<Vec<String>>,
    /// Kept from checkpoint to checkpoint, as long as nothing goes wrong with it.
    producer: Mutex<Option<Arc<Producer>>>,
    /// The sink into whose transactions it writes.
    leader: OnceLock<Arc<KafkaSink>>,
}

/// What writers need.
struct Shared {
    columns: Columns,
    key: Option<MessageFormat>,
    value: MessageFormat,
    partitioner: Partitioner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partitioner {
    /// The client's: by the key.
    Default,
    /// All rows of a partition of the job to the same one.
    Fixed,
    RoundRobin,
}

impl std::fmt::Debug for KafkaSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSink")
            .field("table", &self.table)
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl KafkaSink {
    pub(super) fn of(
        definition: &TableDefinition,
        context: &ConnectorContext,
        upsert: bool,
    ) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        let topic = options.required("topic", "orders")?.trim();
        if topic.is_empty() || topic.contains(';') {
            return Err(options.invalid("topic", "the name of one topic, to write to it"));
        }
        metadata::check(definition, true)?;
        let columns = Columns::of(definition, false, upsert, Some(topic))?;
        let (key, value) = super::message_formats(definition, &columns)?;
        let partitioner = match options.text("sink.partitioner") {
            None | Some("default") => Partitioner::Default,
            Some("fixed") => Partitioner::Fixed,
            Some("round-robin") if columns.key.is_empty() => Partitioner::RoundRobin,
            Some("round-robin") => {
                return Err(options.unsupported(
                    "sink.partitioner",
                    "cannot be 'round-robin' for messages with a key",
                ));
            }
            Some(_) => {
                return Err(
                    options.invalid("sink.partitioner", "'default', 'fixed' or 'round-robin'")
                );
            }
        };
        let guarantees = ["at-least-once", "exactly-once", "none"];
        let exactly_once =
            options.choice("sink.delivery-guarantee", &guarantees)? == Some("exactly-once");
        let transactional_id = match exactly_once {
            true => Some(format!(
                "{}-{}",
                options.required("sink.transactional-id-prefix", "my-job")?,
                definition.name
            )),
            false => None,
        };
        let given = super::properties::config(definition)?;
        let notes = transactional_id.as_ref().map(|id| {
            let mut notes = given.clone();
            notes
                .set("group.id", id)
                .set("enable.auto.commit", "false")
                .set("isolation.level", "read_committed");
            notes
        });
        Ok(KafkaSink {
            table: definition.name.clone(),
            schema: definition.sink_schema(),
            shared: Arc::new(Shared {
                columns,
                key,
                value,
                partitioner,
            }),
            topic: topic.to_owned(),
            config: configured(given, transactional_id.as_deref()),
            notes,
            servers: options
                .text("properties.bootstrap.servers")
                .unwrap_or_default()
                .to_owned(),
            messages: context.stderr.clone(),
            replaces_by: upsert.then(|| definition.primary_key.clone()),
            producer: Mutex::default(),
            leader: OnceLock::new(),
        })
    }

    fn exactly_once(&self) -> bool {
        self.notes.is_some()
    }

    /// The producer; a fresh one in transactions has taken over the transactional id.
    async fn producer(&self, fresh: bool) -> Result<Arc<Producer>, ConnectorError> {
        if let Some(leader) = self.leader.get() {
            return self.beside(leader).await;
        }
        let mut kept = self.producer.lock().await;
        if let Some(producer) = kept.take() {
            if !fresh && producer.check().is_ok() {
                *kept = Some(producer.clone());
                return Ok(producer);
            }
            // It waits for what it has sent.
            tokio::task::spawn_blocking(move || drop(producer));
        }
        let link = Link::new(&self.table, &self.servers, self.messages.clone(), false);
        let (topic, with_keys) = (&self.topic, self.shared.key.is_some());
        let producer = Producer::new(&self.config, self.notes.as_ref(), topic, with_keys, link)?;
        let producer = Arc::new(producer);
        if self.exactly_once() {
            producer.take_over().await?;
        }
        *kept = Some(producer.clone());
        Ok(producer)
    }

    /// The producer, on the leader's client.
    async fn beside(&self, leader: &KafkaSink) -> Result<Arc<Producer>, ConnectorError> {
        let of = leader.producer.lock().await.clone();
        let Some(of) = of else {
            return Err(ConnectorError::bug("a transaction that nobody has begun"));
        };
        let mut kept = self.producer.lock().await;
        if let Some(producer) = kept.as_ref().filter(|producer| producer.is_beside(&of)) {
            return Ok(producer.clone());
        }
        let producer = Arc::new(of.beside(&self.topic)?);
        let before = kept.replace(producer.clone());
        // It may be the last that has the client of before, which waits for what it has sent.
        tokio::task::spawn_blocking(move || drop(before));
        Ok(producer)
    }

    async fn transaction(
        &self,
        checkpoint: Option<(String, u64)>,
    ) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        let producer = self.producer(false).await?;
        let kind = match (self.exactly_once(), self.leader.get()) {
            (false, _) => Kind::AtLeastOnce,
            (true, None) => {
                producer.begin()?;
                Kind::Leads
            }
            (true, Some(_)) => Kind::Follows,
        };
        Ok(Arc::new(Transaction {
            producer,
            shared: self.shared.clone(),
            kind,
            checkpoint,
        }))
    }
}

/// Messages with one key go where Java's client sends them.
pub(super) const PARTITIONER: &str = "murmur2_random";

/// The producer's configuration: what the job says, and what we choose where it says nothing.
fn configured(mut config: ClientConfig, transactional_id: Option<&str>) -> ClientConfig {
    let all_acks = |acks: &str| matches!(acks, "all" | "-1");
    let idempotent = config.get("acks").is_none_or(all_acks);
    let patient = config.get("delivery.timeout.ms").is_none() && transactional_id.is_none();
    let mut fill = |key: &str, value: &str| {
        if config.get(key).is_none() {
            config.set(key, value);
        }
    };
    fill("client.id", "wasmill");
    fill("partitioner", PARTITIONER);
    fill("queue.buffering.max.kbytes", "65536");
    fill("reconnect.backoff.max.ms", "2000");
    if idempotent {
        fill("enable.idempotence", "true");
    }
    if patient {
        // A broker that is gone is waited for.
        fill("message.timeout.ms", "0");
    }
    if let Some(id) = transactional_id {
        fill("transaction.timeout.ms", TRANSACTION_TIMEOUT);
        config.set("transactional.id", id);
    }
    config
}

#[async_trait]
impl Sink for KafkaSink {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn replaces_by(&self) -> Option<&[String]> {
        self.replaces_by.as_deref()
    }

    async fn begin(&self, overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        if overwrite {
            return Err(ConnectorError::job(format!(
                "table {}: a topic cannot be overwritten",
                self.table
            ))
            .with_hint("use INSERT INTO".to_owned()));
        }
        self.transaction(None).await
    }

    fn shows_at_checkpoints(&self) -> bool {
        self.exactly_once()
    }

    async fn begin_checkpoint(
        &self,
        run: &str,
        checkpoint: u64,
    ) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        self.transaction(Some((run.to_owned(), checkpoint))).await
    }

    fn decides(&self) -> bool {
        self.exactly_once() && self.leader.get().is_none()
    }

    fn joins(&self, other: &Arc<dyn Sink>) -> bool {
        let other: Arc<dyn Any + Send + Sync> = other.clone();
        let Ok(leader) = other.downcast::<KafkaSink>() else {
            return false;
        };
        // Another topic, and the transactional id, are no difference between two clients.
        let options = |sink: &KafkaSink| {
            let mut options = sink.config.config_map().clone();
            options.remove("transactional.id");
            options
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = (options(self), options(&leader));
        let can = self.exactly_once() && leader.decides() && ours == theirs;
        can && self.leader.set(leader).is_ok()
    }

    async fn shown(&self, run: &str) -> Result<u64, ConnectorError> {
        self.producer(true).await?.noted(run).await
    }
}

/// What a transaction of the job is to Kafka.
#[derive(Clone, Copy)]
enum Kind {
    AtLeastOnce,
    Leads,
    /// Part of the one that the leader prepares and commits.
    Follows,
}

struct Transaction {
    producer: Arc<Producer>,
    shared: Arc<Shared>,
    kind: Kind,
    /// The run and the checkpoint that it belongs to, in a job that takes checkpoints.
    checkpoint: Option<(String, u64)>,
}

#[async_trait]
impl SinkTransaction for Transaction {
    async fn writer(&self, partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let partitions = match self.shared.partitioner {
            Partitioner::Default => 0,
            _ => self.producer.partitions().await?,
        };
        let mut value = self.shared.value.encoder()?;
        value.begin().await?;
        let mut key = None;
        if let Some(format) = &self.shared.key {
            let mut encoder = format.encoder()?;
            encoder.begin().await?;
            key = Some(encoder);
        }
        Ok(Box::new(Writer {
            producer: self.producer.clone(),
            shared: self.shared.clone(),
            key,
            value,
            keys: Messages::default(),
            values: Messages::default(),
            partitions,
            next: partition,
        }))
    }

    async fn prepare(&self, _: bool) -> Result<Committable, ConnectorError> {
        match self.store().await {
            Ok(()) => Ok(Committable::Null),
            Err(error) => Err(self.producer.explained(error).await),
        }
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        let committed = match (self.kind, &self.checkpoint) {
            (Kind::Leads, _) => self.producer.commit().await,
            (Kind::AtLeastOnce, None) => self.producer.flush().await,
            // They were delivered before the checkpoint was written.
            (Kind::AtLeastOnce, Some(_)) | (Kind::Follows, _) => Ok(()),
        };
        match committed {
            Ok(()) => Ok(()),
            Err(error) => Err(self.producer.explained(error).await),
        }
    }

    async fn abort(&self) {
        if let Err(error) = self.producer.abort().await {
            // The next process that takes over the transactional id takes it back.
            tracing::warn!("kafka: a transaction is not given up: {error}");
        }
    }
}

impl Transaction {
    async fn store(&self) -> Result<(), ConnectorError> {
        match (self.kind, &self.checkpoint) {
            (Kind::Leads, Some((run, checkpoint))) => {
                self.producer.flush().await?;
                self.producer.note(run, *checkpoint).await
            }
            // The job may be writing on.
            (Kind::AtLeastOnce, Some(_)) => self.producer.delivered().await,
            (Kind::Follows, Some(_)) => Ok(()),
            (_, None) => self.producer.flush().await,
        }
    }
}

struct Writer {
    producer: Arc<Producer>,
    shared: Arc<Shared>,
    key: Option<Box<dyn MessageEncoder>>,
    value: Box<dyn MessageEncoder>,
    keys: Messages,
    values: Messages,
    /// Partitions of the topic, where we choose among them.
    partitions: usize,
    /// The next of them, but for the remainder.
    next: usize,
}

impl Writer {
    fn partition(&mut self) -> Option<i32> {
        let partition = self.next.checked_rem(self.partitions)?;
        if self.shared.partitioner == Partitioner::RoundRobin {
            self.next = partition + 1;
        }
        i32::try_from(partition).ok()
    }
}

#[async_trait]
impl SinkWriter for Writer {
    async fn write(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        match self.send(batch, true).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.producer.explained(error).await),
        }
    }

    async fn take_back(&mut self, batch: RecordBatch) -> Result<(), ConnectorError> {
        match self.send(batch, false).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.producer.explained(error).await),
        }
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        Ok(())
    }
}

impl Writer {
    /// Hands a row after the other to the client; without values, each says that its key has none now.
    async fn send(&mut self, batch: RecordBatch, with_values: bool) -> Result<(), ConnectorError> {
        self.producer.check()?;
        let shared = self.shared.clone();
        let columns = &shared.columns;
        let part = |indices: &[usize]| {
            let part = batch.project(indices);
            part.map_err(|error| ConnectorError::unexpected("a part of a row", error))
        };
        let mut values = std::mem::take(&mut self.values);
        let mut keys = std::mem::take(&mut self.keys);
        values.clear();
        keys.clear();
        match with_values {
            true => self.value.encode(&part(&columns.value)?, &mut values)?,
            false => (0..batch.num_rows()).for_each(|_| values.end_absent()),
        }
        if let Some(encoder) = &mut self.key {
            encoder.encode(&part(&columns.key)?, &mut keys)?;
        }
        let beside = Beside::of(columns, &batch)?;
        let producer = self.producer.clone();
        if beside.is_nothing() && self.shared.partitioner != Partitioner::RoundRobin {
            producer.send_all(self.partition(), &keys, &values).await?;
        } else {
            for row in 0..values.len() {
                let record = BaseRecord {
                    topic: producer.topic(),
                    partition: self.partition(),
                    payload: values.get(row),
                    key: keys.get(row),
                    timestamp: beside.timestamp(row),
                    headers: beside.headers(row),
                    delivery_opaque: (),
                };
                producer.send(record).await?;
            }
        }
        self.values = values;
        self.keys = keys;
        Ok(())
    }
}
