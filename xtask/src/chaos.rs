//! `cargo xtask chaos`: jobs without end are killed at random instants, and no row may be lost.

use std::process::Command;

use crate::host;
use crate::kafka;
use crate::places;
use crate::plugins;
use crate::python;
use crate::step::{self, Result};
use crate::system;

/// Gets what is missing and runs the script `xtask/chaos` with these arguments.
pub fn run(arguments: &[String]) -> Result<()> {
    system::c_compiler()?;
    system::postgresql()?;
    let (python, kafka) = (python::get()?, kafka::get()?);
    host::build_program()?;
    let plugins = ["conformance", "sessions", "statistics", "words"];
    plugins::build(&plugins.map(str::to_owned))?;
    let mut chaos = Command::new(python);
    chaos
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(places::root().join("xtask/chaos"))
        .arg("--program")
        .arg(places::target().join("release/wasmill"))
        .arg("--kafka")
        .arg(kafka)
        .args(arguments);
    step::run(&mut chaos)
}
