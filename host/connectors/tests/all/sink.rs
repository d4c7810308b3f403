//! The filesystem sink: whole or not at all.

use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{Int32Array, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use expect_test::expect;
use wasmill_connectors::{TableDefinition, sink};

use crate::workbench::*;

fn out(options: &[(&str, &str)]) -> TableDefinition {
    files("csv", "results/out", &[("a", INT), ("s", STRING)], options)
}

fn batch(rows: &[(Option<i32>, Option<&str>)]) -> RecordBatch {
    let schema = sink(&out(&[]), &Workbench::new().context).unwrap().schema();
    let numbers = rows.iter().map(|row| row.0).collect::<Int32Array>();
    let texts = rows.iter().map(|row| row.1).collect::<StringArray>();
    RecordBatch::try_new(schema, vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

fn content(bench: &Workbench) -> String {
    let names = bench.names("results/out");
    let files = names.iter().map(|name| {
        let text = std::fs::read_to_string(bench.path("results/out").join(name)).unwrap();
        format!("{name}:\n{text}")
    });
    files.collect()
}

#[test]
fn fields_are_quoted_only_where_they_must_be() {
    let bench = Workbench::new();
    let rows = [
        (Some(1), Some("plain text")),
        (None, None),
        (Some(2), Some("a,b")),
        (Some(3), Some("say \"hi\"")),
        (Some(4), Some("two\nlines")),
    ];
    bench
        .write(&out(&[("csv.header", "true")]), false, &[batch(&rows)])
        .unwrap();
    expect![[r#"
        part-job-0-0.csv:
        a,s
        1,plain text
        ,
        2,"a,b"
        3,"say ""hi"""
        4,"two
        lines"
    "#]]
    .assert_eq(&content(&bench));
    let options = [("csv.header", "true"), ("csv.empty-string-as-null", "true")];
    assert_eq!(bench.batch(&out(&options)), batch(&rows));
}

#[test]
fn appends_keep_what_was_there_and_overwrites_do_not() {
    let mut bench = Workbench::new();
    bench
        .write(
            &out(&[]),
            false,
            &[batch(&[(Some(1), None)]), batch(&[(Some(2), None)])],
        )
        .unwrap();
    let first = bench.path("results/out/part-job-0-0.csv");
    let inode = std::fs::metadata(&first).unwrap().ino();
    bench
        .write(&out(&[]), false, &[batch(&[(Some(3), None)])])
        .unwrap();
    assert_eq!(std::fs::metadata(&first).unwrap().ino(), inode);
    expect![[r#"
        part-job-0-0-1.csv:
        3,
        part-job-0-0.csv:
        1,
        part-job-1-1.csv:
        2,
    "#]]
    .assert_eq(&content(&bench));
    bench.context.job = "other".to_owned();
    bench
        .write(&out(&[]), true, &[batch(&[(Some(4), None)])])
        .unwrap();
    expect![[r#"
        part-other-0-0.csv:
        4,
    "#]]
    .assert_eq(&content(&bench));
    assert_eq!(bench.names("results"), ["out/part-other-0-0.csv"]);
}

#[test]
fn nothing_is_visible_before_the_commit_or_after_an_abort() {
    let bench = Workbench::new();
    bench
        .write(&out(&[]), false, &[batch(&[(Some(1), None)])])
        .unwrap();
    let before = content(&bench);
    let sink = sink(&out(&[]), &bench.context).unwrap();
    runtime().block_on(async {
        for end in ["abort", "drop", "unfinished"] {
            let transaction = sink.begin(true).await.unwrap();
            let mut writer = transaction.writer(0).await.unwrap();
            writer.write(batch(&[(Some(9), None)])).await.unwrap();
            if end != "unfinished" {
                writer.finish().await.unwrap();
            }
            assert_eq!(content(&bench), before);
            assert_eq!(std::fs::read_dir(bench.path("results")).unwrap().count(), 2);
            if end == "abort" {
                transaction.abort().await;
                let error = transaction.commit().await.unwrap_err();
                assert!(error.to_string().contains("after its commit"), "{error}");
            }
        }
    });
    assert_eq!(content(&bench), before);
    assert_eq!(std::fs::read_dir(bench.path("results")).unwrap().count(), 1);
}

#[test]
fn writers_that_did_not_finish_are_no_part_of_the_commit() {
    let bench = Workbench::new();
    let sink = sink(&out(&[]), &bench.context).unwrap();
    runtime().block_on(async {
        let transaction = sink.begin(false).await.unwrap();
        let mut finished = transaction.writer(0).await.unwrap();
        let mut dropped = transaction.writer(1).await.unwrap();
        finished.write(batch(&[(Some(1), None)])).await.unwrap();
        dropped.write(batch(&[(Some(2), None)])).await.unwrap();
        finished.finish().await.unwrap();
        drop(dropped);
        transaction.commit().await.unwrap();
    });
    assert_eq!(bench.names("results/out"), ["part-job-0-0.csv"]);
}

#[test]
fn what_a_killed_run_left_is_removed_by_the_next() {
    let bench = Workbench::new();
    // A process that has run and is gone.
    let mut child = Command::new("true").spawn().unwrap();
    let gone = child.id();
    child.wait().unwrap();
    bench.file(
        &format!("results/.out.old.{gone}-0.staging/part.csv"),
        "1,\n",
    );
    let own = format!(
        "results/.out.old.{}-7777.staging/part.csv",
        std::process::id()
    );
    bench.file(&own, "1,\n");
    let parent = std::os::unix::process::parent_id();
    let alive = format!("results/.out.old.{parent}-0.staging/part.csv");
    bench.file(&alive, "1,\n");
    bench.file(
        &format!("results/.other.old.{gone}-0.staging/part.csv"),
        "1,\n",
    );
    bench
        .write(&out(&[]), false, &[batch(&[(Some(1), None)])])
        .unwrap();
    let names = bench.names("results");
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with(&format!(".out.old.{gone}")))
    );
}

#[test]
fn partitions_are_folders_and_overwrites_replace_only_theirs() {
    let bench = Workbench::new();
    let mut table = out(&[("sink.partition-commit.policy.kind", "success-file")]);
    table.partition_keys = vec!["s".to_owned()];
    let rows = [
        (Some(1), Some("x")),
        (Some(2), Some("a/b")),
        (Some(3), None),
        (Some(4), Some("x")),
    ];
    bench.write(&table, false, &[batch(&rows)]).unwrap();
    expect![[r#"
        s=__DEFAULT_PARTITION__/_SUCCESS:
        s=__DEFAULT_PARTITION__/part-job-0-2.csv:
        3
        s=a%2Fb/_SUCCESS:
        s=a%2Fb/part-job-0-1.csv:
        2
        s=x/_SUCCESS:
        s=x/part-job-0-0.csv:
        1
        4
    "#]]
    .assert_eq(&content(&bench));
    bench
        .write(&table, true, &[batch(&[(Some(5), Some("x"))])])
        .unwrap();
    let rows = bench.rows(&table);
    expect![[r#"
        +---+-----+
        | a | s   |
        +---+-----+
        | 3 |     |
        | 2 | a/b |
        | 5 | x   |
        +---+-----+
    "#]]
    .assert_eq(&rows);
}

#[test]
fn large_parts_are_rolled() {
    let bench = Workbench::new();
    let rows: Vec<_> = (0..1000)
        .map(|row| (Some(row), Some("0123456789")))
        .collect();
    let table = out(&[("sink.rolling-policy.file-size", "20kb")]);
    let sink = sink(&table, &bench.context).unwrap();
    runtime().block_on(async {
        let transaction = sink.begin(false).await.unwrap();
        let mut writer = transaction.writer(0).await.unwrap();
        for _ in 0..4 {
            writer.write(batch(&rows)).await.unwrap();
        }
        writer.finish().await.unwrap();
        transaction.commit().await.unwrap();
    });
    assert_eq!(bench.names("results/out").len(), 2);
    assert_eq!(bench.batch(&table).num_rows(), 4000);
}

#[test]
fn paths_that_cannot_be_written() {
    let bench = Workbench::new();
    bench.file("file", "x");
    let error = |path: &str| {
        let table = files("csv", path, &[("a", INT), ("s", STRING)], &[]);
        let error = bench
            .write(&table, false, &[batch(&[(Some(1), None)])])
            .unwrap_err();
        bench.text(&error)
    };
    expect![[r#"
        error: cannot write file: a sink's path is a folder, and this is, or lies below, a file

        hint: choose another 'path', or remove the file
    "#]]
    .assert_eq(&error("file"));
    expect![[r#"
        error: cannot write file/below: a sink's path is a folder, and this is, or lies below, a file

        hint: choose another 'path', or remove the file
    "#]].assert_eq(&error("file/below"));
    expect![[r#"
        error: cannot write /proc/out: its folder cannot be made
    "#]]
    .assert_eq(&error("/proc/out"));
}

#[test]
fn declarations_that_cannot_be_written() {
    let bench = Workbench::new();
    let error = |mut table: TableDefinition, keys: &[&str]| {
        table.partition_keys = keys.iter().map(|key| key.to_string()).collect();
        bench.text(&sink(&table, &bench.context).unwrap_err())
    };
    expect![[r#"
        error: table t: every column is a partition key, so that its files would hold nothing
    "#]]
    .assert_eq(&error(out(&[]), &["a", "s"]));
    expect![[r#"
        error: table t: PARTITIONED BY names b, which is no column that is written
    "#]]
    .assert_eq(&error(out(&[]), &["b"]));
    let nested = files("csv", "out", &[("m", map(INT))], &[]);
    expect![[r#"
        error: table t: column m is MAP<STRING, INT>, which the format csv cannot carry

        hint: other formats, such as json, carry nested types
    "#]]
    .assert_eq(&error(nested, &[]));
    let roll = out(&[("sink.rolling-policy.file-size", "many")]);
    expect![[r#"
        error: table t: option 'sink.rolling-policy.file-size' must be a size such as '128mb', not 'many'
    "#]].assert_eq(&error(roll, &[]));
}

#[test]
fn doubles_are_written_as_java_writes_them() {
    let bench = Workbench::new();
    bench.file(
        "in.csv",
        "1.0\n100\n0.0001\n12345678.9\nNaN\n-Infinity\n0.1\n\"\"\n",
    );
    let columns = [("d", DataType::Float64)];
    let batch = bench.batch(&files("csv", "in.csv", &columns, &[]));
    bench
        .write(&files("csv", "out", &columns, &[]), false, &[batch])
        .unwrap();
    let written = std::fs::read_to_string(bench.path("out/part-job-0-0.csv")).unwrap();
    assert_eq!(
        written,
        "1.0\n100.0\n1.0E-4\n1.23456789E7\nNaN\n-Infinity\n0.1\n\"\"\n"
    );
}
