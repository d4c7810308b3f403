//! `wasmill plugin bench`. How fast it is, is not asserted.

use expect_test::expect;

use crate::support::Job;

/// What the commands tell, their words between spaces.
fn bench(job: &Job, lines: &[&str]) -> String {
    let told = lines.iter().map(|line| {
        let line = format!("plugin bench {line}");
        let words: Vec<_> = line.split(' ').collect();
        let told = job.told(&job.command_of(&words).output().unwrap());
        format!("$ wasmill {line}\n{told}")
    });
    let told: String = told.collect();
    let lines = told.lines().map(|line| match line.split_once("   ") {
        Some((name @ ("rows/s" | "ns/row"), _)) => format!("{name} [SPEED]\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn what_a_row_costs() {
    let job = Job::new("")
        .plugin("conformance")
        .file("rows.csv", "text\na bc\n");
    expect![[r#"
        $ wasmill plugin bench conformance.wasm#add --batches 2 --rows 100
        exit 0
        add: 2 × 100 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   16.0
        bytes out/row  8.0
        $ wasmill plugin bench conformance.wasm#mean --batches 2 --rows 1000
        exit 0
        mean: 2 × 1000 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   8.0
        bytes out/row  0.0
        $ wasmill plugin bench conformance.wasm#score --batches 1 --parameter model=sum
        exit 0
        score: 1 × 8192 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   0.0
        bytes out/row  0.0
        $ wasmill plugin bench conformance.wasm#words --batches 1 --rows 10 --csv rows.csv
        exit 0
        words: 1 × 10 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   8.4
        bytes out/row  83.5
        $ wasmill plugin bench conformance.wasm#echo --batches 1 --types list<decimal128(9,2)>
        exit 0
        echo: 1 × 8192 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   60.5
        bytes out/row  60.5
        $ wasmill plugin bench conformance.wasm#keyed_sum --batches 3 --rows 100 --keys 10
        exit 0
        keyed_sum: 3 × 100 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   12.8
        bytes out/row  20.1
        $ wasmill plugin bench conformance.wasm#broadcast_limit --batches 1 --rows 100
        exit 0
        broadcast_limit: 1 × 100 rows
        rows/s [SPEED]
        ns/row [SPEED]
        bytes in/row   39.2
        bytes out/row  8.0
        $ wasmill plugin bench conformance.wasm#echo
        exit 2
        error: `echo` does not say which types it takes

        hint: give them: --types 'int64, utf8'
        $ wasmill plugin bench conformance.wasm#echo --types fixed-size-list<int8,2147483647>
        exit 2
        error: no rows at random for fixed-size-list<int8, 2147483647>

        hint: give some: --csv FILE
    "#]]
    .assert_eq(&bench(
        &job,
        &[
            "conformance.wasm#add --batches 2 --rows 100",
            "conformance.wasm#mean --batches 2 --rows 1000",
            "conformance.wasm#score --batches 1 --parameter model=sum",
            "conformance.wasm#words --batches 1 --rows 10 --csv rows.csv",
            "conformance.wasm#echo --batches 1 --types list<decimal128(9,2)>",
            "conformance.wasm#keyed_sum --batches 3 --rows 100 --keys 10",
            "conformance.wasm#broadcast_limit --batches 1 --rows 100",
            "conformance.wasm#echo",
            "conformance.wasm#echo --types fixed-size-list<int8,2147483647>",
        ],
    ));
}

#[test]
fn rows_that_a_function_does_not_take() {
    let job = Job::new("")
        .plugin("conformance")
        .plugin("words")
        .file("rows.csv", "a,b\n9223372036854775807,1\n");
    expect![[r#"
        $ wasmill plugin bench conformance.wasm#add --rows 1 --csv rows.csv
        exit 1
        error: function add (conformance.wasm#add) failed on 1 of 1 rows: row 0: 9223372036854775807 + 1 is out of range
        $ wasmill plugin bench words.wasm#pairs --rows 1 --batches 1
        exit 1
        error: function pairs (words.wasm#pairs) failed on 1 of 1 rows: row 0: `h` is no pair

        hint: it does not take these rows, which are random: give others with --csv FILE
        $ wasmill plugin bench conformance.wasm#timer_echo --rows 1 --batches 1
        exit 1
        error: function timer_echo (conformance.wasm#timer_echo) failed on 1 of 1 rows: row 0: there is no clock 'zafviwb aki'

        hint: it does not take these rows, which are random: give others with --csv FILE
    "#]].assert_eq(&bench(
        &job,
        &[
            "conformance.wasm#add --rows 1 --csv rows.csv",
            "words.wasm#pairs --rows 1 --batches 1",
            "conformance.wasm#timer_echo --rows 1 --batches 1",
        ],
    ));
}
