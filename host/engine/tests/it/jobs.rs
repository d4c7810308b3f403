//! Whole jobs: files in, rows out.

use crate::harness::Folder;
use expect_test::expect;

const SOURCE: &str = "CREATE TABLE source (id INT, x DOUBLE, name STRING) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');\n";
const SINK: &str = "CREATE TABLE sink (id INT, y DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');\n";

fn folder() -> Folder {
    Folder::new().with("data.csv", "1,0.5,a\n2,1.5,b\n3,,c\n")
}

#[test]
fn csv_to_csv() {
    let folder = folder();
    let output = folder
        .run(&format!(
            "{SOURCE}{SINK}INSERT INTO sink SELECT id + 1, x * 2 FROM source WHERE id < 3;"
        ))
        .unwrap();
    expect![[r#"
        sink: 2 rows
    "#]]
    .assert_eq(&output);
    assert_eq!(folder.lines("out"), ["2,1.0", "3,3.0"]);
}

#[test]
fn select_prints_a_table() {
    expect![[r#"
        +----+-----+------+
        | id | x   | name |
        +----+-----+------+
        | 1  | 0.5 | a    |
        | 2  | 1.5 | b    |
        | 3  |     | c    |
        +----+-----+------+
    "#]]
    .assert_eq(
        &folder()
            .run(&format!("{SOURCE}SELECT * FROM source;"))
            .unwrap(),
    );
}

#[test]
fn print_is_flinks_form() {
    let sql = format!(
        "{SOURCE}CREATE TABLE shown (id INT, name STRING) WITH ('connector' = 'print');
         INSERT INTO shown SELECT id, name FROM source;"
    );
    expect![[r#"
        shown: 3 rows
        +I[1, a]
        +I[2, b]
        +I[3, c]
    "#]]
    .assert_eq(&folder().run(&sql).unwrap());
}

#[test]
fn a_statement_set_runs_whole() {
    let folder = folder();
    let sql = format!(
        "{SOURCE}{SINK}CREATE TABLE other LIKE sink WITH ('path' = 'other');
         EXECUTE STATEMENT SET BEGIN
           INSERT INTO sink SELECT id, x FROM source;
           INSERT INTO other SELECT id, CASE WHEN x IS NULL THEN 0.0 ELSE x END FROM source;
         END;"
    );
    expect![[r#"
        sink: 3 rows
        other: 3 rows
    "#]]
    .assert_eq(&folder.run(&sql).unwrap());
    assert_eq!(folder.lines("other"), ["1,0.5", "2,1.5", "3,0.0"]);
}

#[test]
fn a_later_statement_reads_what_an_earlier_one_writes() {
    let sql = format!(
        "{SOURCE}{SINK}INSERT INTO sink SELECT id, x FROM source;
         SELECT sum(id) AS ids, count(y) AS ys FROM sink;"
    );
    expect![[r#"
        sink: 3 rows
        +-----+----+
        | ids | ys |
        +-----+----+
        | 6   | 2  |
        +-----+----+
    "#]]
    .assert_eq(&folder().run(&sql).unwrap());
}

#[test]
fn a_failing_job_shows_nothing() {
    let folder = Folder::new().with("data.csv", "1,0.5,a\nx,1.5,b\n");
    folder
        .run(&format!(
            "{SOURCE}{SINK}INSERT INTO sink SELECT id, x FROM source;"
        ))
        .unwrap_err();
    assert!(!folder.path().join("out").exists());
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["data.csv"]);
}

#[test]
fn overwrite_replaces_and_insert_appends() {
    let folder = folder();
    let run = |sql: &str| folder.run(&format!("{SOURCE}{SINK}{sql}")).unwrap();
    run("INSERT INTO sink VALUES (1, 1.0), (2, 2.5);");
    run("INSERT INTO sink (id) VALUES (7);");
    assert_eq!(folder.lines("out"), ["1,1.0", "2,2.5", "7,"]);
    run("INSERT OVERWRITE sink VALUES (9, 9);");
    assert_eq!(folder.lines("out"), ["9,9.0"]);
}

#[test]
fn computed_and_metadata_columns() {
    let sql = "CREATE TABLE t (
          id INT, x DOUBLE, twice AS x * 2, file STRING METADATA FROM 'file.name' VIRTUAL, name STRING
        ) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'data.csv');
        SELECT id, twice, file, name FROM t WHERE twice > 1;";
    expect![[r#"
        +----+-------+----------+------+
        | id | twice | file     | name |
        +----+-------+----------+------+
        | 2  | 3.0   | data.csv | b    |
        +----+-------+----------+------+
    "#]]
    .assert_eq(&folder().run(sql).unwrap());
}

#[test]
fn views_hints_and_all_of_datafusion() {
    let sql = format!(
        "{SOURCE}CREATE VIEW big AS SELECT id, x FROM source WHERE x > 1;
         SELECT * FROM big;
         SELECT source.id FROM source /*+ OPTIONS('path' = 'other.csv') */;
         WITH s AS (SELECT id % 2 AS odd, x FROM source)
         SELECT odd, count(*) AS n, max(x) AS x FROM s GROUP BY odd ORDER BY odd;"
    );
    expect![[r#"
        +----+-----+
        | id | x   |
        +----+-----+
        | 2  | 1.5 |
        +----+-----+
        +----+
        | id |
        +----+
        | 9  |
        +----+
        +-----+---+-----+
        | odd | n | x   |
        +-----+---+-----+
        | 0   | 1 | 1.5 |
        | 1   | 2 | 0.5 |
        +-----+---+-----+
    "#]]
    .assert_eq(&folder().with("other.csv", "9,9,z\n").run(&sql).unwrap());
}

#[test]
fn casts_take_flinks_types() {
    let sql = "SELECT CAST(1 AS STRING) AS s, CAST('2' AS INT) AS i,
        CAST('2024-01-02 03:04:05' AS TIMESTAMP(3)) AS t, TRY_CAST('x' AS DOUBLE) AS d,
        MAP['a', 1] AS m;";
    expect![[r#"
        +---+---+---------------------+---+--------+
        | s | i | t                   | d | m      |
        +---+---+---------------------+---+--------+
        | 1 | 2 | 2024-01-02T03:04:05 |   | {a: 1} |
        +---+---+---------------------+---+--------+
    "#]]
    .assert_eq(&Folder::new().run(sql).unwrap());
}

#[test]
fn not_null_is_enforced() {
    let sql = format!(
        "{SOURCE}CREATE TABLE sink (id INT, x DOUBLE NOT NULL) WITH ('connector' = 'blackhole');
         INSERT INTO sink SELECT id, x FROM source;"
    );
    expect![[r#"
        error: the column 'x' of 'sink' is NOT NULL, but 1 of 3 rows of a batch hold NULL

        hint: filter them with WHERE … IS NOT NULL, or leave them out with SET 'table.exec.sink.not-null-enforcer' = 'drop'
    "#]]
    .assert_eq(&folder().error(&sql));
    let output = folder()
        .run(&format!(
            "SET 'table.exec.sink.not-null-enforcer' = 'drop';\n{sql}"
        ))
        .unwrap();
    assert_eq!(output, "sink: 2 rows\n");
}

#[test]
fn a_stateless_plan_is_source_projection_sink() {
    let folder = folder();
    let sql = format!("{SOURCE}{SINK}EXPLAIN INSERT INTO sink SELECT id, x * 2 FROM source;");
    expect![[r#"
        Sink: table=sink
          ProjectionExec: expr=[id@0 as id, x@1 * 2 as y]
            SourceScan: table=source, partitions=1, columns=[id, x]
    "#]]
    .assert_eq(&folder.run(&sql).unwrap());
}

#[test]
fn show_and_describe() {
    let sql = format!(
        "{SOURCE}{SINK}CREATE VIEW v AS SELECT id FROM source;
         CREATE MODEL m INPUT (x DOUBLE) OUTPUT (y DOUBLE) COMMENT 'c' WITH ('provider' = 'lightgbm', 'path' = 'm.txt');
         SHOW TABLES; SHOW MODELS; SHOW USER FUNCTIONS; DESCRIBE source; DESC MODEL m;
         SHOW CREATE TABLE sink; SHOW CREATE MODEL m; SHOW CREATE VIEW v; SET;"
    );
    let output = folder().run(&sql).unwrap();
    expect![[r#"
        +------------+
        | table name |
        +------------+
        | sink       |
        | source     |
        | v          |
        +------------+
        +------------+
        | model name |
        +------------+
        | m          |
        +------------+
        +---------------+---------------+
        | function name | function kind |
        +---------------+---------------+
        +---------------+---------------+
        +------+--------+------+-----+--------+-----------+---------+
        | name | type   | null | key | extras | watermark | comment |
        +------+--------+------+-----+--------+-----------+---------+
        | id   | INT    | TRUE |     |        |           |         |
        | x    | DOUBLE | TRUE |     |        |           |         |
        | name | STRING | TRUE |     |        |           |         |
        +------+--------+------+-----+--------+-----------+---------+
        +------+--------+------+----------+---------+
        | name | type   | null | is input | comment |
        +------+--------+------+----------+---------+
        | x    | DOUBLE | TRUE | TRUE     |         |
        | y    | DOUBLE | TRUE | FALSE    |         |
        +------+--------+------+----------+---------+
        CREATE TABLE `sink` (
          `id` INT,
          `y` DOUBLE
        )
        WITH (
          'connector' = 'filesystem',
          'format' = 'csv',
          'path' = 'out'
        )
        CREATE MODEL `m`
        INPUT (`x` DOUBLE)
        OUTPUT (`y` DOUBLE)
        COMMENT 'c'
        WITH (
          'path' = 'm.txt',
          'provider' = 'lightgbm'
        )
        CREATE VIEW `v` AS
        SELECT id FROM source
        +---------------------+-------+
        | key                 | value |
        +---------------------+-------+
        | parallelism.default | 1     |
        +---------------------+-------+
    "#]]
    .assert_eq(&output);
}

#[test]
fn variables_are_not_expanded() {
    let sql = "CREATE TABLE t (a INT) WITH ('connector' = 'blackhole', 'path' = '${HOME}/x');";
    expect![[r#"
        warning: line 1: the value of 'path' holds '${HOME}', which is not expanded: it is taken as it stands
    "#]]
    .assert_eq(&Folder::new().run(sql).unwrap());
}
