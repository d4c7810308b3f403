//! Lists the attackers of `plugins/hostile` for the tests: one without a test does not compile.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let attackers = Path::new("../../plugins/hostile");
    println!("cargo::rerun-if-changed={}", attackers.display());
    // A published crate has no attackers beside it, and no tests of them either.
    let mut names = match fs::read_dir(attackers) {
        Ok(folders) => folders
            .map(|folder| Ok(folder?.file_name().to_string_lossy().replace('-', "_")))
            .collect::<io::Result<Vec<_>>>()?,
        Err(_) => Vec::new(),
    };
    names.sort();
    let generated = format!(
        "macro_rules! for_each_attacker {{ ($test:ident) => {{ $test! {{ {} }} }} }}\n",
        names.join(" ")
    );
    let folder = env::var_os("OUT_DIR").unwrap_or_default();
    fs::write(Path::new(&folder).join("attackers.rs"), generated)
}
