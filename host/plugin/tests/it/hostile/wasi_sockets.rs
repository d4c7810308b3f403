//! What `plugins/hostile/wasi-sockets` tries, and what comes of it.

use expect_test::expect;

use super::attacked;

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (wasi-sockets.wasm#attack) failed: tcp Err("access-denied"), udp Err("access-denied"), localhost Err("access-denied")
          its last log lines:
            warn: refused `create-tcp-socket`: functions have no sockets
            warn: refused `create-udp-socket`: functions have no sockets
            warn: refused `resolve-addresses`: functions have no sockets"#]].assert_eq(&attacked("wasi-sockets", "attack", ""));
}
