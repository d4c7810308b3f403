//! What `plugins/hostile/realloc-at-the-end` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-at-the-end").unwrap();
    let opened = plugin.open("attack", options("realloc-at-the-end", "any"));
    expect![[r#"
        error: function attack (realloc-at-the-end.wasm#attack) trapped in `open`: realloc return: beyond end of memory

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
