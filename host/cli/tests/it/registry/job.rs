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
    let server = Server::start(None);
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
    expect![[]].assert_eq(&run(&elsewhere, port));
}

#[test]
fn a_tag_may_be_moved() {
    let server = Server::start(None);
    let port = server.port;
    push("haversine", "udfs/geo:1", port);
    let job = haversine(&format!("oci://localhost:{port}/udfs/geo:1"));
    expect![[]].assert_eq(&run(&job, port));
    drop(server);
    expect![[]].assert_eq(&run(&job, port));
}

#[test]
fn what_the_registry_does_not_have() {
    let port = SHARED.port;
    let pinned = push("haversine", "udfs/known:1", port);
    let (known, digest) = pinned.split_once('@').unwrap();
    let unknown = known.replace("known", "unknown");
    let other = digest.replace(['0', '1', '2', '3', '4', '5', '6', '7'], "8");
    expect![[]].assert_eq(
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
    expect![[]].assert_eq(&run(&job, port).replace(&own_sha256(), "[SHA256]"));
}

fn own_sha256() -> String {
    crate::support::sha256(&crate::support::plugin("haversine"))
}
