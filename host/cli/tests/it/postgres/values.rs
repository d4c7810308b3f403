//! Every type, there and back by psql.

use expect_test::expect;

use super::server::Database;
use crate::support::Job;

/// Declared type, PostgreSQL's type, and values as JSON Lines of {"v": …}.
fn round_trip(declared: &str, stored: &str, values: &[&str]) -> String {
    let database = Database::new();
    database.rows(&format!("CREATE TABLE t (n integer, v {stored})"));
    let rows: String = values
        .iter()
        .enumerate()
        .map(|(n, value)| format!("{{\"n\": {n}, \"v\": {value}}}\n"))
        .collect();
    let job = Job::new(&format!(
        "CREATE TABLE f (n INT, v {declared}) WITH (
           'connector' = 'filesystem', 'format' = 'json', 'path' = 'rows.json');
         CREATE TABLE t (n INT, v {declared}) {};
         INSERT INTO t SELECT n, v FROM f;",
        database.with("t", "")
    ))
    .file("rows.json", rows);
    let told = database.run(&job);
    assert!(told.starts_with("exit 0\n"), "{told}");
    database.rows("SELECT v FROM t ORDER BY n")
}

#[test]
fn whole_numbers_and_booleans() {
    let check = |declared, stored, values: &[&str], expected: &str| {
        assert_eq!(
            round_trip(declared, stored, values),
            expected,
            "{declared} in {stored}"
        );
    };
    check("BOOLEAN", "boolean", &["true", "false", "null"], "t\nf\n\n");
    check(
        "TINYINT",
        "smallint",
        &["127", "-128", "null"],
        "127\n-128\n\n",
    );
    check(
        "SMALLINT",
        "smallint",
        &["32767", "-32768"],
        "32767\n-32768\n",
    );
    check("SMALLINT", "integer", &["32767", "null"], "32767\n\n");
    check(
        "INT",
        "integer",
        &["2147483647", "-2147483648"],
        "2147483647\n-2147483648\n",
    );
    check("INT", "bigint", &["-2147483648"], "-2147483648\n");
    check(
        "BIGINT",
        "bigint",
        &["9223372036854775807", "-9223372036854775808", "0"],
        "9223372036854775807\n-9223372036854775808\n0\n",
    );
    check(
        "BIGINT",
        "numeric(20, 1)",
        &["9223372036854775807", "-1"],
        "9223372036854775807.0\n-1.0\n",
    );
}

#[test]
fn broken_numbers() {
    let check = |declared, stored, values: &[&str], expected: &str| {
        assert_eq!(
            round_trip(declared, stored, values),
            expected,
            "{declared} in {stored}"
        );
    };
    check(
        "FLOAT",
        "real",
        &["1.5", "-0.1", "3.4028235e38", "null"],
        "1.5\n-0.1\n3.4028235e+38\n\n",
    );
    check("FLOAT", "double precision", &["1.5"], "1.5\n");
    check(
        "DOUBLE",
        "double precision",
        &["0.1", "-1e-300", "1.7976931348623157e308"],
        "0.1\n-1e-300\n1.7976931348623157e+308\n",
    );
    let decimals = [
        "1.23",
        "-1.23",
        "0",
        "0.01",
        "-99999999.99",
        "12345678.9",
        "10000",
        "null",
    ];
    check(
        "DECIMAL(10, 2)",
        "numeric(10, 2)",
        &decimals,
        "1.23\n-1.23\n0.00\n0.01\n-99999999.99\n12345678.90\n10000.00\n\n",
    );
    check(
        "DECIMAL(10, 2)",
        "numeric",
        &decimals,
        "1.23\n-1.23\n0.00\n0.01\n-99999999.99\n12345678.90\n10000.00\n\n",
    );
    let nines = "9".repeat(38);
    check(
        "DECIMAL(38, 0)",
        "numeric",
        &[&nines, &format!("-{nines}"), "10000000000000000"],
        &format!("{nines}\n-{nines}\n10000000000000000\n"),
    );
    check(
        "DECIMAL(38, 38)",
        "numeric",
        &[
            "0.00000000000000000000000000000000000001",
            &format!("-0.{nines}"),
        ],
        &format!("0.00000000000000000000000000000000000001\n-0.{nines}\n"),
    );
    check(
        "DECIMAL(9, 5)",
        "numeric(9, 5)",
        &["1234.00005", "0.00001", "-0.1"],
        "1234.00005\n0.00001\n-0.10000\n",
    );
}

#[test]
fn texts_and_bytes() {
    let check = |declared, stored, values: &[&str], expected: &str| {
        assert_eq!(
            round_trip(declared, stored, values),
            expected,
            "{declared} in {stored}"
        );
    };
    check(
        "STRING",
        "text",
        &["\"\"", "\"a|b\\t\\\\N\"", "\"naïve 水車\"", "null"],
        "\na|b\t\\N\nnaïve 水車\n\n",
    );
    check("VARCHAR(5)", "varchar(5)", &["\"mills\""], "mills\n");
    check("CHAR(3)", "char(3)", &["\"ab\""], "ab \n");
    let uuid = "9c5b94b1-35ad-49bb-b118-8e8fc24abf80";
    check(
        "STRING",
        "uuid",
        &[&format!("\"{uuid}\""), "null"],
        &format!("{uuid}\n\n"),
    );
    check("STRING", "json", &["\"{\\\"a\\\":  1}\""], "{\"a\":  1}\n");
    check(
        "STRING",
        "jsonb",
        &["\"{\\\"a\\\":  1}\"", "null"],
        "{\"a\": 1}\n\n",
    );
    // JSON holds bytes in base 64.
    check(
        "BYTES",
        "bytea",
        &["\"AAEC/w==\"", "\"\"", "null"],
        "\\x000102ff\n\\x\n\n",
    );
}

#[test]
fn dates_and_times() {
    let check = |declared, stored, values: &[&str], expected: &str| {
        assert_eq!(
            round_trip(declared, stored, values),
            expected,
            "{declared} in {stored}"
        );
    };
    check(
        "DATE",
        "date",
        &["\"2024-02-29\"", "\"1969-12-31\"", "\"0001-01-01\"", "null"],
        "2024-02-29\n1969-12-31\n0001-01-01\n\n",
    );
    check(
        "TIME(0)",
        "time",
        &["\"00:00:00\"", "\"23:59:59\""],
        "00:00:00\n23:59:59\n",
    );
    check(
        "TIME(3)",
        "time(3)",
        &["\"12:34:56.789\""],
        "12:34:56.789\n",
    );
    check(
        "TIMESTAMP(0)",
        "timestamp",
        &["\"1969-12-31 23:59:59\""],
        "1969-12-31 23:59:59\n",
    );
    check(
        "TIMESTAMP(3)",
        "timestamp(3)",
        &["\"2024-01-31 12:00:00.123\"", "null"],
        "2024-01-31 12:00:00.123\n\n",
    );
    check(
        "TIMESTAMP(6)",
        "timestamp",
        &["\"1815-06-18 11:35:00.000001\""],
        "1815-06-18 11:35:00.000001\n",
    );
    check(
        "TIMESTAMP_LTZ(3)",
        "timestamptz",
        &["\"2024-07-01 12:00:00.5Z\"", "\"1900-01-01 00:00:00Z\""],
        "2024-07-01 12:00:00.5+00\n1900-01-01 00:00:00+00\n",
    );
}

#[test]
fn an_instant_is_the_same_in_every_time_zone() {
    let database = Database::new();
    database.rows("CREATE TABLE t (at timestamptz, local timestamp)");
    let job = Job::new(&format!(
        "SET 'table.local-time-zone' = 'Europe/Berlin';
         CREATE TABLE t (`at` TIMESTAMP_LTZ(6), local TIMESTAMP(6)) {};
         INSERT INTO t VALUES (TIMESTAMP '2024-07-01 12:00:00', TIMESTAMP '2024-07-01 12:00:00');",
        database.with("t", "")
    ));
    assert_eq!(database.run(&job), "exit 0\nt: 1 row\n");
    let rows = database.rows("SELECT at AT TIME ZONE 'UTC', local FROM t");
    assert_eq!(rows, "2024-07-01 10:00:00|2024-07-01 12:00:00\n");
}

#[test]
fn arrays() {
    let check = |declared, stored, values: &[&str], expected: &str| {
        assert_eq!(
            round_trip(declared, stored, values),
            expected,
            "{declared} in {stored}"
        );
    };
    check(
        "ARRAY<INT>",
        "integer[]",
        &["[1, null, -3]", "[]", "null", "[7]"],
        "{1,NULL,-3}\n{}\n\n{7}\n",
    );
    check("ARRAY<TINYINT>", "bigint[]", &["[1, 2]"], "{1,2}\n");
    check(
        "ARRAY<STRING>",
        "text[]",
        &["[\"a\", \"b,c\", \"\", null]"],
        "{a,\"b,c\",\"\",NULL}\n",
    );
    check("ARRAY<STRING>", "varchar(3)[]", &["[\"abc\"]"], "{abc}\n");
    check(
        "ARRAY<DECIMAL(5, 2)>",
        "numeric(5, 2)[]",
        &["[-1.5, 100]"],
        "{-1.50,100.00}\n",
    );
    check(
        "ARRAY<TIMESTAMP(3)>",
        "timestamp[]",
        &["[\"1969-12-31 23:59:59.999\"]"],
        "{\"1969-12-31 23:59:59.999\"}\n",
    );
}

#[test]
fn enumerations_domains_and_values_that_they_refuse() {
    let database = Database::new();
    database.rows(
        "CREATE TYPE mood AS ENUM ('calm', 'windy');
         CREATE DOMAIN share AS double precision CHECK (VALUE BETWEEN 0 AND 1);
         CREATE TABLE t (m mood, s share)",
    );
    let job = |values: &str| {
        Job::new(&format!(
            "CREATE TABLE t (m STRING, s DOUBLE) {};
             INSERT INTO t VALUES {values};",
            database.with("t", "")
        ))
    };
    assert_eq!(database.run(&job("('calm', 0.5E0)")), "exit 0\nt: 1 row\n");
    assert_eq!(database.rows("TABLE t"), "calm|0.5\n");
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: invalid input value for enum mood: "stormy" (column m)
    "#]]
    .assert_eq(&database.run(&job("('stormy', 0.5E0)")));
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: value for domain share violates check constraint "share_check" (column s)
    "#]].assert_eq(&database.run(&job("('calm', 1.5E0)")));
}

#[test]
fn values_that_a_column_refuses() {
    let database = Database::new();
    database.rows("CREATE TABLE t (u uuid, j jsonb, v varchar(3))");
    let refused = |value: &str| {
        let job = Job::new(&format!(
            "CREATE TABLE t (u STRING, j STRING, v STRING) {};
             INSERT INTO t VALUES {value};",
            database.with("t", "")
        ));
        database.run(&job)
    };
    expect![[r#"
        exit 1
        error: cannot write public.t, column u: 'not a uuid' is not a UUID
    "#]]
    .assert_eq(&refused("('not a uuid', '{}', 'abc')"));
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: invalid input syntax for type json: The input string ended unexpectedly
    "#]].assert_eq(&refused("(CAST(NULL AS STRING), '{', 'abc')"));
    expect![[r#"
        exit 1
        error: cannot write public.t at [DB]: value too long for type character varying(3) (column v)
    "#]].assert_eq(&refused("(CAST(NULL AS STRING), '{}', 'abcd')"));
    assert_eq!(database.rows("TABLE t"), "");
}
