//! `cargo xtask test --neon`: the trees' code for 64-bit ARM, on an emulated processor, against the
//! libraries of Python on the machine's own.

use std::process::Command;

use crate::host;
use crate::places;
use crate::python;
use crate::step::{self, Failure, Result};
use crate::system;

const TARGET: &str = "aarch64-unknown-linux-gnu";
const LINKER: &str = "aarch64-linux-gnu-gcc";
const EMULATOR: &str = "qemu-aarch64-static";
/// Where Debian's packages have the C library of the target.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu";

/// The tests that evaluate trees.
const TESTS: &[&str] = &[
    "lightgbm_damage",
    "lightgbm_model",
    "lightgbm_oracle",
    "xgboost_damage",
    "xgboost_model",
    "xgboost_oracle",
];

/// Runs those of them whose names contain a filter, or all.
pub fn run(filters: &[String]) -> Result<()> {
    system::c_compiler()?;
    if !(system::on_path(LINKER) && system::on_path(EMULATOR)) {
        step::say("getting a compiler and an emulator of 64-bit ARM");
        system::install(&[
            "gcc-aarch64-linux-gnu",
            "libc6-dev-arm64-cross",
            "qemu-user-static",
        ])?;
    }
    let added = step::run(Command::new("rustup").args(["target", "add", TARGET]));
    added.map_err(|_| {
        Failure::new(format!("no Rust toolchain here can compile for {TARGET}"))
            .hint(format!("run: rustup target add {TARGET}"))
    })?;
    let mut cargo = host::cargo("test");
    cargo
        .args(["--release", "--jobs", "2", "--target", TARGET])
        .args(["--package", "wasmill-inference", "--no-default-features"])
        .arg("--target-dir")
        .arg(places::cache()?.join("target-neon"))
        .arg("--lib");
    for test in TESTS {
        cargo.args(["--test", test]);
    }
    cargo
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", LINKER)
        .env(
            "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER",
            format!("{EMULATOR} -L {LIBRARIES}"),
        )
        .env("WASMILL_PYTHON", python::get()?)
        .arg("--")
        .args(filters);
    step::run(&mut cargo)
}
