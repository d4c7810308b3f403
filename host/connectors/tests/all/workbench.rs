//! A folder of its own for each test, with tables over it.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use wasmill_connectors::{
    ConnectorContext, ConnectorError, SharedWriter, SourceProgress, TableColumn, TableDefinition,
    sink, source,
};

pub struct Workbench {
    pub folder: tempfile::TempDir,
    pub context: ConnectorContext,
    pub stdout: Arc<Mutex<Vec<u8>>>,
    pub stderr: Arc<Mutex<Vec<u8>>>,
}

impl Workbench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stdout: Arc<Mutex<Vec<u8>>> = Arc::default();
        let stderr: Arc<Mutex<Vec<u8>>> = Arc::default();
        let writers: (SharedWriter, SharedWriter) = (stdout.clone(), stderr.clone());
        let context = ConnectorContext::new(folder.path(), "job", writers.0, writers.1);
        Self {
            folder,
            context,
            stdout,
            stderr,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::File::create(path)
            .unwrap()
            .write_all(content.as_ref())
            .unwrap();
        self
    }

    /// The batches of a table, read by so many partitions.
    pub fn batches(
        &self,
        table: &TableDefinition,
        partitions: usize,
        projection: Option<Vec<usize>>,
    ) -> Result<Vec<RecordBatch>, ConnectorError> {
        self.observed(table, partitions, projection, Arc::default())
    }

    pub fn observed(
        &self,
        table: &TableDefinition,
        partitions: usize,
        projection: Option<Vec<usize>>,
        progress: Arc<SourceProgress>,
    ) -> Result<Vec<RecordBatch>, ConnectorError> {
        runtime().block_on(async {
            let source = source(table, &self.context)?;
            source.discover().await?;
            let streams = source.open(partitions, projection, progress).await?;
            let tasks: Vec<_> = streams
                .into_iter()
                .map(|stream| stream.map_ok(|rows| rows.batch))
                .map(|stream| tokio::spawn(stream.try_collect::<Vec<_>>()))
                .collect();
            let mut batches = Vec::new();
            for task in tasks {
                batches.extend(task.await.unwrap()?);
            }
            Ok(batches)
        })
    }

    /// All rows of a table, in the order of the file.
    pub fn batch(&self, table: &TableDefinition) -> RecordBatch {
        let batches = self.batches(table, 1, None).unwrap();
        let schema = source(table, &self.context).unwrap().schema();
        concat_batches(&schema, &batches).unwrap()
    }

    /// All rows of a table, as a drawing.
    pub fn rows(&self, table: &TableDefinition) -> String {
        let mut text = pretty_format_batches(&[self.batch(table)])
            .unwrap()
            .to_string();
        text.push('\n');
        text
    }

    /// The whole text of the error that reading a table ends with.
    pub fn error(&self, table: &TableDefinition) -> String {
        self.text(&self.batches(table, 1, None).unwrap_err())
    }

    /// An error as the program renders it, with the test's folder cut out.
    pub fn text(&self, error: &ConnectorError) -> String {
        let text = match error.hint() {
            Some(hint) => format!("error: {error}\n\nhint: {hint}\n"),
            None => format!("error: {error}\n"),
        };
        text.replace(&self.folder.path().display().to_string(), "/folder")
    }

    /// Writes batches into a table, one writer each, and commits.
    pub fn write(
        &self,
        table: &TableDefinition,
        overwrite: bool,
        batches: &[RecordBatch],
    ) -> Result<(), ConnectorError> {
        runtime().block_on(async {
            let sink = sink(table, &self.context)?;
            let transaction = sink.begin(overwrite).await?;
            for (partition, batch) in batches.iter().enumerate() {
                let mut writer = transaction.writer(partition).await?;
                writer.write(batch.clone()).await?;
                writer.finish().await?;
            }
            transaction.commit().await
        })
    }

    /// Names of the files below a folder, hidden ones too, sorted.
    pub fn names(&self, folder: &str) -> Vec<String> {
        fn walk(folder: &std::path::Path, prefix: &str, names: &mut Vec<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                match entry.path().is_dir() {
                    true => walk(&entry.path(), &format!("{name}/"), names),
                    false => names.push(name),
                }
            }
        }
        let mut names = Vec::new();
        walk(&self.path(folder), "", &mut names);
        names.sort();
        names
    }

    pub fn printed(&self) -> String {
        String::from_utf8(self.stdout.lock().unwrap().clone()).unwrap()
    }
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// A table `t`; columns as `name TYPE [NOT NULL]`, options besides.
pub fn table(columns: &[(&str, DataType)], options: &[(&str, &str)]) -> TableDefinition {
    let columns = columns.iter().map(|(name, kind)| {
        let (name, nullable) = match name.strip_suffix(" NOT NULL") {
            Some(name) => (name, false),
            None => (*name, true),
        };
        let (name, metadata) = match name.split_once(" FROM ") {
            Some((name, key)) => (name, Some(key.to_owned())),
            None => (name, None),
        };
        TableColumn {
            field: Field::new(name, kind.clone(), nullable),
            virtual_column: metadata.is_some(),
            metadata,
        }
    });
    let options = options.iter();
    TableDefinition {
        name: "t".to_owned(),
        columns: columns.collect(),
        options: options
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    }
}

/// A `filesystem` table.
pub fn files(
    format: &str,
    path: &str,
    columns: &[(&str, DataType)],
    options: &[(&str, &str)],
) -> TableDefinition {
    let mut all = vec![
        ("connector", "filesystem"),
        ("format", format),
        ("path", path),
    ];
    all.extend_from_slice(options);
    table(columns, &all)
}

pub const INT: DataType = DataType::Int32;
pub const BIGINT: DataType = DataType::Int64;
pub const DOUBLE: DataType = DataType::Float64;
pub const STRING: DataType = DataType::Utf8;
pub const BOOLEAN: DataType = DataType::Boolean;
pub const BYTES: DataType = DataType::Binary;
pub const DATE: DataType = DataType::Date32;
pub const TIME: DataType = DataType::Time32(TimeUnit::Millisecond);
pub const TIMESTAMP: DataType = DataType::Timestamp(TimeUnit::Millisecond, None);

pub fn timestamp_ltz() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

pub fn array(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, true)))
}

pub fn row(fields: &[(&str, DataType)]) -> DataType {
    let fields = fields.iter();
    DataType::Struct(
        fields
            .map(|(name, kind)| Field::new(*name, kind.clone(), true))
            .collect(),
    )
}

pub fn map(value: DataType) -> DataType {
    let entries = DataType::Struct(
        vec![
            Field::new("key", STRING, false),
            Field::new("value", value, true),
        ]
        .into(),
    );
    DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
}
