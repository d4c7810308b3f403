//! The values of groups.

use expect_test::{Expect, expect};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{FUNCTIONS, NUMBERS, folder, run};

fn check(query: &str, expected: Expect) {
    expected.assert_eq(&run(&format!("{query};")));
}

#[test]
fn a_group_is_one_value() {
    check(
        "SELECT k, wmean(v, w) AS m, gmean(w) AS g, longest(s) AS l, above(v) AS a FROM t
         GROUP BY k ORDER BY k",
        expect![[r#"
            +---+-------+--------------------+-----+-----+
            | k | m     | g                  | l   | a   |
            +---+-------+--------------------+-----+-----+
            | 1 | 45.25 | 1.7320508075688772 | abc | 0.5 |
            | 2 | 80.0  | 2.23606797749979   | ab  | 1.0 |
            | 3 |       |                    |     |     |
            +---+-------+--------------------+-----+-----+
        "#]],
    );
    check(
        "SELECT WMEAN(v, 1) FILTER (WHERE v > 1) AS m, longest(s) AS l, COUNT(*) AS n FROM t",
        expect![[r#"
            +------+-----+---+
            | m    | l   | n |
            +------+-----+---+
            | 70.0 | abc | 5 |
            +------+-----+---+
        "#]],
    );
    check(
        "SELECT wmean(v, w) AS m, longest(s) AS l, COUNT(*) AS n FROM t WHERE id > 9",
        expect![[r#"
            +---+---+---+
            | m | l | n |
            +---+---+---+
            |   |   | 0 |
            +---+---+---+
        "#]],
    );
    check(
        "SELECT k, longest(s) AS l FROM t GROUP BY k HAVING wmean(v, w) > 1 ORDER BY l",
        expect![[r#"
            +---+-----+
            | k | l   |
            +---+-----+
            | 2 | ab  |
            | 1 | abc |
            +---+-----+
        "#]],
    );
}

#[test]
fn distinct_values_count_once() {
    check(
        "SELECT wmean(x, 1) AS m FROM (VALUES (1.0), (1.0), (4.0)) AS d(x)",
        expect![[r#"
            +-----+
            | m   |
            +-----+
            | 2.0 |
            +-----+
        "#]],
    );
    check(
        "SELECT above(DISTINCT x) AS a FROM (VALUES (1.0), (1.0), (99.0)) AS d(x)",
        expect![[r#"
            +-----+
            | a   |
            +-----+
            | 0.5 |
            +-----+
        "#]],
    );
}

/// Rows whose sums are exact in any order.
fn table(rows: i32, keys: i32) -> String {
    let mut random = SmallRng::seed_from_u64(5);
    let mut text = String::new();
    for id in 0..rows {
        let key = match keys {
            0 => id,
            _ => random.random_range(0..keys),
        };
        let value = match random.random_range(0..10) {
            0 => "-".to_owned(),
            _ => random.random_range(-100..100).to_string(),
        };
        let weight = random.random_range(1..5);
        let text_of = "x".repeat(random.random_range(0..9));
        text += &format!("{id},{key},{value},{weight},{text_of}\n");
    }
    text
}

/// The same by a plugin and by DataFusion, at any sizes of batches and numbers of partitions; where
/// each row is a group, partial groups are given up.
#[test]
fn groups_are_those_of_datafusions_own_functions() {
    let several = table(20_000, 300);
    let each = table(250_000, 0);
    for (text, batch, partitions) in [
        (&several, "7", "2"),
        (&several, "1000", "1"),
        (&several, "8192", "2"),
        (&each, "8192", "2"),
    ] {
        let folder = folder().with("t.csv", text);
        let sink = |name: &str| {
            format!(
                "CREATE TABLE {name} (k INT, m DOUBLE, a DOUBLE, l INT) WITH (
                   'connector' = 'filesystem', 'format' = 'csv', 'path' = '{name}');\n"
            )
        };
        let sql = format!(
            "{FUNCTIONS}{NUMBERS}{}{}
             SET 'job.batch-rows' = '{batch}'; SET 'parallelism.default' = '{partitions}';
             INSERT INTO o SELECT k, wmean(v, w), above(v), CHAR_LENGTH(longest(s))
               FROM t GROUP BY k;
             INSERT INTO u SELECT k, SUM(v * w) / SUM(CASE WHEN v IS NOT NULL THEN w END),
               AVG(CASE WHEN v > 50 THEN 1.0E0 WHEN v <= 50 THEN 0.0E0 END), MAX(CHAR_LENGTH(s))
               FROM t GROUP BY k;",
            sink("o"),
            sink("u")
        );
        folder.run(&sql).unwrap();
        let lines = folder.lines("o");
        assert!(lines.len() >= 300, "{}", lines.len());
        assert!(lines == folder.lines("u"), "{batch}, {partitions}");
    }
}

/// Frames that slide: by a function that takes rows back, and by ones that cannot.
#[test]
fn frames_are_those_of_datafusions_own_functions() {
    let folder = folder().with("t.csv", &table(2_000, 20));
    let sink = |name: &str| {
        format!(
            "CREATE TABLE {name} (id INT, m DOUBLE, a DOUBLE, l INT, n DOUBLE) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = '{name}');\n"
        )
    };
    let windows =
        "WINDOW few AS (PARTITION BY k ORDER BY id ROWS BETWEEN 3 PRECEDING AND CURRENT ROW),
                     around AS (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING),
                     so_far AS (PARTITION BY k ORDER BY id)";
    let sql = format!(
        "{FUNCTIONS}{NUMBERS}{}{}
         INSERT INTO o SELECT id, wmean(v, w) OVER few, above(v) OVER around,
           CHAR_LENGTH(longest(s) OVER few), wmean(v, 1) OVER so_far FROM t {windows};
         INSERT INTO u SELECT id, SUM(v * w) OVER few / SUM(CASE WHEN v IS NOT NULL THEN w END) OVER few,
           AVG(CASE WHEN v > 50 THEN 1.0E0 WHEN v <= 50 THEN 0.0E0 END) OVER around,
           MAX(CHAR_LENGTH(s)) OVER few, AVG(v) OVER so_far FROM t {windows};",
        sink("o"),
        sink("u")
    );
    folder.run(&sql).unwrap();
    let lines = folder.lines("o");
    assert_eq!(lines.len(), 2_000);
    assert_eq!(lines, folder.lines("u"));
}

/// Each key has a group by itself, and a guest has room for few of them.
#[test]
fn keys_of_frames_take_as_many_guests_as_they_need() {
    let folder = folder().with("t.csv", &table(1_000, 200));
    let sink = |name: &str| {
        format!(
            "CREATE TABLE {name} (id INT, m DOUBLE) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = '{name}');\n"
        )
    };
    let sql = format!(
        "{NUMBERS}{}{}
         CREATE FUNCTION few AS 'statistics.wasm#weighted_mean' LANGUAGE WASM
           WITH ('limit.handles' = '40');
         INSERT INTO o SELECT id, few(v, 1) OVER (PARTITION BY k ORDER BY id) FROM t;
         INSERT INTO u SELECT id, AVG(v) OVER (PARTITION BY k ORDER BY id) FROM t;",
        sink("o"),
        sink("u")
    );
    folder.run(&sql).unwrap();
    assert_eq!(folder.lines("o").len(), 1_000);
    assert_eq!(folder.lines("o"), folder.lines("u"));
}

#[test]
fn functions_tell_their_kind() {
    let told = run(
        "SHOW USER FUNCTIONS; DESCRIBE FUNCTION above;
        EXPLAIN SELECT k, wmean(v, w) FROM t GROUP BY k; DROP FUNCTION wmean; SHOW USER FUNCTIONS;",
    );
    let parts = ["| scalar", "| aggregate", "Function:"];
    let lines = told.lines();
    let lines = lines.filter(|line| parts.iter().any(|part| line.contains(part)));
    let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    expect![[r#"
        | above | aggregate |
        | gmean | aggregate |
        | longest | aggregate |
        | wmean | aggregate |
        | kind | aggregate |
        Function: name=wmean, kind=aggregate, component=statistics.wasm#weighted_mean, grants=[]
        | above | aggregate |
        | gmean | aggregate |
        | longest | aggregate |"#]]
    .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
}

/// Its settings shape a session anew, functions go on.
#[test]
fn a_setting_leaves_the_functions() {
    check(
        "SET 'parallelism.default' = '1'; SELECT longest(s) AS l FROM t",
        expect![[r#"
            +-----+
            | l   |
            +-----+
            | abc |
            +-----+
        "#]],
    );
}
