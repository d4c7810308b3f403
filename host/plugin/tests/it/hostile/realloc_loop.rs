//! What `plugins/hostile/realloc-loop` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-loop").unwrap();
    let opened = plugin.open("attack", options("realloc-loop", "any"));
    expect![[r#"
        error: function attack (realloc-loop.wasm#attack) ran over its time limit of 200 ms in `open`

        hint: a longer limit can be given with 'limit.time' in the function's WITH"#]].assert_eq(&answer(opened));
}
