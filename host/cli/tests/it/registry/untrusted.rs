//! Registries that lie, send elsewhere, give without end or not at all.

use expect_test::expect;
use serde_json::json;

use super::{
    fake::{Answer, Artifact, Fake},
    haversine, run,
};

/// What a job is told whose plugin is in this registry, under this digest.
fn told(digest: &str, fake: &Fake) -> String {
    let port = fake.port;
    run(
        &haversine(&format!("oci://127.0.0.1:{port}/geo@{digest}")),
        port,
    )
}

/// The same where the registry gives this artifact, and what was asked of it.
fn given(artifact: &Artifact) -> (String, String) {
    let held = artifact.clone();
    let fake = Fake::start(move |asked, _| held.answer(&asked.what));
    (told(&artifact.digest(), &fake), fake.asked())
}

#[test]
fn other_bytes_are_refused() {
    let artifact = Artifact::new();
    let mut other = artifact.clone();
    other.manifest["annotations"] = json!({"another": "one"});
    let fake = Fake::start(move |asked, _| other.answer(&asked.what));
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT gave other bytes for [DIGEST]: they have [DIGEST]

        hint: the registry, or something between here and there, is damaged or lies; nothing of it was run
    "#]].assert_eq(&told(&artifact.digest(), &fake));

    let mut other = artifact;
    *other.layer.last_mut().unwrap() ^= 1;
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT gave other bytes for [DIGEST]: they have [DIGEST]

        hint: the registry, or something between here and there, is damaged or lies; nothing of it was run
    "#]].assert_eq(&given(&other).0);
    other.layer.pop();
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT gave other bytes for [DIGEST]: they have [DIGEST]

        hint: the registry, or something between here and there, is damaged or lies; nothing of it was run
    "#]].assert_eq(&given(&other).0);
}

#[test]
fn too_large_a_plugin_is_not_fetched() {
    let mut artifact = Artifact::new();
    artifact.manifest["layers"][0]["size"] = json!(300 << 20);
    let (told, asked) = given(&artifact);
    expect![[r#"
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is too large: 314572800 bytes, of at most 268435456
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://127.0.0.1:PORT/geo@[DIGEST]…
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]].assert_eq(&told);
    assert!(!asked.contains("/blobs/"), "{asked}");
}

#[test]
fn bodies_without_end_are_cut() {
    let artifact = Artifact::new();
    let digest = artifact.digest();
    let fake = Fake::start(move |asked, _| match asked.what.contains("/blobs/") {
        true => Answer::Endless("200 OK".into()),
        false => artifact.answer(&asked.what),
    });
    let told_of = |fake: &Fake| told(&digest, fake).replace(&size(), "[BYTES]");
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT gives more than the [BYTES] bytes that [DIGEST] has
    "#]]
    .assert_eq(&told_of(&fake));
    let type_line = "200 OK\r\nContent-Type: application/vnd.oci.image.manifest.v1+json";
    let fake = Fake::start(move |_, _| Answer::Endless(type_line.into()));
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT gives a manifest of more than 4194304 bytes
    "#]]
    .assert_eq(&told_of(&fake));
    // What is said about a refusal is only shown where it is short.
    let fake = Fake::start(|_, _| Answer::Endless("500 Internal Server Error".into()));
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT answers 500 Internal Server Error
    "#]]
    .assert_eq(&told_of(&fake));
}

fn size() -> String {
    Artifact::new().layer.len().to_string()
}

#[test]
fn what_is_no_plugin_is_refused() {
    let change = |change: fn(&mut Artifact)| {
        let mut artifact = Artifact::new();
        change(&mut artifact);
        given(&artifact).0
    };
    let told = [
        change(|artifact| {
            artifact.content_type = "application/vnd.docker.distribution.manifest.v2+json"
        }),
        change(|artifact| {
            artifact.manifest["mediaType"] = json!("application/vnd.oci.image.index.v1+json");
        }),
        change(|artifact| {
            artifact.manifest["config"]["mediaType"] =
                json!("application/vnd.oci.image.config.v1+json");
        }),
        change(|artifact| {
            let layer = &mut artifact.manifest["layers"][0];
            layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+gzip");
        }),
        change(|artifact| {
            let layer = artifact.manifest["layers"][0].clone();
            artifact.manifest["layers"] = json!([layer, layer]);
        }),
        change(|artifact| artifact.manifest["layers"][0]["digest"] = json!("../../etc/passwd")),
        change(|artifact| artifact.manifest = json!([])),
        change(|artifact| *artifact = Artifact::of(b"select".to_vec())),
        change(|artifact| *artifact = Artifact::of(b"\0asm\x01\0\0\0".to_vec())),
    ];
    // The places are the same as everywhere.
    let messages = told.iter().map(|told| {
        let lines = told
            .lines()
            .filter(|line| !line.contains('|') && !line.contains("-->"));
        lines.collect::<Vec<_>>().join("\n")
    });
    expect![[r#"
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: its manifest is of the type application/vnd.docker.distribution.manifest.v2+json

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: its manifest is of the type application/vnd.oci.image.index.v1+json

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: its config is of the type application/vnd.oci.image.config.v1+json

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: its layer is of the type application/vnd.oci.image.layer.v1.tar+gzip

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: it has 2 layers, not one

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: its layer is named by no SHA-256

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `oci://127.0.0.1:PORT/geo@[DIGEST]` is no WebAssembly component: it has no manifest of an image

        hint: `wasmill plugin push` makes one of a plugin
        exit 2
        error: `geo` is not a WebAssembly component: it is a text file

        hint: a plugin is a `.wasm` file built as a component, for example with the Rust SDK
        exit 2
        error: `geo` is a core WebAssembly module, not a component

        hint: turn it into a component: `wasm-tools component new module.wasm -o plugin.wasm`"#]].assert_eq(&messages.collect::<Vec<_>>().join("\n"));
}

#[test]
fn it_sends_nobody_elsewhere() {
    let digest = Artifact::new().digest();
    let to = |answer: &'static str| {
        let fake = Fake::start(move |_, _| Answer::Whole(answer.into(), vec![]));
        told(&digest, &fake)
    };
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT sends to http://169.254.169.254, which is neither HTTPS nor its own host
        exit 2
        error: the registry 127.0.0.1:PORT sends to http://127.0.0.1, as another user
        exit 2
        error: the registry 127.0.0.1:PORT sends to file://, which is neither HTTPS nor its own host
        exit 2
        error: the registry 127.0.0.1:PORT points to no place
        exit 2
        error: the registry 127.0.0.1:PORT sends from place to place without end
        exit 2
        error: the registry 127.0.0.1:PORT names a token service at http://169.254.169.254, which is neither HTTPS nor its own host
        exit 2
        error: the registry 127.0.0.1:PORT names no token service
        exit 2
        error: the registry 127.0.0.1:PORT does not let everybody read `geo`

        hint: `docker login 127.0.0.1:PORT` keeps credentials, for wasmill too, in ~/.docker/config.json; those in credential helpers are not asked for
    "#]].assert_eq(
        &[
            to("302 Found\r\nLocation: http://169.254.169.254/latest/meta-data?key=1"),
            to("302 Found\r\nLocation: http://me:grindstone@127.0.0.1/"),
            to("302 Found\r\nLocation: file:///etc/passwd"),
            to("302 Found"),
            to("302 Found\r\nLocation: /again"),
            to("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://169.254.169.254/token\""),
            to("401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"nowhere\""),
            to("401 Unauthorized\r\nWWW-Authenticate: Bearer =,,\""),
        ]
        .concat(),
    );
}

#[test]
fn its_words_do_not_speak_to_the_terminal() {
    let digest = Artifact::new().digest();
    let says = |status: &'static str| {
        let body = json!({"errors": [{"code": "DENIED", "message": "\u{1b}]0;title\u{7}\nerror: \u{202e}"}]});
        let fake =
            Fake::start(move |_, _| Answer::Whole(status.into(), body.to_string().into_bytes()));
        told(&digest, &fake)
    };
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT does not let everybody read `geo` (it says: DENIED: \x1b]0;title\x07\nerror: \u{202e})

        hint: `docker login 127.0.0.1:PORT` keeps credentials, for wasmill too, in ~/.docker/config.json; those in credential helpers are not asked for
        exit 2
        error: the registry 127.0.0.1:PORT breaks off: invalid HTTP status-code parsed
    "#]].assert_eq(&[says("403 Forbidden"), says("503 \u{1b}[2J")].concat());
    let token = Fake::start(|asked, port| match asked.what.starts_with("GET /token") {
        true => Answer::Whole("200 OK".into(), br#"{"token": "a\nb"}"#.to_vec()),
        false => Answer::Whole(
            format!(
                "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:{port}/token\""
            ),
            vec![],
        ),
    });
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT names a token service at http://127.0.0.1:PORT, which gives no token
    "#]].assert_eq(&told(&digest, &token));
}

#[test]
fn silence_is_not_waited_for() {
    let artifact = Artifact::new();
    let digest = artifact.digest();
    let fake = Fake::start(|_, _| Answer::Never);
    expect![[r#"
        exit 2
        error: the registry 127.0.0.1:PORT was silent for 15 s
    "#]]
    .assert_eq(&told(&digest, &fake));
}
