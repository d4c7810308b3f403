//! What `plugins/hostile/realloc-calls-host` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("realloc-calls-host").unwrap();
    let opened = plugin.open("attack", options("realloc-calls-host", "any"));
    expect![[r#"
        error: function attack (realloc-calls-host.wasm#attack) trapped in `open`: wasm trap: cannot leave component instance
          its backtrace:
            function 0
            instead of cabi_realloc

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
