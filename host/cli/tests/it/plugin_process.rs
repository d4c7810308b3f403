//! `wasmill plugin test FILE#function` of process functions.

use expect_test::expect;

use crate::plugin_test::tests;
use crate::support::Job;

fn job() -> Job {
    Job::new("").plugin("conformance").plugin("sessions")
}

#[test]
fn rows_by_their_keys() {
    let job = job().file("rows.csv", "k,value,note\na,1,x\n,2,y\na,3,\n");
    expect![[r#"
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --rows '{"k": "a", "value": 1} {"k": "b", "value": 2} {"k": "a", "value": 3}'
        exit 0
        +---+-----+
        | k | sum |
        +---+-----+
        | a |   1 |
        | b |   2 |
        | a |   4 |
        +---+-----+
        3 rows in set
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --key value --batch 1 --json --rows '{"k": "a", "value": 1} {"value": 1, "k": null} {"k": "a", "value": 1}'
        exit 0
        {"k":"a","value":1,"sum":1}
        {"k":null,"value":1,"sum":1}
        {"k":"a","value":1,"sum":2}
        $ wasmill plugin test conformance.wasm#keyed_sum --rows '1 null 2'
        exit 0
        +-----+
        | sum |
        +-----+
        |   1 |
        |   3 |
        +-----+
        2 rows in set
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --csv rows.csv
        exit 0
        +------+-----+
        | k    | sum |
        +------+-----+
        | a    |   1 |
        | NULL |   2 |
        | a    |   4 |
        +------+-----+
        3 rows in set
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --time t --rows ''
        exit 0
        +---+-----+---------+
        | k | sum | rowtime |
        +---+-----+---------+
        0 rows in set
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --types 'k decimal128(4, 1)' --rows '{"k": "1", "value": 1} {"k": "1.0", "value": 2}'
        exit 0
        +-----+-----+
        |   k | sum |
        +-----+-----+
        | 1.0 |   1 |
        | 1.0 |   3 |
        +-----+-----+
        2 rows in set
    "#]].assert_eq(&tests(
        &job,
        &[
            r#"conformance.wasm#keyed_sum --key k --rows '{"k": "a", "value": 1} {"k": "b", "value": 2} {"k": "a", "value": 3}'"#,
            r#"conformance.wasm#keyed_sum --key k --key value --batch 1 --json --rows '{"k": "a", "value": 1} {"value": 1, "k": null} {"k": "a", "value": 1}'"#,
            "conformance.wasm#keyed_sum --rows '1 null 2'",
            "conformance.wasm#keyed_sum --key k --csv rows.csv",
            "conformance.wasm#keyed_sum --key k --time t --rows ''",
            r#"conformance.wasm#keyed_sum --key k --types 'k decimal128(4, 1)' --rows '{"k": "1", "value": 1} {"k": "1.0", "value": 2}'"#,
        ],
    ));
}

/// Behind the last row those of event time fire.
#[test]
fn times_and_timers() {
    expect![[r#"
        $ wasmill plugin test sessions.wasm#user_sessions --key u --time t --rows '{"u": "a", "t": 0} {"u": "b", "t": 5} {"u": "a", "t": 1000} {"u": "a", "t": 900000}'
        exit 0
        +---+-------------------------+-------------------------+------+---------+
        | u | started                 | ended                   | rows | rowtime |
        +---+-------------------------+-------------------------+------+---------+
        | a | 1970-01-01T00:00:00     | 1970-01-01T00:00:01     |    2 |  900000 |
        | b | 1970-01-01T00:00:00.005 | 1970-01-01T00:00:00.005 |    1 |  600005 |
        | a | 1970-01-01T00:15:00     | 1970-01-01T00:15:00     |    1 | 1500000 |
        +---+-------------------------+-------------------------+------+---------+
        3 rows in set
        $ wasmill plugin test sessions.wasm#user_sessions --time t --json --parameter gap=500 --rows '{"t": "2024-02-29 12:00:00"} {"t": "2024-02-29T12:00:00.25"}'
        exit 0
        {"started":"2024-02-29T12:00:00","ended":"2024-02-29T12:00:00.250","rows":2,"rowtime":"2024-02-29T12:00:00.750"}
        $ wasmill plugin test conformance.wasm#timer_echo --key k --time t --rows '{"k": "a", "name": "again", "at": 7, "clock": "event", "t": 1} {"k": "a", "name": "t", "at": 5, "clock": "event", "t": 1}'
        exit 0
        +---+-------+----+-------+---------+
        | k | name  | at | fired | rowtime |
        +---+-------+----+-------+---------+
        | a | t     |  5 |     1 |       5 |
        | a | again |  7 |     2 |       7 |
        | a | again | 17 |     3 |      17 |
        +---+-------+----+-------+---------+
        3 rows in set
        $ wasmill plugin test conformance.wasm#timer_echo --batch 1 --rows '{"name": "due", "at": 5, "clock": "processing"} {"name": "later", "at": 9223372036854775807, "clock": "processing"}'
        exit 0
        +------+------+-------+
        | name |   at | fired |
        +------+------+-------+
        | due  | NULL |     1 |
        +------+------+-------+
        1 row in set
        timers of the machine's clock that are not due yet are left out
        $ wasmill plugin test conformance.wasm#timer_echo --now 5 --rows '{"name": "due", "at": 5, "clock": "processing"} {"name": "later", "at": 6, "clock": "processing"}'
        exit 0
        +------+------+-------+
        | name |   at | fired |
        +------+------+-------+
        | due  | NULL |     1 |
        +------+------+-------+
        1 row in set
        timers of the machine's clock that are not due yet are left out
    "#]].assert_eq(&tests(
        &job(),
        &[
            r#"sessions.wasm#user_sessions --key u --time t --rows '{"u": "a", "t": 0} {"u": "b", "t": 5} {"u": "a", "t": 1000} {"u": "a", "t": 900000}'"#,
            r#"sessions.wasm#user_sessions --time t --json --parameter gap=500 --rows '{"t": "2024-02-29 12:00:00"} {"t": "2024-02-29T12:00:00.25"}'"#,
            r#"conformance.wasm#timer_echo --key k --time t --rows '{"k": "a", "name": "again", "at": 7, "clock": "event", "t": 1} {"k": "a", "name": "t", "at": 5, "clock": "event", "t": 1}'"#,
            r#"conformance.wasm#timer_echo --batch 1 --rows '{"name": "due", "at": 5, "clock": "processing"} {"name": "later", "at": 9223372036854775807, "clock": "processing"}'"#,
            r#"conformance.wasm#timer_echo --now 5 --rows '{"name": "due", "at": 5, "clock": "processing"} {"name": "later", "at": 6, "clock": "processing"}'"#,
        ],
    ));
}

#[test]
fn side_outputs_and_broadcast_tables() {
    let job = job()
        .file("limits.csv", "most,name\n3,x\n")
        .file("limits.json", "{\"name\": \"x\", \"most\": 3}\n");
    let rows = r#"'{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'"#;
    let split = r#"'{"k": "a", "value": 1} {"k": "b", "value": 2}'"#;
    let limit = "conformance.wasm#broadcast_limit --key k --json";
    expect![[r#"
        $ wasmill plugin test conformance.wasm#side_split --key k --rows '{"k": "a", "value": 1} {"k": "b", "value": 2}'
        exit 0
        +---+-------+--------+
        | k | value | number |
        +---+-------+--------+
        | b |     2 |      1 |
        +---+-------+--------+
        1 row in set

        odd:
        +---+-------+--------+
        | k | value | number |
        +---+-------+--------+
        | a |     1 |      1 |
        +---+-------+--------+
        1 row in set
        $ wasmill plugin test conformance.wasm#side_split --key k --json --rows '{"k": "a", "value": 1} {"k": "b", "value": 2}'
        exit 0
        {"k":"b","value":2,"number":1}
        {"side-output":"odd","row":{"k":"a","value":1,"number":1}}
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --broadcast '["x", 3] ["y", 0]' --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 0
        {"k":"a","name":"x","value":5,"number":1}
        {"k":"a","name":"y","value":1,"number":2}
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --broadcast limits.csv --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 0
        {"k":"a","name":"x","value":5,"number":1}
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --broadcast limits.json --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 0
        {"k":"a","name":"x","value":5,"number":1}
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --broadcast '' --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 0
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 2
        error: `broadcast_limit` needs a broadcast table

        hint: give its rows: --broadcast FILE, or as JSON; none are --broadcast ''
        $ wasmill plugin test conformance.wasm#broadcast_limit --key k --json --broadcast '{"name": "x", "more": 3}' --rows '{"k": "a", "name": "x", "value": 5} {"k": "a", "name": "y", "value": 1}'
        exit 2
        error: --broadcast: the rows have (name, more), the function takes (name: utf8, most: int64)
        $ wasmill plugin test conformance.wasm#side_split --key k --broadcast 1 --rows '{"k": "a", "value": 1} {"k": "b", "value": 2}'
        exit 2
        error: `side_split` takes no broadcast table
    "#]].assert_eq(&tests(
        &job,
        &[
            &format!("conformance.wasm#side_split --key k --rows {split}"),
            &format!("conformance.wasm#side_split --key k --json --rows {split}"),
            &format!("{limit} --broadcast '[\"x\", 3] [\"y\", 0]' --rows {rows}"),
            &format!("{limit} --broadcast limits.csv --rows {rows}"),
            &format!("{limit} --broadcast limits.json --rows {rows}"),
            &format!("{limit} --broadcast '' --rows {rows}"),
            &format!("{limit} --rows {rows}"),
            &format!("{limit} --broadcast '{{\"name\": \"x\", \"more\": 3}}' --rows {rows}"),
            &format!("conformance.wasm#side_split --key k --broadcast 1 --rows {split}"),
        ],
    ));
}

#[test]
fn what_comes_is_compared() {
    let job = job().file(
        "expected.json",
        "{\"value\": 2, \"number\": 1}\n{\"side-output\": \"odd\", \"row\": [1, 2]}\n",
    );
    let split = "conformance.wasm#side_split --json --rows '2 1'";
    expect![[r#"
        $ wasmill plugin test conformance.wasm#side_split --json --rows '2 1' --expect expected.json
        exit 0
        {"value":2,"number":1}
        {"side-output":"odd","row":{"value":1,"number":2}}
        2 rows as expected
        $ wasmill plugin test conformance.wasm#side_split --json --rows '2 1' --expect '[2, 1]'
        exit 1
        {"value":2,"number":1}
        {"side-output":"odd","row":{"value":1,"number":2}}
        error: 1 row is not as expected:
          side output odd, row 0: expected nothing, got {"value":1,"number":2}
        $ wasmill plugin test conformance.wasm#side_split --json --rows '2 1' --expect '[2, 2] [4, 3] {"side-output": "odd", "row": [3, 2]}'
        exit 1
        {"value":2,"number":1}
        {"side-output":"odd","row":{"value":1,"number":2}}
        error: 3 rows are not as expected:
          row 0: expected {"value":2,"number":2}, got {"value":2,"number":1}
          row 1: expected {"value":4,"number":3}, got nothing
          side output odd, row 0: expected {"value":3,"number":2}, got {"value":1,"number":2}
        $ wasmill plugin test conformance.wasm#side_split --json --rows '2 1' --expect '{"side-output": "even", "row": [3, 2]}'
        exit 2
        {"value":2,"number":1}
        {"side-output":"odd","row":{"value":1,"number":2}}
        error: --expect: there is no side output `even`
        $ wasmill plugin test conformance.wasm#side_split --json --rows '2 1' --expect '{"side-output": "odd", "row": [3]}'
        exit 2
        {"value":2,"number":1}
        {"side-output":"odd","row":{"value":1,"number":2}}
        error: --expect, side output odd, row 0: [3] is no struct<value: int64, number: int64>
    "#]].assert_eq(&tests(
        &job,
        &[
            &format!("{split} --expect expected.json"),
            &format!("{split} --expect '[2, 1]'"),
            &format!(
                "{split} --expect '[2, 2] [4, 3] {{\"side-output\": \"odd\", \"row\": [3, 2]}}'"
            ),
            &format!("{split} --expect '{{\"side-output\": \"even\", \"row\": [3, 2]}}'"),
            &format!("{split} --expect '{{\"side-output\": \"odd\", \"row\": [3]}}'"),
        ],
    ));
}

#[test]
fn what_is_wrong() {
    let job = job().plugin("hostile/timer-loop");
    let timer = |name: &str| {
        format!(r#"{{"k": "a", "name": "{name}", "at": 1, "clock": "event", "t": 1}}"#)
    };
    expect![[r#"
        $ wasmill plugin test conformance.wasm#add --rows '[1, 2]' --key a
        exit 2
        error: --key is for process functions, and `add` is none
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --rows '1 2'
        exit 2
        error: the rows have (1 values), and no `k`

        hint: give them names: {"k": …}
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --rows '{"value": 1, "j": 1}'
        exit 2
        error: the rows have (value, j), and no `k`
        $ wasmill plugin test conformance.wasm#keyed_sum --key k --rows '{"k": null, "value": 1}'
        exit 2
        error: `k`: the rows do not tell the types of their columns

        hint: give them: --types 'a int64, b list<utf8>'
        $ wasmill plugin test conformance.wasm#keyed_sum --time value --rows '{"value": "x"}'
        exit 2
        error: row 0, `value`: "x" is no int64
        $ wasmill plugin test conformance.wasm#keyed_sum --time t --rows '{"value": 1, "t": "noon"}'
        exit 2
        error: row 0, `t`: "noon" is no timestamp(millisecond)
        $ wasmill plugin test conformance.wasm#keyed_sum --time t --types 't utf8' --rows '{"value": 1, "t": "noon"}'
        exit 2
        error: --time: `t` is utf8, which is no time

        hint: it is a timestamp, or an int64 of milliseconds since 1970
        $ wasmill plugin test conformance.wasm#side_split --batch 2 --rows '1 2 3 -4'
        exit 1
        error: rows 2 to 3: function side_split (conformance.wasm#side_split) failed on 1 of 2 rows: row 1: -4 is negative
        $ wasmill plugin test conformance.wasm#timer_echo --time t --rows '{"k": "a", "name": "bad", "at": 1, "clock": "event", "t": 1}'
        exit 1
        error: timers at 1: function timer_echo (conformance.wasm#timer_echo) failed on 1 of 1 rows: row 0: a bad timer
        $ wasmill plugin test conformance.wasm#timer_echo --rows '{"k": "a", "name": "t", "at": 1, "clock": "event"}'
        exit 1
        error: function timer_echo (conformance.wasm#timer_echo) sets a timer for the time of rows, and nothing says which column that is

        hint: name the column: on_time => DESCRIPTOR(column) in the query, --time in a test
        $ wasmill plugin test timer-loop.wasm --time value --parameter attack=loop --rows '{"value": 1}'
        exit 1
        error: function attack sets timers without end: behind the last row it was called 10000 times for timers, and set more each time

        hint: a timer must be later than the one it is set in; behind the last row the watermark is the greatest there is, and none should be set
    "#]].assert_eq(&tests(
        &job,
        &[
            "conformance.wasm#add --rows '[1, 2]' --key a",
            "conformance.wasm#keyed_sum --key k --rows '1 2'",
            r#"conformance.wasm#keyed_sum --key k --rows '{"value": 1, "j": 1}'"#,
            r#"conformance.wasm#keyed_sum --key k --rows '{"k": null, "value": 1}'"#,
            r#"conformance.wasm#keyed_sum --time value --rows '{"value": "x"}'"#,
            r#"conformance.wasm#keyed_sum --time t --rows '{"value": 1, "t": "noon"}'"#,
            r#"conformance.wasm#keyed_sum --time t --types 't utf8' --rows '{"value": 1, "t": "noon"}'"#,
            "conformance.wasm#side_split --batch 2 --rows '1 2 3 -4'",
            &format!("conformance.wasm#timer_echo --time t --rows '{}'", timer("bad")),
            &format!(
                "conformance.wasm#timer_echo --rows '{}'",
                timer("t").replace(r#", "t": 1"#, "")
            ),
            "timer-loop.wasm --time value --parameter attack=loop --rows '{\"value\": 1}'",
        ],
    ));
}

/// Times are left out.
#[test]
fn calls_are_traced() {
    let told = tests(
        &job(),
        &[
            r#"conformance.wasm#timer_echo --json --trace --batch 2 --time t --rows '{"name": "a", "at": 7, "clock": "event", "t": 1} {"name": "b", "at": 5, "clock": "event", "t": 1} {"name": "again", "at": 8, "clock": "event", "t": 1}'"#,
        ],
    );
    let lines = told.lines().map(|line| match line.strip_suffix(" ms") {
        Some(line) => {
            let (call, _) = line.rsplit_once(' ').unwrap();
            format!("{call}\n")
        }
        None => format!("{line}\n"),
    });
    expect![[r#"
        $ wasmill plugin test conformance.wasm#timer_echo --json --trace --batch 2 --time t --rows '{"name": "a", "at": 7, "clock": "event", "t": 1} {"name": "b", "at": 5, "clock": "event", "t": 1} {"name": "again", "at": 8, "clock": "event", "t": 1}'
        exit 0
        {"name":"b","at":5,"fired":1,"rowtime":5}
        {"name":"a","at":7,"fired":2,"rowtime":7}
        {"name":"again","at":8,"fired":3,"rowtime":8}
        rows 0 to 1:
        rows 2 to 2:
        timers at 5 to 8:
    "#]].assert_eq(&lines.collect::<String>());
}
