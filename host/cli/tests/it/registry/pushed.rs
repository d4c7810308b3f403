//! `wasmill plugin push` and `pull`.

use std::fs;

use expect_test::expect;

use super::{command, fake::Artifact, masked, push, server::SHARED, server::Server, told};
use crate::{
    https::{authority, certificate_of},
    support::{Job, plugin},
};

#[test]
fn what_is_pushed_is_pulled() {
    let port = SHARED.port;
    let place = format!("oci://localhost:{port}/udfs/trip:1.2");
    let job = Job::new("").plugin("haversine");
    let push = ["plugin", "push", "haversine.wasm", &place];
    let pull = ["plugin", "pull", &place];
    expect![[r#"
        exit 0
        oci://localhost:PORT/udfs/trip@[DIGEST]
        pushed haversine.wasm ([SIZE] KiB) to oci://localhost:PORT/udfs/trip:1.2
        exit 0
        oci://localhost:PORT/udfs/trip@[DIGEST]
        pushed haversine.wasm ([SIZE] KiB) to oci://localhost:PORT/udfs/trip:1.2; its bytes were there before
        exit 0
        oci://localhost:PORT/udfs/trip@[DIGEST]
        pulled oci://localhost:PORT/udfs/trip:1.2 to trip.wasm ([SIZE] KiB)
    "#]]
    .assert_eq(&[&push[..], &push, &pull].map(|words| told(&job, words, port)).concat());
    let original = fs::read(plugin("haversine")).unwrap();
    assert_eq!(fs::read(job.path("trip.wasm")).unwrap(), original);

    // The same by its digest, which is the same each time.
    let pushed = command(&job, &push).output().unwrap();
    let pinned = String::from_utf8(pushed.stdout).unwrap();
    let pull = ["plugin", "pull", pinned.trim(), "-o", "new.wasm"];
    let pulled = command(&job, &pull).output().unwrap();
    assert_eq!(String::from_utf8(pulled.stdout).unwrap(), pinned);
    assert_eq!(fs::read(job.path("new.wasm")).unwrap(), original);
    assert!(!job.listing().iter().any(|name| name.contains("part")));
}

/// As the WebAssembly ecosystem's tools read it.
#[test]
fn the_artifact_is_the_documented_one() {
    let server: &Server = &SHARED;
    let pinned = push("haversine", "udfs/documented:1", server.port);
    let (_, digest) = pinned.split_once('@').unwrap();
    let manifest = server.json(&format!("/v2/udfs/documented/manifests/{digest}"));
    let masked = |text: String| masked(&text, server.port);
    let place = manifest["config"]["digest"].as_str().unwrap();
    let mut config = server.json(&format!("/v2/udfs/documented/blobs/{place}"));
    assert_eq!(config["layerDigests"][0], manifest["layers"][0]["digest"]);
    let created = config["created"].take();
    assert!(created.as_str().unwrap().ends_with('Z'), "{created}");
    let mut sizes = manifest.clone();
    let size = fs::metadata(plugin("haversine")).unwrap().len();
    assert_eq!(sizes["layers"][0]["size"].take(), size);
    sizes["config"]["size"].take();
    expect![[r#"
        {
          "config": {
            "digest": "[DIGEST]",
            "mediaType": "application/vnd.wasm.config.v0+json",
            "size": null
          },
          "layers": [
            {
              "digest": "[DIGEST]",
              "mediaType": "application/wasm",
              "size": null
            }
          ],
          "mediaType": "application/vnd.oci.image.manifest.v1+json",
          "schemaVersion": 2
        }"#]]
    .assert_eq(&masked(serde_json::to_string_pretty(&sizes).unwrap()));
    expect![[r#"
        {
          "architecture": "wasm",
          "component": {
            "exports": [
              "wasmill:udf/scalar@0.2.0",
              "wasmill:udf/table@0.2.0",
              "wasmill:udf/aggregate@0.2.0",
              "wasmill:udf/process@0.2.0"
            ],
            "imports": [
              "wasmill:udf/columns@0.2.0",
              "wasmill:udf/state@0.2.0",
              "wasmill:udf/log@0.2.0",
              "wasmill:udf/types@0.2.0"
            ]
          },
          "created": null,
          "layerDigests": [
            "[DIGEST]"
          ],
          "os": "wasip2"
        }"#]]
    .assert_eq(&masked(serde_json::to_string_pretty(&config).unwrap()));
}

#[test]
fn other_commands_take_references() {
    let port = SHARED.port;
    let pinned = push("haversine", "udfs/looked-at:1", port);
    let by_tag = format!("oci://localhost:{port}/udfs/looked-at:1");
    let job = Job::new("");
    let inspected = told(&job, &["plugin", "inspect", &by_tag], port);
    assert!(inspected.starts_with("exit 0\nlooked-at\n"), "{inspected}");
    let target = format!("{pinned}#haversine");
    expect![[r#"
        exit 0
        +------+------+------+------+-----------+
        | lat1 | lon1 | lat2 | lon2 | haversine |
        +------+------+------+------+-----------+
        |  1.0 |  1.0 |  1.0 |  1.0 |       0.0 |
        +------+------+------+------+-----------+
        1 row in set
    "#]]
    .assert_eq(&told(
        &job,
        &["plugin", "test", &target, "--rows", "[1, 1, 1, 1]"],
        port,
    ));
}

#[test]
fn what_is_not_pushed() {
    let port = SHARED.port;
    let job = Job::new("")
        .plugin("haversine")
        .file("module.wasm", "\0asm\x01\0\0\0");
    let told = |file: &str, reference: &str| {
        let reference = reference.replace("PORT", &port.to_string());
        told(&job, &["plugin", "push", file, &reference], port)
    };
    let digest = Artifact::new().digest();
    expect![[r#"
        exit 2
        error: `a` is a core WebAssembly module, not a component

        hint: turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`
        exit 2
        error: cannot read missing.wasm: No such file or directory (os error 2)
        exit 2
        error: `oci://localhost:PORT/a` is no plugin in a registry: what is pushed has a tag, and no digest yet

        hint: it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…
        exit 2
        error: `oci://localhost:PORT/a@[DIGEST]` is no plugin in a registry: what is pushed has a tag, and no digest yet

        hint: it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…
        exit 2
        error: `localhost:PORT/a:1` is no plugin in a registry: it does not begin with oci://

        hint: it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…
        exit 2
        error: `oci://localhost:PORT/A:1` is no plugin in a registry: its name has other than lower-case letters and digits, with _, . and - between them

        hint: it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…
        exit 2
        error: a plugin's place in a registry holds no user and password

        hint: `docker login` keeps them, for wasmill too, in ~/.docker/config.json
    "#]].assert_eq(
        &[
            told("module.wasm", "oci://localhost:PORT/a:1"),
            told("missing.wasm", "oci://localhost:PORT/a:1"),
            told("haversine.wasm", "oci://localhost:PORT/a"),
            told(
                "haversine.wasm",
                &format!("oci://localhost:PORT/a@{digest}"),
            ),
            told("haversine.wasm", "localhost:PORT/a:1"),
            told("haversine.wasm", "oci://localhost:PORT/A:1"),
            told("haversine.wasm", "oci://me:grindstone@localhost:PORT/a:1"),
        ]
        .concat(),
    );
}

/// TLS everywhere but on this machine, unless it is said.
#[test]
fn plain_http_is_for_this_machine() {
    let port = SHARED.port;
    push("haversine", "udfs/plain:1", port);
    let job = Job::new("");
    // Another name of this machine, which is spoken to as others are.
    let reference = format!("oci://0.0.0.0:{port}/udfs/plain:1");
    let pull = ["plugin", "pull", &reference];
    expect![[r#"
        exit 1
        error: cannot reach the registry 0.0.0.0:PORT: received corrupt message of type InvalidContentType

        hint: if it speaks plain HTTP, and the network is trusted: --plain-http, or its host and port in WASMILL_PLAIN_HTTP
    "#]].assert_eq(&told(&job, &pull, port));
    let plain = [&pull[..], &["--plain-http"]].concat();
    let pulled = "exit 0\noci://0.0.0.0:PORT/udfs/plain@[DIGEST]\n\
                  pulled oci://0.0.0.0:PORT/udfs/plain:1 to plain.wasm ([SIZE] KiB)\n";
    assert_eq!(told(&job, &plain, port), pulled);
    let mut by_variable = command(&job, &pull);
    by_variable.env(
        "WASMILL_PLAIN_HTTP",
        format!("registry.lan, 0.0.0.0:{port}"),
    );
    let output = by_variable.output().unwrap();
    assert_eq!(masked(&job.told(&output), port), pulled);
}

#[test]
fn a_registry_shows_who_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    authority(folder);
    let of_server = ["-addext", "subjectAltName=IP:0.0.0.0"];
    certificate_of(folder, "server", &of_server);
    fs::write(folder.join("nobody.pem"), "").unwrap();
    let files = ["server.pem", "server.key"].map(|name| folder.join(name));
    let server = Server::start(None, Some([&files[0], &files[1]]));
    // Another name of this machine, which is spoken to as others are.
    let reference = format!("oci://0.0.0.0:{}/geo:1", server.port);
    let job = Job::new("").plugin("haversine");
    let push = |trusted: &str| {
        let mut command = command(&job, &["plugin", "push", "haversine.wasm", &reference]);
        command.env("SSL_CERT_FILE", folder.join(format!("{trusted}.pem")));
        command.env_remove("SSL_CERT_DIR");
        masked(&job.told(&command.output().unwrap()), server.port)
    };
    expect![[r#"
        exit 1
        error: cannot reach the registry 0.0.0.0:PORT: invalid peer certificate: UnknownIssuer
        exit 0
        oci://0.0.0.0:PORT/geo@[DIGEST]
        pushed haversine.wasm ([SIZE] KiB) to oci://0.0.0.0:PORT/geo:1
    "#]]
    .assert_eq(&[push("nobody"), push("authority")].concat());
}
