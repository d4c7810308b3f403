//! The source: one consumer a table, from whose messages all partitions of a job take.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use parking_lot::{Condvar, Mutex};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;

use super::chunk::{Queue, Split};
use super::columns::Columns;
use super::consumer::{Client, Spec};
use super::fetcher::Fetcher;
use super::link::Link;
use super::metadata::MetadataColumn;
use super::offsets::{Mark, Offsets};
use super::reader::{Origin, Reader};
use crate::dead_letter::{Letters, OnError};
use crate::message::MessageFormat;
use crate::{
    BatchStream, ConnectorError, Position, Positions, SharedWriter, Source, SourceProgress,
    SourceReader, SourceStatistics, SplitId, Subscription,
};

/// How often the group hears how far a job without checkpoints is.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// How long nothing may come before it is asked whether there is something.
const SILENCE: Duration = Duration::from_secs(10);

/// How long the leaving of a group is waited for.
const FAREWELL: Duration = Duration::from_secs(3);

pub(super) struct KafkaSource {
    pub table: String,
    /// What it gives.
    pub schema: SchemaRef,
    /// What the table says of its columns.
    pub declared: SchemaRef,
    /// The key of a table of changes.
    pub changes_by: Option<Vec<String>>,
    pub columns: Columns,
    pub key: Option<MessageFormat>,
    pub value: MessageFormat,
    pub spec: Arc<Spec>,
    /// `properties.group.id`.
    pub group: Option<String>,
    pub batch_rows: usize,
    pub on_error: OnError,
    /// Whether the job takes checkpoints.
    pub checkpoints: bool,
    pub messages: SharedWriter,
}

impl std::fmt::Debug for KafkaSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaSource")
            .field("table", &self.table)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn bounded(&self) -> bool {
        self.spec.bounded.is_some()
    }

    fn changes_by(&self) -> Option<&[String]> {
        self.changes_by.as_deref()
    }

    fn gives_dead_letters(&self) -> bool {
        self.on_error.is_dead_letter()
    }

    async fn discover(&self) -> Result<SourceStatistics, ConnectorError> {
        Ok(SourceStatistics::default())
    }

    async fn open(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        progress: Arc<SourceProgress>,
    ) -> Result<Vec<BatchStream>, ConnectorError> {
        let subscribed = self.subscribe(partitions, projection, None, progress);
        Ok(subscribed.await?.into_streams())
    }

    async fn subscribe(
        &self,
        partitions: usize,
        projection: Option<Vec<usize>>,
        from: Option<&Position>,
        progress: Arc<SourceProgress>,
    ) -> Result<Subscription, ConnectorError> {
        let from = from.map_or(Ok(None), Option::<Offsets>::deserialize);
        let from = from.map_err(|error| {
            ConnectorError::job(format!("the checkpoint is not one of kafka: {error}"))
        })?;
        let grouped = !self.checkpoints
            && self.group.is_some()
            && self.spec.start == Mark::Committed
            && self.spec.bounded.is_none();
        let partitions = partitions.max(1);
        let link = Link::new(&self.table, &self.spec.servers, self.messages.clone(), true);
        let shared = Arc::new(Shared::new(partitions + 2, link));
        *shared.offsets.lock() = from.clone().or_else(|| grouped.then(Offsets::new));
        let readers: Vec<_> = (0..partitions)
            .map(|_| self.reader(&shared, projection.as_deref(), &progress))
            .collect::<Result<_, _>>()?;
        let fetcher = Fetcher {
            spec: self.spec.clone(),
            shared: shared.clone(),
            from,
            grouped,
            silence: SILENCE,
        };
        thread::Builder::new()
            .name(format!("kafka {}", self.table))
            .spawn(move || fetcher.run())
            .map_err(|error| {
                ConnectorError::environment(format!("cannot start a thread: {error}"))
            })?;
        Ok(Subscription {
            readers,
            positions: Arc::new(Following {
                shared,
                grouped,
                commits: self.group.is_some(),
            }),
        })
    }
}

/// The columns of a table of changes: of a row that is taken back only the key has values.
pub(super) fn of_changes(declared: &SchemaRef, key: &[String]) -> SchemaRef {
    let fields = declared.fields().iter().map(|field| {
        let field = field.as_ref().clone();
        let nullable = !key.contains(field.name());
        field.with_nullable(nullable)
    });
    let taken_back = Field::new("taken back", DataType::Boolean, false);
    Arc::new(Schema::new(fields.chain([taken_back]).collect::<Vec<_>>()))
}

impl KafkaSource {
    fn reader(
        &self,
        shared: &Arc<Shared>,
        projection: Option<&[usize]>,
        progress: &Arc<SourceProgress>,
    ) -> Result<Box<dyn SourceReader>, ConnectorError> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = self.schema.project(projection);
        let schema = schema.map_err(|error| ConnectorError::unexpected("a projection", error))?;
        let must_have = projection.iter().map(|index| {
            let Some(field) = self.declared.fields().get(*index) else {
                return false;
            };
            let key = self.changes_by.as_ref();
            !field.is_nullable() || key.is_some_and(|key| key.contains(field.name()))
        });
        let must_have = must_have.collect();
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        let mut origins = Vec::with_capacity(projection.len());
        for index in projection {
            let at = |columns: &[usize]| columns.iter().position(|column| column == index);
            let in_key = at(&self.columns.key);
            // A column of both is the value's, as in Flink; of a table of changes there may be no value.
            let in_value = match (&self.changes_by, in_key) {
                (Some(_), Some(_)) => None,
                _ => at(&self.columns.value),
            };
            let origin = if let Some(place) = in_value {
                values.push(place);
                Origin::Value(values.len() - 1)
            } else if let Some(place) = in_key {
                keys.push(place);
                Origin::Key(keys.len() - 1)
            } else if *index == self.declared.fields().len() {
                Origin::TakenBack
            } else {
                let metadata = self
                    .columns
                    .metadata
                    .iter()
                    .find(|(column, _)| column == index);
                let (_, key) =
                    metadata.ok_or_else(|| ConnectorError::bug("a column from nowhere"))?;
                Origin::Metadata(MetadataColumn::new(key, self.schema.field(*index)))
            };
            origins.push(origin);
        }
        let key = match (&self.key, keys.is_empty()) {
            (Some(format), false) => {
                Some(format.decoder(&keys, self.batch_rows, progress.clone())?)
            }
            _ => None,
        };
        Ok(Box::new(Reader {
            shared: shared.clone(),
            schema: Arc::new(Schema::new(schema.fields)),
            must_have,
            takes_back: self.changes_by.is_some(),
            origins,
            key,
            value: self
                .value
                .decoder(&values, self.batch_rows, progress.clone())?,
            letters: Letters::new(self.on_error.clone(), self.batch_rows),
            progress: progress.clone(),
            taken: None,
        }))
    }
}

/// What the thread that polls, the readers and the position share.
pub(super) struct Shared {
    pub queue: Queue,
    pub link: Link,
    pub stop: AtomicBool,
    /// Behind the rows given; `None` until it is known where the reading begins.
    offsets: Mutex<Option<Offsets>>,
    splits: Mutex<Vec<Arc<Split>>>,
    pub client: Mutex<Weak<Client>>,
    closed: Mutex<bool>,
    closes: Condvar,
}

impl Shared {
    /// With room for so many chunks that nobody has taken.
    pub(super) fn new(chunks: usize, link: Link) -> Self {
        Shared {
            queue: Queue::new(chunks),
            link,
            stop: AtomicBool::new(false),
            offsets: Mutex::default(),
            splits: Mutex::default(),
            client: Mutex::default(),
            closed: Mutex::new(false),
            closes: Condvar::new(),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Where the reading begins.
    pub(super) fn begin(&self, offsets: Offsets) {
        *self.offsets.lock() = Some(offsets);
    }

    /// Rows of a split are given up to an offset.
    pub(super) fn advance(&self, split: &Split, next: i64) {
        if split.revoked.load(Ordering::Acquire) {
            return;
        }
        let mut offsets = self.offsets.lock();
        let offsets = offsets.get_or_insert_with(Offsets::new);
        let partitions = match offsets.get_mut(&split.topic) {
            Some(partitions) => partitions,
            None => offsets.entry(split.topic.clone()).or_default(),
        };
        let known = partitions.entry(split.partition).or_insert(next);
        *known = next.max(*known);
    }

    pub(super) fn offset(&self, split: &Split) -> Option<i64> {
        let offsets = self.offsets.lock();
        offsets
            .as_ref()?
            .get(&split.topic)?
            .get(&split.partition)
            .copied()
    }

    pub(super) fn split(&self, topic: &str, partition: i32) -> Option<Arc<Split>> {
        let splits = self.splits.lock();
        let found = splits
            .iter()
            .find(|split| split.partition == partition && split.topic == topic);
        found.cloned()
    }

    pub(super) fn splits(&self) -> Vec<Arc<Split>> {
        self.splits.lock().clone()
    }

    pub(super) fn assign(&self, topic: &str, partition: i32) -> Arc<Split> {
        let split = Arc::new(Split::new(topic, partition));
        self.splits.lock().push(split.clone());
        split
    }

    /// Another process of the group has the partition from now on.
    pub(super) fn revoke(&self, topic: &str, partition: i32) {
        self.splits.lock().retain(|split| {
            let gone = split.partition == partition && split.topic == topic;
            if gone {
                split.revoked.store(true, Ordering::Release);
            }
            !gone
        });
        let mut offsets = self.offsets.lock();
        if let Some(partitions) = offsets.as_mut().and_then(|offsets| offsets.get_mut(topic)) {
            partitions.remove(&partition);
        }
    }

    pub(super) fn close(&self) {
        *self.closed.lock() = true;
        self.closes.notify_all();
    }
}

/// Tells the position, and ends the thread when nobody wants it any more.
struct Following {
    shared: Arc<Shared>,
    grouped: bool,
    commits: bool,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.queue.end(None);
        if self.commits {
            // The last commit must reach the broker; and a process that ends without leaving its group
            // keeps its partitions for a while.
            let mut closed = self.shared.closed.lock();
            if !*closed {
                self.shared.closes.wait_for(&mut closed, FAREWELL);
            }
        }
    }
}

#[async_trait]
impl Positions for Following {
    fn position(&self) -> Position {
        serde_json::to_value(&*self.shared.offsets.lock()).unwrap_or_default()
    }

    fn splits(&self) -> Vec<SplitId> {
        let splits = self.shared.splits.lock();
        let open = splits.iter().filter(|split| split.is_open());
        open.map(|split| split.id.clone()).collect()
    }

    async fn stored(&self, position: &Position) -> Result<(), ConnectorError> {
        let client = self.shared.client.lock().upgrade();
        let (Some(client), true) = (client, self.commits) else {
            return Ok(());
        };
        let offsets = Offsets::deserialize(position).unwrap_or_default();
        let mut list = TopicPartitionList::new();
        for (topic, partitions) in &offsets {
            for (partition, offset) in partitions {
                // What others read is for others to commit.
                if self.shared.split(topic, *partition).is_some() {
                    list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
                        .ok();
                }
            }
        }
        if list.count() == 0 {
            return Ok(());
        }
        // Nobody hears whether it worked; the next commit comes soon, and leaving waits for the last.
        if let Err(error) = client.commit(&list, CommitMode::Async) {
            tracing::warn!("kafka: offsets are not committed: {error}");
        }
        Ok(())
    }

    fn wants_stored(&self) -> Option<Duration> {
        self.grouped.then_some(COMMIT_INTERVAL)
    }
}

/// `position` for a message: nested maps of next offsets.
pub(super) fn as_offsets(places: impl IntoIterator<Item = ((String, i32), i64)>) -> Offsets {
    let mut offsets: Offsets = BTreeMap::new();
    for ((topic, partition), offset) in places {
        offsets.entry(topic).or_default().insert(partition, offset);
    }
    offsets
}
