//! A client that gives nothing, while there is something.
//!
//! librdkafka may lose the wish for messages when a broker stops for a while, and then waits for ever. So
//! after a silence the ends of the partitions are asked for. If they are behind what was polled, and still
//! are after as long a silence again, another client takes its place, and goes on where it was.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::{Fetching, new_client};
use crate::ConnectorError;
use crate::kafka::chunk::Split;
use crate::kafka::link::PATIENCE;
use crate::kafka::offsets::{Place, ends};
use crate::kafka::received::Inbox;

/// The longest time between two looks.
const LONGEST: Duration = Duration::from_secs(300);

/// Since when nothing has come.
pub(super) struct Silence {
    least: Duration,
    /// Between two looks: longer and longer where there is nothing to be heard.
    interval: Duration,
    next_look: Instant,
    /// Something has come since the last look.
    is_over: bool,
    /// There was more at the last look.
    is_suspicious: bool,
}

impl Silence {
    pub(super) fn new(least: Duration) -> Self {
        Silence {
            least,
            interval: least,
            next_look: Instant::now() + least,
            is_over: false,
            is_suspicious: false,
        }
    }

    /// A message has come.
    pub(super) fn ends(&mut self) {
        self.is_over = true;
    }
}

impl Fetching {
    /// After a silence: asks whether there are messages, and gives a client up that does not give them.
    pub(super) fn look_for_messages(&mut self) -> Result<(), ConnectorError> {
        let silence = &mut self.silence;
        if silence.next_look > Instant::now() {
            return Ok(());
        }
        let is_over = std::mem::take(&mut silence.is_over);
        // What waits for readers is no silence; a group has its own ways.
        if is_over || self.grouped || self.stalled_since.is_some() || self.shared.link.is_doubted()
        {
            *silence = Silence::new(silence.least);
            return Ok(());
        }
        let splits = self.splits_read();
        let there_is_more = self.is_behind(&splits);
        let silence = &mut self.silence;
        if !there_is_more {
            silence.is_suspicious = false;
            silence.interval = (silence.interval * 2).min(LONGEST);
            silence.next_look = Instant::now() + silence.interval;
            return Ok(());
        }
        if !std::mem::replace(&mut silence.is_suspicious, true) {
            silence.next_look = Instant::now() + silence.least;
            return Ok(());
        }
        // Behind the last message there may be what a transaction took back, which nobody shows. Then
        // another client hears as little, and is given more time.
        silence.is_suspicious = false;
        silence.interval = (silence.interval * 2).min(LONGEST);
        silence.next_look = Instant::now() + silence.interval;
        self.begin_anew(&splits)
    }

    /// The splits that messages are to come from.
    fn splits_read(&self) -> Vec<Arc<Split>> {
        let all = match self.spec.bounded.is_some() {
            true => self
                .reading
                .iter()
                .map(|reading| reading.split.clone())
                .collect(),
            false => self.shared.splits(),
        };
        let is_read = |split: &Arc<Split>| !split.finished.load(Ordering::Acquire);
        all.into_iter().filter(is_read).collect()
    }

    /// Whether partitions have more than the client has come to; not known to be so while brokers do not
    /// answer. Ends of transactions are no messages, but the client comes behind them.
    fn is_behind(&self, splits: &[Arc<Split>]) -> bool {
        let places: Vec<Place> = splits
            .iter()
            .map(|split| (split.topic.clone(), split.partition))
            .collect();
        let Ok(ends) = ends(&self.client, &places, Offset::End, PATIENCE) else {
            return false;
        };
        let position = self.client.position().unwrap_or_default();
        let behind = |(split, end): (&Arc<Split>, &Option<i64>)| {
            let position = position.find_partition(&split.topic, split.partition);
            let come_to = match position.map(|found| found.offset()) {
                Some(Offset::Offset(next)) => next,
                _ => 0,
            };
            let next = split.next.load(Ordering::Relaxed).max(come_to);
            end.is_some_and(|end| end > next)
        };
        splits.iter().zip(&ends).any(behind)
    }

    /// Another client goes on where this one was.
    fn begin_anew(&mut self, splits: &[Arc<Split>]) -> Result<(), ConnectorError> {
        tracing::warn!(
            servers = self.spec.servers,
            "kafka: another client takes over"
        );
        let client = new_client(&self.spec, &self.shared)?;
        let mut list = TopicPartitionList::with_capacity(splits.len());
        for split in splits {
            let next = match split.next.load(Ordering::Relaxed) {
                next @ 0.. => Offset::Offset(next),
                // It was found while the job ran, and has given nothing.
                _ => Offset::Beginning,
            };
            self.done(list.add_partition_offset(&split.topic, split.partition, next))?;
        }
        self.done(client.assign(&list))?;
        self.inbox = Inbox::new(&client);
        let before = std::mem::replace(&mut self.client, client);
        // It may not come to its end.
        thread::Builder::new()
            .name("kafka, given up".to_owned())
            .spawn(move || drop(before))
            .map(drop)
            .map_err(|error| ConnectorError::environment(format!("cannot start a thread: {error}")))
    }
}
