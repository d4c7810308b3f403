//! What was fetched, by its digest.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;

use crate::reference::Digest;

/// A folder of files that are called as their SHA-256.
///
/// **Invariant: what is read has the digest that was asked for.** So it does not matter who wrote it.
#[derive(Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The bytes of this digest, unless they are more than `most`; `None`: they are not there, or
    /// others are.
    pub fn get(&self, digest: &Digest, most: u64) -> Option<Vec<u8>> {
        let path = self.folder.join(digest.hex());
        if fs::metadata(&path).ok()?.len() > most {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        if Digest::of(&bytes) != *digest {
            tracing::warn!("{} is damaged, fetching again", path.display());
            return None;
        }
        Some(bytes)
    }

    /// Keeps bytes of this digest. That it does not work costs only the next fetch.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) {
        if let Err(error) = self.write(digest, bytes) {
            tracing::warn!("cannot keep a plugin in {}: {error}", self.folder.display());
        }
    }

    fn write(&self, digest: &Digest, bytes: &[u8]) -> io::Result<()> {
        // Some come from registries that others may not read.
        let mut folders = fs::DirBuilder::new();
        folders.recursive(true).mode(0o700).create(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.folder.join(digest.hex()))?;
        Ok(())
    }
}
