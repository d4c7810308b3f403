//! Files in an object store, tried on one that lives in memory.

use std::sync::{Arc, LazyLock, Mutex};

use arrow::array::{ArrayRef, Int32Array, RecordBatch};
use arrow::datatypes::{DataType, Field};
use futures::TryStreamExt;
use object_store::memory::InMemory;
use object_store::path::Path;
use url::Url;

use super::location::Location;
use crate::{
    ConnectorContext, ConnectorError, SourceRows, TableColumn, TableDefinition, sink, source,
};

/// What `memory://…` paths name in tests.
pub(super) fn location(url: &Url) -> Location {
    static STORE: LazyLock<Arc<InMemory>> = LazyLock::new(Arc::default);
    Location::Object {
        store: STORE.clone(),
        path: Path::from_url_path(url.path()).unwrap(),
        root: "memory://test".to_owned(),
    }
}

fn context() -> ConnectorContext {
    let out = Arc::new(Mutex::new(std::io::sink()));
    ConnectorContext::new(".", "job", out.clone(), out)
}

fn table(format: &str, path: &str) -> TableDefinition {
    let options = [
        ("connector", "filesystem"),
        ("format", format),
        ("path", path),
    ];
    TableDefinition {
        name: "t".to_owned(),
        columns: vec![TableColumn::physical(Field::new(
            "a",
            DataType::Int32,
            true,
        ))],
        options: options
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        partition_keys: Vec::new(),
        primary_key: Vec::new(),
    }
}

async fn write(table: &TableDefinition, overwrite: bool, numbers: Vec<i32>) {
    let transaction = sink(table, &context())
        .unwrap()
        .begin(overwrite)
        .await
        .unwrap();
    let mut writer = transaction.writer(0).await.unwrap();
    let column: ArrayRef = Arc::new(Int32Array::from(numbers));
    let batch = RecordBatch::try_from_iter_with_nullable([("a", column, true)]).unwrap();
    writer.write(batch).await.unwrap();
    writer.finish().await.unwrap();
    if let Ok(rows) = read(table).await {
        assert!(overwrite, "{rows} rows are visible before the commit");
    }
    transaction.commit().await.unwrap();
}

async fn read(table: &TableDefinition) -> Result<usize, ConnectorError> {
    let source = source(table, &context())?;
    source.discover().await?;
    let mut rows = 0;
    for stream in source.open(2, None, Arc::default()).await? {
        let batches: Vec<SourceRows> = stream.try_collect().await?;
        let counts = batches.iter().map(|rows| rows.batch.num_rows());
        rows += counts.sum::<usize>();
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_visible_at_the_commit_and_found_by_folder_and_glob() {
    for format in ["csv", "json", "parquet"] {
        let folder = format!("memory://test/{format}/out");
        write(&table(format, &folder), false, (0..1000).collect()).await;
        assert_eq!(read(&table(format, &folder)).await.unwrap(), 1000);
        write(&table(format, &folder), true, vec![1, 2, 3]).await;
        assert_eq!(read(&table(format, &folder)).await.unwrap(), 3);
        write(&table(format, &folder), true, (0..1000).collect()).await;
        let glob = format!("memory://test/{format}/*/part-*.{format}");
        assert_eq!(read(&table(format, &glob)).await.unwrap(), 1000);
        let other = format!("memory://test/{format}/*.none");
        assert!(read(&table(format, &other)).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_to_be() {
    let error = read(&table("csv", "memory://test/nowhere/x.csv"))
        .await
        .unwrap_err();
    expect_test::expect!["there is no object memory://test/nowhere/x.csv, nor any below it"]
        .assert_eq(&error.to_string());
}
