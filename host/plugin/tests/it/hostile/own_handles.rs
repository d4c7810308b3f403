//! What `plugins/hostile/own-handles` tries, and what comes of it.

use expect_test::expect;

use super::attacked;

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (own-handles.wasm#attack) ran over its limit of 65536 handles in `batch-eval`: it wants one more

        hint: a higher limit can be given with 'limit.handles' in the function's WITH"#]]
    .assert_eq(&attacked("own-handles", "attack", "any"));
}
