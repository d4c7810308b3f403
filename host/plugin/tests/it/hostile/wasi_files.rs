//! What `plugins/hostile/wasi-files` tries, and what comes of it.

use std::fs;
use std::os::unix::fs::symlink;

use expect_test::{Expect, expect};
use tempfile::TempDir;
use wasmill_plugin::GrantedFolder;

use super::{attacker, numbers, options};
use crate::support::rendered;

/// A folder to be granted, beside a secret.
fn folders() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let granted = folder.path().join("granted");
    fs::create_dir_all(granted.join("inner")).unwrap();
    fs::write(folder.path().join("secret"), "secret").unwrap();
    fs::write(granted.join("table.csv"), "1,2").unwrap();
    fs::write(granted.join("inner/deep.csv"), "3,4").unwrap();
    symlink("../table.csv", granted.join("inner/near")).unwrap();
    symlink("../../secret", granted.join("inner/far")).unwrap();
    symlink("/etc/passwd", granted.join("absolute")).unwrap();
    symlink("..", granted.join("up")).unwrap();
    symlink("around", granted.join("around")).unwrap();
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        granted.join("pipe"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    folder
}

fn check(attack: &str, expected: Expect) {
    let folder = folders();
    let granted = GrantedFolder::open("/", "granted", folder.path()).unwrap();
    let mut options = options("wasi-files", attack);
    options.grants.folders = vec![granted];
    let function = attacker("wasi-files").open("attack", options).unwrap();
    let error = function.call(&[numbers(3)], 3).unwrap_err();
    expected.assert_eq(&rendered(&error));
    let secret = fs::read_to_string(folder.path().join("secret")).unwrap();
    let table = fs::read_to_string(folder.path().join("granted/table.csv")).unwrap();
    assert_eq!((&*secret, &*table), ("secret", "1,2"));
}

#[test]
pub fn is_stopped() {
    expect!["error: function attack (wasi-files.wasm#attack) failed: there is no folder"]
        .assert_eq(&super::attacked("wasi-files", "attack", "open table.csv"));
    check(
        "open ../secret",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `../secret`: it leads out of the granted folder"#]],
    );
    check(
        "open inner/../../secret",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `inner/../../secret`: it leads out of the granted folder"#]],
    );
    check(
        "open /etc/passwd",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `/etc/passwd`: it leads out of the granted folder"#]],
    );
    check(
        "open inner/far",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `inner/far`: it leads out of the granted folder"#]],
    );
    check(
        "open absolute",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `absolute`: it leads out of the granted folder"#]],
    );
    check(
        "open up/secret",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `up/secret`: it leads out of the granted folder"#]],
    );
    check(
        "open around",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got the error loop"
        ],
    );
    check(
        "open pipe",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-permitted
          its last log lines:
            warn: refused the path `pipe`: it is neither a file nor a folder"#]],
    );
    check(
        "open \x1b[31m\0",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got the error invalid"
        ],
    );
}

#[test]
fn that_are_granted_are_read() {
    check(
        "list",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got: absolute, around, inner, pipe, table.csv, up"
        ],
    );
    check(
        "open table.csv",
        expect!["error: function attack (wasi-files.wasm#attack) failed: of / it got: 1,2"],
    );
    check(
        "open ./inner/../inner//deep.csv",
        expect!["error: function attack (wasi-files.wasm#attack) failed: of / it got: 3,4"],
    );
    check(
        "open inner/near",
        expect!["error: function attack (wasi-files.wasm#attack) failed: of / it got: 1,2"],
    );
    check(
        "open nothing",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got the error no-entry"
        ],
    );
    check(
        "open inner",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got the error is-directory"
        ],
    );
    check(
        "open table.csv/x",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got the error not-directory"
        ],
    );
    check(
        "link inner/far",
        expect![
            "error: function attack (wasi-files.wasm#attack) failed: of / it got: ../../secret"
        ],
    );
}

#[test]
fn are_not_written() {
    check(
        "create new",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error read-only
          its last log lines:
            warn: refused to write to `new`: granted folders are read-only"#]],
    );
    check(
        "write table.csv",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error read-only
          its last log lines:
            warn: refused to write to `table.csv`: granted folders are read-only"#]],
    );
    check(
        "remove table.csv",
        expect![[r#"
            error: function attack (wasi-files.wasm#attack) failed: of / it got the error read-only
              its last log lines:
                warn: refused `descriptor.unlink-file-at`: granted folders are read-only"#]],
    );
}

#[test]
fn without_number_are_refused() {
    check(
        "flood table.csv",
        expect![[r#"
        error: function attack (wasi-files.wasm#attack) failed: of / it got the error quota
          its last log lines:
            warn: refused to open a file: 64 are open already"#]],
    );
}
