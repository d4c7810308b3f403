//! What `plugins/hostile/http-dns` tries, and what comes of it.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use expect_test::{Expect, expect};
use wasmill_plugin::{Authority, Host, HostConfig, Resolver};

use super::{numbers, options};
use crate::support::{plugin_path, rendered};
use crate::web::Server;

/// Gives these addresses in turn.
#[derive(Debug, Default)]
struct Answers {
    addresses: Vec<&'static [&'static str]>,
    asked: AtomicUsize,
}

impl Resolver for Answers {
    fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst);
        let addresses = self.addresses[asked].iter();
        Ok(addresses.map(|address| address.parse().unwrap()).collect())
    }
}

fn check(name: &str, addresses: &'static [&'static str], expected: Expect) {
    let server = Server::start("/");
    let answers = Arc::new(Answers {
        addresses: vec![addresses],
        asked: AtomicUsize::new(0),
    });
    let host = Host::new(HostConfig {
        resolver: answers.clone(),
        ..HostConfig::default()
    })
    .unwrap();
    let path = plugin_path("hostile/http-dns");
    let plugin = host.load("http-dns.wasm", &path).unwrap();
    let authority = format!("{name}:{}", server.port);
    let mut options = options("http-dns", &authority);
    options.grants.http = vec![Authority::parse(&authority).unwrap()];
    let function = plugin.open("attack", options).unwrap();
    let error = rendered(&function.call(&[numbers(3)], 3).unwrap_err());
    expected.assert_eq(&error.replace(&server.port.to_string(), "PORT"));
    assert_eq!(server.asked() > 0, error.contains("200"));
    assert_eq!(answers.asked.load(Ordering::SeqCst), 1);
}

#[test]
pub fn is_stopped() {
    check(
        "rebound.example",
        &["127.0.0.1"],
        expect![[r#"
        error: function attack (http-dns.wasm#attack) failed: ErrorCode::DestinationIpProhibited
          its last log lines:
            warn: refused a request to rebound.example: it stands for 127.0.0.1, which is not a public address"#]],
    );
    check(
        "rebound.example",
        &["169.254.169.254", "::1"],
        expect![[r#"
        error: function attack (http-dns.wasm#attack) failed: ErrorCode::DestinationIpProhibited
          its last log lines:
            warn: refused a request to rebound.example: it stands for 169.254.169.254, which is not a public address"#]],
    );
    check(
        "rebound.example",
        &["::ffff:127.0.0.1"],
        expect![[r#"
        error: function attack (http-dns.wasm#attack) failed: ErrorCode::DestinationIpProhibited
          its last log lines:
            warn: refused a request to rebound.example: it stands for ::ffff:127.0.0.1, which is not a public address"#]],
    );
    check(
        "localhost.example",
        &["0.0.0.0"],
        expect![[r#"
        error: function attack (http-dns.wasm#attack) failed: ErrorCode::DestinationIpProhibited
          its last log lines:
            warn: refused a request to localhost.example: it stands for 0.0.0.0, which is not a public address"#]],
    );
    check(
        "localhost",
        &["10.0.0.1"],
        expect![[r#"
        error: function attack (http-dns.wasm#attack) failed: ErrorCode::DestinationIpProhibited
          its last log lines:
            warn: refused a request to localhost: it stands for 10.0.0.1, which is not a public address"#]],
    );
    check(
        "rebound.example",
        &[],
        expect![
            "error: function attack (http-dns.wasm#attack) failed: ErrorCode::DnsError(DnsErrorPayload { rcode: None, info-code: None })"
        ],
    );
}

/// Asked once, and the connection goes to the answer.
#[test]
fn of_this_machine_is_looked_up_once() {
    check(
        "localhost",
        &["10.0.0.1", "127.0.0.1"],
        expect![[
            r#"error: function attack (http-dns.wasm#attack) failed: 200: Ok(("GET / HTTP/1.1 ", 15))"#
        ]],
    );
}
