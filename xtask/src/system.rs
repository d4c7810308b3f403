//! Packages of the operating system.

use std::fs;
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
    let Some(prefix) = as_root() else {
        return Err(by_hand());
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

/// What a command of the administrator's begins with, if we may run one.
fn as_root() -> Option<&'static [&'static str]> {
    match (is_root(), on_path("sudo")) {
        (true, _) => Some(&[]),
        (false, true) if step::succeeds(Command::new("sudo").args(["-n", "true"])) => {
            Some(&["sudo", "-n"])
        }
        _ => None,
    }
}

/// A C compiler links every Rust program and compiles some of their dependencies; the clients of Kafka
/// and PostgreSQL want OpenSSL.
pub fn c_compiler() -> Result<()> {
    let mut missing = Vec::new();
    if !(on_path("cc") && on_path("c++") && on_path("make")) {
        missing.push("build-essential");
    }
    if !on_path("pkg-config") {
        missing.push("pkg-config");
    }
    let openssl = || step::succeeds(Command::new("pkg-config").args(["--exists", "openssl"]));
    if missing.contains(&"pkg-config") || !openssl() {
        missing.push("libssl-dev");
    }
    if missing.is_empty() {
        return Ok(());
    }
    step::say("getting a C compiler and OpenSSL, which the host's programs are built with");
    install(&missing)
}

/// PostgreSQL, of which the tests start servers of their own.
pub fn postgresql() -> Result<()> {
    let versions = || {
        let found = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        found.flatten().map(|version| version.file_name())
    };
    if versions().next().is_some() || on_path("postgres") {
        return Ok(());
    }
    step::say("getting PostgreSQL, which the tests write to");
    install(&["postgresql"])?;
    // Debian starts a server of its own along with it, which nobody asked for.
    for version in versions() {
        let prefix = as_root().unwrap_or_default();
        let mut command = Command::new("env");
        command.args(prefix).args(["pg_dropcluster", "--stop"]);
        step::capture(command.arg(version).arg("main"))?;
    }
    Ok(())
}

/// The registry that tests of plugins in registries start for themselves.
pub fn docker_registry() -> Result<()> {
    if on_path("docker-registry") {
        return Ok(());
    }
    step::say("getting docker-registry, which the tests push plugins to");
    install(&["docker-registry"])?;
    // Debian may start one of its own along with it; where it does not, there is none to stop.
    let prefix = as_root().unwrap_or_default();
    let mut stop = Command::new("env");
    stop.args(prefix)
        .args(["invoke-rc.d", "docker-registry", "stop"]);
    step::succeeds(&mut stop);
    Ok(())
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
