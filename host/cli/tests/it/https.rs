//! HTTPS of functions: the machine's roots say whom to trust.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use expect_test::{Expect, expect};

use crate::support::{Job, python, root};

/// A certificate and its key, `NAME.pem` and `NAME.key`: of an authority, or of a server by one.
fn certificate(folder: &Path, name: &str, of: &[&str]) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj"])
        .arg(format!("/CN={name}"))
        .args(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-keyout", &format!("{name}.key")])
        .args(["-out", &format!("{name}.pem")])
        .args(of)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

/// One that [`certificate_of`] signs with.
pub fn authority(folder: &Path) {
    certificate(folder, "authority", &[]);
}

/// A server's, by the authority.
pub fn certificate_of(folder: &Path, name: &str, more: &[&str]) {
    let by = ["-CA", "authority.pem", "-CAkey", "authority.key"];
    let of_server = ["-addext", "basicConstraints=critical,CA:FALSE"];
    certificate(folder, name, &[&by[..], &of_server, more].concat());
}

/// Ends when it is dropped.
struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start(folder: &Path, certificate: &str) -> Self {
        let mut process = python()
            .arg(root().join("host/cli/tests/it/https_server.py"))
            .arg(folder.join(format!("{certificate}.pem")))
            .arg(folder.join(format!("{certificate}.key")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        let mut printed = BufReader::new(process.stdout.take().unwrap());
        printed.read_line(&mut port).unwrap();
        let port = port.trim().to_owned();
        Server { process, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_shows_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    authority(folder);
    certificate(folder, "stranger", &[]);
    let host = |name| ["-addext", name];
    certificate_of(folder, "server", &host("subjectAltName=DNS:localhost"));
    let elsewhere = host("subjectAltName=DNS:elsewhere.example");
    certificate_of(folder, "elsewhere", &elsewhere);
    std::fs::write(folder.join("nobody.pem"), "").unwrap();

    let ask = |server: &Server, scheme: &str, trusted: &str, expected: Expect| {
        let authority = format!("localhost:{}", server.port);
        let job = Job::new(&format!(
            "CREATE FUNCTION f AS 'http-loopback.wasm#attack' LANGUAGE WASM WITH (
               'attack' = '{scheme}{authority} /x?y=1', 'grant.http' = '{authority}');
             SELECT f(x) AS y FROM (VALUES (1), (2)) AS t (x);"
        ))
        .plugin("hostile/http-loopback");
        let mut command = job.command();
        command.env("SSL_CERT_FILE", folder.join(format!("{trusted}.pem")));
        command.env_remove("SSL_CERT_DIR");
        let told = job.told(&command.output().unwrap());
        expected.assert_eq(&told.replace(&server.port, "PORT"));
    };
    let server = Server::start(folder, "server");
    ask(
        &server,
        "https://",
        "authority",
        expect![[r#"
            exit 1
            error: function f (http-loopback.wasm#attack) failed: 200: Ok(("you asked for /x?y=1", 20))
        "#]],
    );
    ask(
        &server,
        "https://",
        "stranger",
        expect![[r#"
            exit 1
            error: function f (http-loopback.wasm#attack) failed: ErrorCode::InternalError(Some("invalid peer certificate: UnknownIssuer"))
        "#]],
    );
    ask(
        &server,
        "https://",
        "nobody",
        expect![[r#"
            exit 1
            error: function f (http-loopback.wasm#attack) failed: ErrorCode::InternalError(Some("invalid peer certificate: UnknownIssuer"))
        "#]],
    );
    ask(
        &server,
        "",
        "authority",
        expect![[r#"
            exit 1
            error: function f (http-loopback.wasm#attack) failed: ErrorCode::ConnectionTerminated
        "#]],
    );
    let server = Server::start(folder, "elsewhere");
    ask(
        &server,
        "https://",
        "authority",
        expect![[r#"
            exit 1
            error: function f (http-loopback.wasm#attack) failed: ErrorCode::InternalError(Some("invalid peer certificate: certificate not valid for name \"localhost\"; certificate is only valid for DnsName(\"elsewhere.example\")"))
        "#]],
    );
}
