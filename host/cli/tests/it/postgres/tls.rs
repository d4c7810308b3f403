//! Connections that are encrypted, to servers that show who they are.

use std::process::Command;

use expect_test::expect;

use super::server::Server;
use crate::support::Job;

/// A certificate for `localhost` that signs itself.
fn certificate(folder: &std::path::Path, name: &str) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(folder.join(format!("{name}.pem")))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn a_server_shows_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "server");
    certificate(folder.path(), "other");
    let read = |name| std::fs::read(folder.path().join(name)).unwrap();
    let server = Server::start(
        &["ssl=on"],
        &[
            ("server.crt", &read("server.pem")),
            ("server.key", &read("server.key")),
            ("pg_hba.conf", b"hostssl all all 127.0.0.1/32 trust\n"),
        ],
    );
    let database = server.database();
    database.rows("CREATE TABLE t (id integer)");
    let run = |host: &str, parameters: &str| {
        let url = database.url().replace("127.0.0.1", host);
        let job = Job::new(&format!(
            "CREATE TABLE t (id INT) WITH ('connector' = 'postgres', 'username' = 'postgres',
               'url' = '{url}?{parameters}', 'table-name' = 't', 'sink.max-retries' = '0');
             INSERT INTO t VALUES (1);"
        ));
        let job = job
            .file("server.pem", read("server.pem"))
            .file("other.pem", read("other.pem"))
            .file("empty.pem", "");
        let told = job.run().replace(
            &format!("{host}:{}/{}", database.port, database.name),
            "[DB]",
        );
        told.replace(&database.name, "[NAME]")
    };
    let written = "exit 0\nt: 1 row\n";
    assert_eq!(run("localhost", "sslmode=require"), written);
    assert_eq!(
        run("localhost", "sslmode=verify-full&sslrootcert=server.pem"),
        written
    );
    assert_eq!(
        run("127.0.0.1", "sslmode=verify-ca&sslrootcert=server.pem"),
        written
    );
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: its certificate is refused: IP address mismatch

        hint: sslrootcert names a PEM file of the authorities to trust; sslmode=verify-ca does not look at the host's name
    "#]].assert_eq(&run(
        "127.0.0.1",
        "sslmode=verify-full&sslrootcert=server.pem",
    ));
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: its certificate is refused: self-signed certificate

        hint: sslrootcert names a PEM file of the authorities to trust; sslmode=verify-ca does not look at the host's name
    "#]].assert_eq(&run(
        "localhost",
        "sslmode=verify-full&sslrootcert=other.pem",
    ));
    expect![[r#"
        exit 1
        error: empty.pem holds no certificates

        hint: 'sslrootcert' names a PEM file of the authorities to trust
    "#]]
    .assert_eq(&run(
        "localhost",
        "sslmode=verify-full&sslrootcert=empty.pem",
    ));
    expect![[r#"
        exit 1
        error: cannot read none.pem: it does not exist
    "#]]
    .assert_eq(&run(
        "localhost",
        "sslmode=verify-full&sslrootcert=none.pem",
    ));
    // The system's authorities know neither.
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: its certificate is refused: self-signed certificate

        hint: sslrootcert names a PEM file of the authorities to trust; sslmode=verify-ca does not look at the host's name
    "#]].assert_eq(&run("localhost", "sslmode=verify-full"));
    // This server wants to be spoken to in secret.
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: no pg_hba.conf entry for host "127.0.0.1", user "postgres", database "[NAME]", no encryption

        hint: check the options 'username' and 'password', and sslmode
    "#]].assert_eq(&run("localhost", "sslmode=disable"));
}

#[test]
fn a_server_that_cannot_encrypt() {
    let database = super::server::Database::new();
    let job = Job::new(&format!(
        "CREATE TABLE t (id INT) {};\nINSERT INTO t VALUES (1);",
        database
            .with("t", "")
            .replace("', 'table", "?sslmode=require', 'table")
    ));
    expect![[r#"
        exit 1
        error: cannot connect to PostgreSQL at [DB]: server does not support TLS
    "#]]
    .assert_eq(&database.run(&job));
}
