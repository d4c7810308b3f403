//! The connectors `kafka` and `upsert-kafka`: topics as tables, through librdkafka.
//!
//! Source: a thread polls one consumer ([`fetcher`]) and puts messages together into chunks
//! ([`chunk`]); readers, one a partition of the job, decode them ([`reader`]). The consumer is told
//! which partitions to read and from where, so that a checkpoint's offsets are all that counts; only
//! a job without checkpoints shares the partitions with the other processes of its group.
//!
//! Sink: one producer a table ([`producer`]), in transactions where the table asks for exactly-once;
//! the tables of a job that are written in the same transactions share it.
//!
//! `upsert-kafka` is the same, but that a message replaces the one of its key, and one without a value
//! takes it back.

mod batch;
mod chunk;
mod columns;
mod consumer;
mod fetcher;
mod headers;
mod link;
mod metadata;
mod offsets;
mod producer;
mod properties;
mod reader;
mod received;
mod sink;
mod source;

use std::sync::Arc;

use crate::dead_letter::{self, OnError};
use crate::message::MessageFormat;
use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::{ConnectorContext, ConnectorError, Sink, Source, TableDefinition};

use columns::Columns;
use consumer::Spec;
use sink::KafkaSink;
use source::KafkaSource;

const FORMATS: &[&str] = &["json", "csv", "raw", "avro", "avro-confluent"];

const FOR_FLINK: &str = "accepted for Flink's sake: the job's parallelism holds";

pub(crate) const CONNECTOR: Connector = Connector {
    name: "kafka",
    source: true,
    sink: true,
    options: &[
        ConnectorOption::new(
            "topic",
            None,
            "the topic; a source may read several, separated by ;",
        ),
        ConnectorOption::new(
            "topic-pattern",
            None,
            "a source reads the topics whose whole names match, also those that come later",
        ),
        ConnectorOption::new(
            "properties.bootstrap.servers",
            None,
            "brokers: host:port,host:port",
        ),
        ConnectorOption::new(
            "properties.group.id",
            None,
            "the consumer group; its offsets are committed behind every checkpoint, without checkpoints every second",
        ),
        ConnectorOption::new(
            "properties.auto.offset.reset",
            Some("none"),
            "earliest or latest: where to begin in a partition for which the group has no offset, or one that is no longer there; none is an error",
        ),
        ConnectorOption::new(
            "properties.*",
            None,
            "whatever librdkafka takes, and what Java's client calls otherwise (sasl.jaas.config, …); isolation.level is read_committed, if it is not set",
        ),
        ConnectorOption::new("format", None, "json, csv, raw, avro or avro-confluent"),
        ConnectorOption::new(
            "value.format",
            None,
            "the same; the format's options begin with value. then",
        ),
        ConnectorOption::new(
            "key.format",
            None,
            "format of the message's key; its options begin with key.",
        ),
        ConnectorOption::new("key.fields", None, "columns in the key, separated by ;"),
        ConnectorOption::new(
            "key.fields-prefix",
            None,
            "what the names of the key's columns begin with in the table, but not in the key",
        ),
        ConnectorOption::new(
            "value.fields-include",
            Some("ALL"),
            "ALL or EXCEPT_KEY: whether the key's columns are in the value, too",
        ),
        ConnectorOption::new(
            "scan.startup.mode",
            Some("group-offsets"),
            "earliest-offset, latest-offset, group-offsets, timestamp or specific-offsets",
        ),
        ConnectorOption::new(
            "scan.startup.timestamp-millis",
            None,
            "milliseconds since 1970",
        ),
        ConnectorOption::new(
            "scan.startup.specific-offsets",
            None,
            "partition:0,offset:42;partition:1,offset:300",
        ),
        ConnectorOption::new(
            "scan.bounded.mode",
            Some("unbounded"),
            "latest-offset, group-offsets, timestamp or specific-offsets: the table ends there",
        ),
        ConnectorOption::new(
            "scan.bounded.timestamp-millis",
            None,
            "milliseconds since 1970",
        ),
        ConnectorOption::new(
            "scan.bounded.specific-offsets",
            None,
            "partition:0,offset:42;partition:1,offset:300",
        ),
        ConnectorOption::new(
            "scan.topic-partition-discovery.interval",
            Some("5 min"),
            "how often new partitions are looked for; 0 is never",
        ),
        ConnectorOption::new(
            "scan.watermark.idle-timeout",
            Some("0 ms"),
            "a partition without messages for as long does not hold the watermark back",
        ),
        dead_letter::ON_ERROR,
        dead_letter::TABLE,
        ConnectorOption::new("scan.parallelism", None, FOR_FLINK),
        ConnectorOption::new(
            "sink.delivery-guarantee",
            Some("at-least-once"),
            "at-least-once, exactly-once (in transactions, one a checkpoint) or none (the same as at-least-once)",
        ),
        ConnectorOption::new(
            "sink.transactional-id-prefix",
            None,
            "exactly-once: with the table's name the transactional id, which no other job may use",
        ),
        ConnectorOption::new(
            "sink.partitioner",
            Some("default"),
            "default (by the key, as Java's client), fixed (one partition for each of the job's) or round-robin",
        ),
        ConnectorOption::new("sink.parallelism", None, FOR_FLINK),
    ],
    formats: FORMATS,
    metadata: metadata::KEYS,
};

pub(crate) const UPSERT: Connector = Connector {
    name: "upsert-kafka",
    source: true,
    sink: true,
    options: &[
        ConnectorOption::new(
            "topic",
            None,
            "the topic; a source may read several, separated by ;",
        ),
        ConnectorOption::new(
            "properties.bootstrap.servers",
            None,
            "brokers: host:port,host:port",
        ),
        ConnectorOption::new("properties.*", None, "as of kafka"),
        ConnectorOption::new(
            "key.format",
            None,
            "format of the message's key, which is the PRIMARY KEY; its options begin with key.",
        ),
        ConnectorOption::new(
            "value.format",
            None,
            "format of its value; its options begin with value.",
        ),
        ConnectorOption::new("key.fields-prefix", None, "as of kafka"),
        ConnectorOption::new("value.fields-include", Some("ALL"), "as of kafka"),
        ConnectorOption::new("scan.bounded.mode", Some("unbounded"), "as of kafka"),
        ConnectorOption::new("scan.bounded.timestamp-millis", None, "as of kafka"),
        ConnectorOption::new("scan.bounded.specific-offsets", None, "as of kafka"),
        ConnectorOption::new(
            "scan.topic-partition-discovery.interval",
            Some("5 min"),
            "as of kafka",
        ),
        dead_letter::ON_ERROR,
        dead_letter::TABLE,
        ConnectorOption::new("scan.parallelism", None, FOR_FLINK),
        ConnectorOption::new(
            "sink.delivery-guarantee",
            Some("at-least-once"),
            "as of kafka",
        ),
        ConnectorOption::new("sink.transactional-id-prefix", None, "as of kafka"),
        ConnectorOption::new(
            "sink.buffer-flush.max-rows",
            None,
            "accepted: rows go out as they come",
        ),
        ConnectorOption::new(
            "sink.buffer-flush.interval",
            None,
            "accepted: rows go out as they come",
        ),
        ConnectorOption::new("sink.parallelism", None, FOR_FLINK),
    ],
    formats: FORMATS,
    metadata: metadata::KEYS,
};

pub(crate) fn source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    read(definition, context, false)
}

pub(crate) fn upsert_source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    check_upsert_formats(definition)?;
    read(definition, context, true)
}

fn read(
    definition: &TableDefinition,
    context: &ConnectorContext,
    upsert: bool,
) -> Result<Arc<dyn Source>, ConnectorError> {
    let options = Options::new(definition);
    metadata::check(definition, false)?;
    let columns = Columns::of(definition, true, upsert, None)?;
    let spec = Spec::of(definition, context, upsert)?;
    let (key, value) = message_formats(definition, &columns)?;
    let declared = definition.source_schema();
    let changes_by = upsert.then(|| definition.primary_key.clone());
    Ok(Arc::new(KafkaSource {
        table: definition.name.clone(),
        schema: match &changes_by {
            Some(key) => source::of_changes(&declared, key),
            None => declared.clone(),
        },
        declared,
        changes_by,
        columns,
        key,
        value,
        spec: Arc::new(spec),
        group: options.text("properties.group.id").map(str::to_owned),
        batch_rows: context.batch_rows.max(1),
        on_error: OnError::of(definition)?,
        checkpoints: context.checkpoints,
        messages: context.stderr.clone(),
    }))
}

pub(crate) fn sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    KafkaSink::of(definition, context, false).map(|sink| Arc::new(sink) as Arc<dyn Sink>)
}

pub(crate) fn upsert_sink(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Sink>, ConnectorError> {
    check_upsert_formats(definition)?;
    KafkaSink::of(definition, context, true).map(|sink| Arc::new(sink) as Arc<dyn Sink>)
}

fn check_upsert_formats(definition: &TableDefinition) -> Result<(), ConnectorError> {
    let options = Options::new(definition);
    options.required("key.format", "json")?;
    options.required("value.format", "json")?;
    Ok(())
}

/// The formats of key and value.
fn message_formats(
    definition: &TableDefinition,
    columns: &Columns,
) -> Result<(Option<MessageFormat>, MessageFormat), ConnectorError> {
    let options = Options::new(definition);
    let key = match options.text("key.format") {
        Some(name) => Some(MessageFormat::new(
            definition,
            name,
            columns.key_fields().clone(),
        )?),
        None => None,
    };
    let name = match options.text("format") {
        Some(name) => name,
        None => options.required("value.format", "json")?,
    };
    let value = MessageFormat::new(definition, name, columns.value_fields().clone())?;
    Ok((key, value))
}
