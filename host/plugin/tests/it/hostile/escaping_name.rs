//! What `plugins/hostile/escaping-name` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("escaping-name").unwrap_err();
    expect![[r#"
        error: `escaping-name.wasm` describes its functions wrongly: `\x1b[2J\u{202e}drawkcab\n\u{200b}` is not a function's name

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}
