//! What `plugins/hostile/wasi-sleep` tries, and what comes of it.

use std::time::Duration;

use expect_test::{Expect, expect};

use super::{attacked, attacker, numbers, options};
use crate::support::rendered;

/// With the machine's clock, an hour is one.
fn check_with_clock(attack: &str, wall_time: Option<Duration>, expected: Expect) {
    let mut options = options("wasi-sleep", attack);
    options.grants.clock = true;
    match wall_time {
        Some(wall_time) => options.limits.wall_time = wall_time,
        None => options.limits.time = Duration::from_millis(200),
    }
    let function = attacker("wasi-sleep").open("attack", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expected.assert_eq(&rendered(&error));
}

#[test]
pub fn is_stopped() {
    check_with_clock(
        "poll",
        None,
        expect![[r#"
        error: function attack (wasi-sleep.wasm#attack) ran over its time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]],
    );
    check_with_clock(
        "two",
        None,
        expect![[r#"
        error: function attack (wasi-sleep.wasm#attack) ran over its time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]],
    );
    check_with_clock(
        "block",
        None,
        expect![[r#"
        error: function attack (wasi-sleep.wasm#attack) ran over its time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]],
    );
    check_with_clock(
        "poll",
        Some(Duration::from_millis(200)),
        expect![[r#"
        error: function attack (wasi-sleep.wasm#attack) ran over its wall-time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.wall-time' in the function's WITH"#]],
    );
}

/// Only the guest's own clock goes on.
#[test]
fn without_a_clock_takes_no_time() {
    expect!["error: function attack (wasi-sleep.wasm#attack) failed: it is 3600 s later"]
        .assert_eq(&attacked("wasi-sleep", "attack", "poll"));
    expect!["error: function attack (wasi-sleep.wasm#attack) failed: it is 3600 s later"]
        .assert_eq(&attacked("wasi-sleep", "attack", "two"));
    expect!["error: function attack (wasi-sleep.wasm#attack) failed: it is 3600 s later"]
        .assert_eq(&attacked("wasi-sleep", "attack", "block"));
}
