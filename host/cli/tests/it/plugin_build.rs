//! `wasmill plugin new` and `wasmill plugin build`.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use expect_test::expect;
use wit_component::{StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use crate::support::{Job, root};

fn told(job: &Job, command: &mut Command) -> String {
    job.told(&command.output().unwrap())
}

fn plugin(job: &Job, arguments: &[&str]) -> String {
    told(job, &mut job.command_of(&[&["plugin"], arguments].concat()))
}

/// All files, by their paths.
fn files(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path.strip_prefix(folder).unwrap().display().to_string()),
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_new_plugin_of_each_language() {
    let job = Job::new("");
    let mut shown = String::new();
    for language in ["rust", "python", "javascript", "go", "c"] {
        let name = format!("my-{language}");
        shown += &plugin(&job, &["new", &name, "--lang", language]);
        shown += &format!("{}\n", files(&job.path(&name)).join(" "));
    }
    for file in [
        "README.md",
        "Cargo.toml",
        ".cargo/config.toml",
        "job.sql",
        ".gitignore",
    ] {
        let text = fs::read_to_string(job.path("my-rust").join(file)).unwrap();
        shown += &format!("--- {file}\n{text}");
    }
    expect![[r#"
        exit 0
        made my-rust; next: cd my-rust && wasmill plugin build
        .cargo/config.toml .gitignore Cargo.toml README.md job.sql src/lib.rs
        exit 0
        made my-python; next: cd my-python && wasmill plugin build
        .gitignore README.md job.sql plugin.py pyproject.toml
        exit 0
        made my-javascript; next: cd my-javascript && wasmill plugin build
        .gitignore .npmrc README.md job.sql package.json plugin.js
        exit 0
        made my-go; next: cd my-go && wasmill plugin build
        .gitignore README.md go.mod job.sql main.go
        exit 0
        made my-c; next: cd my-c && wasmill plugin build
        .gitignore Makefile README.md job.sql plugin.c
        --- README.md
        # my-rust

        `wasmill plugin build` makes `my-rust.wasm` of the functions in `src/lib.rs`.
        `wasmill plugin test my-rust.wasm#greet --rows '"mill"'` calls one of them.
        `wasmill run job.sql` runs the job beside it.
        --- Cargo.toml
        [package]
        name = "my-rust"
        version = "0.1.0"
        edition = "2024"

        [lib]
        crate-type = ["cdylib"]

        [dependencies]
        wasmill-sdk = { git = "https://github.com/wasmill/wasmill" }

        [profile.release]
        lto = true
        codegen-units = 1
        panic = "abort"
        # Names stay, so that a trap's backtrace has them.
        strip = "debuginfo"

        # A workspace of its own, wherever the folder lies.
        [workspace]
        --- .cargo/config.toml
        [target.wasm32-unknown-unknown]
        rustflags = [
          # Vector instructions: every host has them.
          "-C", "target-feature=+simd128,+bulk-memory,+nontrapping-fptoint,+sign-ext,+mutable-globals",
          # The host looks at its clock at each turn of a loop, so a turn does two vectors; the rest of bytes goes
          # eight at a time.
          "-C", "llvm-args=-force-vector-interleave=2 -epilogue-vectorization-force-VF=8",
        ]
        --- job.sql
        CREATE FUNCTION greet AS 'my-rust.wasm#greet' LANGUAGE WASM;
        SELECT greet('mill');
        --- .gitignore
        /target
        *.wasm
    "#]]
    .assert_eq(&shown);
}

/// All that is asked of a template: no mark is left, and it names the SDK of a checkout.
#[test]
fn a_new_plugin_of_a_checkout() {
    let job = Job::new("");
    let checkout = root().display().to_string();
    plugin(&job, &["new", "mine", "--lang", "rust", "--sdk", &checkout]);
    let manifest = fs::read_to_string(job.path("mine/Cargo.toml")).unwrap();
    let sdk = format!("wasmill-sdk = {{ path = \"{checkout}/sdk/rust\" }}");
    assert!(manifest.contains(&sdk), "{manifest}");
    assert!(!manifest.contains("{{"), "{manifest}");
}

#[test]
fn new_plugins_that_cannot_be() {
    let job = Job::new("").file("there/x", "");
    let new =
        |name, more: &[&str]| plugin(&job, &[&["new", name, "--lang", "rust"], more].concat());
    let told = [
        new("there", &[]),
        new("../x", &[]),
        new("x", &["--sdk", "there"]),
    ];
    assert!(!job.path("x").exists());
    expect![[r#"
        exit 2
        error: `there` is there already

        hint: choose another name, or remove it
        exit 2
        error: `../x` cannot be a plugin's name

        hint: small letters, digits, `-` and `_`, a letter first: my-functions
        exit 2
        error: there is no folder there/sdk/rust

        hint: --sdk names a checkout of https://github.com/wasmill/wasmill
    "#]]
    .assert_eq(&told.concat());
}

#[test]
fn builds_that_cannot_be() {
    let job = Job::new("")
        .file("none/x", "")
        .file("rust/Cargo.toml", "[package]")
        .file("go/go.mod", "module x")
        .file("python/plugin.py", "")
        .file("javascript/package.json", "{}")
        .file("c/plugin.c", "");
    let build = |folder| {
        let mut command = job.command_of(&["plugin", "build", folder]);
        told(&job, command.env("PATH", job.path("none")))
    };
    let folders = ["none", "missing", "rust", "go", "python", "javascript", "c"];
    expect![[r#"
        exit 2
        error: there is no plugin in none

        hint: it has one of these files: Cargo.toml, pyproject.toml, plugin.py, package.json, go.mod, Makefile, plugin.c
        exit 2
        error: cannot open the folder missing: No such file or directory (os error 2)
        exit 2
        error: `cargo` is not installed

        hint: curl https://sh.rustup.rs -sSf | sh
        exit 2
        error: `go` is not installed

        hint: apt-get install golang-go, or see https://go.dev/dl
        exit 2
        error: `python3` is not installed

        hint: apt-get install python3 python3-venv
        exit 2
        error: `npx` is not installed

        hint: apt-get install nodejs npm
        exit 2
        error: `make` is not installed

        hint: apt-get install make
    "#]].assert_eq(&folders.map(build).concat());
}

/// A cargo of a few lines: what it is called with, and what it tells.
fn cargo(job: Job, script: &str) -> Job {
    let job = job.file("bin/cargo", format!("#!/bin/sh\n{script}"));
    fs::set_permissions(job.path("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    job
}

fn build_with_cargo(job: &Job, more: &[&str]) -> String {
    let path = format!("{}:/usr/bin:/bin", job.path("bin").display());
    let arguments = [&["plugin", "build", "mine"], more].concat();
    told(job, job.command_of(&arguments).env("PATH", path))
}

#[test]
fn a_module_becomes_a_component() {
    let mut resolve = Resolve::new();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let world = resolve
        .select_world(&[package], Some("scalar-plugin"))
        .unwrap();
    let mut module = dummy_module(
        &resolve,
        world,
        ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
    );
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    let job = Job::new("")
        .file("mine/Cargo.toml", "")
        .file("module.wasm", module);
    let message = r#"{"reason":"compiler-artifact","manifest_path":"'$PWD'/Cargo.toml","filenames":["'$PWD'/../module.wasm"]}"#;
    let job = cargo(job, &format!("echo \"cargo $*\" >&2\necho '{message}'\n"));
    let shown = build_with_cargo(&job, &[]) + &build_with_cargo(&job, &["--debug"]);
    let size = fs::metadata(job.path("mine/mine.wasm"))
        .unwrap()
        .len()
        .div_ceil(1024);
    expect![[r#"
        exit 0
        cargo build --release --target wasm32-unknown-unknown --message-format=json-render-diagnostics
        built mine/mine.wasm [SIZE]
        exit 0
        cargo build --config profile.dev.debug="line-tables-only" --target wasm32-unknown-unknown --message-format=json-render-diagnostics
        built mine/mine.wasm [SIZE]
    "#]].assert_eq(&shown.replace(&format!("({size} KiB)"), "[SIZE]"));
}

#[test]
fn builds_that_fail() {
    let job = || {
        Job::new("")
            .file("mine/Cargo.toml", "")
            .file("module.wasm", "no module")
    };
    let message = r#"{"reason":"compiler-artifact","manifest_path":"'$PWD'/Cargo.toml","filenames":["'$PWD'/../module.wasm"]}"#;
    let told = [
        "echo 'error: it is wrong' >&2; exit 101",
        "true",
        &format!("echo '{message}'"),
    ];
    let told = told.map(|script| build_with_cargo(&cargo(job(), script), &[]));
    expect![[r#"
        exit 1
        error: it is wrong
        error: `cargo` failed (exit status: 101)

        hint: its own words are above
        exit 1
        error: cargo built no module

        hint: Cargo.toml needs `[lib]` with `crate-type = ["cdylib"]`
        exit 1
        error: the module is no component's: decoding item in module: magic header not detected: bad magic number - expected=[ 0x0, 0x61, 0x73, 0x6d, ] actual=[ 0x6e, 0x6f, 0x20, 0x6d, ] (at offset 0x0)

        hint: a plugin has a `#[scalar]` or `#[table]` function, or `wasmill_sdk::plugin!(Type);`
    "#]].assert_eq(&told.concat());
}
