//! What `plugins/hostile/realloc-overlapping` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-overlapping").unwrap();
    let opened = plugin.open("attack", options("realloc-overlapping", "any"));
    expect![[r#"
        error: function attack (realloc-overlapping.wasm#attack) trapped in `open`: it panicked or aborted
          its backtrace:
            wasmill:udf/scalar@0.2.0#[static]scalar-function.open

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
