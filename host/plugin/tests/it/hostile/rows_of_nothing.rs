//! What `plugins/hostile/rows-of-nothing` tries, and what comes of it.

use expect_test::{Expect, expect};

use super::attacked;

fn check(attack: &str, expected: Expect) {
    expected.assert_eq(&attacked("rows-of-nothing", "attack", attack));
}

#[test]
pub fn is_stopped() {
    check(
        "struct",
        expect![[r#"
            error: function attack (rows-of-nothing.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

            hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]],
    );
    check(
        "fixed-size-list",
        expect![[r#"
            error: function attack (rows-of-nothing.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

            hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]],
    );
}
