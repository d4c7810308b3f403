//! The compile cache: used when it is whole and private, and never believed otherwise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmill_plugin::{Host, HostConfig};

use crate::support::plugin_path;

fn host(cache: &Path) -> Arc<Host> {
    Host::new(HostConfig {
        cache: Some(cache.to_owned()),
        ..HostConfig::default()
    })
    .unwrap()
}

fn load(cache: &Path) {
    let plugin = host(cache)
        .load("haversine.wasm", &plugin_path("haversine"))
        .unwrap();
    assert_eq!(plugin.functions().len(), 1);
}

fn files(cache: &Path, extension: &str) -> Vec<PathBuf> {
    fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}

#[test]
fn it_is_private_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    load(&cache);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&cache), 0o700);
    let [artefact] = &files(&cache, "cwasm")[..] else {
        panic!("not one artefact")
    };
    assert_eq!(mode(artefact), 0o600);
    let written = fs::metadata(artefact).unwrap().modified().unwrap();
    load(&cache);
    assert_eq!(fs::metadata(artefact).unwrap().modified().unwrap(), written);
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 2);
}

#[test]
fn a_damaged_entry_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    load(&cache);
    let artefact = &files(&cache, "cwasm")[0];
    let whole = fs::read(artefact).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [&flipped[..], &whole[..whole.len() / 2], b""] {
        fs::write(artefact, damaged).unwrap();
        load(&cache);
        assert_eq!(fs::read(artefact).unwrap(), whole);
    }
    let checksum = &files(&cache, "sha256")[0];
    fs::write(checksum, "0").unwrap();
    load(&cache);
    assert_eq!(fs::read_to_string(checksum).unwrap().len(), 64);
}

#[test]
fn a_folder_that_others_may_enter_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("compiled");
    fs::create_dir(&cache).unwrap();
    fs::set_permissions(&cache, fs::Permissions::from_mode(0o755)).unwrap();
    load(&cache);
    assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
}
