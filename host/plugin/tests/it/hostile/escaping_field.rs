//! What `plugins/hostile/escaping-field` tries, and what comes of it.

use expect_test::expect;

use super::load;
use crate::support::rendered;

#[test]
pub fn is_stopped() {
    let error = load("escaping-field").unwrap_err();
    expect![[r#"
        error: `escaping-field.wasm` describes its functions wrongly: function `attack`: field 1: `\x1b[31mred\u{2066}` is not a field's name

        hint: this is a defect of the plugin: tell its author"#]].assert_eq(&rendered(&error));
}
