//! Every form of statement parses, and what does not says where.

use expect_test::{Expect, expect};

use super::{ColumnKind, Script, Statement, flink_type, parse, parse_type_text};

fn parsed(sql: &str) -> Vec<Statement> {
    match parse(&Script::new("job.sql", sql)) {
        Ok((statements, _)) => statements
            .into_iter()
            .map(|parsed| parsed.statement)
            .collect(),
        Err(error) => panic!("{sql}\n{error}"),
    }
}

#[test]
fn all_statements_parse() {
    for sql in [
        "CREATE TABLE t (a INT NOT NULL COMMENT 'x', b AS a + 1, c STRING METADATA FROM 'file.path' VIRTUAL, \
         ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND, PRIMARY KEY (a) NOT ENFORCED) \
         COMMENT 'c' PARTITIONED BY (a) WITH ('connector' = 'print')",
        "CREATE TEMPORARY TABLE IF NOT EXISTS `my table` (`a b` INT PRIMARY KEY NOT ENFORCED) WITH ('k'='v')",
        "CREATE TABLE t LIKE s",
        "CREATE TABLE t (a INT) WITH ('k'='v') LIKE s (EXCLUDING ALL INCLUDING OPTIONS)",
        "CREATE TABLE t WITH ('connector'='print') AS SELECT 1 AS a",
        "CREATE TABLE default_catalog.default_database.t (a INT) WITH ('k'='v')",
        "CREATE VIEW v (x) COMMENT 'c' AS SELECT 1",
        "CREATE MODEL m INPUT (a DOUBLE COMMENT 'x', b ARRAY<FLOAT>) OUTPUT (p DOUBLE) COMMENT 'c' WITH ('provider'='p')",
        "CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS f AS 'f.wasm#f' LANGUAGE WASM WITH ('k'='v')",
        "DROP TEMPORARY TABLE IF EXISTS t",
        "DROP MODEL m",
        "ALTER MODEL IF EXISTS m SET ('k'='v')",
        "ALTER TABLE t RESET ('k')",
        "ALTER VIEW v RENAME TO w",
        "INSERT INTO t SELECT 1",
        "INSERT OVERWRITE TABLE t PARTITION (k='v') (a, b) VALUES (1, 2)",
        "INSERT INTO t (SELECT 1)",
        "EXECUTE INSERT INTO t SELECT 1",
        "EXPLAIN PLAN FOR INSERT INTO t SELECT 1",
        "EXPLAIN ESTIMATED_COST, CHANGELOG_MODE SELECT 1",
        "SELECT POSITION(POSITION('a' IN b) IN c), position FROM t",
        "SHOW TABLES",
        "SHOW USER FUNCTIONS",
        "SHOW CREATE MODEL m",
        "DESCRIBE MODEL m",
        "DESC t",
        "SET",
        "SET 'a.b' = 'c'",
        "SET a.b = 10 s",
        "RESET 'a.b'",
        "VALUES (1), (2)",
        "WITH t AS (SELECT 1 AS model) SELECT model FROM t WHERE model IS NULL",
        "SELECT /*+ BROADCAST(t) */ * FROM t /*+ OPTIONS('a'='b') */ AS u -- comment",
        "BEGIN STATEMENT SET; INSERT INTO t SELECT 1; INSERT INTO u SELECT CASE WHEN a THEN 1 END FROM s; END",
        "EXPLAIN STATEMENT SET BEGIN INSERT INTO t SELECT 1; END",
    ] {
        assert_eq!(parsed(sql).len(), 1, "{sql}");
    }
    assert_eq!(parsed("SELECT 'a;b' /* ; */ -- ;\n; ;SELECT 1;").len(), 2);
    assert!(parsed(" -- nothing\n").is_empty());
}

#[test]
fn types_have_flinks_names() {
    for (text, name) in [
        ("boolean", "BOOLEAN"),
        ("INTEGER", "INT"),
        ("DOUBLE PRECISION", "DOUBLE"),
        ("DECIMAL", "DECIMAL(10, 0)"),
        ("NUMERIC(5, 2)", "DECIMAL(5, 2)"),
        ("VARCHAR(3)", "STRING"),
        ("VARBINARY(3)", "BYTES"),
        ("TIME", "TIME(0)"),
        ("TIMESTAMP", "TIMESTAMP(6)"),
        ("TIMESTAMP(3) WITH LOCAL TIME ZONE", "TIMESTAMP_LTZ(3)"),
        ("TIMESTAMP_LTZ(9)", "TIMESTAMP_LTZ(9)"),
        ("INT ARRAY", "ARRAY<INT>"),
        ("ARRAY<ARRAY<INT NOT NULL>>", "ARRAY<ARRAY<INT NOT NULL>>"),
        ("MAP<STRING, INT>", "MAP<STRING, INT>"),
        ("ROW<a INT, `b c` STRING>", "ROW<`a` INT, `b c` STRING>"),
        (
            "ROW(a INT, b ROW<c DOUBLE>)",
            "ROW<`a` INT, `b` ROW<`c` DOUBLE>>",
        ),
        ("ROW<`a``b` INT>", "ROW<`a``b` INT>"),
        ("INTERVAL DAY TO SECOND(3)", "INTERVAL DAY TO SECOND"),
    ] {
        let declared = parse_type_text(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(flink_type(&declared.data_type), name, "{text}");
        let again = parse_type_text(&declared.text).unwrap_or_else(|| panic!("{}", declared.text));
        assert_eq!(again.data_type, declared.data_type, "{text}");
    }
    for text in [
        "TEXT",
        "DECIMAL(39, 0)",
        "TIMESTAMP(10)",
        "ARRAY<INT",
        "MULTISET<INT>",
    ] {
        assert!(parse_type_text(text).is_none(), "{text}");
    }
}

#[test]
fn the_text_of_a_computed_column_is_kept() {
    let statements = parsed("CREATE TABLE t (a INT, b  AS  a  + 1 , c INT) WITH ('k'='v')");
    let [Statement::CreateTable(table)] = statements.as_slice() else {
        panic!("{statements:?}");
    };
    let ColumnKind::Computed { text, .. } = &table.columns[1].kind else {
        panic!("{table:?}");
    };
    assert_eq!(text, "a  + 1");
}

fn check(sql: &str, expected: Expect) {
    let error = parse(&Script::new("job.sql", sql)).expect_err(sql);
    let hint = error
        .hint
        .as_ref()
        .map(|hint| format!("\nhint: {hint}"))
        .unwrap_or_default();
    expected.assert_eq(&format!("{error}{hint}"));
}

#[test]
fn errors_have_a_place() {
    check(
        "CREATE TABLE t (\n  a INT,\n  b DUOBLE\n) WITH ('k'='v');",
        expect![[r#"
            there is no type 'DUOBLE'
             --> job.sql:3:5
              |
            3 |   b DUOBLE
              |     ^^^^^^
            hint: did you mean DOUBLE?"#]],
    );
    check(
        "CREATE TABLE t (a INT) WITH ('k'='v', 'k'='w');",
        expect![[r#"
            the option 'k' is given twice
             --> job.sql:1:39
              |
            1 | CREATE TABLE t (a INT) WITH ('k'='v', 'k'='w');
              |                                       ^^^"#]],
    );
    check(
        "SELECT a << b FROM t",
        expect![[r#"
            syntax error: this operator is not supported
             --> job.sql:1:10
              |
            1 | SELECT a << b FROM t
              |          ^^"#]],
    );
    check(
        "SELECT \"a\" FROM t",
        expect![[r#"
            syntax error: "a" is in double quotes
             --> job.sql:1:8
              |
            1 | SELECT "a" FROM t
              |        ^^^
            hint: a string is written 'text', a name `name`"#]],
    );
}

/// The message of what does not parse.
fn message(sql: &str) -> String {
    parse(&Script::new("job.sql", sql)).expect_err(sql).message
}

#[test]
fn chains_of_every_operator_come_to_an_end() {
    const MANY: usize = 10_000;
    const TOO_LONG: &str = "syntax error: more than 2000 operators in a row";
    for link in [
        " ^ b",
        " & b",
        " | b",
        " -> b",
        " ->> b",
        " <=> b",
        " ~ b",
        " @> b",
        " XOR b",
        " IN (b)",
        " OVERLAPS b",
        " REGEXP b",
        " RLIKE b",
        " ILIKE b",
        " SIMILAR TO b",
        " MEMBER OF(b)",
        " AT TIME ZONE 'b'",
        " IS DISTINCT FROM b",
    ] {
        let sql = format!("SELECT a{}", link.repeat(MANY));
        assert_eq!(message(&sql), TOO_LONG, "{link}");
    }
    for start in ["INTERVAL ", "x -> "] {
        let sql = format!("SELECT f({}", start.repeat(MANY));
        assert_eq!(message(&sql), TOO_LONG, "{start}");
    }
    let pivots = " PIVOT (sum(x) FOR y IN (1))".repeat(MANY);
    assert_eq!(message(&format!("SELECT * FROM a{pivots}")), TOO_LONG);
    let maps = "MAP(".repeat(MANY);
    let too_deep = "syntax error: the statement is nested too deeply";
    assert_eq!(message(&format!("SELECT x::{maps}")), too_deep);
}

/// The end of a text has a place, too.
#[test]
fn a_text_that_ends_too_soon_says_where() {
    let sql = "CREATE MODEL m INPUT (a DOUBLE, b ARRAY<";
    let error = parse(&Script::new("job.sql", sql)).unwrap_err();
    expect![[r#"
        syntax error: expected a type, found the end of the statement
         --> job.sql:1:41
          |
        1 | CREATE MODEL m INPUT (a DOUBLE, b ARRAY<
          |                                         ^"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn a_place_is_on_its_line_however_that_ends() {
    let sql = "SELECT x FROM t, /* s \r\r\r\r\r";
    let error = parse(&Script::new("job.sql", sql)).unwrap_err();
    let place = error.location.unwrap();
    assert_eq!(place.source_line, "SELECT x FROM t, /* s ");
    assert_eq!((place.line, place.column, place.length), (1, 23, 1));
}

/// What cannot be read is not read twice at each level.
#[test]
fn calls_within_each_other_do_not_double() {
    for call in [
        "ARRAY[",
        "POSITION(",
        "CEIL(",
        "FLOOR(",
        "SUBSTR(",
        "SUBSTRING(",
        "OVERLAY(",
        "CONVERT(",
        "NOT (",
        "CASE (",
        "CURRENT_TIMESTAMP(",
        "SAFE_CAST(",
        "TRIM(",
        "JSON_ARRAY(",
        "MAP[",
    ] {
        let sql = format!("SELECT {}", call.repeat(40));
        assert!(message(&sql).starts_with("syntax error: "), "{call}");
    }
}
