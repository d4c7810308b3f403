//! The sink `blackhole`: takes every row and keeps none.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use async_trait::async_trait;

use crate::registry::Connector;
use crate::{ConnectorError, Sink, SinkTransaction, SinkWriter, TableDefinition};

pub(crate) const CONNECTOR: Connector = Connector {
    name: "blackhole",
    source: false,
    sink: true,
    options: &[],
    formats: &[],
    metadata: &[],
};

pub(crate) fn sink(definition: &TableDefinition) -> Result<Arc<dyn Sink>, ConnectorError> {
    let schema = definition.sink_schema();
    Ok(Arc::new(Blackhole { schema }))
}

#[derive(Debug)]
struct Blackhole {
    schema: SchemaRef,
}

#[async_trait]
impl Sink for Blackhole {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn begin(&self, _overwrite: bool) -> Result<Arc<dyn SinkTransaction>, ConnectorError> {
        Ok(Arc::new(Nothing))
    }
}

struct Nothing;

#[async_trait]
impl SinkTransaction for Nothing {
    async fn writer(&self, _partition: usize) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(Self))
    }

    async fn commit(&self) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn abort(&self) {}
}

#[async_trait]
impl SinkWriter for Nothing {
    async fn write(&mut self, _batch: RecordBatch) -> Result<(), ConnectorError> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), ConnectorError> {
        Ok(())
    }
}
