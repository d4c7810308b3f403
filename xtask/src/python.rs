//! Packages of PyPI: the Python that the tests, examples and benches compare with, ONNX Runtime out of
//! it, and the tools of other languages.
//!
//! Each is a virtual environment in the cache folder, from a file of requirements beside this crate's
//! manifest. The wheel of onnxruntime carries the library that the host loads.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::places;
use crate::step::{self, Failure, Result};
use crate::system;

/// A virtual environment.
pub struct Environment {
    /// Its folder in the cache.
    pub name: &'static str,
    /// What it is for, in words.
    pub purpose: &'static str,
    /// The file of its requirements, beside this crate's manifest, and what that says.
    pub file: &'static str,
    pub requirements: &'static str,
}

/// What the tests compare with.
const COMPARED: Environment = Environment {
    name: "python",
    purpose: "for what the tests compare with",
    file: "requirements.txt",
    requirements: include_str!("../requirements.txt"),
};

/// The Python to use: `$WASMILL_PYTHON`, else the one in the cache, which is made if it is missing
/// or was made from other requirements.
pub fn get() -> Result<PathBuf> {
    if let Some(python) = env::var_os("WASMILL_PYTHON").filter(|python| !python.is_empty()) {
        return Ok(python.into());
    }
    let folder = COMPARED.get()?;
    link_onnxruntime(&folder)?;
    Ok(folder.join("bin/python"))
}

impl Environment {
    /// Its folder. It is made if it is missing or was made from other requirements.
    pub fn get(&self) -> Result<PathBuf> {
        let folder = places::cache()?.join(self.name);
        let python = folder.join("bin/python");
        let stamp = folder.join("requirements.sha256");
        let wanted = hash(self.requirements);
        let fresh = fs::read_to_string(&stamp).is_ok_and(|made_from| made_from.trim() == wanted);
        if !fresh || !python.exists() {
            make(self, &folder, &python)?;
            step::write_if_changed(&stamp, wanted.as_bytes())?;
        }
        Ok(folder)
    }
}

fn make(environment: &Environment, folder: &Path, python: &Path) -> Result<()> {
    if !step::succeeds(Command::new(python).args(["-m", "pip", "--version"])) {
        step::say(&format!(
            "making a Python environment in {}, {}",
            folder.display(),
            environment.purpose
        ));
        if !system::on_path("python3") {
            system::install(&["python3", "python3-venv"])?;
        }
        let create = || {
            let mut command = Command::new("python3");
            step::capture(command.args(["-m", "venv", "--clear"]).arg(folder)).map(drop)
        };
        // Debian's Python has the module, but not what it unpacks.
        create().or_else(|_| {
            system::install(&["python3-venv"])?;
            create()
        })?;
    }
    let names: Vec<_> = environment
        .requirements
        .lines()
        .filter_map(package)
        .collect();
    step::say(&format!("getting {} from PyPI", names.join(", ")));
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .arg("--requirement")
    .arg(places::root().join("xtask").join(environment.file));
    step::run(&mut pip).map_err(|failure| {
        failure.hint(
            "the versions are pinned for Python 3.11 and later; WASMILL_PYTHON names another \
             Python that has the packages of xtask/requirements.txt",
        )
    })
}

/// The name on a line of requirements.
fn package(line: &str) -> Option<&str> {
    let line = line.split('#').next()?.trim();
    line.split(['[', '=', '<', '>', '~', ' '])
        .next()
        .filter(|name| !name.is_empty())
}

/// Puts `libonnxruntime.so` where the host looks for it.
fn link_onnxruntime(environment: &Path) -> Result<()> {
    let link = places::cache()?.join("onnxruntime/libonnxruntime.so");
    if link.exists() {
        return Ok(());
    }
    let library = find_library(&environment.join("lib")).ok_or_else(|| {
        Failure::new("the onnxruntime package has no libonnxruntime.so")
            .hint(format!("remove {} and try again", environment.display()))
    })?;
    step::say(&format!("ONNX Runtime is {}", library.display()));
    let cannot = |error| Failure::new(format!("cannot link {}: {error}", link.display()));
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    // A link whose target is gone does not `exist`.
    let _ = fs::remove_file(&link);
    symlink(&library, &link).map_err(cannot)
}

/// `lib/python3.*/site-packages/onnxruntime/capi/libonnxruntime.so.*`
fn find_library(lib: &Path) -> Option<PathBuf> {
    let pythons = fs::read_dir(lib).ok()?.flatten();
    let folders = pythons.map(|python| python.path().join("site-packages/onnxruntime/capi"));
    folders
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|files| files.flatten())
        .map(|file| file.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libonnxruntime.so")
        })
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
