//! A table as the job declares it, and what a connector gets from the run around it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::datatypes::{Field, Schema, SchemaRef};

/// A table as `CREATE TABLE` declared it.
#[derive(Debug, Clone, Default)]
pub struct TableDefinition {
    pub name: String,
    /// Physical and metadata columns in declared order; computed columns are the engine's.
    pub columns: Vec<TableColumn>,
    /// All of `WITH`, `connector` included.
    pub options: BTreeMap<String, String>,
    /// The columns of `PARTITIONED BY`, in its order.
    pub partition_keys: Vec<String>,
    /// The columns of `PRIMARY KEY`, in its order.
    pub primary_key: Vec<String>,
}

/// One column of a [`TableDefinition`].
#[derive(Debug, Clone)]
pub struct TableColumn {
    /// Name, Arrow type, and nullability as declared.
    pub field: Field,
    /// `METADATA FROM 'key'`: the key, or the column's own name where no key is given.
    pub metadata: Option<String>,
    /// `VIRTUAL`: read, never written.
    pub virtual_column: bool,
}

impl TableColumn {
    /// A column that is stored in the table's data.
    pub fn physical(field: Field) -> Self {
        Self {
            field,
            metadata: None,
            virtual_column: false,
        }
    }
}

impl TableDefinition {
    /// All columns, as a source yields them.
    pub(crate) fn source_schema(&self) -> SchemaRef {
        let fields = self.columns.iter().map(|column| column.field.clone());
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The columns that a sink takes: all but the virtual ones.
    pub(crate) fn sink_schema(&self) -> SchemaRef {
        let written = self.columns.iter().filter(|column| !column.virtual_column);
        Arc::new(Schema::new(
            written
                .map(|column| column.field.clone())
                .collect::<Vec<_>>(),
        ))
    }
}

/// Where a connector may print.
pub type SharedWriter = Arc<Mutex<dyn Write + Send>>;

/// What a connector gets from the run around it.
#[derive(Clone)]
pub struct ConnectorContext {
    /// The folder that relative paths start from.
    pub base: PathBuf,
    /// Unique id of this run; it is part of file names.
    pub job: String,
    /// Rows of a batch that a source yields (the last of a stream may be shorter).
    pub batch_rows: usize,
    /// Whether the job takes checkpoints.
    pub checkpoints: bool,
    /// Bytes of text that a source reads and hands to a partition at a time.
    pub chunk_bytes: usize,
    /// Where `print` tables go.
    pub stdout: SharedWriter,
    /// Where `print` tables with `standard-error` go.
    pub stderr: SharedWriter,
}

impl ConnectorContext {
    /// A context with the default sizes: batches of 8192 rows, chunks of 1 MiB.
    pub fn new(
        base: impl Into<PathBuf>,
        job: impl Into<String>,
        stdout: SharedWriter,
        stderr: SharedWriter,
    ) -> Self {
        Self {
            base: base.into(),
            job: job.into(),
            batch_rows: 8192,
            checkpoints: false,
            chunk_bytes: 1 << 20,
            stdout,
            stderr,
        }
    }
}

impl std::fmt::Debug for ConnectorContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectorContext")
            .field("base", &self.base)
            .field("job", &self.job)
            .field("batch_rows", &self.batch_rows)
            .field("chunk_bytes", &self.chunk_bytes)
            .finish_non_exhaustive()
    }
}
