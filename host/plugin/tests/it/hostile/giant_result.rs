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
            error: function attack (giant-result.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 67108864

            hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]],
    );
    check(
        "most-rows",
        expect![[r#"
            error: function attack (giant-result.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

            hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]],
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
