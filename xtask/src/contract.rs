//! The contract is versioned: what a published version says does not change.

use std::fs;

use sha2::{Digest as _, Sha256};

use crate::places;

/// `VERSION SHA256`, a line a version that `wit/` has had; the last one is what it holds now.
const RECORD: &str = "wit/versions.txt";

#[test]
fn a_change_of_the_contract_has_a_new_version() {
    let folder = places::root().join("wit");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "wit"))
        .collect();
    files.sort();
    let mut hash = Sha256::new();
    let mut versions = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).unwrap();
        let package = text.lines().next().unwrap();
        let version = package
            .strip_prefix("package wasmill:udf@")
            .and_then(|rest| rest.strip_suffix(';'))
            .unwrap_or_else(|| panic!("{} opens with: {package}", file.display()));
        versions.push(version.to_owned());
        hash.update(text.as_bytes());
    }
    versions.dedup();
    assert_eq!(versions.len(), 1, "one version in all files: {versions:?}");
    let digest = hash.finalize();
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let now = format!("{} {digest}", versions[0]);

    let record = fs::read_to_string(places::root().join(RECORD)).unwrap();
    assert_eq!(
        record.lines().last(),
        Some(now.as_str()),
        "wit/ changed: give the package a new version, add this line to {RECORD} and a row to the \
         table in CHANGELOG.md (a version that was never released may keep its number)"
    );
}
