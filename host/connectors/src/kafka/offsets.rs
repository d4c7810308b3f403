//! Where the reading of partitions begins and ends.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};

use crate::options::Options;
use crate::{ConnectorError, TableDefinition};

/// A partition of a topic.
pub(super) type Place = (String, i32);

/// Next offsets: topic, partition, offset.
pub(super) type Offsets = BTreeMap<String, BTreeMap<i32, i64>>;

/// A place in every partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// Where the consumer group stands.
    Committed,
    Earliest,
    Latest,
    /// The first message that is as late, in milliseconds since 1970.
    Timestamp(i64),
    /// Offsets by partition.
    Specific(BTreeMap<i32, i64>),
}

impl Mark {
    /// `scan.startup.mode` and what belongs to it.
    pub(super) fn startup(
        definition: &TableDefinition,
        topics: usize,
    ) -> Result<Self, ConnectorError> {
        let modes = [
            "group-offsets",
            "earliest-offset",
            "latest-offset",
            "timestamp",
            "specific-offsets",
        ];
        let options = Options::new(definition);
        let mode = options
            .choice("scan.startup.mode", &modes)?
            .unwrap_or("group-offsets");
        if mode == "group-offsets" && options.text("properties.group.id").is_none() {
            return Err(ConnectorError::job(format!(
                "table {}: 'scan.startup.mode' = 'group-offsets', which is the default, needs 'properties.group.id'",
                definition.name
            ))
            .with_hint("to read from the beginning set 'scan.startup.mode' = 'earliest-offset'".to_owned()));
        }
        Self::of(definition, mode, "scan.startup", topics)
    }

    /// `scan.bounded.mode` and what belongs to it; `None` if the table has no end.
    pub(super) fn bounded(
        definition: &TableDefinition,
        topics: usize,
    ) -> Result<Option<Self>, ConnectorError> {
        let modes = [
            "unbounded",
            "latest-offset",
            "group-offsets",
            "timestamp",
            "specific-offsets",
        ];
        let options = Options::new(definition);
        match options
            .choice("scan.bounded.mode", &modes)?
            .unwrap_or("unbounded")
        {
            "unbounded" => Ok(None),
            "group-offsets" if options.text("properties.group.id").is_none() => options
                .required("properties.group.id", "my-group")
                .map(|_| None),
            mode => Self::of(definition, mode, "scan.bounded", topics).map(Some),
        }
    }

    fn of(
        definition: &TableDefinition,
        mode: &str,
        prefix: &str,
        topics: usize,
    ) -> Result<Self, ConnectorError> {
        let options = Options::new(definition);
        match mode {
            "group-offsets" => Ok(Mark::Committed),
            "earliest-offset" => Ok(Mark::Earliest),
            "latest-offset" => Ok(Mark::Latest),
            "timestamp" => {
                let key = format!("{prefix}.timestamp-millis");
                options.required(&key, "1767225600000")?;
                let millis = options
                    .number(&key)?
                    .and_then(|millis| i64::try_from(millis).ok());
                let millis =
                    millis.ok_or_else(|| options.invalid(&key, "milliseconds since 1970"))?;
                Ok(Mark::Timestamp(millis))
            }
            _ => {
                let key = format!("{prefix}.specific-offsets");
                let text =
                    options.required(&key, "partition:0,offset:42;partition:1,offset:300")?;
                if topics != 1 {
                    return Err(options.unsupported(&key, "works with one topic only"));
                }
                let offsets = specific(text).ok_or_else(|| {
                    options.invalid(
                        &key,
                        "such as 'partition:0,offset:42;partition:1,offset:300'",
                    )
                })?;
                Ok(Mark::Specific(offsets))
            }
        }
    }

    /// The offset in each place, in their order; `None` where the mark names none.
    pub(super) fn resolve<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        places: &[Place],
        timeout: Duration,
    ) -> KafkaResult<Vec<Option<i64>>> {
        let list = |offset| list(places, offset);
        match self {
            Mark::Committed => {
                let found = consumer.committed_offsets(list(Offset::Invalid)?, timeout)?;
                in_order(&found, places)
            }
            Mark::Earliest => ends(consumer, places, Offset::Beginning, timeout),
            Mark::Latest => ends(consumer, places, Offset::End, timeout),
            Mark::Timestamp(millis) => {
                let found = consumer.offsets_for_times(list(Offset::Offset(*millis))?, timeout)?;
                let found = in_order(&found, places)?;
                let latest = ends(consumer, places, Offset::End, timeout)?;
                // There is no message as late yet.
                Ok(found
                    .into_iter()
                    .zip(latest)
                    .map(|(found, latest)| found.or(latest))
                    .collect())
            }
            Mark::Specific(offsets) => Ok(places
                .iter()
                .map(|(_, partition)| offsets.get(partition).copied())
                .collect()),
        }
    }
}

/// First or last offsets: one request to each broker, as the offsets of the protocol's two special
/// timestamps, which are librdkafka's [`Offset::Beginning`] and [`Offset::End`].
pub(super) fn ends<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    places: &[Place],
    which: Offset,
    timeout: Duration,
) -> KafkaResult<Vec<Option<i64>>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let found = consumer.offsets_for_times(list(places, which)?, timeout)?;
    in_order(&found, places)
}

fn list(places: &[Place], offset: Offset) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(places.len());
    for (topic, partition) in places {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}

fn in_order(list: &TopicPartitionList, places: &[Place]) -> KafkaResult<Vec<Option<i64>>> {
    let mut found = BTreeMap::new();
    for element in list.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset() {
            found.insert((element.topic().to_owned(), element.partition()), offset);
        }
    }
    Ok(places
        .iter()
        .map(|place| found.get(place).copied())
        .collect())
}

/// `partition:0,offset:42;partition:1,offset:300`
fn specific(text: &str) -> Option<BTreeMap<i32, i64>> {
    let entries = text
        .split(';')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let entries = entries.map(|entry| {
        let (partition, offset) = entry.split_once(',')?;
        let partition: i32 = partition
            .trim()
            .strip_prefix("partition:")?
            .trim()
            .parse()
            .ok()?;
        let offset: i64 = offset.trim().strip_prefix("offset:")?.trim().parse().ok()?;
        (partition >= 0 && offset >= 0).then_some((partition, offset))
    });
    let entries: BTreeMap<_, _> = entries.collect::<Option<_>>()?;
    (!entries.is_empty()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specific_offsets() {
        let read = specific("partition:0,offset:42;partition:1, offset:300");
        assert_eq!(read, Some([(0, 42), (1, 300)].into()));
        assert_eq!(specific("partition:0"), None);
        assert_eq!(specific(""), None);
        assert_eq!(specific("partition:0,offset:-2"), None);
    }
}
