//! Parquet, read and written.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{
    ArrayRef, AsArray, Float32Array, Int16Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int64Type};
use expect_test::expect;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use wasmill_connectors::{SourceProgress, source};

use crate::workbench::*;

fn write(bench: &Workbench, name: &str, columns: Vec<(&str, ArrayRef)>, group: usize) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group));
    let mut writer =
        ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build())).unwrap();
    writer.write(&batch).unwrap();
    bench.file(name, writer.into_inner().unwrap());
}

fn numbers(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("n", Arc::new(Int64Array::from_iter_values(0..rows))),
        (
            "s",
            Arc::new(StringArray::from_iter_values(
                (0..rows).map(|row| format!("s{row}")),
            )),
        ),
    ]
}

#[test]
fn row_groups_are_shared_and_columns_found_by_name() {
    let bench = Workbench::new();
    write(&bench, "data/1.parquet", numbers(10_000), 1000);
    write(&bench, "data/2.parquet", numbers(10), 1000);
    let table = files(
        "parquet",
        "data",
        &[
            ("name FROM file.name", STRING),
            ("s", STRING),
            ("n", BIGINT),
        ],
        &[],
    );
    let source = source(&table, &bench.context).unwrap();
    let found = runtime().block_on(source.discover()).unwrap();
    assert_eq!(found.rows, Some(10_010));
    let progress = Arc::new(SourceProgress::default());
    let batches = bench.observed(&table, 2, None, progress.clone()).unwrap();
    let mut all: Vec<_> = batches
        .iter()
        .flat_map(|batch| {
            batch
                .column(2)
                .as_primitive::<Int64Type>()
                .values()
                .to_vec()
        })
        .collect();
    all.sort_unstable();
    let mut expected: Vec<_> = (0..10_000).chain(0..10).collect();
    expected.sort_unstable();
    assert_eq!(all, expected);
    assert_eq!(progress.rows.load(Ordering::Relaxed), 10_010);
    assert_eq!(Some(progress.bytes.load(Ordering::Relaxed)), found.bytes);
    for batch in bench.batches(&table, 2, Some(vec![2, 1])).unwrap() {
        let n = batch.column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!(batch.column(1).as_string::<i32>().value(0), format!("s{n}"));
    }
    let batches = bench.batches(&table, 2, Some(vec![])).unwrap();
    assert_eq!(
        batches.iter().map(RecordBatch::num_rows).sum::<usize>(),
        10_010
    );
}

#[test]
fn lossless_casts() {
    let bench = Workbench::new();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("small", Arc::new(Int16Array::from(vec![1, 2]))),
        ("single", Arc::new(Float32Array::from(vec![0.5, 1.5]))),
        (
            "time",
            Arc::new(TimestampMicrosecondArray::from(vec![1_000, 2_000_000])),
        ),
    ];
    write(&bench, "x.parquet", columns, 10);
    let table = files(
        "parquet",
        "x.parquet",
        &[("small", BIGINT), ("single", DOUBLE), ("time", TIMESTAMP)],
        &[],
    );
    let batch = bench.batch(&table);
    assert_eq!(
        batch.column(0).as_primitive::<Int64Type>().values(),
        &[1, 2]
    );
    assert_eq!(
        batch.column(1).as_primitive::<Float64Type>().values(),
        &[0.5, 1.5]
    );
    let wrong = files("parquet", "x.parquet", &[("single", INT)], &[]);
    expect![[r#"
        error: x.parquet: column single is FLOAT in the file, which cannot be read as INT without loss

        hint: declare it single FLOAT and CAST it in the query
    "#]].assert_eq(&bench.error(&wrong));
    let missing = files("parquet", "x.parquet", &[("singel", DOUBLE)], &[]);
    expect![[r#"
        error: x.parquet: the file has no column singel

        hint: did you mean 'single'?
    "#]]
    .assert_eq(&bench.error(&missing));
}

#[test]
fn what_is_no_parquet() {
    let bench = Workbench::new();
    bench.file("x.parquet", "a,b\n1,2\n");
    expect![[r#"
        error: x.parquet: not a usable Parquet file: Invalid Parquet file. Corrupt footer

        hint: is the file complete, and is 'format' = 'parquet' right for it?
    "#]]
    .assert_eq(&bench.error(&files("parquet", "x.parquet", &[("a", INT)], &[])));
}

/// Every byte of a small file changed, one after the other: an error or rows, never a panic.
#[test]
fn damaged_bytes_bring_nothing_down() {
    let bench = Workbench::new();
    write(&bench, "good.parquet", numbers(100), 50);
    let good = std::fs::read(bench.path("good.parquet")).unwrap();
    let table = files(
        "parquet",
        "bad.parquet",
        &[("n", BIGINT), ("s", STRING)],
        &[],
    );
    let mut errors = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0xFF;
        bench.file("bad.parquet", &bad);
        errors += usize::from(bench.batches(&table, 1, None).is_err());
    }
    for length in (0..good.len()).step_by(7) {
        bench.file("bad.parquet", &good[..length]);
        assert!(bench.batches(&table, 1, None).is_err(), "{length} bytes");
    }
    assert!(errors > 0);
}

#[test]
fn there_and_back() {
    let bench = Workbench::new();
    bench.file(
        "data.json",
        "{\"a\":1,\"r\":{\"x\":[1,null]},\"m\":{\"k\":2},\"ts\":\"2024-05-06 07:08:09.12\"}\n{}\n",
    );
    let columns = [
        ("a", INT),
        ("r", row(&[("x", array(INT))])),
        ("m", map(INT)),
        ("ts", TIMESTAMP),
    ];
    let batch = bench.batch(&files("json", "data.json", &columns, &[]));
    for compression in ["SNAPPY", "ZSTD", "GZIP", "UNCOMPRESSED"] {
        let table = files(
            "parquet",
            compression,
            &columns,
            &[("parquet.compression", compression)],
        );
        bench
            .write(&table, false, std::slice::from_ref(&batch))
            .unwrap();
        assert_eq!(bench.batch(&table), batch, "{compression}");
    }
}
