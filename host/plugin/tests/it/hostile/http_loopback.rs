//! What `plugins/hostile/http-loopback` tries, and what comes of it.

use expect_test::{Expect, expect};
use wasmill_plugin::Authority;

use super::{attacked, attacker, numbers, options};
use crate::support::rendered;
use crate::web::Server;

fn check(granted: &str, authority: &str, expected: Expect) {
    let server = Server::start("/");
    let with_port = |text: &str| text.replace("PORT", &server.port.to_string());
    let mut options = options("http-loopback", &with_port(authority));
    options.grants.http = vec![Authority::parse(&with_port(granted)).unwrap()];
    let function = attacker("http-loopback").open("attack", options).unwrap();
    let error = rendered(&function.call(&[numbers(3)], 3).unwrap_err());
    expected.assert_eq(&error.replace(&server.port.to_string(), "PORT"));
    assert_eq!(server.asked() > 0, error.contains("200"));
}

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (http-loopback.wasm#attack) imports `wasi:http/outgoing-handler@0.2.12`, which the job does not grant

        hint: name the hosts that it may ask, 'grant.http' = 'api.example.com:443', in the function's WITH, or build the plugin without HTTP"#]].assert_eq(&attacked("http-loopback", "attack", "127.0.0.1:80"));
    check(
        "192.0.2.1:80",
        "127.0.0.1:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "localhost:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to localhost:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "127.1:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "2130706433:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "0x7f000001:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "[::1]:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to [::1]:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "[::ffff:127.0.0.1]:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to [::ffff:7f00:1]:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "0.0.0.0:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 0.0.0.0:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "192.0.2.1:80",
        "192.0.2.1:80@127.0.0.1:PORT",
        expect![
            "error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid"
        ],
    );
    check(
        "192.0.2.1:80",
        "127.0.0.1:PORT#@192.0.2.1:80",
        expect![
            "error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid"
        ],
    );
    check(
        "192.0.2.1:80",
        "192.0.2.1:80\\@127.0.0.1:PORT",
        expect![
            "error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid"
        ],
    );
}

#[test]
fn that_is_granted_answers() {
    check(
        "127.0.0.1:PORT",
        "127.0.0.1:PORT /x?y=1",
        expect![[
            r#"error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET /x?y=1 HTTP/1.1 ", 20))"#
        ]],
    );
    check(
        "127.0.0.1:PORT",
        "127.1:PORT",
        expect![[
            r#"error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET / HTTP/1.1 ", 15))"#
        ]],
    );
    check(
        "localhost:PORT",
        "LOCALHOST:PORT",
        expect![[
            r#"error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET / HTTP/1.1 ", 15))"#
        ]],
    );
    check(
        "localhost:PORT",
        "127.0.0.1:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "127.0.0.1:PORT",
        "localhost:PORT",
        expect![[r#"
        error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to localhost:PORT: 'grant.http' does not name it"#]],
    );
    check(
        "127.0.0.1:1",
        "127.0.0.1:1",
        expect![
            "error: function attack (http-loopback.wasm#attack) failed: ErrorCode::ConnectionRefused"
        ],
    );
    check(
        "127.0.0.1:PORT",
        "127.0.0.1:PORT /x hello",
        expect![[
            r#"error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("POST /x HTTP/1.1 hello", 22))"#
        ]],
    );
    check(
        "127.0.0.1:PORT",
        "127.0.0.1:PORT /x unfinished",
        expect![
            "error: function attack (http-loopback.wasm#attack) failed: ErrorCode::ConnectionTerminated"
        ],
    );
}
