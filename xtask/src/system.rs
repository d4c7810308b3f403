//! Packages of the operating system.

use std::path::Path;
use std::process::Command;

use crate::step::{self, Failure, Result};

/// Installs Debian packages; says what to type where that is not ours to do.
pub fn install(packages: &[&str]) -> Result<()> {
    let typed = format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    );
    let by_hand = || {
        Failure::new(format!(
            "these packages are missing: {}",
            packages.join(", ")
        ))
        .hint(format!(
            "run: sudo {typed}\non another system, install what they stand for"
        ))
    };
    if !on_path("apt-get") {
        return Err(by_hand());
    }
    let prefix: &[&str] = match (is_root(), on_path("sudo")) {
        (true, _) => &[],
        (false, true) if step::succeeds(Command::new("sudo").args(["-n", "true"])) => {
            &["sudo", "-n"]
        }
        _ => return Err(by_hand()),
    };
    step::say(&format!("installing {}", packages.join(", ")));
    let apt = |arguments: &[&str]| {
        let words = [
            prefix,
            &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"],
            arguments,
        ];
        let words = words.concat();
        step::capture(Command::new(words[0]).args(&words[1..])).map(drop)
    };
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    // A machine that has never fetched the package lists knows no package.
    apt(&arguments).or_else(|_| {
        apt(&["update"])?;
        apt(&arguments)
    })
}

/// A C compiler links every Rust program and compiles some of their dependencies.
pub fn c_compiler() -> Result<()> {
    if on_path("cc") {
        return Ok(());
    }
    step::say("getting a C compiler, which links the host's programs");
    install(&["build-essential"])
}

/// Whether a program of this name is on the search path.
pub fn on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| is_file(&folder.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}

fn is_root() -> bool {
    step::capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}
