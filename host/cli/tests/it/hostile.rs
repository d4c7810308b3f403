//! Hostile plugins as their users meet them: what stands on the terminal, in plans and in tables.

use expect_test::expect;

use crate::support::Job;

/// Nothing that a terminal takes for a command, or that a reader does not see.
fn assert_clean(text: &str) {
    let foul = |character: char| {
        character.is_control() && character != '\n'
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{3164}')
    };
    assert!(!text.contains(foul), "{text:?}");
}

fn clean(text: String) -> String {
    assert_clean(&text);
    text
}

#[test]
fn names_do_not_speak_to_the_terminal() {
    let told = ["escaping-name", "invisible-name", "escaping-field"].map(|name| {
        let job = Job::new("").plugin(&format!("hostile/{name}"));
        let arguments = ["plugin", "inspect", &format!("{name}.wasm")];
        clean(job.told(&job.command_of(&arguments).output().unwrap()))
    });
    expect![[r#"
        exit 2
        error: `escaping-name.wasm` describes its functions wrongly: `\x1b[2J\u{202e}drawkcab\n\u{200b}` is not a function's name

        hint: this is a defect of the plugin: tell its author
        exit 2
        error: `invisible-name.wasm` describes its functions wrongly: `\u{3164}` is not a function's name

        hint: this is a defect of the plugin: tell its author
        exit 2
        error: `escaping-field.wasm` describes its functions wrongly: function `attack`: field 1: `\x1b[31mred\u{2066}` is not a field's name

        hint: this is a defect of the plugin: tell its author
    "#]].assert_eq(&told.concat());
    let job = Job::new("").plugin("hostile/escaping-default");
    let arguments = ["plugin", "inspect", "escaping-default.wasm"];
    let told = clean(job.told(&job.command_of(&arguments).output().unwrap()));
    let (_, functions) = told.split_once("\n\n").unwrap();
    expect![[r#"
        scalar attack(…) → what it says when it is opened
          An \x1b[5mattack\u{feff}.
          'attack' '\x1b]0;owned\x07' unless it is given: which
    "#]]
    .assert_eq(functions);
}

fn painting(attack: &str, statement: &str) -> String {
    let job = Job::new(&format!(
        "CREATE FUNCTION f AS 'escape-sequences.wasm#attack' LANGUAGE WASM
  WITH ('attack' = '{attack}');
{statement}"
    ))
    .plugin("hostile/escape-sequences");
    clean(job.run())
}

#[test]
fn logs_and_errors_do_not_speak_to_the_terminal() {
    let statement = "SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);";
    let told = ["log", "rows", "failed", "open", "field", "model"]
        .map(|attack| format!("{attack}: {}\n", painting(attack, statement)));
    expect![[r#"
        log: exit 1
         INFO wasmill::guest: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J function="f (escape-sequences.wasm#attack)" rows=0-1
        error: function f (escape-sequences.wasm#attack) gave a wrong result: expected Int64, got Int32
          its last log lines:
            info: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J

        hint: this is a defect of the plugin: tell its author

        rows: exit 1
         INFO wasmill::guest: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J function="f (escape-sequences.wasm#attack)" rows=0-1
        error: function f (escape-sequences.wasm#attack) failed on 1 of 2 rows: row 0: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J

        failed: exit 1
         INFO wasmill::guest: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J function="f (escape-sequences.wasm#attack)" rows=0-1
        error: function f (escape-sequences.wasm#attack) failed: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J
          its last log lines:
            info: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J

        open: exit 2
        error: function f (escape-sequences.wasm#attack) refuses to open: \x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J
         --> job.sql:3:1
          |
        3 | SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        field: exit 2
        error: function f (escape-sequences.wasm#attack) gave a wrong result: field 0: `\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J` is not a field's name
         --> job.sql:3:1
          |
        3 | SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: this is a defect of the plugin: tell its author

        model: exit 2
        error: function f (escape-sequences.wasm#attack) wants the model `\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J`, which the job does not grant
         --> job.sql:3:1
          |
        3 | SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: add 'grant.models' = '\x1b[31mred\x0d\nINFO all is well\u{202e}\u{200b}\x9b2J' to the function's WITH

    "#]].assert_eq(&told.concat());
}

#[test]
fn plans_do_not_speak_to_the_terminal() {
    let told = painting(
        "log",
        "EXPLAIN SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);",
    );
    assert!(told.starts_with("exit 0\n"), "{told}");
    let told = painting(
        "field",
        "EXPLAIN SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);",
    );
    assert!(told.starts_with("exit 2\n"), "{told}");
}

/// What it does to a batch costs no row: each is tried by itself.
#[test]
fn a_plugin_that_behaves_for_a_million_rows_costs_none() {
    let job = |attack: &str, policy: &str| {
        Job::new(&format!(
            "CREATE TABLE t (x BIGINT) WITH (
  'connector' = 'datagen', 'number-of-rows' = '1100000', 'rows-per-second' = '100000000',
  'fields.x.kind' = 'sequence', 'fields.x.start' = '1', 'fields.x.end' = '1100000');
CREATE TABLE bad (source STRING, raw BYTES, `function` STRING, error STRING) WITH (
  'connector' = 'filesystem', 'format' = 'json', 'path' = 'bad');
SET 'dead-letter.table' = 'bad';
SET 'parallelism.default' = '1';
CREATE FUNCTION f AS 'after-a-million.wasm#attack' LANGUAGE WASM
  WITH ('attack' = '{attack}', 'on-error' = '{policy}');
CREATE TABLE sums (n BIGINT, total BIGINT) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');
INSERT INTO sums SELECT COUNT(y), SUM(y) FROM (SELECT f(x) AS y FROM t) AS u;"
        ))
        .plugin("hostile/after-a-million")
    };
    for attack in ["trap", "short", "failed"] {
        let told = job(attack, "fail").run();
        assert!(told.starts_with("exit 1\n"), "{told}");
        let job = job(attack, "dead-letter");
        let told = job.run();
        assert!(told.starts_with("exit 0\n"), "{told}");
        assert_eq!(job.rows("out"), ["1100000,605000550000"], "{attack}");
    }
}
