//! What `plugins/hostile/realloc-past-the-end` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-past-the-end").unwrap();
    let opened = plugin.open("attack", options("realloc-past-the-end", "any"));
    expect![[r#"
        error: function attack (realloc-past-the-end.wasm#attack) trapped in `open`: realloc return: beyond end of memory

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
