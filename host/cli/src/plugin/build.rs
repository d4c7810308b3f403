//! `wasmill plugin build`: a folder's plugin to a component, with the tools of its language.

use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::arguments::Build;
use super::encode;
use super::failure::Failure;
use super::language::Language;
use super::write;
use crate::output::Output;

const RUST_TARGET: &str = "wasm32-unknown-unknown";
/// The dev profile, with no more debug information than backtraces need.
const RUST_LINES: &str = "profile.dev.debug=\"line-tables-only\"";
const GO_SDK: &str = "github.com/wasmill/wasmill/sdk/go";

/// Builds it and writes `NAME.wasm` into the folder; NAME is the folder's own.
pub fn build(arguments: &Build, output: &Output) -> Result<(), Failure> {
    let Build {
        folder,
        output: to,
        debug,
    } = arguments;
    let absolute = folder.canonicalize().map_err(|error| {
        Failure::wrong(format!(
            "cannot open the folder {}: {error}",
            folder.display()
        ))
    })?;
    let Some(language) = Language::of(&absolute) else {
        return Err(
            Failure::wrong(format!("there is no plugin in {}", folder.display())).hint(format!(
                "it has one of these files: {}",
                Language::all_marks()
            )),
        );
    };
    let name = absolute
        .file_name()
        .unwrap_or_else(|| "plugin".as_ref())
        .to_string_lossy();
    let (path, shown) = match to {
        Some(to) => (
            std::path::absolute(to).unwrap_or_else(|_| to.clone()),
            to.clone(),
        ),
        None => (
            absolute.join(format!("{name}.wasm")),
            folder.join(format!("{name}.wasm")),
        ),
    };
    if *debug && matches!(language, Language::Python | Language::JavaScript) {
        output.note("--debug changes nothing here: the language's errors have their lines anyway");
    }
    let folder = Folder {
        path: absolute,
        debug: *debug,
    };
    match language {
        Language::Rust => write(&path, &folder.rust()?)?,
        Language::Python => folder.python(&path)?,
        Language::JavaScript => folder.javascript(&path)?,
        Language::Go => write(&path, &folder.go()?)?,
        Language::C => write(&path, &folder.c()?)?,
    }
    let bytes = fs::metadata(&path).map_or(0, |file| file.len());
    let shown = shown.strip_prefix(".").unwrap_or(&shown);
    output.note(&format!(
        "built {} ({} KiB)",
        shown.display(),
        bytes.div_ceil(1024)
    ));
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path)
        .map_err(|error| Failure::failed(format!("cannot read {}: {error}", path.display())))
}

/// A program, and how it is installed.
struct Tool {
    name: &'static str,
    install: &'static str,
}

const CARGO: Tool = Tool {
    name: "cargo",
    install: "curl https://sh.rustup.rs -sSf | sh",
};
const GO: Tool = Tool {
    name: "go",
    install: "apt-get install golang-go, or see https://go.dev/dl",
};
const NODE: Tool = Tool {
    name: "npx",
    install: "apt-get install nodejs npm",
};
const PYTHON: Tool = Tool {
    name: "python3",
    install: "apt-get install python3 python3-venv",
};
const C_TOOLS: [Tool; 3] = [
    Tool {
        name: "make",
        install: "apt-get install make",
    },
    Tool {
        name: "clang",
        install: "apt-get install clang lld wasi-libc libclang-rt-dev-wasm32",
    },
    Tool {
        name: "wasm-tools",
        install: "cargo install wasm-tools",
    },
];

impl Tool {
    fn missing(&self) -> Failure {
        Failure::wrong(format!("`{}` is not installed", self.name)).hint(self.install)
    }

    fn is_there(&self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join(self.name).is_file())
    }
}

/// Where a plugin's files are.
struct Folder {
    path: PathBuf,
    /// Names and lines are kept.
    debug: bool,
}

impl Folder {
    /// Runs a program in the folder, with its messages on stderr; returns what it wrote to stdout.
    fn run(&self, tool: &Tool, command: &mut Command) -> Result<String, Failure> {
        let ran = command
            .current_dir(&self.path)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let output = ran.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => tool.missing(),
            _ => Failure::failed(format!("`{}` does not start: {error}", tool.name)),
        })?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(
                Failure::failed(format!("`{}` failed ({})", tool.name, output.status))
                    .hint("its own words are above"),
            ),
        }
    }

    fn rust(&self) -> Result<Vec<u8>, Failure> {
        let mut cargo = Command::new(CARGO.name);
        cargo.arg("build");
        match self.debug {
            true => cargo.args(["--config", RUST_LINES]),
            false => cargo.arg("--release"),
        };
        cargo.args(["--target", RUST_TARGET]);
        cargo.arg("--message-format=json-render-diagnostics");
        let messages = self
            .run(&CARGO, &mut cargo)
            .map_err(|failure| match has_rust_target() {
                Some(false) => {
                    Failure::wrong(format!("Rust's target {RUST_TARGET} is not installed"))
                        .hint(format!("rustup target add {RUST_TARGET}"))
                }
                _ => failure,
            })?;
        let mut modules = messages.lines().filter_map(|line| self.module(line));
        let Some(module) = modules.next_back() else {
            return Err(Failure::failed("cargo built no module")
                .hint("Cargo.toml needs `[lib]` with `crate-type = [\"cdylib\"]`"));
        };
        component(&read(&module)?, None)
            .map_err(|failure| failure.hint("a plugin has a `#[scalar]` or `#[table]` function, or `wasmill_sdk::plugin!(Type);`"))
    }

    /// The module that a line of cargo's messages tells of, if it tells of one of this folder's.
    fn module(&self, line: &str) -> Option<PathBuf> {
        let message: Value = serde_json::from_str(line).ok()?;
        let manifest = Path::new(message["manifest_path"].as_str()?);
        if message["reason"] != "compiler-artifact" || manifest.parent()? != self.path {
            return None;
        }
        let files = message["filenames"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        files
            .map(PathBuf::from)
            .find(|file| file.extension().is_some_and(|end| end == "wasm"))
    }

    fn python(&self, to: &Path) -> Result<(), Failure> {
        let own = self.path.join(".venv/bin/python");
        if !own.exists() && !PYTHON.is_there() {
            return Err(PYTHON.missing());
        }
        let mut python = match own.exists() {
            true => Command::new(own),
            false => Command::new(PYTHON.name),
        };
        python
            .args(["-m", "wasmill_sdk.build", "plugin.py", "-o"])
            .arg(to);
        self.run(&PYTHON, &mut python).map_err(|failure| match self.path.join(".venv").exists() {
            true => failure,
            false => failure.hint(
                "its own words are above; where it has no module wasmill_sdk, README.md says how to \
                 install it",
            ),
        })?;
        Ok(())
    }

    fn javascript(&self, to: &Path) -> Result<(), Failure> {
        if !NODE.is_there() {
            return Err(NODE.missing());
        }
        if !self.path.join("node_modules/wasmill-sdk").exists() {
            let hint = format!("cd {} && npm install", self.path.display());
            return Err(Failure::wrong("the package wasmill-sdk is not installed").hint(hint));
        }
        let mains = ["plugin.ts", "plugin.js"];
        let main = mains.iter().find(|main| self.path.join(main).exists());
        let Some(main) = main else {
            return Err(Failure::wrong("there is neither plugin.js nor plugin.ts"));
        };
        let temporary = |error| Failure::failed(format!("cannot write the contract: {error}"));
        let contract = tempfile::tempdir().map_err(temporary)?;
        encode::write_contract(contract.path()).map_err(temporary)?;
        let mut npx = Command::new(NODE.name);
        npx.args(["--no-install", "wasmill-build", main, "-o"])
            .arg(to);
        npx.arg("--wit").arg(contract.path());
        self.run(&NODE, &mut npx)?;
        Ok(())
    }

    fn go(&self) -> Result<Vec<u8>, Failure> {
        let mut list = Command::new(GO.name);
        list.args(["list", "-m", "-f", "{{.Dir}}", GO_SDK]);
        let sdk = self.run(&GO, &mut list)?;
        if sdk.is_empty() {
            let hint = format!("cd {} && go mod tidy", self.path.display());
            return Err(Failure::wrong("the Go SDK is not here yet").hint(hint));
        }
        let adapter = Path::new(&sdk).join("adapter/wasi.wat");
        let mut adapter = wat::parse_file(&adapter)
            .map_err(|error| Failure::failed(format!("the Go SDK's adapter: {error}")))?;
        let module = tempfile::NamedTempFile::new()
            .map_err(|error| Failure::failed(format!("cannot make a temporary file: {error}")))?;
        let mut go = Command::new(GO.name);
        go.env("GOOS", "wasip1").env("GOARCH", "wasm");
        go.args(["build", "-buildmode=c-shared", "-trimpath"]);
        go.arg(match self.debug {
            true => "-gcflags=-l",
            false => "-ldflags=-s -w",
        });
        go.arg("-o");
        self.run(&GO, go.arg(module.path()).arg("."))?;
        let mut module = read(module.path())?;
        encode::embed(&mut module, "plugin").map_err(Failure::failed)?;
        encode::embed(&mut adapter, "imports").map_err(Failure::failed)?;
        component(&module, Some(&adapter))
    }

    fn c(&self) -> Result<Vec<u8>, Failure> {
        if let Some(tool) = C_TOOLS.iter().find(|tool| !tool.is_there()) {
            return Err(tool.missing());
        }
        if !self.path.join("Makefile").exists() {
            return Err(Failure::wrong("there is no Makefile")
                .hint("`wasmill plugin new NAME --lang c` makes one"));
        }
        let mut make = Command::new(C_TOOLS[0].name);
        let build = match self.debug {
            true => "build/debug",
            false => "build",
        };
        if self.debug {
            make.args(["BUILD=build/debug", "CFLAGS=-O0 -g -Wall -Wextra", "STRIP="]);
        }
        self.run(&C_TOOLS[0], &mut make)?;
        read(&self.path.join(build).join("plugin.wasm"))
    }
}

fn component(module: &[u8], adapter: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    encode::component(module, adapter)
        .map_err(|error| Failure::failed(format!("the module is no component's: {error}")))
}

/// None where the compiler does not say.
fn has_rust_target() -> Option<bool> {
    let rustc = Command::new("rustc")
        .args(["--print", "sysroot"])
        .stderr(Stdio::null())
        .output();
    let sysroot = String::from_utf8(rustc.ok()?.stdout).ok()?;
    let targets = Path::new(sysroot.trim()).join("lib/rustlib");
    targets.is_dir().then(|| targets.join(RUST_TARGET).is_dir())
}
