//! Files of other programs: what pyarrow and Python's own json and csv write and read.

use std::process::Command;

use arrow::datatypes::{DataType, TimeUnit};
use expect_test::expect;

use crate::workbench::*;

/// Runs a script in the test's folder with the Python that the project's set-up makes.
fn python(bench: &Workbench, script: &str) -> String {
    let python = std::env::var("WASMILL_PYTHON").unwrap_or_else(|_| {
        let cache = std::env::var("WASMILL_CACHE_DIR").unwrap_or_else(|_| {
            let home = std::env::var("HOME").unwrap();
            let cache = std::env::var("XDG_CACHE_HOME").unwrap_or(format!("{home}/.cache"));
            format!("{cache}/wasmill")
        });
        format!("{cache}/python/bin/python")
    });
    let output = Command::new(&python)
        .args(["-c", script])
        .current_dir(bench.folder.path())
        .output()
        .unwrap_or_else(|error| panic!("{python}: {error}; `cargo xtask test` sets it up"));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn parquet_of_pyarrow_with_old_timestamps() {
    let bench = Workbench::new();
    python(
        &bench,
        "
import datetime, decimal, pyarrow, pyarrow.parquet as parquet
table = pyarrow.table({
    'i': pyarrow.array([1, None], pyarrow.int16()),
    'ts': pyarrow.array([datetime.datetime(1500, 1, 2, 3, 4, 5, 678000), None], pyarrow.timestamp('us')),
    'words': pyarrow.array(['a', None]).dictionary_encode(),
    'dec': pyarrow.array([decimal.Decimal('1.25'), None], pyarrow.decimal128(9, 2)),
    'list': pyarrow.array([[1, None], None], pyarrow.list_(pyarrow.int32())),
    'row': pyarrow.array([{'x': 1.5}, None]),
    'map': pyarrow.array([[('k', 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
})
parquet.write_table(table, 'x.parquet', use_deprecated_int96_timestamps=True)
",
    );
    let columns = [
        ("i", INT),
        ("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
        ("words", STRING),
        ("dec", DataType::Decimal128(10, 2)),
        ("list", array(INT)),
        ("row", row(&[("x", DOUBLE)])),
        ("map", map(BIGINT)),
    ];
    expect![[r#"
        +---+-------------------------+-------+------+-------+----------+--------+
        | i | ts                      | words | dec  | list  | row      | map    |
        +---+-------------------------+-------+------+-------+----------+--------+
        | 1 | 1500-01-02T03:04:05.678 | a     | 1.25 | [1, ] | {x: 1.5} | {k: 1} |
        |   |                         |       |      |       |          |        |
        +---+-------------------------+-------+------+-------+----------+--------+
    "#]]
    .assert_eq(&bench.rows(&files("parquet", "x.parquet", &columns, &[])));
}

#[test]
fn python_reads_what_the_sinks_write() {
    let bench = Workbench::new();
    let text = "1,0.1,\"a,\"\"b\"\"\nc\"\n-2,1e300,é\n3,NaN,\n";
    bench.file("in.csv", text);
    let columns = [("a", INT), ("d", DOUBLE), ("s", STRING)];
    let batch = bench.batch(&files("csv", "in.csv", &columns, &[]));
    for format in ["csv", "json", "parquet"] {
        bench
            .write(
                &files(format, format, &columns, &[]),
                false,
                std::slice::from_ref(&batch),
            )
            .unwrap();
    }
    let read = python(
        &bench,
        "
import csv, glob, json, pyarrow.parquet as parquet
part = lambda name: glob.glob(name + '/part-*')[0]
rows = [[int(a), float(d), s] for a, d, s in csv.reader(open(part('csv'), newline=''))]
print(rows)
print([[r['a'], float(r['d']), r['s']] for r in map(json.loads, open(part('json')))])
print([list(r.values()) for r in parquet.read_table(part('parquet')).to_pylist()])
",
    );
    let expected = "[[1, 0.1, 'a,\"b\"\\nc'], [-2, 1e+300, 'é'], [3, nan, '']]\n";
    assert_eq!(read, expected.repeat(3));
}
