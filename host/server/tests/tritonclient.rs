//! Triton's own client calls our server.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../inference/tests/servers/mod.rs"]
mod servers;
mod serving;

use std::path::Path;
use std::process::Command;

use serving::Serving;
use wasmill_server::ServerLimits;

#[test]
fn triton_s_client_is_answered_over_http_and_grpc() {
    let server = Serving::start(ServerLimits::default());
    let script = Path::new("tests/tritonclient_calls.py");
    let output = Command::new(servers::environment("triton").join("bin/python"))
        .arg(script)
        .arg(server.address.to_string())
        .output()
        .unwrap();
    let (said, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.ends_with("all calls answered\n"), "{said}");
}
