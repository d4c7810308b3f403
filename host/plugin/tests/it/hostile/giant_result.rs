//! What `plugins/hostile/giant-result` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::{attacked, numbers, open};
use crate::support::rendered;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("giant-result", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "rows",
        expect![[r#"
        error: function attack (giant-result.wasm#attack) gave a wrong result: 67108864 rows for a batch of 3

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "most-rows",
        expect![[r#"
        error: function attack (giant-result.wasm#attack) handed bad data to its host in `batch-eval`: a column of 4294967295 rows needs 536870912 bytes of values, not 1

        hint: this is a defect of the plugin: tell its author"#]],
    );
    check(
        "bytes",
        expect![[r#"
        error: function attack (giant-result.wasm#attack) ran over its limit of 10 MiB handed to its host in `batch-eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]],
    );
}

#[test]
fn of_one_row_is_stopped() {
    let function = open("giant-result", "attack", "eval").unwrap();
    let error = function.call(&[numbers(1)], 1).unwrap_err();
    expect![[r#"
        error: function attack (giant-result.wasm#attack) ran over its limit of 10 MiB handed to its host in `eval`: it handed over more at once

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]].assert_eq(&rendered(&error));
}
