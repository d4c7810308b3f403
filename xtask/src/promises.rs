//! Holds `SECURITY.md` to the tests that it names.

use std::fs;

use crate::places;
use crate::tidy::sources;

/// What stands between backticks with `::` in it: `hostile/traps::is_stopped`.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.rsplit_once("::"))
        .collect()
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let text = fs::read_to_string(places::root().join("SECURITY.md")).unwrap();
    let sources = sources();
    let missing: Vec<_> = named(&text)
        .into_iter()
        .filter(|(file, test)| {
            let is_there = |text: &str| {
                let mut lines = text.lines().map(str::trim);
                lines.any(|line| line == "#[test]" || line == "#[tokio::test]")
                    && (text.contains(&format!("fn {test}()")))
            };
            let mut files = sources
                .iter()
                .filter(|(path, _)| path.with_extension("").ends_with(file));
            !files.any(|(_, text)| is_there(text))
        })
        .collect();
    assert!(
        missing.is_empty(),
        "SECURITY.md names tests that are not there: {missing:#?}"
    );
    assert!(named(&text).len() > 50);
}
