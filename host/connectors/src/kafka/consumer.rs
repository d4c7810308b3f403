//! The consumer of a table: what it is told to read, and what it says back.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use regex::Regex;

use super::link::{Link, PATIENCE};
use super::offsets::{Mark, Place};
use super::source::Shared;
use crate::options::Options;
use crate::{ConnectorContext, ConnectorError, TableDefinition};

/// What is read, and from where on.
pub(super) struct Spec {
    pub servers: String,
    pub topics: Topics,
    pub start: Mark,
    pub bounded: Option<Mark>,
    /// `properties.auto.offset.reset`, where there is no offset or it is no longer there.
    pub reset: Option<Mark>,
    /// How often new partitions are looked for.
    pub discovery: Option<Duration>,
    pub config: ClientConfig,
    pub with_headers: bool,
    /// Messages and bytes that are handed to a reader at a time.
    pub chunk_rows: usize,
    pub chunk_bytes: usize,
}

/// The topics of a table.
pub(super) enum Topics {
    Names(Vec<String>),
    Pattern(Regex),
}

const DISCOVERY: Duration = Duration::from_secs(300);

/// What a core's own cache holds, with the columns that become of it.
const CHUNK_BYTES: usize = 256 << 10;

impl Spec {
    pub(super) fn of(
        definition: &TableDefinition,
        context: &ConnectorContext,
        upsert: bool,
    ) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        let topics = Topics::of(definition)?;
        let count = match &topics {
            Topics::Names(names) => names.len(),
            Topics::Pattern(_) => usize::MAX,
        };
        let reset = match options.text("properties.auto.offset.reset") {
            None | Some("none") => None,
            Some("earliest") => Some(Mark::Earliest),
            Some("latest") => Some(Mark::Latest),
            Some(_) => {
                return Err(options.invalid(
                    "properties.auto.offset.reset",
                    "'earliest', 'latest' or 'none'",
                ));
            }
        };
        // What a key has now may stand anywhere in a topic of changes.
        let start = match upsert {
            true => Mark::Earliest,
            false => Mark::startup(definition, count)?,
        };
        let bounded = Mark::bounded(definition, count)?;
        options.duration("scan.watermark.idle-timeout")?;
        let discovery = options
            .duration("scan.topic-partition-discovery.interval")?
            .unwrap_or(DISCOVERY);
        let discovery = (!discovery.is_zero()).then_some(discovery);
        let mut config = super::properties::config(definition)?;
        let mut fill = |key: &str, value: &str| {
            if config.get(key).is_none() {
                config.set(key, value);
            }
        };
        fill("client.id", "wasmill");
        // Partitions cannot be assigned without the name of a group; it is not used for more.
        fill("group.id", &format!("wasmill-{}", definition.name));
        // What is polled ahead stays small, and is asked for again as soon as there is room.
        fill("queued.max.messages.kbytes", "16384");
        fill("fetch.queue.backoff.ms", "5");
        fill("reconnect.backoff.max.ms", "2000");
        fill("partition.assignment.strategy", "cooperative-sticky");
        if let Some(interval) = discovery {
            fill(
                "topic.metadata.refresh.interval.ms",
                &interval.as_millis().clamp(10, 3_600_000).to_string(),
            );
        }
        config.set("enable.auto.commit", "false");
        config.set("enable.auto.offset.store", "false");
        config.set(
            "enable.partition.eof",
            if bounded.is_some() { "true" } else { "false" },
        );
        config.set(
            "auto.offset.reset",
            match reset {
                Some(Mark::Earliest) => "earliest",
                Some(_) => "latest",
                None => "error",
            },
        );
        Ok(Spec {
            servers: options
                .text("properties.bootstrap.servers")
                .unwrap_or_default()
                .to_owned(),
            with_headers: definition
                .columns
                .iter()
                .any(|column| column.metadata.as_deref() == Some("headers")),
            topics,
            start,
            bounded,
            reset,
            discovery,
            config,
            chunk_rows: context.batch_rows.max(1),
            chunk_bytes: context.chunk_bytes.clamp(1, CHUNK_BYTES),
        })
    }
}

impl Topics {
    fn of(definition: &TableDefinition) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        match (options.text("topic"), options.text("topic-pattern")) {
            (Some(_), Some(_)) => {
                Err(options.unsupported("topic-pattern", "and 'topic' exclude each other"))
            }
            (_, Some(pattern)) => {
                let pattern = Regex::new(&format!("^(?:{pattern})$"));
                let pattern = pattern
                    .map_err(|_| options.invalid("topic-pattern", "a regular expression"))?;
                Ok(Topics::Pattern(pattern))
            }
            _ => {
                let names = options
                    .required("topic", "orders")?
                    .split(';')
                    .map(str::trim);
                let names: Vec<_> = names
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect();
                match names.is_empty() {
                    true => Err(options.invalid("topic", "the name of a topic")),
                    false => Ok(Topics::Names(names)),
                }
            }
        }
    }

    /// All partitions; `None` if a topic is not there (yet), or brokers do not answer.
    pub(super) fn partitions(
        &self,
        client: &Client,
        link: &Link,
    ) -> Result<Option<Vec<Place>>, ConnectorError> {
        match self.ask(client, link) {
            Ok(found) => Ok(Some(found)),
            Err(Missing::Topic(topic)) => link.unknown_topic(&topic).map(|()| None),
            Err(Missing::Answer(error)) => link.weigh(&error).map(|()| None),
        }
    }

    fn ask(&self, client: &Client, link: &Link) -> Result<Vec<Place>, Missing> {
        let mut places = Vec::new();
        let metadata = |topic| {
            client
                .fetch_metadata(topic, PATIENCE)
                .map_err(Missing::Answer)
        };
        let found = match self {
            Topics::Names(names) => {
                let found: Result<Vec<_>, _> =
                    names.iter().map(|name| metadata(Some(name))).collect();
                found?
            }
            Topics::Pattern(_) => vec![metadata(None)?],
        };
        link.answers();
        for topic in found.iter().flat_map(|metadata| metadata.topics()) {
            if let Topics::Pattern(pattern) = self
                && (topic.name().starts_with("__") || !pattern.is_match(topic.name()))
            {
                continue;
            }
            match topic.error().map(RDKafkaErrorCode::from) {
                None => {}
                Some(
                    RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic,
                ) => {
                    return Err(Missing::Topic(topic.name().to_owned()));
                }
                Some(code) => return Err(Missing::Answer(KafkaError::MetadataFetch(code))),
            }
            places.extend(
                topic
                    .partitions()
                    .iter()
                    .map(|partition| (topic.name().to_owned(), partition.id())),
            );
        }
        link.topics_are_known();
        Ok(places)
    }

    /// One of them, to ask a broker for.
    pub(super) fn any(&self) -> Option<&str> {
        match self {
            Topics::Names(names) => names.first().map(String::as_str),
            Topics::Pattern(_) => None,
        }
    }
}

enum Missing {
    Topic(String),
    Answer(KafkaError),
}

pub(super) type Client = BaseConsumer<Callbacks>;

/// Hears what the client says by itself.
pub(super) struct Callbacks {
    pub shared: Arc<Shared>,
}

impl ClientContext for Callbacks {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!("librdkafka: {facility} {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.shared.link.hear(&error, reason);
    }
}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, _client: &Client, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                for element in list.elements() {
                    self.shared.assign(element.topic(), element.partition());
                }
            }
            Rebalance::Revoke(list) => {
                for element in list.elements() {
                    self.shared.revoke(element.topic(), element.partition());
                }
            }
            Rebalance::Error(error) => tracing::warn!("kafka: {error}"),
        }
    }
}
