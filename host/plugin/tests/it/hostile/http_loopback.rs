//! What `plugins/hostile/http-loopback` tries, and what comes of it.

use expect_test::expect;
use wasmill_plugin::Authority;

use super::{attacked, attacker, numbers, options};
use crate::support::rendered;
use crate::web::Server;

/// What comes of asking for each of these, with one grant. PORT is the server's.
fn told(granted: &str, asked: &[&str]) -> String {
    let told = |asked: &&str| {
        let server = Server::start("/");
        let with_port = |text: &str| text.replace("PORT", &server.port.to_string());
        let mut options = options("http-loopback", &with_port(asked));
        options.grants.http = vec![Authority::parse(&with_port(granted)).unwrap()];
        let function = attacker("http-loopback").open("attack", options).unwrap();
        let error = rendered(&function.call(&[numbers(3)], 3).unwrap_err());
        assert_eq!(server.asked() > 0, error.contains("200"));
        let error = error.replace(&server.port.to_string(), "PORT");
        format!("{asked}: {error}")
    };
    asked.iter().map(told).collect::<Vec<_>>().join("\n\n")
}

#[test]
pub fn is_stopped() {
    expect![[r#"
        error: function attack (http-loopback.wasm#attack) imports `wasi:http/outgoing-handler@0.2.12`, which the job does not grant

        hint: name the hosts that it may ask, 'grant.http' = 'api.example.com:443', in the function's WITH, or build the plugin without HTTP"#]].assert_eq(&attacked("http-loopback", "attack", "127.0.0.1:80"));
    let asked = [
        "127.0.0.1:PORT",
        "localhost:PORT",
        "127.1:PORT",
        "2130706433:PORT",
        "0x7f000001:PORT",
        "[::1]:PORT",
        "[::ffff:127.0.0.1]:PORT",
        "0.0.0.0:PORT",
        "192.0.2.1:80@127.0.0.1:PORT",
        "127.0.0.1:PORT#@192.0.2.1:80",
        "192.0.2.1:80\\@127.0.0.1:PORT",
    ];
    expect![[r#"
        127.0.0.1:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it

        localhost:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to localhost:PORT: 'grant.http' does not name it

        127.1:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it

        2130706433:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it

        0x7f000001:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it

        [::1]:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to [::1]:PORT: 'grant.http' does not name it

        [::ffff:127.0.0.1]:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to [::ffff:7f00:1]:PORT: 'grant.http' does not name it

        0.0.0.0:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 0.0.0.0:PORT: 'grant.http' does not name it

        192.0.2.1:80@127.0.0.1:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid

        127.0.0.1:PORT#@192.0.2.1:80: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid

        192.0.2.1:80\@127.0.0.1:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestUriInvalid"#]]
    .assert_eq(&told("192.0.2.1:80", &asked));
}

#[test]
fn that_is_granted_answers() {
    let asked = [
        "127.0.0.1:PORT /x?y=1",
        "127.1:PORT",
        "localhost:PORT",
        "127.0.0.1:PORT /x hello",
        "127.0.0.1:PORT /x unfinished",
    ];
    expect![[r#"
        127.0.0.1:PORT /x?y=1: error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET /x?y=1 HTTP/1.1 ", 20))

        127.1:PORT: error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET / HTTP/1.1 ", 15))

        localhost:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to localhost:PORT: 'grant.http' does not name it

        127.0.0.1:PORT /x hello: error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("POST /x HTTP/1.1 hello", 22))

        127.0.0.1:PORT /x unfinished: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::ConnectionTerminated"#]]
    .assert_eq(&told("127.0.0.1:PORT", &asked));
    let asked = ["LOCALHOST:PORT", "127.0.0.1:PORT"];
    expect![[r#"
        LOCALHOST:PORT: error: function attack (http-loopback.wasm#attack) failed: 200: Ok(("GET / HTTP/1.1 ", 15))

        127.0.0.1:PORT: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::HttpRequestDenied
          its last log lines:
            warn: refused a request to 127.0.0.1:PORT: 'grant.http' does not name it"#]]
    .assert_eq(&told("localhost:PORT", &asked));
    let nobody = told("127.0.0.1:1", &["127.0.0.1:1"]);
    expect!["127.0.0.1:1: error: function attack (http-loopback.wasm#attack) failed: ErrorCode::ConnectionRefused"]
        .assert_eq(&nobody);
}
