//! Tables of changes (`upsert-kafka`): a row replaces the one before it of the same key, or takes it
//! back.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{DataFusionError, Result},
    execution::{SendableRecordBatchStream, TaskContext, memory_pool::MemoryConsumer},
    physical_expr::EquivalenceProperties,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{Boundedness, EmissionType},
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt, stream};

use super::{
    SourceScan, endless::ends, external, newest::Newest, node::plan_node,
    scan::given as first_columns,
};
use crate::error::EngineError;

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
            let given = newest.finish()?.into_iter().map(move |batch| {
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
