//! What `plugins/hostile/realloc-trap` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-trap").unwrap();
    let opened = plugin.open("attack", options("realloc-trap", "any"));
    expect![[r#"
        error: function attack (realloc-trap.wasm#attack) trapped in `open`: it panicked or aborted
          its backtrace:
            instead of cabi_realloc

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&answer(opened));
}
