//! Side outputs: rows that a function gives beside its result, in tables that CREATE FUNCTION names.

use std::sync::Arc;

use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    common::Result,
};
use parking_lot::Mutex;

use crate::job::Letters;

/// A side output, and where its rows go.
#[derive(Debug)]
pub(in crate::planning) struct SideTable {
    /// The function's name in SQL.
    pub function: String,
    /// The side output's name.
    pub output: String,
    pub table: String,
    /// Of its rows: keys, columns, time.
    schema: SchemaRef,
    letters: Mutex<Option<Arc<Letters>>>,
}

impl SideTable {
    pub(super) fn new(function: &str, output: &str, table: &str, schema: SchemaRef) -> Self {
        SideTable {
            function: function.to_owned(),
            output: output.to_owned(),
            table: table.to_owned(),
            schema,
            letters: Mutex::default(),
        }
    }

    pub(in crate::planning) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Whoever writes the table is at the other end of these.
    pub(in crate::planning) fn send_to(&self, letters: Arc<Letters>) {
        *self.letters.lock() = Some(letters);
    }

    pub(super) async fn send(&self, rows: RecordBatch) -> Result<()> {
        let letters = self.letters.lock().clone();
        if let Some(sender) = letters.and_then(|letters| letters.sender()) {
            sender.send(rows).await?;
        }
        Ok(())
    }
}
