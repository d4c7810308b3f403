//! Holds the source files to the habits that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use crate::places;

/// A file longer than this is two files.
const MOST_LINES: usize = 1000;

/// Folders with Rust in them.
const FOLDERS: &[&str] = &[
    "host", "sdk", "plugins", "benches", "examples", "fuzz", "xtask",
];

/// All Rust files, by their paths from the root.
pub fn sources() -> Vec<(PathBuf, String)> {
    let mut folders: Vec<_> = FOLDERS
        .iter()
        .map(|name| places::root().join(name))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let made = ["target", "node_modules"]
                .iter()
                .any(|made| path.ends_with(made));
            if path.is_dir() && !made {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((shown(&path), text));
            }
        }
    }
    sources
}

fn shown(path: &Path) -> PathBuf {
    path.strip_prefix(places::root()).unwrap().to_path_buf()
}

#[test]
fn every_module_opens_with_what_it_is() {
    let silent: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(path, _)| path)
        .collect();
    assert!(
        silent.is_empty(),
        "these files do not open with `//!`: {silent:#?}"
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<_> = sources()
        .into_iter()
        .filter(|(_, text)| text.lines().count() > MOST_LINES)
        .map(|(path, _)| path)
        .collect();
    assert!(
        long.is_empty(),
        "these files have over {MOST_LINES} lines, split them: {long:#?}"
    );
}

/// stdout is data and belongs to the program; a library that prints breaks it.
#[test]
fn only_the_program_prints() {
    let mut printing = Vec::new();
    for (path, text) in sources() {
        let library = path.starts_with("host") && !path.starts_with("host/cli");
        let source = path.components().any(|part| part.as_os_str() == "src");
        let code = |line: &&str| !line.trim_start().starts_with("//");
        let prints = |line: &str| line.contains("println!(") || line.contains("print!(");
        if library && source && text.lines().filter(code).any(prints) {
            printing.push(path);
        }
    }
    assert!(printing.is_empty(), "these libraries print: {printing:#?}");
}
