//! Data that is not what the job says.

use expect_test::{Expect, expect};

use crate::support::Job;

const COUNT: &str = "
CREATE TABLE t (id INT, price DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data');
CREATE TABLE out (id INT, price DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO out SELECT * FROM t;
";

/// Runs the job over one file; it must fail and show nothing.
fn check(content: &str, expected: Expect) {
    let job = Job::new(COUNT).file("data/part.csv", content);
    expected.assert_eq(&job.run());
    assert_eq!(
        job.listing(),
        ["data", "job.sql"],
        "no sink, not even a hidden one"
    );
}

#[test]
fn missing_file() {
    let job = Job::new(COUNT);
    expect![[r#"
        exit 2
        error: there is no file or folder data
         --> job.sql:2:14
          |
        2 | CREATE TABLE t (id INT, price DOUBLE, name STRING) WITH (
          |              ^

        hint: relative paths start from the job's folder, [JOB]
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn folder_without_files() {
    let job = Job::new(COUNT);
    std::fs::create_dir(job.path("data")).unwrap();
    expect![[r#"
        exit 2
        error: the folder data holds no files
         --> job.sql:2:14
          |
        2 | CREATE TABLE t (id INT, price DOUBLE, name STRING) WITH (
          |              ^

        hint: files and folders whose names start with '.' or '_' are not data and are skipped
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn wrong_delimiter() {
    check(
        "1\t0.5\ta\n2\t1.5\tb\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 1: 1 field where 3 columns are expected

        hint: is the delimiter another one? try 'csv.field-delimiter' = '\t'
    "#]],
    );
}

#[test]
fn text_for_a_double() {
    check(
        "1,0.5,a\n2,cheap,b\n3,1.5,c\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 2, column price (field 2): 'cheap' is not a DOUBLE

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]],
    );
}

#[test]
fn text_for_an_int() {
    check(
        "1,0.5,a\n2.5,0.5,b\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 2, column id (field 1): '2.5' is not an INT

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]],
    );
}

#[test]
fn number_too_large() {
    check(
        "1,0.5,a\n3000000000,0.5,b\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 2, column id (field 1): '3000000000' is not an INT

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]],
    );
}

#[test]
fn too_few_columns() {
    check(
        "1,0.5,a\n2,0.5\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 2: 2 fields where 3 columns are expected

        hint: 'csv.ignore-parse-errors' = 'true' fills missing fields with NULL
    "#]],
    );
}

#[test]
fn too_many_columns() {
    check(
        "1,0.5,a\n2,0.5,b,c\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 2: 4 fields where 3 columns are expected

        hint: 'csv.ignore-trailing-unmappable' = 'true' skips the fields behind the last column
    "#]],
    );
}

#[test]
fn not_utf8() {
    let job = Job::new(COUNT).file("data/part.csv", b"1,0.5,a\n2,0.5,\xff\xfe\n");
    expect![[r#"
        exit 1
        error: data/part.csv, line 2, column name (field 3): '��' is not UTF-8 text

        hint: convert it to UTF-8, for example with iconv
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn empty_file_has_no_rows() {
    let job = Job::new(COUNT).file("data/part.csv", "");
    expect![[r#"
        exit 0
        out: 0 rows
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.rows("out"), Vec::<String>::new());
}

#[test]
fn bad_json_names_its_line() {
    let sql = COUNT.replace("'csv', 'path' = 'data'", "'json', 'path' = 'data'");
    let job = Job::new(&sql).file(
        "data/part.json",
        "{\"id\": 1, \"price\": 0.5, \"name\": \"a\"}\n{\"id\": \"two\", \"price\": 0.5}\n",
    );
    expect![[r#"
        exit 1
        error: data/part.json, line 2, field id: "two" is not an INT

        hint: 'json.ignore-parse-errors' = 'true' turns such fields into NULL and leaves out what is no object
    "#]].assert_eq(&job.run());
}

#[test]
fn not_parquet() {
    let sql = COUNT.replace("'csv', 'path' = 'data'", "'parquet', 'path' = 'data'");
    let job = Job::new(&sql).file("data/part.parquet", "1,0.5,a\n");
    expect![[r#"
        exit 2
        error: data/part.parquet: not a usable Parquet file: Invalid Parquet file. Corrupt footer

        hint: is the file complete, and is 'format' = 'parquet' right for it?
    "#]]
    .assert_eq(&job.run());
}

#[test]
fn ignore_parse_errors_nulls_the_field() {
    let sql = COUNT.replace(
        "'path' = 'data'",
        "'csv.ignore-parse-errors' = 'true', 'path' = 'data'",
    );
    let job = Job::new(&sql).file("data/part.csv", "1,0.5,a\n2,cheap,b\n");
    expect![[r#"
        exit 0
        out: 2 rows
        1 bad value or row ignored
    "#]]
    .assert_eq(&job.run());
    assert_eq!(job.rows("out"), ["1,0.5,a", "2,,b"]);
}

#[test]
fn sink_under_a_file() {
    let sql = COUNT.replace("'path' = 'out'", "'path' = 'job.sql/out'");
    let job = Job::new(&sql).file("data/part.csv", "1,0.5,a\n");
    expect![[r#"
        exit 1
        error: cannot write job.sql/out: a sink's path is a folder, and this is, or lies below, a file

        hint: choose another 'path', or remove the file
    "#]].assert_eq(&job.run());
}

#[test]
fn full_disk() {
    let job = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '100000',
           'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '100000');
         CREATE TABLE out (id INT) WITH ('connector' = 'print');
         INSERT INTO out SELECT id FROM t;",
    );
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = job.command().stdout(full).output().unwrap();
    expect![[r#"
        exit 1
        error: cannot write the output of print: no space left on device
    "#]]
    .assert_eq(&job.told(&output));
}

#[test]
fn closed_pipe_ends_quietly() {
    let job = Job::new(
        "CREATE TABLE t (id INT) WITH ('connector' = 'datagen', 'number-of-rows' = '100000');
         CREATE TABLE out (id INT) WITH ('connector' = 'print');
         INSERT INTO out SELECT id FROM t;",
    );
    let mut child = job
        .command()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(job.told(&output), "exit 0\n");
}

#[test]
fn data_cannot_write_to_the_terminal() {
    check(
        "1,\u{1b}[31mred\u{7},a\n",
        expect![[r#"
        exit 1
        error: data/part.csv, line 1, column price (field 2): '\u{1b}[31mred\u{7}' is not a DOUBLE

        hint: if the first line names the columns, set 'csv.header' = 'true'
    "#]],
    );
}

#[test]
fn long_values_are_cut() {
    let job = Job::new(COUNT).file("data/part.csv", format!("1,{},a\n", "x".repeat(1_000_000)));
    let told = job.run();
    assert!(told.len() < 5_000, "{} bytes", told.len());
}

#[test]
fn compressed_without_the_ending() {
    let job = Job::new(COUNT).file("data/part.csv", b"\x1f\x8b\x08\0\0\0\0\0");
    expect![[r#"
        exit 1
        error: data/part.csv: this is compressed with gzip, where UTF-8 text is expected

        hint: the name's ending decides: .gz for gzip, .zst for zstd
    "#]]
    .assert_eq(&job.run());
}
