//! What `plugins/hostile/no-name` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("no-name").unwrap_err();
    expect![[r#"
        error: `no-name.wasm` describes its functions wrongly: `` is not a function's name

        hint: this is a defect of the plugin: tell its author"#]]
    .assert_eq(&rendered(&error));
}
