//! What `plugins/hostile/shared-children` tries, and what comes of it.

use expect_test::expect;

use super::attacked;

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (shared-children.wasm#attack) ran over its limit of 64 MiB handed to its host in `batch-eval`: a column of it is 15.6 GiB long

        hint: a higher limit can be given with 'limit.result-bytes' in the function's WITH"#]]
    .assert_eq(&attacked("shared-children", "attack", "any"));
}
