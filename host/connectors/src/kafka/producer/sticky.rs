//! Where messages without a key go: many to one partition, then many to another, as with Java's client.
//!
//! librdkafka does the same, but looks at the clock for each message, and for a partition; ours looks once
//! for those that are handed over together.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::producer::Partitioner;

use crate::kafka::sink::PARTITIONER;

/// How long messages go to one partition: librdkafka's `sticky.partitioning.linger.ms`.
const LINGER: Duration = Duration::from_millis(10);

/// No partition is chosen.
const NONE: i32 = -1;

pub(super) struct Sticky {
    partition: AtomicI32,
    chosen: Mutex<Instant>,
}

impl Sticky {
    /// For a client whose messages have no key; `None` if the job says where they are to go.
    pub(super) fn of(config: &mut ClientConfig) -> Option<Self> {
        let linger = "sticky.partitioning.linger.ms";
        let is_ours = config.get("partitioner") == Some(PARTITIONER);
        if !is_ours || config.get(linger).is_some() {
            return None;
        }
        // Otherwise a partitioner is not asked about them.
        config.set(linger, "0");
        Some(Self {
            partition: AtomicI32::new(NONE),
            chosen: Mutex::new(Instant::now()),
        })
    }

    /// The partition of the messages that come now; `None` where one is to be chosen, which the client
    /// has done once it asks for the first of them.
    pub(super) fn chosen(&self) -> Option<i32> {
        let mut chosen = self.chosen.lock();
        if chosen.elapsed() >= LINGER {
            *chosen = Instant::now();
            self.partition.store(NONE, Ordering::Relaxed);
        }
        let partition = self.partition.load(Ordering::Relaxed);
        (partition != NONE).then_some(partition)
    }
}

impl Partitioner for Sticky {
    fn partition(
        &self,
        _topic: &str,
        _key: Option<&[u8]>,
        partitions: i32,
        is_available: impl Fn(i32) -> bool,
    ) -> i32 {
        let partition = self.partition.load(Ordering::Relaxed);
        if (0..partitions).contains(&partition) {
            return partition;
        }
        let first = rand::random_range(0..partitions.max(1));
        let partition = (first..partitions)
            .chain(0..first)
            .find(|partition| is_available(*partition))
            .unwrap_or(first);
        self.partition.store(partition, Ordering::Relaxed);
        partition
    }
}
