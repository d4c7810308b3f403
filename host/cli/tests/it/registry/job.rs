//! Jobs whose functions are in a registry.

use std::fs;

use expect_test::expect;

use super::{
    haversine, push, run,
    server::{SHARED, Server},
};
use crate::support::Job;

const ROWS: &str = "exit 0\n+-----+\n|   d |\n+-----+\n| 0.0 |\n+-----+\n1 row in set\n";

#[test]
fn what_was_fetched_once_needs_no_network() {
    let server = Server::start(None, None);
    let port = server.port;
    let pinned = push("haversine", "udfs/geo:1", port);
    let job = haversine(&pinned);
    assert_eq!(run(&job, port), ROWS);
    // Something wrote into the cache: what is not of its digest is fetched again.
    let kept: Vec<_> = fs::read_dir(job.path("cache/registry")).unwrap().collect();
    assert_eq!(kept.len(), 2);
    for file in kept {
        fs::write(file.unwrap().path(), "something else").unwrap();
    }
    let again = run(&job, port);
    assert!(again.contains("is damaged, fetching again"), "{again}");
    drop(server);
    assert_eq!(run(&job, port), ROWS);
    let elsewhere = haversine(&pinned);
    expect![[r#"
        exit 2
        error: cannot reach the registry localhost:PORT: Connection refused (os error 111)
    "#]]
    .assert_eq(&run(&elsewhere, port));
}

#[test]
fn a_tag_may_be_moved() {
    let server = Server::start(None, None);
    let port = server.port;
    push("haversine", "udfs/geo:1", port);
    let job = haversine(&format!("oci://localhost:{port}/udfs/geo:1"));
    expect![[r#"
        exit 2
        error: `oci://localhost:PORT/udfs/geo:1` is not pinned by a digest: a tag may be moved, and the job would run other code
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/geo:1#haversine' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: it is now 'oci://localhost:PORT/udfs/geo@[DIGEST]#haversine'
    "#]].assert_eq(&run(&job, port));
    drop(server);
    expect![[r#"
        exit 2
        error: `oci://localhost:PORT/udfs/geo:1` is not pinned by a digest: a tag may be moved, and the job would run other code
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/geo:1#haversine' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: `wasmill plugin pull oci://localhost:PORT/udfs/geo:1` says the digest; now it does not come: cannot reach the registry localhost:PORT: Connection refused (os error 111)
    "#]].assert_eq(&run(&job, port));
}

#[test]
fn what_the_registry_does_not_have() {
    let port = SHARED.port;
    let pinned = push("haversine", "udfs/known:1", port);
    let (known, digest) = pinned.split_once('@').unwrap();
    let unknown = known.replace("known", "unknown");
    let other = format!("sha256:{}", "8".repeat(64));
    expect![[r#"
        exit 2
        error: the registry localhost:PORT has no `udfs/unknown@[DIGEST]` (it says: MANIFEST_UNKNOWN: manifest unknown)
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/unknown@[DIGEST]…
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        exit 2
        error: the registry localhost:PORT has no `udfs/known@[DIGEST]` (it says: MANIFEST_UNKNOWN: manifest unknown)
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/known@[DIGEST]…
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        exit 2
        error: `oci://localhost:PORT/udfs/known@sha256:1234` is no plugin in a registry: its digest is not `sha256:` and 64 digits in lower case
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/known@sha256:1234#haversine' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: it is written oci://host[:port]/name:tag or oci://host[:port]/name@sha256:…
        exit 2
        error: `oci://localhost:PORT/udfs/known:1` is not pinned by a digest: a tag may be moved, and the job would run other code
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/known:1#haversine' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: it is now 'oci://localhost:PORT/udfs/known@[DIGEST]#haversine'
        exit 2
        error: `oci://localhost:PORT/udfs/known:2` is not pinned by a digest: a tag may be moved, and the job would run other code
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/known:2#haversine' LANGUAGE WASM;
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: `wasmill plugin pull oci://localhost:PORT/udfs/known:2` says the digest; now it does not come: the registry localhost:PORT has no `udfs/known:2` (it says: MANIFEST_UNKNOWN: manifest unknown)
    "#]].assert_eq(
        &[
            format!("{unknown}@{digest}"),
            format!("{known}@{other}"),
            format!("{known}@sha256:1234"),
            format!("{known}:1"),
            format!("{known}:2"),
        ]
        .map(|reference| run(&haversine(&reference), port))
        .concat(),
    );
}

/// `'sha256'` is of the component's bytes, as with a file.
#[test]
fn the_bytes_may_be_pinned_too() {
    let port = SHARED.port;
    let pinned = push("haversine", "udfs/bytes:1", port);
    let job = Job::new(&format!(
        "CREATE FUNCTION d AS '{pinned}#haversine' LANGUAGE WASM
  WITH ('sha256' = '{}');",
        "0".repeat(64)
    ));
    expect![[r#"
        exit 2
        error: `bytes` has the sha256 [SHA256], not the one that the job wants
         --> job.sql:1:22
          |
        1 | CREATE FUNCTION d AS 'oci://localhost:PORT/udfs/bytes@[DIGEST]…
          |                      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        hint: the file is another one; `wasmill plugin inspect` shows what it is, and if that is meant, write its sha256 into the job
    "#]].assert_eq(&run(&job, port).replace(&own_sha256(), "[SHA256]"));
}

fn own_sha256() -> String {
    crate::support::sha256(&crate::support::plugin("haversine"))
}
