//! The SDKs of other languages than Rust: their own tests, their examples as components, and whether
//! these conform.
//!
//! All tools come from PyPI (Node.js and Go too), in an environment of their own, so that every machine
//! has the same; C's compiler is Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::places;
use crate::python::Environment;
use crate::step::{self, Failure, Result};
use crate::system;

pub const TOOLS: Environment = Environment {
    name: "sdk-tools",
    purpose: "for the tools of other languages",
    file: "sdk-tools.txt",
    requirements: include_str!("../sdk-tools.txt"),
};

/// What C is compiled with.
const C_PACKAGES: [&str; 5] = [
    "clang",
    "libclang-rt-dev-wasm32",
    "lld",
    "make",
    "wasi-libc",
];

/// An SDK with a folder in `sdk/` and an example.
#[derive(Clone, Copy, PartialEq)]
enum Sdk {
    C,
    Go,
    JavaScript,
    Python,
}

/// Gets the tools.
pub fn setup() -> Result<()> {
    TOOLS.get()?;
    c_compiler()
}

/// Tests each SDK, builds its example, and has the program look whether it conforms.
pub fn test(program: &Path) -> Result<()> {
    let tools = TOOLS.get()?;
    let mut components = vec![places::components().join("conformance.wasm")];
    for sdk in [Sdk::C, Sdk::Go, Sdk::JavaScript, Sdk::Python] {
        components.push(sdk.test_and_build(&tools)?);
    }
    for component in components {
        step::say(&format!("does {} conform?", component.display()));
        let mut conformance = Command::new(program);
        conformance
            .args(["plugin", "test", "--conformance"])
            .arg(&component);
        step::run(&mut conformance)?;
    }
    Ok(())
}

impl Sdk {
    fn name(self) -> &'static str {
        match self {
            Sdk::C => "c",
            Sdk::Go => "go",
            Sdk::JavaScript => "javascript",
            Sdk::Python => "python",
        }
    }

    /// The example as a component. What was tested and built of the same files is not again.
    fn test_and_build(self, tools: &Path) -> Result<PathBuf> {
        let folder = places::root().join("sdk").join(self.name());
        let made = places::root().join("target/sdks").join(self.name());
        let component = made.join("plugin.wasm");
        let (stamp, wanted) = (
            made.join("sources.sha256"),
            sources(&folder, TOOLS.requirements)?,
        );
        let fresh = fs::read_to_string(&stamp).is_ok_and(|of| of.trim() == wanted);
        if fresh && component.exists() {
            return Ok(component);
        }
        fs::create_dir_all(&made).map_err(|error| {
            Failure::new(format!(
                "cannot make the folder {}: {error}",
                made.display()
            ))
        })?;
        step::say(&format!(
            "testing sdk/{0} and building its example",
            self.name()
        ));
        match self {
            Sdk::C => c(tools, &folder, &made)?,
            Sdk::Go => go(tools, &folder, &made)?,
            Sdk::JavaScript => javascript(tools, &folder, &component)?,
            Sdk::Python => python(tools, &folder, &component)?,
        }
        step::write_if_changed(&stamp, wanted.as_bytes())?;
        Ok(component)
    }
}

fn c(tools: &Path, folder: &Path, made: &Path) -> Result<()> {
    c_compiler()?;
    let make = |target: &[&str]| {
        let mut make = with(tools, "make");
        make.arg("-C")
            .arg(folder)
            .args(target)
            .arg(variable("BUILD", made));
        step::run(&mut make)
    };
    make(&["test"])?;
    make(&[])
}

fn go(tools: &Path, folder: &Path, made: &Path) -> Result<()> {
    let mut test = with(tools, "go");
    step::run(test.current_dir(folder).args(["test", "-p", "2", "./..."]))?;
    let mut make = with(tools, "make");
    make.arg("-C").arg(folder).arg(variable("BUILD", made));
    step::run(&mut make)?;
    let (built, component) = (made.join("example.wasm"), made.join("plugin.wasm"));
    fs::rename(&built, &component)
        .map_err(|error| Failure::new(format!("cannot move {}: {error}", built.display())))
}

fn javascript(tools: &Path, folder: &Path, component: &Path) -> Result<()> {
    let run = |program: &str, arguments: &[&str]| {
        let mut command = with(tools, program);
        step::run(command.current_dir(folder).args(arguments))
    };
    run(
        "npm",
        &["ci", "--no-audit", "--no-fund", "--loglevel=error"],
    )?;
    run("npm", &["test"])?;
    run("npm", &["run", "check-types"])?;
    let mut build = with(tools, "node");
    build
        .current_dir(folder)
        .args(["bin/wasmill-build.js", "example/plugin.js", "-o"])
        .arg(component);
    step::run(&mut build)
}

fn python(tools: &Path, folder: &Path, component: &Path) -> Result<()> {
    let run = |command: &mut Command| {
        let command = command.current_dir(folder).env("PYTHONPATH", folder);
        step::run(command.env("PYTHONDONTWRITEBYTECODE", "1"))
    };
    run(with(tools, "python").args(["-m", "unittest", "discover", "-s", "tests"]))?;
    run(with(tools, "python")
        .args(["-m", "wasmill_sdk.build", "example/plugin.py", "-o"])
        .arg(component))
}

/// A program, of the tools if it is one of them.
pub fn with(tools: &Path, program: &str) -> Command {
    let folder = tools.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
    let named = folder.join(program);
    let mut command = match named.exists() {
        true => Command::new(named),
        false => Command::new(program),
    };
    if let Ok(path) = std::env::join_paths(folders) {
        command.env("PATH", path);
    }
    command.stdin(Stdio::null());
    command
}

/// As make takes it.
pub fn variable(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// A compiler of C for WebAssembly, with its library.
fn c_compiler() -> Result<()> {
    let folder = places::cache()?;
    let program = folder.join("is-there-a-c-compiler.c");
    step::write_if_changed(
        &program,
        b"#include <string.h>\nint main(void) { return (int)strlen(\"\"); }\n",
    )?;
    let compiles = || {
        let mut clang = Command::new("clang");
        clang.arg("--target=wasm32-wasi").arg(&program);
        step::succeeds(clang.args(["-o", "/dev/null"]))
    };
    if compiles() {
        return Ok(());
    }
    step::say("getting a C compiler for WebAssembly, which the SDK of C is built with");
    system::install(&C_PACKAGES)
}

/// What an example depends on: its folder, the contract, the tools.
pub fn sources(folder: &Path, tools: &str) -> Result<String> {
    let listed = step::capture(
        Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .args([".", "../../wit"]),
    )?;
    let mut hash = Sha256::new();
    hash.update(tools);
    for file in listed.lines() {
        hash.update(file);
        hash.update(fs::read(folder.join(file)).unwrap_or_default());
    }
    Ok(hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
