//! What `plugins/hostile/escaping-default` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::escape;

use super::load;

/// It is shown by those who look at the plugin, who escape it; the guest gets it as it is.
#[test]
pub fn is_stopped() {
    let plugin = load("escaping-default").unwrap();
    let signature = &plugin.functions()[0];
    expect![[r#"An \x1b[5mattack\u{feff}."#]].assert_eq(&signature.description);
    let default = signature.parameters[0].default.as_deref().unwrap();
    expect![[r#"\x1b]0;owned\x07"#]].assert_eq(&escape(default, 100));
}
