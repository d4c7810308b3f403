//! What `plugins/hostile/endless-list` tries, and what comes of it.

use expect_test::expect;

use super::swapped;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = swapped("endless-list").unwrap_err();
    expect![[r#"
        error: `endless-list.wasm` trapped in `functions`: list pointer/length out of bounds of memory

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}
