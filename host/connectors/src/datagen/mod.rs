//! The source `datagen`: rows made up at a given rate, without end or up to a number.

mod values;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;
use tokio::time::Instant;

use crate::filesystem::batch;
use crate::options::Options;
use crate::registry::{Connector, ConnectorOption};
use crate::{
    BatchStream, ConnectorContext, ConnectorError, Source, SourceProgress, SourceStatistics,
    TableDefinition,
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
        batch_rows: context.batch_rows.max(1) as u64,
    }))
}

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
        let projection = projection.unwrap_or_else(|| (0..self.generators.len()).collect());
        let schema = self
            .schema
            .project(&projection)
            .map_err(|error| ConnectorError::unexpected("a projection", error))?;
        let rows = Arc::new(Rows {
            schema: Arc::new(Schema::new(schema.fields)),
            generators: self.generators.clone(),
            projection,
            limit: self.limit.unwrap_or(u64::MAX),
            rate: self.rate,
            // Ten batches a second at least, so that slow rates trickle.
            batch_rows: self.batch_rows.min((self.rate / 10).max(1)),
            next: AtomicU64::new(0),
            begun: Instant::now(),
            progress,
        });
        let streams = (0..partitions.max(1)).map(|_| {
            let stream = futures::stream::try_unfold(rows.clone(), |rows| async {
                let batch = rows.next().await?;
                Ok(batch.map(|batch| (batch, rows)))
            });
            Box::pin(stream) as BatchStream
        });
        Ok(streams.collect())
    }
}

/// The rows that all partitions take from.
struct Rows {
    schema: SchemaRef,
    generators: Arc<[Generator]>,
    projection: Vec<usize>,
    limit: u64,
    rate: u64,
    batch_rows: u64,
    next: AtomicU64,
    begun: Instant,
    progress: Arc<SourceProgress>,
}

impl Rows {
    async fn next(&self) -> Result<Option<RecordBatch>, ConnectorError> {
        let first = self.next.fetch_add(self.batch_rows, Ordering::Relaxed);
        let rows = self.batch_rows.min(self.limit.saturating_sub(first));
        if rows == 0 {
            return Ok(None);
        }
        let due = (first + rows) as f64 / self.rate as f64;
        let due = Duration::try_from_secs_f64(due).ok();
        if let Some(due) = due.and_then(|due| self.begun.checked_add(due)) {
            tokio::time::sleep_until(due).await;
        }
        let count = rows as usize;
        let columns = self.projection.iter();
        let columns = columns.map(|index| self.generators[*index].array(first, count));
        let columns = columns.collect::<Result<_, _>>()?;
        self.progress.add_rows(count);
        batch(&self.schema, columns, count).map(Some)
    }
}
