//! `cargo xtask plugins`: Rust guests to components.
//!
//! All guests are one workspace with one build folder, so that their dependencies compile once.
//! What cargo calls fresh costs one read of the module and one encoding.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use wit_component::ComponentEncoder;

use crate::host;
use crate::places;
use crate::step::{self, Failure, Result};
use crate::wasm_target::GuestToolchain;

/// Built once more with debug information, as `NAME-debug`.
const DEBUGGABLE: &str = "buggy";

/// Builds the named plugins, or all: those of `plugins/hostile` go to a folder of their own.
pub fn build(names: &[String]) -> Result<()> {
    let workspace = places::root().join("plugins");
    let mut modules = compile(&workspace, names, "release")?;
    if names.is_empty() || names.iter().any(|name| name == DEBUGGABLE) {
        let debuggable = compile(&workspace, &[DEBUGGABLE.to_owned()], "debuggable")?;
        modules.extend(debuggable.into_iter().map(|module| Module {
            name: format!("{}-debug", module.name),
            ..module
        }));
    }
    for module in modules {
        let component = encode(&module)?;
        let mut path = places::components();
        if module.hostile {
            path.push("hostile");
        }
        path.push(format!("{}.wasm", module.name));
        if step::write_if_changed(&path, &component)? {
            step::say(&format!(
                "built {} ({} KiB)",
                path.display(),
                component.len() / 1024
            ));
        }
    }
    Ok(())
}

/// Builds a guest that is no component, in a workspace of its own.
pub fn build_module(workspace: &Path) -> Result<PathBuf> {
    let modules = compile(workspace, &[], "release")?;
    let own = modules
        .into_iter()
        .find(|module| workspace.ends_with(&module.name));
    own.map(|module| module.path)
        .ok_or_else(|| Failure::new(format!("{} gives no module", workspace.display())))
}

/// Runs the tests of the plugins that compile for the host too: the default members.
pub fn test(filters: &[String]) -> Result<()> {
    let mut cargo = host::cargo("test");
    cargo
        .args(["--manifest-path", "plugins/Cargo.toml", "--lib"])
        .arg("--target-dir")
        .arg(places::target().join("guests"))
        .arg("--")
        .args(filters);
    step::run(&mut cargo)
}

/// A guest as cargo built it: a core module that carries its WIT world in a section.
struct Module {
    name: String,
    hostile: bool,
    path: PathBuf,
}

fn compile(workspace: &Path, names: &[String], profile: &str) -> Result<Vec<Module>> {
    let toolchain = GuestToolchain::get()?;
    let mut cargo = toolchain.cargo(workspace, "build");
    cargo
        .args(["--profile", profile, "--locked"])
        .arg("--message-format=json-render-diagnostics")
        .arg("--target-dir")
        .arg(places::target().join("guests"))
        .stderr(Stdio::inherit());
    if names.is_empty() {
        cargo.arg("--workspace");
    }
    for name in names {
        cargo.args(["--package", name]);
    }
    let messages = step::capture(&mut cargo).map_err(|failure| {
        failure.hint("the compiler's own words are above; a plugin's name is that of its folder")
    })?;
    Ok(messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(|message| module(workspace, &message))
        .collect())
}

/// The module that a message of cargo's tells of, if it tells of one.
fn module(workspace: &Path, message: &Value) -> Option<Module> {
    if message["reason"] != "compiler-artifact" {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let path = message["filenames"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .find(|name| name.ends_with(".wasm"))?;
    Some(Module {
        name: folder.file_name()?.to_str()?.to_string(),
        hostile: folder.starts_with(workspace.join("hostile")),
        path: path.into(),
    })
}

fn encode(module: &Module) -> Result<Vec<u8>> {
    let cannot = |error: &dyn std::fmt::Display| {
        Failure::new(format!("{} is not a component's module: {error}", module.path.display()))
            .hint("a plugin has a `#[scalar]` function, or `wasmill_sdk::plugin!(Type);`, and `[lib] crate-type = [\"cdylib\"]`")
    };
    let bytes = fs::read(&module.path).map_err(|error| cannot(&error))?;
    ComponentEncoder::default()
        .validate(true)
        .module(&bytes)
        .and_then(|encoder| encoder.encode())
        .map_err(|error| cannot(&format!("{error:#}")))
}
