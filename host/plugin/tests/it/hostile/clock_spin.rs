//! What `plugins/hostile/clock-spin` tries, and what comes of it.

use expect_test::expect;

use super::{attacked, attacker, numbers, options};
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (clock-spin.wasm#attack) ran over its time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&attacked("clock-spin", "attack", "monotonic"));
    expect![[r#"
        error: function attack (clock-spin.wasm#attack) ran over its time limit of 200 ms in `batch-eval`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&attacked("clock-spin", "attack", "wall"));
}

#[test]
fn with_a_clock_ends() {
    let mut options = options("wasi-sleep", "monotonic");
    options.grants.clock = true;
    let function = attacker("clock-spin").open("attack", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expect!["error: function attack (clock-spin.wasm#attack) failed: a second has passed"]
        .assert_eq(&rendered(&error));
}
