//! A toolchain that compiles Rust guests to `wasm32-unknown-unknown`.
//!
//! Rustup's, where it has the target or can add it; else Debian's `rustc-web`, whose standard
//! library for the target is compiled from source. The target imports nothing at all, no WASI
//! either: what a guest can reach is what the contract gives it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{self, Failure, Result};
use crate::system;

pub const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];

/// Which compiler builds the guests.
pub enum GuestToolchain {
    /// `cargo` of the search path has the target.
    Installed,
    /// Debian's, which has the target's sources.
    Debian {
        /// the folder of the standard library's sources
        library: PathBuf,
        /// the linker, out of rustup's toolchain
        linker: PathBuf,
    },
}

impl GuestToolchain {
    /// Finds the toolchain, and gets it when there is none.
    pub fn get() -> Result<Self> {
        let sysroot = sysroot()?;
        if has_target(&sysroot) {
            return Ok(Self::Installed);
        }
        if let Some(toolchain) = Self::debian(&sysroot) {
            return Ok(toolchain);
        }
        step::say(&format!(
            "adding the Rust target {TARGET}, which guests are compiled for"
        ));
        let added = step::run(clean(
            Command::new("rustup").args(["target", "add", TARGET]),
        ));
        if added.is_ok() && has_target(&sysroot) {
            return Ok(Self::Installed);
        }
        step::say("rustup could not add it; getting Debian's Rust, which has the target's sources");
        system::install(DEBIAN_PACKAGES)?;
        Self::debian(&sysroot).ok_or_else(|| {
            Failure::new(format!("no Rust toolchain here can compile for {TARGET}"))
                .hint(format!("run: rustup target add {TARGET}"))
        })
    }

    fn debian(sysroot: &Path) -> Option<Self> {
        let tools = ["/usr/bin/rustc", "/usr/bin/cargo"];
        if !tools.iter().all(|tool| Path::new(tool).exists()) {
            return None;
        }
        let version = step::capture(clean(Command::new("/usr/bin/rustc").arg("--version"))).ok()?;
        let version = version.split_whitespace().nth(1)?;
        let library = PathBuf::from(format!("/usr/src/rustc-{version}/library"));
        library.join("Cargo.lock").exists().then_some(())?;
        Some(Self::Debian {
            library,
            linker: linker(sysroot)?,
        })
    }

    /// `cargo <subcommand>` for the guests, in the guests' workspace.
    pub fn cargo(&self, workspace: &Path, subcommand: &str) -> Command {
        let mut command = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian { .. } => Command::new("/usr/bin/cargo"),
        };
        clean(&mut command);
        command
            .current_dir(workspace)
            .args([subcommand, "--target", TARGET]);
        if let Self::Debian { library, linker } = self {
            command
                .env("RUSTC", "/usr/bin/rustc")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("__CARGO_TESTS_ONLY_SRC_ROOT", library)
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
                .env_remove("LD_LIBRARY_PATH")
                .arg("-Zbuild-std=std,panic_abort");
        }
        command
    }
}

/// Takes out what the cargo that started this program left in the environment: it concerns the
/// host's toolchain, and would have the guests compiled by the wrong one.
fn clean(command: &mut Command) -> &mut Command {
    const KEPT: &[&str] = &[
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_TERM_",
    ];
    const TAKEN: &[&str] = &["RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"];
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let from_cargo = text == "CARGO" || text.starts_with("CARGO_");
        let kept = KEPT.iter().any(|prefix| text.starts_with(prefix));
        let taken = TAKEN.iter().any(|prefix| text.starts_with(prefix));
        if taken || (from_cargo && !kept) {
            command.env_remove(&name);
        }
    }
    command
}

fn sysroot() -> Result<PathBuf> {
    step::capture(clean(Command::new("rustc").args(["--print", "sysroot"])))
        .map(PathBuf::from)
        .map_err(|failure| failure.hint("is Rust installed? https://rustup.rs"))
}

fn has_target(sysroot: &Path) -> bool {
    sysroot
        .join("lib/rustlib")
        .join(TARGET)
        .join("lib")
        .is_dir()
}

/// `rust-lld` lies in a folder named after the host.
fn linker(sysroot: &Path) -> Option<PathBuf> {
    let hosts = fs::read_dir(sysroot.join("lib/rustlib")).ok()?;
    hosts
        .filter_map(|host| Some(host.ok()?.path().join("bin/rust-lld")))
        .find(|path| path.exists())
}
