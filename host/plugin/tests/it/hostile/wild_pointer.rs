//! What `plugins/hostile/wild-pointer` tries, and what comes of it.

use expect_test::expect;

use super::swapped;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = swapped("wild-pointer").unwrap_err();
    expect![[r#"
        error: `wild-pointer.wasm` trapped in `functions`: pointer out of bounds of memory

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}
