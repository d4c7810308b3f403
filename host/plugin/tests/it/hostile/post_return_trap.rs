//! What `plugins/hostile/post-return-trap` tries, and what comes of it.

use expect_test::expect;

use super::{answer, options, swapped};

#[test]
pub fn is_stopped() {
    let plugin = swapped("post-return-trap").unwrap();
    let opened = plugin.open("attack", options("post-return-trap", "any"));
    expect![[r#"
        error: function attack (post-return-trap.wasm#attack) trapped in `returns`: it panicked or aborted
          its backtrace:
            instead of cabi_post_wasmill:udf/scalar@0.2.0#[method]scalar-function.returns

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&answer(opened));
}
