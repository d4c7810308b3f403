//! The compile cache: machine code by the plugin's hash and the engine's.
//!
//! **Invariant: what is loaded from the cache was written by this user's host.** Loading machine
//! code that somebody else wrote is running it. So the folder must belong to this user and be closed
//! to all others, or the cache is not used; and each artefact has its checksum beside it, so that a
//! damaged one is compiled again.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

#[derive(Debug)]
pub(crate) struct CompileCache {
    folder: PathBuf,
}

impl CompileCache {
    /// `None` if the folder cannot be made or is not this user's alone.
    pub fn open(folder: &Path) -> Option<Self> {
        match ensure_private(folder) {
            Ok(()) => Some(Self {
                folder: folder.to_owned(),
            }),
            Err(reason) => {
                tracing::warn!(
                    "the compile cache {} is not used: {reason}",
                    folder.display()
                );
                None
            }
        }
    }

    /// The component compiled from `wasm`, out of the cache if it is there and whole.
    pub fn compile(
        &self,
        engine: &Engine,
        sha256: &str,
        wasm: &[u8],
    ) -> wasmtime::Result<Component> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let artefact = self
            .folder
            .join(format!("{sha256}-{:016x}.cwasm", hasher.finish()));
        if let Some(component) = load(engine, &artefact) {
            return Ok(component);
        }
        let code = engine.precompile_component(wasm)?;
        if let Err(error) = self.store(&artefact, &code) {
            tracing::warn!("cannot write {}: {error}", artefact.display());
        }
        // SAFETY: `code` was made by this engine just now.
        unsafe { Component::deserialize(engine, &code) }
    }

    /// The checksum goes first: an artefact without its own one is not loaded.
    fn store(&self, artefact: &Path, code: &[u8]) -> io::Result<()> {
        self.write(
            &checksum_path(artefact),
            hex(&Sha256::digest(code)).as_bytes(),
        )?;
        self.write(artefact, code)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Temporary files are made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(path)?;
        Ok(())
    }
}

fn load(engine: &Engine, artefact: &Path) -> Option<Component> {
    let code = fs::read(artefact).ok()?;
    let checksum = fs::read_to_string(checksum_path(artefact)).ok()?;
    if checksum != hex(&Sha256::digest(&code)) {
        tracing::warn!("{} is damaged, compiling again", artefact.display());
        return None;
    }
    // SAFETY: the folder is closed to other users (`ensure_private`), and the checksum says that
    // these are the bytes that a host wrote for an engine of the same compatibility hash.
    match unsafe { Component::deserialize_file(engine, artefact) } {
        Ok(component) => Some(component),
        Err(error) => {
            tracing::warn!(
                "{} does not load, compiling again: {error}",
                artefact.display()
            );
            None
        }
    }
}

fn checksum_path(artefact: &Path) -> PathBuf {
    artefact.with_extension("sha256")
}

fn ensure_private(folder: &Path) -> Result<(), String> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| error.to_string())?;
    let metadata = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if !metadata.is_dir() {
        return Err("it is not a folder".to_owned());
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user".to_owned());
    }
    if metadata.mode() & 0o077 != 0 {
        return Err("it is open to other users (chmod 700 closes it)".to_owned());
    }
    Ok(())
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
