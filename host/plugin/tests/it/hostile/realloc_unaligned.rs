//! What `plugins/hostile/realloc-unaligned` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-unaligned").unwrap();
    let opened = plugin.open("attack", options("realloc-unaligned", "any"));
    expect![[r#"
        error: function attack (realloc-unaligned.wasm#attack) trapped in `open`: realloc return: result not aligned

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
