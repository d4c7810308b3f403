//! What `plugins/hostile/rows-of-nothing` tries, and what comes of it.

use expect_test::expect;

use super::attacked_each;

#[test]
pub fn is_stopped() {
    let attacks = ["struct", "fixed-size-list"];
    expect![[r#"
        struct: error: function attack (rows-of-nothing.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH

        fixed-size-list: error: function attack (rows-of-nothing.wasm#attack) ran over its limit of 16777216 rows of a column or a batch in `batch-eval`: it makes one of 4294967295

        hint: a higher limit can be given with 'limit.result-rows' in the function's WITH"#]]
    .assert_eq(&attacked_each("rows-of-nothing", "attack", &attacks));
}
