//! The rows that calls give.

use expect_test::{Expect, expect};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::{FUNCTIONS, TEXTS, folder, run};

fn check(query: &str, expected: Expect) {
    expected.assert_eq(&run(&format!("{query};")));
}

#[test]
fn a_row_becomes_as_many_as_the_function_gives() {
    let expected = expect![[r#"
        +----+------+-------+
        | id | word | place |
        +----+------+-------+
        | 1  | to   | 1     |
        | 1  | be   | 2     |
        | 1  | or   | 3     |
        | 4  | not  | 1     |
        +----+------+-------+
    "#]];
    for query in [
        "SELECT id, word, place FROM t, LATERAL TABLE(words(text))",
        "SELECT id, word, place FROM t CROSS JOIN LATERAL TABLE(words(t.text))",
        "SELECT t.id, words.word, words.place FROM t JOIN LATERAL TABLE(WORDS(text)) ON TRUE",
        "SELECT * FROM (SELECT id, word, place FROM t, LATERAL TABLE(words(text)))",
        "WITH c AS (SELECT * FROM t) SELECT id, word, place FROM c, LATERAL TABLE(words(c.text))",
    ] {
        expected.assert_eq(&run(&format!("{query};")));
    }
}

#[test]
fn columns_have_the_names_of_the_alias() {
    let expected = expect![[r#"
        +----+----------+------+--------+
        | id | text     | part | number |
        +----+----------+------+--------+
        | 1  | to be or | to   | 1      |
        | 1  | to be or | be   | 2      |
        | 1  | to be or | or   | 3      |
        | 4  | not      | not  | 1      |
        +----+----------+------+--------+
    "#]];
    for query in [
        "SELECT t.*, w.* FROM t, LATERAL TABLE(words(text)) AS w(part, number)",
        "SELECT * FROM t, LATERAL TABLE(words(text)) w (part, number)",
        "SELECT id, text, w.part, number FROM t CROSS JOIN LATERAL TABLE(words(text)) AS w(part, number)",
    ] {
        expected.assert_eq(&run(&format!("{query};")));
    }
    check(
        "SELECT id, w.word FROM t, LATERAL TABLE(words(text)) AS w WHERE w.place > 1 AND id < 4",
        expect![[r#"
            +----+------+
            | id | word |
            +----+------+
            | 1  | be   |
            | 1  | or   |
            +----+------+
        "#]],
    );
}

#[test]
fn a_left_join_keeps_rows_that_have_none() {
    check(
        "SELECT id, w FROM t LEFT JOIN LATERAL TABLE(words(text)) AS a(w, p) ON TRUE",
        expect![[r#"
            +----+-----+
            | id | w   |
            +----+-----+
            | 1  | to  |
            | 1  | be  |
            | 1  | or  |
            | 2  |     |
            | 3  |     |
            | 4  | not |
            +----+-----+
        "#]],
    );
    check(
        "SELECT id FROM t LEFT OUTER JOIN LATERAL TABLE(words(text)) AS a(w, p) ON (TRUE)
         WHERE w IS NULL",
        expect![[r#"
            +----+
            | id |
            +----+
            | 2  |
            | 3  |
            +----+
        "#]],
    );
}

#[test]
fn several_stand_in_a_row() {
    check(
        "SELECT id, word, ngram FROM t, LATERAL TABLE(words(text)) AS w,
           LATERAL TABLE(ngrams(text || ' ' || w.word)) AS n(ngram, place)
         WHERE n.place = w.place",
        expect![[r#"
            +----+------+---------+
            | id | word | ngram   |
            +----+------+---------+
            | 1  | to   | to be   |
            | 1  | be   | be or   |
            | 1  | or   | or or   |
            | 4  | not  | not not |
            +----+------+---------+
        "#]],
    );
    check(
        "SELECT a.id, b.id AS other, word FROM t AS a, t AS b JOIN t AS c ON b.id = c.id,
           LATERAL TABLE(words(b.text || a.text)) WHERE a.id = 4",
        expect![[r#"
            +----+-------+--------+
            | id | other | word   |
            +----+-------+--------+
            | 4  | 1     | to     |
            | 4  | 1     | be     |
            | 4  | 1     | ornot  |
            | 4  | 3     | not    |
            | 4  | 4     | notnot |
            +----+-------+--------+
        "#]],
    );
    check(
        "SELECT id, w.word, v.name FROM t
           JOIN LATERAL TABLE(words(text)) AS w ON w.place < 3
           JOIN (VALUES ('to', 'a'), ('be', 'b'), ('or', 'c')) AS v(word, name) ON w.word = v.word",
        expect![[r#"
            +----+------+------+
            | id | word | name |
            +----+------+------+
            | 1  | to   | a    |
            | 1  | be   | b    |
            +----+------+------+
        "#]],
    );
    check(
        "SELECT (SELECT COUNT(*) FROM t, LATERAL TABLE(words(text))) AS words, id
         FROM (t CROSS JOIN LATERAL TABLE(words(text)))",
        expect![[r#"
            +-------+----+
            | words | id |
            +-------+----+
            | 4     | 1  |
            | 4     | 1  |
            | 4     | 1  |
            | 4     | 4  |
            +-------+----+
        "#]],
    );
}

#[test]
fn a_call_stands_alone() {
    let expected = expect![[r#"
        +------+-------+
        | word | place |
        +------+-------+
        | to   | 1     |
        | be   | 2     |
        +------+-------+
    "#]];
    for query in [
        "SELECT * FROM TABLE(words('to be'))",
        "SELECT word, place FROM LATERAL TABLE(words('to be'))",
        "SELECT w.* FROM TABLE(words('to' || ' be')) AS w",
        "SELECT * FROM TABLE(words('to be')) AS w(word, place)",
        "SELECT * FROM words('to be')",
    ] {
        expected.assert_eq(&run(&format!("{query};")));
    }
    check(
        "SELECT id, word FROM t, LATERAL TABLE(words('a b')) WHERE id <> 2",
        expect![[r#"
            +----+------+
            | id | word |
            +----+------+
            | 1  | a    |
            | 1  | b    |
            | 3  | a    |
            | 3  | b    |
            | 4  | a    |
            | 4  | b    |
            +----+------+
        "#]],
    );
    check(
        "SELECT id, word FROM t LEFT JOIN LATERAL TABLE(words(' ')) ON TRUE",
        expect![[r#"
            +----+------+
            | id | word |
            +----+------+
            | 1  |      |
            | 2  |      |
            | 3  |      |
            | 4  |      |
            +----+------+
        "#]],
    );
    check(
        "SELECT * FROM TABLE(words(CAST(NULL AS STRING)))",
        expect![[r#"
            +------+-------+
            | word | place |
            +------+-------+
            +------+-------+
        "#]],
    );
}

#[test]
fn a_view_has_calls_in_it() {
    check(
        "CREATE VIEW v AS SELECT id, word FROM t, LATERAL TABLE(words(text));
         CREATE VIEW both AS SELECT a.word, b.id FROM v AS a JOIN v AS b ON a.word = b.word;
         SELECT word, COUNT(*) AS n FROM both GROUP BY word ORDER BY word",
        expect![[r#"
            +------+---+
            | word | n |
            +------+---+
            | be   | 1 |
            | not  | 1 |
            | or   | 1 |
            | to   | 1 |
            +------+---+
        "#]],
    );
}

#[test]
fn functions_tell_their_kind() {
    // Without what depends on the build, and how wide a table is.
    let told = |sql: &str| {
        let told = run(sql);
        let parts = ["| scalar", "| table", "ExpandedRows:", "Function:"];
        let lines = told.lines();
        let lines = lines.filter(|line| parts.iter().any(|part| line.contains(part)));
        let lines = lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        lines.collect::<Vec<_>>().join("\n")
    };
    expect![[r#"
        | features | scalar |
        | ngrams | table |
        | pairs | table |
        | words | table |
        | kind | table |
        ExpandedRows: words(a b) as [word, place], join=Inner
        ExpandedRows: rows of ngrams@1 as [ngram, place], join=Inner
        Function: name=ngrams, kind=table, component=words.wasm#ngrams, grants=[]
        Function: name=words, kind=table, component=words.wasm#words, grants=[]"#]]
    .assert_eq(&told(
        "SHOW USER FUNCTIONS; DESCRIBE FUNCTION ngrams;
         EXPLAIN SELECT id, ngram FROM t, LATERAL TABLE(ngrams(text)) AS n(ngram, place),
           LATERAL TABLE(words('a b')) WHERE n.place > 1 AND id > 2;",
    ));
    expect![[r#"
        | features | scalar |
        | ngrams | table |
        | pairs | table |"#]]
    .assert_eq(&told("DROP FUNCTION words; SHOW USER FUNCTIONS;"));
}

/// Texts of words with one space between them, at any sizes of batches and numbers of partitions.
#[test]
fn rows_are_those_of_datafusions_unnest() {
    let mut random = SmallRng::seed_from_u64(11);
    let mut texts = String::new();
    for id in 0..1_000 {
        let words = match id % 100 {
            0 => 5_000,
            _ => random.random_range(1..9),
        };
        let words: Vec<_> = (0..words)
            .map(|_| format!("w{}", random.random_range(0..50)))
            .collect();
        texts += &format!("{id},{}\n", words.join(" "));
    }
    for (batch, partitions) in [("1", "1"), ("7", "2"), ("1000", "1"), ("8192", "2")] {
        let folder = folder().with("texts.csv", &texts);
        let sql = format!(
            "{FUNCTIONS}{TEXTS}
             CREATE TABLE o (id INT, word STRING) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'o');
             CREATE TABLE u (id INT, word STRING) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'u');
             SET 'job.batch-rows' = '{batch}'; SET 'parallelism.default' = '{partitions}';
             INSERT INTO o SELECT id, word FROM t, LATERAL TABLE(words(text));
             INSERT INTO u SELECT id, unnest(string_to_array(text, ' ')) AS word FROM t;"
        );
        folder.run(&sql).unwrap();
        let lines = folder.lines("o");
        assert!(lines.len() > 50_000, "{}", lines.len());
        assert!(lines == folder.lines("u"), "{batch}, {partitions}");
    }
}

/// One row becomes many, beside a wide column: all of them together would be 3 GB.
#[test]
fn a_giant_expansion_is_given_in_small_batches() {
    let giant = "CREATE FUNCTION giant AS 'giant-expansion.wasm#giant' LANGUAGE WASM
      WITH ('attack' = '300000');\n";
    let query = "SELECT COUNT(*) AS n, SUM(g.number) AS numbers, MAX(CHAR_LENGTH(text)) AS width
      FROM (SELECT id, REPEAT('x', 10000) AS text FROM t), LATERAL TABLE(giant(id)) AS g(number)";
    check(
        &format!("{giant}{query}"),
        expect![[r#"
        +--------+-------------+-------+
        | n      | numbers     | width |
        +--------+-------------+-------+
        | 300000 | 44999850000 | 10000 |
        +--------+-------------+-------+
    "#]],
    );
    // The same list for all rows.
    let constant = "SELECT COUNT(*) AS n FROM t, LATERAL TABLE(giant(CAST(1 AS BIGINT)))";
    check(
        &format!("{giant}{constant}"),
        expect![[r#"
        +---------+
        | n       |
        +---------+
        | 1200000 |
        +---------+
    "#]],
    );
}

#[test]
fn rows_on_which_a_function_fails_have_none() {
    let texts = "1,a=1 b=2\n2,c\n3,d=4\n4,e=5 f g\n";
    let of = |policy: &str, query: &str| {
        let folder = folder().with("texts.csv", texts);
        let sql = format!(
            "{TEXTS}CREATE TABLE bad (source STRING, `function` STRING, error STRING) WITH (
               'connector' = 'filesystem', 'format' = 'csv', 'path' = 'bad');
             SET 'dead-letter.table' = 'bad';
             CREATE FUNCTION pairs AS 'words.wasm#pairs' LANGUAGE WASM
               WITH ('on-error' = '{policy}');
             CREATE TABLE o (id INT, k STRING, v STRING) WITH ('connector' = 'print');
             INSERT INTO o {query};"
        );
        let told = match folder.run(&sql) {
            Ok(told) => told,
            Err(error) => format!("error: {error}"),
        };
        let kept = |line: &&str| line.starts_with("+I[") || line.starts_with("error: ");
        let mut lines: Vec<_> = told.lines().filter(kept).map(str::to_owned).collect();
        if policy == "dead-letter" {
            lines.extend(folder.lines("bad"));
        }
        format!("{policy}: {query}\n{}\n", lines.join("\n"))
    };
    let inner = "SELECT id, a.* FROM t, LATERAL TABLE(pairs(text)) AS a";
    let left = "SELECT id, a.* FROM t LEFT JOIN LATERAL TABLE(pairs(text)) AS a ON TRUE";
    let constant = "SELECT id, a.* FROM t, LATERAL TABLE(pairs('x=y z')) AS a WHERE id < 3";
    let told = [
        of("fail", inner),
        of("fail", constant),
        of("null", inner),
        of("null", left),
        of("null", constant),
        of("dead-letter", inner),
        of("dead-letter", left),
        of("dead-letter", constant),
    ];
    expect![[r#"
        fail: SELECT id, a.* FROM t, LATERAL TABLE(pairs(text)) AS a
        error: function pairs (words.wasm#pairs) failed on 2 of 4 rows: row 1: `c` is no pair; row 3: `f` is no pair

        fail: SELECT id, a.* FROM t, LATERAL TABLE(pairs('x=y z')) AS a WHERE id < 3
        error: function pairs (words.wasm#pairs) failed on 1 of 1 rows: row 0: `z` is no pair

        null: SELECT id, a.* FROM t, LATERAL TABLE(pairs(text)) AS a
        +I[1, a, 1]
        +I[1, b, 2]
        +I[3, d, 4]

        null: SELECT id, a.* FROM t LEFT JOIN LATERAL TABLE(pairs(text)) AS a ON TRUE
        +I[1, a, 1]
        +I[1, b, 2]
        +I[2, null, null]
        +I[3, d, 4]
        +I[4, null, null]

        null: SELECT id, a.* FROM t, LATERAL TABLE(pairs('x=y z')) AS a WHERE id < 3


        dead-letter: SELECT id, a.* FROM t, LATERAL TABLE(pairs(text)) AS a
        +I[1, a, 1]
        +I[1, b, 2]
        +I[3, d, 4]
        t,pairs,function pairs (words.wasm#pairs) failed: `c` is no pair
        t,pairs,function pairs (words.wasm#pairs) failed: `f` is no pair

        dead-letter: SELECT id, a.* FROM t LEFT JOIN LATERAL TABLE(pairs(text)) AS a ON TRUE
        +I[1, a, 1]
        +I[1, b, 2]
        +I[3, d, 4]
        t,pairs,function pairs (words.wasm#pairs) failed: `c` is no pair
        t,pairs,function pairs (words.wasm#pairs) failed: `f` is no pair

        dead-letter: SELECT id, a.* FROM t, LATERAL TABLE(pairs('x=y z')) AS a WHERE id < 3
        t,pairs,function pairs (words.wasm#pairs) failed: `z` is no pair
        t,pairs,function pairs (words.wasm#pairs) failed: `z` is no pair
    "#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_limit_costs_only_the_row_that_runs_over_it() {
    let function = "CREATE FUNCTION few AS 'words.wasm#words' LANGUAGE WASM
      WITH ('on-error' = 'null', 'limit.result-rows' = '2');\n";
    check(
        &format!("{function}SELECT id, word FROM t, LATERAL TABLE(few(text))"),
        expect![[r#"
            +----+------+
            | id | word |
            +----+------+
            | 4  | not  |
            +----+------+
        "#]],
    );
}
