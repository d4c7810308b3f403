//! `examples/without-sdk`: a component in Zig, straight against the contract.
//!
//! Its compiler comes from PyPI, in an environment of its own: the SDKs need not be tested again for
//! another version of it.

use std::fs;

use crate::places;
use crate::python::Environment;
use crate::sdks;
use crate::step::{self, Failure, Result};
use crate::system;

/// Of the example's folder and of the component.
pub const NAME: &str = "without-sdk";

const ZIG: Environment = Environment {
    name: "zig-tools",
    purpose: "for examples/without-sdk",
    file: "zig-tools.txt",
    requirements: include_str!("../zig-tools.txt"),
};

/// Gets the compiler, and what makes a component of a module.
pub fn setup() -> Result<()> {
    sdks::TOOLS.get()?;
    ZIG.get().map(drop)
}

/// Builds it into `target/plugins`. What was built of the same files is not again.
pub fn build() -> Result<()> {
    let folder = places::root().join("examples").join(NAME);
    let made = places::root().join("target/sdks").join(NAME);
    let component = places::components().join(format!("{NAME}.wasm"));
    let stamp = made.join("sources.sha256");
    let tools = format!("{}{}", sdks::TOOLS.requirements, ZIG.requirements);
    let wanted = sdks::sources(&folder, &tools)?;
    let fresh = fs::read_to_string(&stamp).is_ok_and(|of| of.trim() == wanted);
    if fresh && component.exists() {
        return Ok(());
    }
    let (tools, zig) = (sdks::TOOLS.get()?, ZIG.get()?);
    if !system::on_path("make") {
        system::install(&["make"])?;
    }
    step::say(&format!("building examples/{NAME}"));
    let mut make = sdks::with(&tools, "make");
    make.arg("-C")
        .arg(&folder)
        .arg(sdks::variable("BUILD", &made))
        .arg(format!(
            "ZIG={} -m ziglang",
            zig.join("bin/python").display()
        ));
    step::run(&mut make)?;
    let built = made.join(format!("{NAME}.wasm"));
    let bytes = fs::read(&built)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", built.display())))?;
    step::write_if_changed(&component, &bytes)?;
    step::write_if_changed(&stamp, wanted.as_bytes()).map(drop)
}
