//! `wasmill plugin test FILE#function`.

use std::process::Command;

use expect_test::expect;

use crate::support::Job;

/// The command as one types it, and what it tells.
fn test(job: &Job, line: &str) -> String {
    let line = format!("plugin test {line}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" {line}")]);
    shell.arg(env!("CARGO_BIN_EXE_wasmill"));
    let output = shell.current_dir(job.path("")).output().unwrap();
    format!("$ wasmill {line}\n{}", job.told(&output))
}

pub fn tests(job: &Job, lines: &[&str]) -> String {
    lines.iter().map(|line| test(job, line)).collect()
}

fn conformance() -> Job {
    Job::new("").plugin("conformance")
}

#[test]
fn rows_and_what_comes_of_them() {
    let job = conformance().file("rows.csv", "b,a,note\n1,2,\"x, y\"\n,3,\n");
    expect![[r#"
        $ wasmill plugin test conformance.wasm#add --rows '{"a": 1, "b": 2} {"b": null, "a": 4}'
        exit 0
        +---+------+------+
        | a |    b |  add |
        +---+------+------+
        | 1 |    2 |    3 |
        | 4 | NULL | NULL |
        +---+------+------+
        2 rows in set
        $ wasmill plugin test conformance.wasm#add --csv rows.csv
        exit 0
        +---+------+------+
        | a |    b |  add |
        +---+------+------+
        | 2 |    1 |    3 |
        | 3 | NULL | NULL |
        +---+------+------+
        2 rows in set
        $ wasmill plugin test conformance.wasm#add --rows ''
        exit 0
        +---+---+-----+
        | a | b | add |
        +---+---+-----+
        0 rows in set
        $ wasmill plugin test conformance.wasm#words --rows '"to be" null "or"'
        exit 0
        +-------+------+-------+
        | text  | word | place |
        +-------+------+-------+
        | to be | to   |     1 |
        | to be | be   |     2 |
        | or    | or   |     1 |
        +-------+------+-------+
        3 rows in set
        $ wasmill plugin test conformance.wasm#words --rows '["to be"]' --json
        exit 0
        {"word":"to","place":1}
        {"word":"be","place":2}
        $ wasmill plugin test conformance.wasm#mean --rows '1 2 null 6' --batch 3
        exit 0
        +------+
        | mean |
        +------+
        |  3.0 |
        +------+
        1 row in set
        $ wasmill plugin test conformance.wasm#greet --rows '["mill"]' --parameter greeting=Moin
        exit 0
        +------+-------------+
        | name | greet       |
        +------+-------------+
        | mill | Moin, mill! |
        +------+-------------+
        1 row in set
        $ wasmill plugin test conformance.wasm#score --rows '[1.5, 2]' --parameter model=sum
        exit 0
        +-----+-----+-------+
        |  f0 |  f1 | score |
        +-----+-----+-------+
        | 1.5 | 2.0 |   3.5 |
        +-----+-----+-------+
        1 row in set
        $ wasmill plugin test conformance.wasm#echo --rows '1.5 2' --json
        exit 0
        1.5
        2.0
        $ wasmill plugin test conformance.wasm#echo --types 'v struct<at: timestamp(second, UTC), d: decimal128(9, 2)>' --rows '{"v": {"at": "2024-02-29T12:00:00Z", "d": "-1.5"}}' --json
        exit 0
        {"at":"2024-02-29T12:00:00Z","d":"-1.50"}
    "#]].assert_eq(&tests(
        &job,
        &[
            r#"conformance.wasm#add --rows '{"a": 1, "b": 2} {"b": null, "a": 4}'"#,
            "conformance.wasm#add --csv rows.csv",
            "conformance.wasm#add --rows ''",
            r#"conformance.wasm#words --rows '"to be" null "or"'"#,
            r#"conformance.wasm#words --rows '["to be"]' --json"#,
            "conformance.wasm#mean --rows '1 2 null 6' --batch 3",
            r#"conformance.wasm#greet --rows '["mill"]' --parameter greeting=Moin"#,
            "conformance.wasm#score --rows '[1.5, 2]' --parameter model=sum",
            "conformance.wasm#echo --rows '1.5 2' --json",
            r#"conformance.wasm#echo --types 'v struct<at: timestamp(second, UTC), d: decimal128(9, 2)>' --rows '{"v": {"at": "2024-02-29T12:00:00Z", "d": "-1.5"}}' --json"#,
        ],
    ));
}

#[test]
fn what_comes_is_compared() {
    let job = conformance().file("expected.json", "3\n7\n");
    expect![[r#"
        $ wasmill plugin test conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect expected.json
        exit 0
        3
        7
        2 rows as expected
        $ wasmill plugin test conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect '3 8 9'
        exit 1
        3
        7
        error: 2 rows are not as expected:
          row 1: expected 8, got 7
          row 2: expected 9, got nothing
        $ wasmill plugin test conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect '[3, 7]'
        exit 2
        3
        7
        error: --expect, row 0: [3,7] is no int64
        $ wasmill plugin test conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect none.json
        exit 2
        error: --expect is neither a file nor JSON: expected ident at line 1 column 2
    "#]].assert_eq(&tests(
        &job,
        &[
            "conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect expected.json",
            "conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect '3 8 9'",
            "conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect '[3, 7]'",
            "conformance.wasm#add --json --rows '[1, 2] [3, 4]' --expect none.json",
        ],
    ));
}

#[test]
fn rows_that_are_wrong() {
    let job = conformance()
        .file("open.csv", "a,b\n1,\"2\n")
        .file("words.csv", "a,b\n1,2\n3,x\n");
    expect![[r#"
        $ wasmill plugin test conformance.wasm#add --rows '[1, 2'
        exit 2
        error: the rows are no JSON: EOF while parsing a list at line 1 column 5
        $ wasmill plugin test conformance.wasm#add --rows '[1]'
        exit 2
        error: the rows have (1 values), the function takes (a: int64, b: int64)
        $ wasmill plugin test conformance.wasm#add --rows '[1, 2] [3]'
        exit 2
        error: row 1 has 1 values, not 2
        $ wasmill plugin test conformance.wasm#add --rows '{"a": 1, "c": 2}'
        exit 2
        error: the rows have (a, c), the function takes (a: int64, b: int64)
        $ wasmill plugin test conformance.wasm#add --rows '{"a": 1, "b": 2} {"a": 3}'
        exit 2
        error: row 1 has no `b`
        $ wasmill plugin test conformance.wasm#add --rows '["x", 1]'
        exit 2
        error: row 0, `a`: "x" is no int64
        $ wasmill plugin test conformance.wasm#add --rows '[1, 9223372036854775808]'
        exit 2
        error: row 0, `b`: 9223372036854775808 is no int64
        $ wasmill plugin test conformance.wasm#add --rows '[1, 2] [9223372036854775807, 1]'
        exit 1
        error: function add (conformance.wasm#add) failed on 1 of 2 rows: row 1: 9223372036854775807 + 1 is out of range
        $ wasmill plugin test conformance.wasm#add --csv open.csv
        exit 2
        error: open.csv: line 2: a `"` is never closed
        $ wasmill plugin test conformance.wasm#add --csv words.csv
        exit 2
        error: words.csv line 3, `b`: "x" is no int64
        $ wasmill plugin test conformance.wasm#add --csv none.csv
        exit 2
        error: cannot read none.csv: No such file or directory (os error 2)
        $ wasmill plugin test conformance.wasm#echo --rows null
        exit 2
        error: the rows do not tell the types of their columns

        hint: give them: --types 'a int64, b list<utf8>'
        $ wasmill plugin test conformance.wasm#echo --rows 1 --types int
        exit 2
        error: --types: `int` is no type that plugins know

        hint: for example --types 'a int64, b list<utf8>'
        $ wasmill plugin test conformance.wasm#add --rows '["x"]' --types utf8
        exit 2
        error: function add (conformance.wasm#add) takes (Int64, Int64), not (Utf8)

        hint: --types says which types the columns have
    "#]].assert_eq(&tests(
        &job,
        &[
            "conformance.wasm#add --rows '[1, 2'",
            "conformance.wasm#add --rows '[1]'",
            "conformance.wasm#add --rows '[1, 2] [3]'",
            r#"conformance.wasm#add --rows '{"a": 1, "c": 2}'"#,
            r#"conformance.wasm#add --rows '{"a": 1, "b": 2} {"a": 3}'"#,
            r#"conformance.wasm#add --rows '["x", 1]'"#,
            "conformance.wasm#add --rows '[1, 9223372036854775808]'",
            "conformance.wasm#add --rows '[1, 2] [9223372036854775807, 1]'",
            "conformance.wasm#add --csv open.csv",
            "conformance.wasm#add --csv words.csv",
            "conformance.wasm#add --csv none.csv",
            "conformance.wasm#echo --rows null",
            "conformance.wasm#echo --rows 1 --types int",
            r#"conformance.wasm#add --rows '["x"]' --types utf8"#,
        ],
    ));
}

#[test]
fn functions_that_do_not_open() {
    expect![[r#"
        $ wasmill plugin test conformance.wasm --rows 1
        exit 2
        error: conformance.wasm has several functions: which one?

        hint: conformance.wasm#NAME; it has: add, echo, greet, score, words, mean, broadcast_limit, keyed_list, keyed_lookup, keyed_map, keyed_recent, keyed_sum, side_split, timer_echo
        $ wasmill plugin test conformance.wasm#ad --rows 1
        exit 2
        error: `conformance.wasm` has no function `ad`

        hint: did you mean `add`?
        $ wasmill plugin test none.wasm#add --rows 1
        exit 2
        error: cannot read the plugin `none.wasm`: No such file or directory (os error 2)

        hint: was the plugin built? `wasmill plugin build` does it
        $ wasmill plugin test conformance.wasm#score --rows '[1, 2]'
        exit 2
        error: function score (conformance.wasm#score) needs the parameter `model`: the model's name in the job

        hint: add --parameter model=…
        $ wasmill plugin test conformance.wasm#score --rows '[1, 2]' --parameter model=m
        exit 2
        error: function score (conformance.wasm#score) wants the model `m`, which the job does not grant

        hint: the only model here is `sum`, of two float64
        $ wasmill plugin test conformance.wasm#greet --rows '"x"' --parameter greeting=
        exit 2
        error: function greet (conformance.wasm#greet) refuses to open: the parameter 'greeting' is empty
    "#]].assert_eq(&tests(
        &conformance(),
        &[
            "conformance.wasm --rows 1",
            "conformance.wasm#ad --rows 1",
            "none.wasm#add --rows 1",
            "conformance.wasm#score --rows '[1, 2]'",
            "conformance.wasm#score --rows '[1, 2]' --parameter model=m",
            r#"conformance.wasm#greet --rows '"x"' --parameter greeting="#,
        ],
    ));
}

/// Times are replaced.
#[test]
fn calls_are_traced() {
    let job = Job::new("")
        .plugin("hostile/escape-sequences")
        .plugin("conformance");
    let told = tests(
        &job,
        &[
            "conformance.wasm#words --rows '\"a\" \"b\" \"c\"' --batch 2 --trace",
            "escape-sequences.wasm --rows '1 2' --parameter attack=none --json --trace",
        ],
    );
    let lines = told.lines().map(|line| {
        let time = line.strip_suffix(" ms");
        match time.and_then(|line| line.rsplit_once(' ')) {
            Some((call, _)) => format!("{call} [TIME]\n"),
            None => format!("{line}\n"),
        }
    });
    expect![[r#"
        $ wasmill plugin test conformance.wasm#words --rows '"a" "b" "c"' --batch 2 --trace
        exit 0
        +------+------+-------+
        | text | word | place |
        +------+------+-------+
        | a    | a    |     1 |
        | b    | b    |     1 |
        | c    | c    |     1 |
        +------+------+-------+
        3 rows in set
        rows 0 to 1: [TIME]
        rows 2 to 2: [TIME]
        $ wasmill plugin test escape-sequences.wasm --rows '1 2' --parameter attack=none --json --trace
        exit 0
        1
        2
        rows 0 to 1: info: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J
        rows 0 to 1: [TIME]
    "#]]
    .assert_eq(&lines.collect::<String>());
}
