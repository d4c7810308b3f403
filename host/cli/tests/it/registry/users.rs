//! Registries that want to know who asks.

use std::process::Command;

use expect_test::expect;

use super::{
    command,
    fake::{Answer, Artifact, Fake},
    haversine, masked, run,
    server::Server,
};
use crate::support::Job;

/// `me:grindstone`, as `htpasswd -B` writes it.
const USERS: &str = "me:$2b$05$abcdefghijklmnopqrstuuXGaY3RTOeTK.HZQUx6IJAnxN7/pOgb6\n";

/// What `docker login` writes.
fn logged_in(job: Job, port: u16, user: &str) -> Job {
    let auth = Command::new("sh")
        .args(["-c", r#"printf %s "$1" | base64"#, "sh", user])
        .output()
        .unwrap();
    let auth = String::from_utf8(auth.stdout).unwrap();
    let entry = format!(r#"{{"auth": "{}"}}"#, auth.trim());
    let config =
        format!(r#"{{"auths": {{"localhost:{port}": {entry}, "127.0.0.1:{port}": {entry}}}}}"#);
    job.file("docker/config.json", config)
}

#[test]
fn a_password_is_asked_for() {
    let server = Server::start(Some(USERS), None);
    let port = server.port;
    let reference = format!("oci://localhost:{port}/secret/geo:1");
    let job = || Job::new("").plugin("haversine");
    let pushed = |job: &Job| {
        let words = ["plugin", "push", "haversine.wasm", &reference];
        let output = command(job, &words).output().unwrap();
        let told = masked(&job.told(&output), port);
        assert!(!told.contains("stone"), "{told}");
        (
            told,
            String::from_utf8(output.stdout).unwrap().trim().to_owned(),
        )
    };
    let (nobody, _) = pushed(&job());
    let (wrong, _) = pushed(&logged_in(job(), port, "me:millstone"));
    let (right, pinned) = pushed(&logged_in(job(), port, "me:grindstone"));
    expect![[r#"
        exit 1
        error: the registry localhost:PORT does not let everybody write `secret/geo`

        hint: `docker login localhost:PORT` keeps credentials, for wasmill too, in ~/.docker/config.json; those in credential helpers are not asked for
        exit 1
        error: the registry localhost:PORT does not let the user of [JOB]/docker/config.json write `secret/geo`

        hint: `docker login localhost:PORT` renews them
        exit 0
        oci://localhost:PORT/secret/geo@[DIGEST]
        pushed haversine.wasm ([SIZE] KiB) to oci://localhost:PORT/secret/geo:1
    "#]].assert_eq(&[nobody, wrong, right].concat());

    let job = || haversine(&pinned);
    let runs = [
        run(&job(), port),
        run(&logged_in(job(), port, "me:millstone"), port),
        run(&job().file("docker/config.json", "grindstone"), port),
        run(&logged_in(job(), port, "me:grindstone"), port),
    ]
    .concat();
    assert!(
        !runs.contains("millstone") && !runs.contains("grindstone"),
        "{runs}"
    );
    expect![[r#"
        exit 2
        error: the registry localhost:PORT does not let everybody read `secret/geo`

        hint: `docker login localhost:PORT` keeps credentials, for wasmill too, in ~/.docker/config.json; those in credential helpers are not asked for
        exit 2
        error: the registry localhost:PORT does not let the user of [JOB]/docker/config.json read `secret/geo` (it says: UNAUTHORIZED: authentication required)

        hint: `docker login localhost:PORT` renews them
        exit 2
        error: cannot read [JOB]/docker/config.json: it is not the JSON that Docker writes (line 1, column 1)

        hint: DOCKER_CONFIG names another folder with a config.json
        exit 0
        +-----+
        |   d |
        +-----+
        | 0.0 |
        +-----+
        1 row in set
    "#]].assert_eq(&runs);
}

/// The password goes to the token service that the registry names, the token to the registry, and
/// neither to where it sends on.
#[test]
fn a_token_is_asked_for() {
    let artifact = Artifact::new();
    let reference = |port: u16| format!("oci://127.0.0.1:{port}/geo@{}", artifact.digest());
    let layer = artifact.layer.clone();
    let storage = Fake::start(move |_, _| Answer::Whole("200 OK".into(), layer.clone()));
    let storage_port = storage.port;
    let held = artifact.clone();
    let fake = Fake::start(move |asked, port| match asked.authorization.as_deref() {
        _ if asked.what.starts_with("GET /token") => {
            Answer::Whole("200 OK".into(), br#"{"token": "flour"}"#.to_vec())
        }
        Some("Bearer flour") if asked.what.contains("/blobs/") => Answer::Whole(
            format!("307 Temporary Redirect\r\nLocation: http://127.0.0.1:{storage_port}/x?signed"),
            vec![],
        ),
        Some("Bearer flour") => held.answer(&asked.what),
        _ => Answer::Whole(
            format!(
                "401 Unauthorized\r\nWWW-Authenticate: \
                 Bearer realm=\"http://127.0.0.1:{port}/token\",service=\"mill\""
            ),
            vec![],
        ),
    });
    let job = logged_in(haversine(&reference(fake.port)), fake.port, "me:grindstone");
    let told = run(&job, fake.port);
    assert!(told.starts_with("exit 0\n"), "{told}");
    expect![[r#"
        GET /v2/geo/manifests/[DIGEST] by nobody
        GET /token?service=mill&scope=repository%3Ageo%3Apull by Basic bWU6Z3JpbmRzdG9uZQ==
        GET /v2/geo/manifests/[DIGEST] by Bearer flour
        GET /v2/geo/blobs/[DIGEST] by Bearer flour"#]]
    .assert_eq(&masked(&fake.asked(), fake.port));
    expect!["GET /x?signed by nobody"].assert_eq(&storage.asked());
}
