//! What `plugins/hostile/invisible-name` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("invisible-name").unwrap_err();
    expect![[r#"
        error: `invisible-name.wasm` describes its functions wrongly: `\u{3164}` is not a function's name

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}
