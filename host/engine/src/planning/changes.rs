//! Tables of changes (`upsert-kafka`): a row replaces the one before it of the same key, or takes it
//! back.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{AsArray, RecordBatch},
        compute::interleave_record_batch,
        datatypes::SchemaRef,
        row::{OwnedRow, RowConverter, SortField},
    },
    common::{DataFusionError, Result, internal_err},
    execution::{
        SendableRecordBatchStream, TaskContext,
        memory_pool::{MemoryConsumer, MemoryReservation},
    },
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{SourceScan, endless::ends, external, node::plan_node, scan::given as first_columns};
use crate::error::EngineError;

/// Rows that are of no use any more are kept until there are as many, and as many as are of use.
const USELESS_ROWS: usize = 1 << 16;

/// The rows of a table of changes at its end: the last one of each key that is not taken back. Without
/// an end there is no such table; a plan that is executed epoch by epoch takes the changes instead.
#[derive(Debug)]
pub(super) struct Changes {
    table: String,
    /// Reads the changes, in one partition; the last column is true of a row that is taken back.
    scan: Arc<dyn ExecutionPlan>,
    /// The key's columns of the scan.
    keys: Vec<usize>,
    /// The first columns of the scan, which are given.
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl Changes {
    /// `given`: how many of the columns that are read are given.
    pub(super) fn new(scan: SourceScan, keys: Vec<usize>, given: usize) -> Result<Self> {
        let table = scan.table().to_owned();
        let columns: Vec<_> = (0..given).collect();
        let scan: Arc<dyn ExecutionPlan> = Arc::new(scan);
        let schema = Arc::new(scan.schema().project(&columns)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(Changes {
            table,
            scan,
            keys,
            schema,
            properties: Arc::new(properties),
        })
    }

    /// What reads the changes, and the key's columns of it.
    pub(super) fn parts(&self) -> (Arc<dyn ExecutionPlan>, Vec<usize>) {
        (Arc::clone(&self.scan), self.keys.clone())
    }
}

impl DisplayAs for Changes {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let fields = self.scan.schema();
        let keys = self
            .keys
            .iter()
            .map(|key| fields.field(*key).name().as_str());
        write!(f, "Changes: keys=[{}]", keys.collect::<Vec<_>>().join(", "))
    }
}

impl Changes {
    /// The same over another input.
    fn of_input(&self, scan: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Ok(Changes {
            table: self.table.clone(),
            scan,
            keys: self.keys.clone(),
            schema: Arc::clone(&self.schema),
            properties: Arc::clone(&self.properties),
        })
    }
}

impl ExecutionPlan for Changes {
    plan_node!("Changes", scan);

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// Changes of a key must stay in order.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        if !ends(&self.scan) {
            return Err(external(
                EngineError::job(format!(
                    "'{}' is a table of changes without end, of which no part can be given",
                    self.table
                ))
                .with_hint("'scan.bounded.mode' = 'latest-offset' ends it".to_owned()),
            ));
        }
        let memory = MemoryConsumer::new(format!("the table {}", self.table));
        let mut newest = Newest::new(
            &self.scan.schema(),
            &self.keys,
            memory.register(context.memory_pool()),
        )?;
        let batch_rows = context.session_config().batch_size();
        let mut changes = self.scan.execute(partition, context)?;
        let schema = Arc::clone(&self.schema);
        let rows = stream::once(async move {
            while let Some(batch) = changes.next().await {
                newest.push(batch?)?;
            }
            newest.compact()?;
            let given = newest.batches.into_iter().map(move |batch| {
                let batch = first_columns(batch, &schema)?;
                let parts = (0..batch.num_rows()).step_by(batch_rows.max(1));
                let part =
                    |from: usize| batch.slice(from, batch_rows.max(1).min(batch.num_rows() - from));
                Ok(parts.map(part).collect::<Vec<_>>())
            });
            let given = given.collect::<Result<Vec<_>>>()?;
            Ok::<_, DataFusionError>(stream::iter(given.into_iter().flatten().map(Ok)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows.try_flatten(),
        )))
    }
}

/// The last row of each key so far.
struct Newest {
    converter: RowConverter,
    keys: Vec<usize>,
    /// Batch, and row in it.
    places: HashMap<OwnedRow, (usize, usize)>,
    batches: Vec<RecordBatch>,
    rows: usize,
    memory: MemoryReservation,
}

impl Newest {
    fn new(schema: &SchemaRef, keys: &[usize], memory: MemoryReservation) -> Result<Self> {
        let fields = keys.iter().map(|key| schema.field(*key));
        let fields = fields.map(|field| SortField::new(field.data_type().clone()));
        Ok(Newest {
            converter: RowConverter::new(fields.collect())?,
            keys: keys.to_vec(),
            places: HashMap::new(),
            batches: Vec::new(),
            rows: 0,
            memory,
        })
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let columns: Vec<_> = batch.project(&self.keys)?.columns().to_vec();
        let keys = self.converter.convert_columns(&columns)?;
        let Some(taken_back) = batch
            .columns()
            .last()
            .and_then(|last| last.as_boolean_opt())
        else {
            return internal_err!("a table of changes says of no row whether it is taken back");
        };
        let number = self.batches.len();
        for (row, key) in keys.iter().enumerate() {
            let place = self.places.entry(key.owned());
            match (taken_back.value(row), place) {
                (false, place) => {
                    place.insert_entry((number, row));
                }
                (true, Entry::Occupied(place)) => {
                    place.remove();
                }
                (true, Entry::Vacant(_)) => {}
            }
        }
        // A key takes about as much again as it does in its columns.
        let keys: usize = columns
            .iter()
            .map(|column| column.get_array_memory_size())
            .sum();
        self.memory.try_grow(batch.get_array_memory_size() + keys)?;
        self.rows += batch.num_rows();
        self.batches.push(batch);
        match self.rows - self.places.len() > self.places.len().max(USELESS_ROWS) {
            true => self.compact(),
            false => Ok(()),
        }
    }

    /// Only the rows that are of use, in the order in which they came.
    fn compact(&mut self) -> Result<()> {
        let mut places: Vec<_> = self.places.values_mut().collect();
        places.sort_unstable();
        let rows: Vec<(usize, usize)> = places.iter().map(|place| **place).collect();
        for (row, place) in places.into_iter().enumerate() {
            *place = (0, row);
        }
        if let Some(schema) = self.batches.first().map(RecordBatch::schema) {
            let batches: Vec<_> = self.batches.iter().collect();
            let batch = match rows.is_empty() {
                true => RecordBatch::new_empty(schema),
                false => interleave_record_batch(&batches, &rows)?,
            };
            self.memory.try_resize(2 * batch.get_array_memory_size())?;
            self.batches = vec![batch];
        }
        self.rows = rows.len();
        Ok(())
    }
}
