//! Cargo, for the programs of the host.

use std::env;
use std::process::Command;

use crate::places;
use crate::step::{self, Result};

/// `cargo <subcommand>` in the project's root.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(places::root())
        .env("CARGO_TARGET_DIR", places::target())
        .args([subcommand, "--locked"]);
    command
}

/// Builds the program `wasmill`, as the demo, the tests and the benches run it.
pub fn build_program() -> Result<()> {
    step::run(cargo("build").args(["--release", "--package", "wasmill"]))
}

/// Builds all that runs in the host: the workspace's default members. One of them alone, named with
/// `--package`, may want other features of the dependencies, which would compile again.
pub fn build_all() -> Result<()> {
    step::run(cargo("build").arg("--release"))
}
