//! What `plugins/hostile/post-return-loop` tries, and what comes of it.

use expect_test::expect;

use super::swapped;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = swapped("post-return-loop").unwrap_err();
    expect![[r#"
        error: `post-return-loop.wasm` ran over its time limit of 200 ms in `functions`

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}
