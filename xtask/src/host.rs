//! Cargo, for the programs of the host.

use std::env;
use std::process::Command;

use crate::places;
use crate::step::{self, Result};

/// `cargo <subcommand>` in the project's root.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_this_program(&mut command);
    command
        .current_dir(places::root())
        .env("CARGO_TARGET_DIR", places::target())
        .args([subcommand, "--locked"]);
    command
}

/// Takes out what the cargo that started this program says of it. Build scripts look at that, so
/// that a build from here and one from the shell would each compile what the other has compiled.
pub fn forget_this_program(command: &mut Command) {
    const ABOUT: &[&str] = &[
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PRIMARY_PACKAGE",
    ];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ABOUT.iter().any(|about| text.starts_with(about)) {
            command.env_remove(name);
        }
    }
}

/// Builds the program `wasmill`, as the demo, the tests and the benches run it. Named as a binary:
/// with `--package` its dependencies would get other features than in the tests, and compile again.
pub fn build_program() -> Result<()> {
    step::run(cargo("build").args(["--release", "--bin", "wasmill"]))
}

/// Builds all that runs in the host: the workspace's default members.
pub fn build_all() -> Result<()> {
    step::run(cargo("build").arg("--release"))
}
