//! Holds the crates to the doors between them, as `ARCHITECTURE.md` draws them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::host;
use crate::step;

/// A crate of ours, and the crates of ours that it may use.
const DOORS: &[(&str, &[&str])] = &[
    (
        "wasmill",
        &[
            "wasmill-engine",
            "wasmill-plugin",
            "wasmill-registry",
            "wasmill-server",
            "wasmill-state",
        ],
    ),
    (
        "wasmill-engine",
        &[
            "wasmill-connectors",
            "wasmill-inference",
            "wasmill-plugin",
            "wasmill-registry",
            "wasmill-sql",
            "wasmill-state",
            "wasmill-udf",
        ],
    ),
    ("wasmill-udf", &["wasmill-plugin"]),
    ("wasmill-registry", &["wasmill-plugin"]),
    ("wasmill-plugin", &[]),
    ("wasmill-server", &["wasmill-inference"]),
    ("wasmill-inference", &[]),
    ("wasmill-sql", &[]),
    ("wasmill-state", &[]),
    ("wasmill-connectors", &[]),
    ("wasmill-sdk", &["wasmill-sdk-macros"]),
    ("wasmill-sdk-macros", &[]),
    (
        "wasmill-benches",
        &[
            "wasmill-inference",
            "wasmill-plugin",
            "wasmill-state",
            "wasmill-udf",
        ],
    ),
    ("xtask", &[]),
];

/// A crate of others, and the only ones of ours that may name it.
const KEEPERS: &[(&str, &[&str])] = &[
    ("wasmtime", &["wasmill-plugin"]),
    ("ort", &["wasmill-inference"]),
    ("axum", &["wasmill-server"]),
    ("tonic", &["wasmill-inference", "wasmill-server"]),
    ("object_store", &["wasmill-connectors", "wasmill-engine"]),
    ("tokio-postgres", &["wasmill-connectors"]),
    (
        "datafusion",
        &["wasmill-udf", "wasmill-engine", "wasmill-benches"],
    ),
    ("clap", &["wasmill", "wasmill-benches"]),
];

/// Every use of one crate by another that is not a test's.
fn uses() -> Vec<(String, String)> {
    let metadata = step::capture(host::cargo("metadata").args(["--no-deps", "--format-version=1"]));
    let metadata: Value = serde_json::from_str(&metadata.unwrap()).unwrap();
    let mut uses = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for dependency in package["dependencies"].as_array().unwrap() {
            if dependency["kind"] != "dev" {
                let name = |value: &Value| value["name"].as_str().unwrap().to_string();
                uses.push((name(package), name(dependency)));
            }
        }
    }
    uses
}

#[test]
fn crates_use_only_the_doors_that_are_drawn() {
    let ours: BTreeSet<&str> = DOORS.iter().map(|(name, _)| *name).collect();
    let uses = uses();
    for (user, used) in &uses {
        let Some((_, allowed)) = DOORS.iter().find(|(name, _)| name == user) else {
            panic!("the crate {user} is not in the plan: add it to DOORS and to ARCHITECTURE.md");
        };
        assert!(
            !ours.contains(used.as_str()) || allowed.contains(&used.as_str()),
            "{user} must not use {used}: ARCHITECTURE.md draws no door between them"
        );
    }
    assert!(
        uses.iter().any(|(_, used)| used == "wasmill-plugin"),
        "no door is used at all"
    );
}

#[test]
fn heavy_dependencies_stay_in_their_rooms() {
    for (user, used) in uses() {
        if let Some((_, keepers)) = KEEPERS.iter().find(|(name, _)| *name == used) {
            assert!(
                keepers.contains(&user.as_str()),
                "{user} must not name {used}: only {} may",
                keepers.join(", ")
            );
        }
    }
}
