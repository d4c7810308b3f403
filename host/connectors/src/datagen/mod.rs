//! The source `datagen`: rows made up at a given rate, without end or up to a number.

mod values;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::filesystem::batch;
use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::{
    BatchStream, ConnectorContext, ConnectorError, Position, Positions, Source, SourceProgress,
    SourceReader, SourceRows, SourceStatistics, Subscription, TableDefinition,
};
use values::Generator;

pub(crate) const CONNECTOR: Connector = Connector {
    name: "datagen",
    source: true,
    sink: false,
    options: &[
        ConnectorOption::new(
            "rows-per-second",
            Some("10000"),
            "the rate of all partitions together",
        ),
        ConnectorOption::new(
            "number-of-rows",
            None,
            "the table ends after as many; without it it does not",
        ),
        ConnectorOption::new(
            "scan.parallelism",
            None,
            "accepted for Flink's sake: the job's parallelism holds",
        ),
        ConnectorOption::new("fields.#.kind", Some("random"), "random or sequence"),
        ConnectorOption::new(
            "fields.#.min",
            None,
            "smallest random number; the type's own by default",
        ),
        ConnectorOption::new(
            "fields.#.max",
            None,
            "largest random number; the type's own by default",
        ),
        ConnectorOption::new(
            "fields.#.max-past",
            Some("0 ms"),
            "how long ago a random timestamp may be",
        ),
        ConnectorOption::new(
            "fields.#.length",
            Some("100"),
            "characters or bytes of a random value; items of an ARRAY or MAP (3 by default)",
        ),
        ConnectorOption::new(
            "fields.#.var-len",
            Some("false"),
            "the length is random, from 1 up to that",
        ),
        ConnectorOption::new(
            "fields.#.null-rate",
            Some("0"),
            "share of NULLs, from 0 to 1",
        ),
        ConnectorOption::new("fields.#.start", None, "first number of a sequence"),
        ConnectorOption::new(
            "fields.#.end",
            None,
            "last number of a sequence; the table ends with it",
        ),
    ],
    formats: &[],
    metadata: &[],
};

pub(crate) fn source(
    definition: &TableDefinition,
    context: &ConnectorContext,
) -> Result<Arc<dyn Source>, ConnectorError> {
    let options = Options::new(definition);
    let rate = options.number("rows-per-second")?.unwrap_or(10_000);
    if rate == 0 {
        return Err(options.invalid("rows-per-second", "at least 1"));
    }
    let columns = definition.columns.iter();
    let generators: Vec<_> = columns
        .map(|column| Generator::new(&column.field, &options))
        .collect::<Result<_, _>>()?;
    let ends = generators.iter().filter_map(Generator::rows);
    Ok(Arc::new(Datagen {
        schema: definition.source_schema(),
        limit: ends.chain(options.number("number-of-rows")?).min(),
        generators: generators.into(),
        rate,
        batch_rows: (context.batch_rows as u64).clamp(1, MAX_RANGE),
    }))
}

/// Rows that one reader draws at a time, at most.
const MAX_RANGE: u64 = 1 << 20;

#[derive(Debug)]
struct Datagen {
    schema: SchemaRef,
    generators: Arc<[Generator]>,
    /// Rows in all.
    limit: Option<u64>,
    /// Rows a second.
    rate: u64,
    batch_rows: u64,
}

#[async_trait]
impl Source for Datagen {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn bounded(&self) -> bool {
        self.limit.is_some()
    }

    async fn discover(&self) -> Result<SourceStatistics, ConnectorError> {
        Ok(SourceStatistics {
            rows: self.limit,
            ..SourceStatistics::default()
        })
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
        let drawn = from.map_or(Ok(Drawn::default()), Drawn::deserialize);
        let mut drawn = drawn.map_err(|error| {
            ConnectorError::job(format!("the checkpoint is not one of datagen: {error}"))
        })?;
        if drawn.waiting.values().any(|rows| *rows > MAX_RANGE) {
            let message = "the checkpoint of datagen holds a range that is too long";
            return Err(ConnectorError::job(message));
        }
        drawn.left = drawn.waiting.clone().into_iter().collect();
        let rows = self.rows(projection, drawn, progress)?;
        let readers = (0..partitions.max(1))
            .map(|_| Box::new(Reader::new(rows.clone())) as Box<dyn SourceReader>);
        Ok(Subscription {
            readers: readers.collect(),
            positions: rows,
        })
    }
}

impl Datagen {
    fn rows(
        &self,
        projection: Option<Vec<usize>>,
        drawn: Drawn,
        progress: Arc<SourceProgress>,
    ) -> Result<Arc<Rows>, ConnectorError> {
        let projection = projection.unwrap_or_else(|| (0..self.generators.len()).collect());
        let schema = self
            .schema
            .project(&projection)
            .map_err(|error| ConnectorError::unexpected("a projection", error))?;
        Ok(Arc::new(Rows {
            schema: Arc::new(Schema::new(schema.fields)),
            generators: self.generators.clone(),
            projection,
            limit: self.limit.unwrap_or(u64::MAX),
            rate: self.rate,
            // Ten batches a second at least, so that slow rates trickle.
            batch_rows: self.batch_rows.min((self.rate / 10).max(1)),
            given: drawn.given(),
            drawn: Mutex::new(drawn),
            begun: Instant::now(),
            progress,
        }))
    }
}

/// The rows that all readers take from, a range at a time.
struct Rows {
    schema: SchemaRef,
    generators: Arc<[Generator]>,
    projection: Vec<usize>,
    limit: u64,
    rate: u64,
    batch_rows: u64,
    /// Rows that earlier runs gave: the rate begins behind them.
    given: u64,
    drawn: Mutex<Drawn>,
    begun: Instant,
    progress: Arc<SourceProgress>,
}

/// Which rows are taken.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Drawn {
    /// The first that nobody has drawn.
    next: u64,
    /// Ranges (first, rows) before it that were drawn, but not given yet.
    waiting: BTreeMap<u64, u64>,
    /// Those of them that an earlier run had drawn.
    #[serde(skip)]
    left: Vec<(u64, u64)>,
}

impl Drawn {
    fn given(&self) -> u64 {
        self.next - self.waiting.values().sum::<u64>().min(self.next)
    }
}

/// Takes rows for one partition.
struct Reader {
    rows: Arc<Rows>,
    /// What it has drawn and waits to give.
    range: Option<(u64, u64)>,
}

impl Reader {
    fn new(rows: Arc<Rows>) -> Self {
        Self { rows, range: None }
    }
}

#[async_trait]
impl SourceReader for Reader {
    async fn next(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        let rows = &self.rows;
        let Some((first, count)) = self.range.or_else(|| rows.draw()) else {
            return Ok(None);
        };
        self.range = Some((first, count));
        let due = (first + count).saturating_sub(rows.given) as f64 / rows.rate as f64;
        let due = Duration::try_from_secs_f64(due).ok();
        if let Some(due) = due.and_then(|due| rows.begun.checked_add(due)) {
            tokio::time::sleep_until(due).await;
        }
        let columns = rows.projection.iter();
        let columns = columns.map(|index| rows.generators[*index].array(first, count as usize));
        let columns = columns.collect::<Result<_, _>>()?;
        self.range = None;
        rows.drawn.lock().waiting.remove(&first);
        rows.progress.add_rows(count as usize);
        let batch = batch(&rows.schema, columns, count as usize)?;
        Ok(Some(batch.into()))
    }

    async fn rest(&mut self) -> Result<Option<SourceRows>, ConnectorError> {
        Ok(None)
    }
}

impl Rows {
    /// A range (first, rows) that is somebody's from now on.
    fn draw(&self) -> Option<(u64, u64)> {
        let mut drawn = self.drawn.lock();
        if let Some(range) = drawn.left.pop() {
            return Some(range);
        }
        let first = drawn.next;
        let count = self.batch_rows.min(self.limit.saturating_sub(first));
        if count == 0 {
            return None;
        }
        drawn.next += count;
        drawn.waiting.insert(first, count);
        Some((first, count))
    }
}

impl Positions for Rows {
    fn position(&self) -> Position {
        serde_json::to_value(&*self.drawn.lock()).unwrap_or_default()
    }
}
