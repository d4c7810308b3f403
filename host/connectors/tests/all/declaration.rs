//! What a wrong declaration is answered with, before any data are touched.

use expect_test::{Expect, expect};
use wasmill_connectors::{connectors, sink, source};

use crate::workbench::*;

fn refused(options: &[(&str, &str)], expected: Expect) {
    let bench = Workbench::new();
    let table = table(&[("a", INT), ("b", STRING)], options);
    let error = source(&table, &bench.context).unwrap_err();
    expected.assert_eq(&bench.text(&error));
}

const CSV: [(&str, &str); 3] = [
    ("connector", "filesystem"),
    ("format", "csv"),
    ("path", "x"),
];

fn refused_csv(options: &[(&str, &str)], expected: Expect) {
    refused(&[&CSV, options].concat(), expected);
}

#[test]
fn connectors_and_formats() {
    refused(
        &[],
        expect![[r#"
        error: table t: option 'connector' is missing

        hint: for example 'connector' = 'filesystem'
    "#]],
    );
    refused(
        &[("connector", "filesytem")],
        expect![[r#"
        error: table t: there is no connector 'filesytem'

        hint: did you mean 'filesystem'?
    "#]],
    );
    refused(
        &[("connector", "hive")],
        expect![[r#"
            error: table t: there is no connector 'hive'

            hint: known connectors: filesystem, kafka, upsert-kafka, print, blackhole, datagen, postgres, jdbc
        "#]],
    );
    refused(
        &[("connector", "print")],
        expect![[r#"
            error: table t: the connector 'print' cannot be read, only written

            hint: readable connectors: filesystem, kafka, upsert-kafka, datagen
        "#]],
    );
    refused(
        &[("connector", "filesystem"), ("path", "x")],
        expect![[r#"
            error: table t: option 'format' is missing

            hint: for example 'format' = 'csv'
        "#]],
    );
    refused(
        &[
            ("connector", "filesystem"),
            ("path", "x"),
            ("format", "cvs"),
        ],
        expect![[r#"
            error: table t: the connector 'filesystem' has no format 'cvs'

            hint: did you mean 'csv'?
        "#]],
    );
    refused(
        &[("connector", "filesystem"), ("format", "csv")],
        expect![[r#"
            error: table t: option 'path' is missing

            hint: for example 'path' = 'data/input.csv'
        "#]],
    );
}

#[test]
fn unknown_options() {
    refused_csv(
        &[("csv.field-delimeter", ",")],
        expect![[r#"
        error: table t: the connector 'filesystem' with format 'csv' has no option 'csv.field-delimeter'

        hint: did you mean 'csv.field-delimiter'?
    "#]],
    );
    refused_csv(
        &[("json.ignore-parse-errors", "true")],
        expect![[r#"
        error: table t: the connector 'filesystem' with format 'csv' has no option 'json.ignore-parse-errors'

        hint: it belongs to format 'json'
    "#]],
    );
    refused(
        &[("connector", "datagen"), ("fields.c.min", "1")],
        expect![[r#"
            error: table t: the connector 'datagen' has no option 'fields.c.min'

            hint: did you mean 'fields.a.min'?
        "#]],
    );
}

#[test]
fn wrong_values() {
    refused_csv(
        &[("csv.ignore-parse-errors", "yes")],
        expect![[r#"
        error: table t: option 'csv.ignore-parse-errors' must be 'true' or 'false', not 'yes'
    "#]],
    );
    refused_csv(
        &[("csv.field-delimiter", "||")],
        expect![[r#"
        error: table t: option 'csv.field-delimiter' must be one ASCII character (or an escape such as '\t'), not '||'
    "#]],
    );
    refused_csv(
        &[("csv.quote-character", ",")],
        expect![[r#"
        error: table t: option 'csv.quote-character' must be another character than the field delimiter, not ','
    "#]],
    );
    refused_csv(
        &[("source.monitor-interval", "0 s")],
        expect![[r#"
        error: table t: option 'source.monitor-interval' must be longer than nothing, not '0 s'
    "#]],
    );
    refused_csv(
        &[("source.path.regex-pattern", "(")],
        expect![[r#"
        error: table t: option 'source.path.regex-pattern' must be a regular expression, not '('
    "#]],
    );
    refused(
        &[
            ("connector", "filesystem"),
            ("format", "json"),
            ("path", "x"),
            ("json.timestamp-format.standard", "ISO8601"),
        ],
        expect![[r#"
            error: table t: option 'json.timestamp-format.standard' must be 'SQL' or 'ISO-8601', not 'ISO8601'

            hint: did you mean 'ISO-8601'?
        "#]],
    );
    refused(
        &[
            ("connector", "filesystem"),
            ("format", "csv"),
            ("path", "gopher://x/y"),
        ],
        expect![[r#"
            error: the path 'gopher://x/y' is not usable: there is no storage 'gopher'

            hint: paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)
        "#]],
    );
}

#[test]
fn types_and_metadata() {
    let bench = Workbench::new();
    let nested = files("csv", "x", &[("a", row(&[("x", INT)]))], &[]);
    let error = source(&nested, &bench.context).unwrap_err();
    expect![[r#"
        error: table t: column a is ROW<x INT>, which the format csv cannot carry

        hint: other formats, such as json, carry nested types
    "#]]
    .assert_eq(&bench.text(&error));
    let metadata = files("csv", "x", &[("p FROM file.pth", STRING)], &[]);
    let error = source(&metadata, &bench.context).unwrap_err();
    expect![[r#"
        error: table t: column p reads the metadata 'file.pth', which the connector 'filesystem' does not have

        hint: did you mean 'file.path'?
    "#]].assert_eq(&bench.text(&error));
    let metadata = files("csv", "x", &[("p FROM file.size", STRING)], &[]);
    let error = source(&metadata, &bench.context).unwrap_err();
    expect![[r#"
        error: table t: column p must be BIGINT, not STRING
    "#]]
    .assert_eq(&bench.text(&error));
    let datagen = table(&[("a", INT)], &[("connector", "datagen")]);
    let error = sink(&datagen, &bench.context).unwrap_err();
    expect![[r#"
        error: table t: the connector 'datagen' cannot be written, only read

        hint: writable connectors: filesystem, kafka, upsert-kafka, print, blackhole, postgres, jdbc
    "#]]
    .assert_eq(&bench.text(&error));
}

#[test]
fn every_option_is_described() {
    let names: Vec<_> = connectors()
        .iter()
        .map(|connector| connector.name)
        .collect();
    assert_eq!(
        names,
        [
            "filesystem",
            "kafka",
            "upsert-kafka",
            "print",
            "blackhole",
            "datagen",
            "postgres",
            "jdbc"
        ]
    );
    for option in connectors().iter().flat_map(|connector| connector.options) {
        assert!(!option.description.is_empty(), "{}", option.key);
    }
}

#[test]
fn paths_that_name_nothing() {
    refused_csv(
        &[("path", " ")],
        expect![[r#"
        error: the path ' ' names nothing

        hint: paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)
    "#]],
    );
    refused_csv(
        &[("path", "a\0b")],
        expect![[r#"
        error: the path 'a\u{0}b' names nothing

        hint: paths may be local, file:///… or s3://bucket/… (credentials in AWS_… variables)
    "#]],
    );
    refused_csv(
        &[("connectr", "x")],
        expect![[r#"
        error: table t: the connector 'filesystem' with format 'csv' has no option 'connectr'

        hint: did you mean 'connector'?
    "#]],
    );
    refused_csv(
        &[("csv.field-delimiter", "é")],
        expect![[r#"
        error: table t: option 'csv.field-delimiter' must be one ASCII character (or an escape such as '\t'), not 'é'
    "#]],
    );
}

#[test]
fn a_sink_over_the_jobs_own_folder() {
    let bench = Workbench::new();
    for path in [".", "..", bench.folder.path().to_str().unwrap()] {
        let table = files("csv", path, &[("a", INT)], &[]);
        let error = sink(&table, &bench.context).unwrap_err();
        expect![[r#"
            error: table t: the job's own folder cannot be a sink: all of a sink's folder is replaced at once

            hint: write to a folder below it, for example 'path' = 'out'
        "#]]
        .assert_eq(&bench.text(&error));
    }
}
