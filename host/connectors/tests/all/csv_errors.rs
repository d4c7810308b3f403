//! What bad CSV text is answered with.

use expect_test::{Expect, expect};

use crate::workbench::*;

fn check(text: impl AsRef<[u8]>, options: &[(&str, &str)], expected: Expect) {
    let bench = Workbench::new();
    bench.file("data/test.tsv", text);
    let columns = [("label", INT), ("f1", DOUBLE), ("f2 NOT NULL", STRING)];
    let mut all = vec![("csv.field-delimiter", "\\t")];
    all.extend_from_slice(options);
    let table = files("csv", "data/test.tsv", &columns, &all);
    expected.assert_eq(&bench.error(&table));
}

#[test]
fn text_in_a_number_column() {
    let rows: String = (0..16).map(|row| format!("{row}\t1.5\tx\n")).collect();
    check(
        rows.clone() + "17\tabc\tx\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 17, column f1 (field 2): 'abc' is not a DOUBLE

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]],
    );
    check(
        "label\tf1\tf2\n1\t2\tx\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 1, column label (field 1): 'label' is not an INT

        hint: if the first line names the columns, set 'csv.header' = 'true'
    "#]],
    );
    check(
        "1\t2\t\"two\nlines\"\n3000000000\t2\tx\n",
        &[],
        expect![[r#"
            error: data/test.tsv, line 3, column label (field 1): '3000000000' is not an INT

            hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
        "#]],
    );
    check(
        "1\t2\tx\r\n2\t1,5\ty\r\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 2, column f1 (field 2): '1,5' is not a DOUBLE

        hint: 'csv.ignore-parse-errors' = 'true' turns such fields into NULL
    "#]],
    );
}

#[test]
fn too_few_and_too_many_columns() {
    check(
        "1\t2\tx\n3\t4\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 2: 2 fields where 3 columns are expected

        hint: 'csv.ignore-parse-errors' = 'true' fills missing fields with NULL
    "#]],
    );
    check(
        "1\t2\tx\n3\t4\ty\tz\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 2: 4 fields where 3 columns are expected

        hint: 'csv.ignore-trailing-unmappable' = 'true' skips the fields behind the last column
    "#]],
    );
}

#[test]
fn a_wrong_delimiter() {
    check(
        "1,2.5,x\n",
        &[],
        expect![[r#"
        error: data/test.tsv, line 1: 1 field where 3 columns are expected

        hint: is the delimiter another one? try 'csv.field-delimiter' = ','
    "#]],
    );
    check(
        "1\t2.5\tx\n",
        &[("csv.field-delimiter", ",")],
        expect![[r#"
            error: data/test.tsv, line 1: 1 field where 3 columns are expected

            hint: is the delimiter another one? try 'csv.field-delimiter' = '\t'
        "#]],
    );
}

#[test]
fn nulls_where_none_are_allowed() {
    check(
        "1\t2\tx\n1\t2\tNULL\n",
        &[("csv.null-literal", "NULL")],
        expect![[r#"
            error: data/test.tsv, line 2, column f2 (field 3): the field is NULL, but declared NOT NULL

            hint: declare it f2 STRING to allow NULL
        "#]],
    );
}

#[test]
fn text_that_is_not_utf8() {
    check(
        b"1\t2\tx\n1\t2\t\xff\xfe\n",
        &[],
        expect![[r#"
            error: data/test.tsv, line 2, column f2 (field 3): '��' is not UTF-8 text

            hint: convert it to UTF-8, for example with iconv
        "#]],
    );
}

#[test]
fn broken_quotes() {
    check(
        "1\t2\tx\n1\t2\t\"open\n3\t4\ty\n",
        &[],
        expect![[r#"
            error: data/test.tsv, line 2: a quote is opened and never closed

            hint: if quotes mean nothing here, set 'csv.disable-quote-character' = 'true'
        "#]],
    );
    check(
        "1\t2\t\"x\" y\n",
        &[],
        expect![[r#"
            error: data/test.tsv, line 1: there is text between a closing quote and the next delimiter

            hint: if quotes mean nothing here, set 'csv.disable-quote-character' = 'true'
        "#]],
    );
}

#[test]
fn headers_that_lack_a_column() {
    check(
        "label\tF1\tf2\n1\t2\tx\n",
        &[("csv.header", "true")],
        expect![[r#"
            error: data/test.tsv, line 1: the header has no column f1

            hint: did you mean 'F1'?
        "#]],
    );
}

#[test]
fn missing_files() {
    let bench = Workbench::new();
    bench.file("data/test.tsv", "1\n");
    std::fs::create_dir(bench.path("empty")).unwrap();
    let error = |path: &str| bench.error(&files("csv", path, &[("a", INT)], &[]));
    expect![[r#"
        error: there is no file or folder data/tset.tsv

        hint: did you mean 'test.tsv'?
    "#]]
    .assert_eq(&error("data/tset.tsv"));
    expect![[r#"
        error: there is no file or folder nowhere/test.tsv

        hint: relative paths start from the job's folder, /folder
    "#]]
    .assert_eq(&error("nowhere/test.tsv"));
    expect![[r#"
        error: the folder empty holds no files

        hint: files and folders whose names start with '.' or '_' are not data and are skipped
    "#]]
    .assert_eq(&error("empty"));
    expect![[r#"
        error: no file matches data/*.csv

        hint: relative paths start from the job's folder, /folder
    "#]]
    .assert_eq(&error("data/*.csv"));
}

#[test]
fn damaged_gzip() {
    let bench = Workbench::new();
    bench.file("data.csv.gz", "this is no gzip");
    let table = files("csv", "data.csv.gz", &[("a", INT)], &[]);
    expect![[r#"
        error: data.csv.gz: the compressed data are damaged behind line 1: invalid gzip header

        hint: is the file complete, and of the kind that its ending says?
    "#]]
    .assert_eq(&bench.error(&table));
}

#[test]
fn files_that_are_no_text() {
    check(
        b"\x1f\x8b\x08\0rest",
        &[],
        expect![[r#"
            error: data/test.tsv: this is compressed with gzip, where UTF-8 text is expected

            hint: the name's ending decides: .gz for gzip, .zst for zstd
        "#]],
    );
    check(
        b"BZh91AY&SYrest",
        &[],
        expect![[r#"
            error: data/test.tsv: this is compressed with bzip2, where UTF-8 text is expected

            hint: gzip and zstd are supported
        "#]],
    );
    check(
        b"PAR1\x15rest",
        &[],
        expect![[r#"
            error: data/test.tsv: this is a Parquet file, where UTF-8 text is expected

            hint: set 'format' = 'parquet'
        "#]],
    );
    check(
        b"\xff\xfe1\0\t\0",
        &[],
        expect![[r#"
            error: data/test.tsv: this is UTF-16 text, where UTF-8 text is expected

            hint: convert it to UTF-8, for example with iconv
        "#]],
    );
}
