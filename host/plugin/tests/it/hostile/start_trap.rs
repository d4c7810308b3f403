//! What `plugins/hostile/start-trap` tries, and what comes of it.

use expect_test::expect;

use super::swapped;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = swapped("start-trap").unwrap_err();
    expect![[r#"
        error: `start-trap.wasm` trapped in `functions`: it panicked or aborted
          its backtrace:
            instead of start

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}
