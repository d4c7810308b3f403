//! The thread that polls: from the brokers' messages to chunks.

mod partitions;
mod silence;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use self::silence::Silence;
use super::chunk::{Chunk, Split};
use super::consumer::{Callbacks, Client, Spec};
use super::link::PATIENCE;
use super::offsets::{Offsets, Place, ends};
use super::received::{Inbox, Received};
use super::source::Shared;
use crate::ConnectorError;

/// How long a poll waits for the first message.
const IDLE: Duration = Duration::from_millis(100);

/// How long it waits for more while the readers are busy.
const BUSY: Duration = Duration::from_millis(1);

/// How long readers may take nothing before a group must be kept alive by polling.
const STALL: Duration = Duration::from_secs(10);

/// How often brokers that were gone are looked for.
const PROBE: Duration = Duration::from_secs(1);

pub(super) struct Fetcher {
    pub spec: Arc<Spec>,
    pub shared: Arc<Shared>,
    /// Where a checkpoint stands.
    pub from: Option<Offsets>,
    /// Whether the partitions are shared with other processes of the group.
    pub grouped: bool,
    /// How long nothing may come before it is asked whether there is something.
    pub silence: Duration,
}

/// Ends the queue whatever happens to the thread.
struct Ends(Arc<Shared>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.queue.end(Some(ConnectorError::bug(
            "the thread of a Kafka table is gone",
        )));
        self.0.close();
    }
}

impl Fetcher {
    pub(super) fn run(self) {
        let ends = Ends(self.shared.clone());
        let error = self.fetch().err();
        ends.0.queue.end(error);
    }

    fn fetch(self) -> Result<(), ConnectorError> {
        let client = new_client(&self.spec, &self.shared)?;
        let mut fetching = Fetching {
            next_discovery: self
                .spec
                .discovery
                .map(|interval| Instant::now() + interval),
            spec: self.spec,
            shared: self.shared,
            grouped: self.grouped,
            inbox: Inbox::new(&client),
            client,
            chunk: Chunk::default(),
            current: None,
            known: Vec::new(),
            reading: Vec::new(),
            remaining: VecDeque::new(),
            stalled_since: None,
            paused: false,
            next_probe: Instant::now(),
            silence: Silence::new(self.silence),
        };
        if fetching.begin(self.from.as_ref())? {
            fetching.poll_to_the_end()?;
        }
        Ok(())
    }
}

fn new_client(spec: &Spec, shared: &Arc<Shared>) -> Result<Arc<Client>, ConnectorError> {
    let callbacks = Callbacks {
        shared: Arc::clone(shared),
    };
    let client: KafkaResult<BaseConsumer<_>> = spec.config.create_with_context(callbacks);
    let client =
        client.map_err(|error| ConnectorError::job(format!("the Kafka client: {error}")))?;
    let client = Arc::new(client);
    *shared.client.lock() = Arc::downgrade(&client);
    Ok(client)
}

/// A partition of a table with an end.
struct Reading {
    split: Arc<Split>,
    /// The first offset that is read.
    start: i64,
    /// The first offset that is not.
    stop: i64,
    /// Where the partition ended when it was last asked.
    end: i64,
}

struct Fetching {
    spec: Arc<Spec>,
    shared: Arc<Shared>,
    grouped: bool,
    /// Of partitions that nobody takes away.
    inbox: Inbox,
    client: Arc<Client>,
    chunk: Chunk,
    /// Whose the last message was.
    current: Option<Arc<Split>>,
    /// All partitions.
    known: Vec<Place>,
    /// Of a table with an end: the partitions of the topic that is being read.
    reading: Vec<Reading>,
    /// Of a table with an end: the other topics. One is read after the other, because the end of a
    /// partition is told without the topic's name.
    remaining: VecDeque<Vec<Reading>>,
    /// Since when readers have not taken what is there.
    stalled_since: Option<Instant>,
    paused: bool,
    next_probe: Instant,
    silence: Silence,
    next_discovery: Option<Instant>,
}

impl Fetching {
    fn join(&self) -> Result<(), ConnectorError> {
        let mut topics: Vec<&str> = self.known.iter().map(|(topic, _)| topic.as_str()).collect();
        topics.sort_unstable();
        topics.dedup();
        self.done(self.client.subscribe(&topics))
    }

    /// Asks until there is an answer; `None` if the job stopped meanwhile.
    fn ask<T>(
        &self,
        question: impl Fn(&Client) -> KafkaResult<T>,
    ) -> Result<Option<T>, ConnectorError> {
        loop {
            match question(&self.client) {
                Ok(answer) => {
                    self.shared.link.answers();
                    return Ok(Some(answer));
                }
                Err(error) => self.shared.link.weigh(&error)?,
            }
            if !self.wait()? {
                return Ok(None);
            }
        }
    }

    /// Waits a moment while nothing is assigned, so that a poll gives news only; `false` to stop.
    fn wait(&self) -> Result<bool, ConnectorError> {
        if let Some(Err(error)) = self.client.poll(IDLE) {
            self.shared.link.weigh(&error)?;
        }
        self.shared.link.check()?;
        Ok(!self.shared.is_stopped())
    }

    fn poll_to_the_end(&mut self) -> Result<(), ConnectorError> {
        while !self.shared.is_stopped() {
            self.shared.link.check()?;
            if self.spec.bounded.is_some() && !self.next_topic()? {
                return self.hand_over();
            }
            self.look_for_partitions()?;
            self.look_for_brokers();
            self.poll()?;
            self.look_for_messages()?;
        }
        Ok(())
    }

    fn poll(&mut self) -> Result<(), ConnectorError> {
        let mut wait = match (self.chunk.is_empty(), self.stalled_since) {
            (true, _) => IDLE,
            (false, None) => BUSY,
            (false, Some(_)) => Duration::ZERO,
        };
        while !self.is_full() || self.paused {
            match self.next(wait) {
                Some(taken) => taken?,
                None => break,
            }
            wait = Duration::ZERO;
        }
        if !self.chunk.is_empty()
            && (self.is_full() || self.stalled_since.is_some() || self.shared.queue.is_empty())
        {
            self.offer()?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.chunk.records.len() >= self.spec.chunk_rows
            || self.chunk.length() >= self.spec.chunk_bytes
    }

    /// Takes the next message, or what the client says instead; `None` if there is nothing in time.
    fn next(&mut self, wait: Duration) -> Option<Result<(), ConnectorError>> {
        // What it says comes between two batches of messages soon enough.
        let own = match self.inbox.is_used() {
            true => Duration::ZERO,
            false => wait,
        };
        let client = self.client.clone();
        if !self.inbox.has_taken()
            && let Some(message) = client.poll(own)
        {
            return Some(match message {
                Ok(message) => {
                    let message = Received::of(&message);
                    if !self.grouped {
                        self.inbox.gather(&message);
                    }
                    self.take(&message)
                }
                Err(error) => self.trouble(&error),
            });
        }
        if !self.inbox.is_used() {
            return None;
        }
        let next = self.inbox.next(wait)?;
        Some(match next.message() {
            Ok(message) => self.take(&message),
            Err(error) => self.trouble(&error),
        })
    }

    fn take(&mut self, message: &Received<'_>) -> Result<(), ConnectorError> {
        let (topic, partition) = (message.topic(), message.partition());
        let same = |split: &&Arc<Split>| {
            split.partition == partition
                && split.topic.as_bytes() == topic
                && !split.revoked.load(Ordering::Relaxed)
        };
        let split = match self.current.as_ref().filter(same) {
            Some(split) => split.clone(),
            // A message of a partition that has just been taken away is for its next owner.
            None => match self
                .shared
                .split(&String::from_utf8_lossy(topic), partition)
            {
                Some(split) => split,
                None => return Ok(()),
            },
        };
        self.silence.ends();
        split.next.store(message.offset() + 1, Ordering::Relaxed);
        if let Some(reading) = self
            .reading
            .iter()
            .find(|reading| Arc::ptr_eq(&reading.split, &split))
        {
            let (offset, stop) = (message.offset(), reading.stop);
            if offset < stop {
                self.chunk.push(&split, message, self.spec.with_headers);
            }
            if offset + 1 >= stop {
                self.finish(&split)?;
            }
        } else {
            self.chunk.push(&split, message, self.spec.with_headers);
        }
        self.current = Some(split);
        Ok(())
    }

    /// A partition is read to its end.
    fn finish(&self, split: &Split) -> Result<(), ConnectorError> {
        if split.finished.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let mut list = TopicPartitionList::new();
        list.add_partition(&split.topic, split.partition);
        self.done(self.client.pause(&list))
    }

    /// Goes on with the next topic once one is read; `false` behind the last.
    fn next_topic(&mut self) -> Result<bool, ConnectorError> {
        let finished = |reading: &Reading| reading.split.finished.load(Ordering::Acquire);
        while self.reading.iter().all(finished) {
            let Some(next) = self.remaining.pop_front() else {
                return Ok(false);
            };
            let mut list = TopicPartitionList::new();
            for reading in &next {
                match reading.start < reading.stop {
                    true => self.add(&mut list, &reading.split, reading.start)?,
                    false => reading.split.finished.store(true, Ordering::Release),
                }
            }
            self.done(self.client.assign(&list))?;
            self.silence.ends();
            self.reading = next;
        }
        Ok(true)
    }

    /// The end of a partition of the topic that is being read: whatever was in it when its end was
    /// last asked for is read.
    fn end_of_partition(&mut self, partition: i32) -> Result<(), ConnectorError> {
        let Some(reading) = self
            .reading
            .iter_mut()
            .find(|reading| reading.split.partition == partition)
        else {
            return Ok(());
        };
        if reading.stop <= reading.end {
            let split = reading.split.clone();
            return self.finish(&split);
        }
        let place = [(reading.split.topic.clone(), partition)];
        if let Ok(found) = ends(&self.client, &place, Offset::End, PATIENCE) {
            reading.end = found[0].unwrap_or(reading.end);
        }
        Ok(())
    }

    fn trouble(&mut self, error: &KafkaError) -> Result<(), ConnectorError> {
        if let KafkaError::PartitionEOF(partition) = error {
            return self.end_of_partition(*partition);
        }
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset) => Err(self.lost()),
            // The group has been left because nobody polled; the next poll joins it again.
            Some(RDKafkaErrorCode::PollExceeded) => Ok(()),
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                self.next_discovery = Some(Instant::now());
                self.shared.link.weigh(error)
            }
            _ => self.shared.link.weigh(error),
        }
    }

    /// Hands the chunk to the readers, if they take it soon.
    fn offer(&mut self) -> Result<(), ConnectorError> {
        if self.shared.queue.offer(&mut self.chunk, IDLE) {
            self.stalled_since = None;
            if std::mem::take(&mut self.paused) {
                let assigned = self.done(self.client.assignment())?;
                self.done(self.client.resume(&assigned))?;
            }
            return Ok(());
        }
        let since = *self.stalled_since.get_or_insert_with(Instant::now);
        // A member that does not poll is taken for dead; one that is paused may poll.
        if self.grouped && since.elapsed() > STALL {
            let assigned = self.done(self.client.assignment())?;
            self.done(self.client.pause(&assigned))?;
            self.paused = true;
        }
        Ok(())
    }

    /// Hands over the last chunk.
    fn hand_over(&mut self) -> Result<(), ConnectorError> {
        while !self.chunk.is_empty() && !self.shared.is_stopped() {
            self.offer()?;
        }
        Ok(())
    }

    /// Brokers that are gone say nothing when they come back.
    fn look_for_brokers(&mut self) {
        if !self.shared.link.is_doubted() || self.next_probe > Instant::now() {
            return;
        }
        self.next_probe = Instant::now() + PROBE;
        match self.client.fetch_metadata(self.spec.topics.any(), PATIENCE) {
            Ok(_) => self.shared.link.answers(),
            Err(_) => self.shared.link.fails(),
        }
    }

    /// Has a split read from an offset on.
    fn add(
        &self,
        list: &mut TopicPartitionList,
        split: &Split,
        offset: i64,
    ) -> Result<(), ConnectorError> {
        split.next.store(offset, Ordering::Relaxed);
        let (topic, partition) = (&split.topic, split.partition);
        self.done(list.add_partition_offset(topic, partition, Offset::Offset(offset)))
    }

    fn done<T>(&self, result: KafkaResult<T>) -> Result<T, ConnectorError> {
        result.map_err(|error| self.shared.link.failed(&error))
    }
}
