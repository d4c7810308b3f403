//! Part files that are written where they are to lie, hidden until a checkpoint holds them.
//!
//! Invariant: a part gets its final name only when a checkpoint tells of it, and every part that a
//! checkpoint tells of gets it, in this process or in the one that recovers.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The parts of one transaction.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) folder: PathBuf,
    /// What the hidden names begin with: a dot and the transaction's prefix, or its run's.
    hidden: String,
    /// Complete parts: the hidden path, and the final one.
    pub(crate) finished: Vec<(PathBuf, PathBuf)>,
    /// Parts that stay open: the paths, and the bytes that are of this checkpoint.
    pub(crate) open: Vec<(PathBuf, PathBuf, u64)>,
}

/// What a checkpoint tells of parts.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Parts {
    /// Paths inside the sink's folder: the hidden one, and the final one.
    parts: Vec<(PathBuf, PathBuf)>,
    /// The same of those that are written on, with the bytes that they have.
    #[serde(default)]
    open: Vec<(PathBuf, PathBuf, u64)>,
    /// The name of the file that marks the folders of the parts.
    marker: Option<String>,
}

impl Pending {
    pub(crate) fn new(folder: PathBuf, prefix: &str) -> Self {
        Self {
            folder,
            hidden: format!(".{prefix}-"),
            finished: Vec::new(),
            open: Vec::new(),
        }
    }

    pub(crate) fn parts(&self, marker: Option<String>) -> Parts {
        let inside = |path: &Path| {
            let inside = path.strip_prefix(&self.folder);
            inside.unwrap_or(path).to_owned()
        };
        let parts = self.finished.iter();
        Parts {
            parts: parts
                .map(|(hidden, name)| (inside(hidden), inside(name)))
                .collect(),
            open: self
                .open
                .iter()
                .map(|(hidden, name, bytes)| (inside(hidden), inside(name), *bytes))
                .collect(),
            marker,
        }
    }

    /// Gives every part its final name; those that have it keep it.
    pub(crate) fn publish(&self, parts: &Parts) -> io::Result<()> {
        for (hidden, name) in &parts.parts {
            let (hidden, name) = (self.folder.join(hidden), self.folder.join(name));
            match fs::rename(&hidden, &name) {
                Err(error) if error.kind() == ErrorKind::NotFound && name.exists() => {}
                result => result?,
            }
        }
        if let Some(marker) = &parts.marker {
            for folder in parts.folders(&self.folder) {
                File::create(folder.join(marker))?.sync_all()?;
            }
        }
        parts.sync(&self.folder)
    }

    /// After a crash: ends the parts that were open where the checkpoint has them, and gives them their
    /// final names too; those that have it keep it.
    pub(crate) fn end_open(&self, parts: &Parts) -> io::Result<()> {
        for (hidden, name, bytes) in &parts.open {
            let (hidden, name) = (self.folder.join(hidden), self.folder.join(name));
            let file = match File::options().write(true).open(&hidden) {
                Err(error) if error.kind() == ErrorKind::NotFound && name.exists() => continue,
                file => file?,
            };
            if file.metadata()?.len() < *bytes {
                return Err(io::Error::new(
                    ErrorKind::UnexpectedEof,
                    format!("{} has lost rows of the checkpoint", hidden.display()),
                ));
            }
            file.set_len(*bytes)?;
            file.sync_all()?;
            fs::rename(hidden, name)?;
        }
        parts.sync(&self.folder)
    }

    /// Removes parts that no checkpoint tells of.
    pub(crate) fn remove_hidden(&self) -> io::Result<()> {
        match remove_hidden(&self.folder, &self.hidden) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

impl Parts {
    /// Makes the names of the parts durable.
    pub(crate) fn sync(&self, folder: &Path) -> io::Result<()> {
        let open = self.open.iter().map(|(_, name, _)| folder.join(name));
        let mut folders = self.folders(folder);
        folders.extend(open.filter_map(|name| name.parent().map(Path::to_owned)));
        // A partition's folder may be new, too.
        for new in folders.clone() {
            let above = new.ancestors().skip(1);
            let above = above.take_while(|above| above.starts_with(folder));
            folders.extend(above.map(Path::to_owned));
        }
        folders
            .iter()
            .try_for_each(|folder| File::open(folder)?.sync_all())
    }

    /// Of the parts that are complete.
    fn folders(&self, folder: &Path) -> BTreeSet<PathBuf> {
        let names = self.parts.iter().map(|(_, name)| folder.join(name));
        names
            .filter_map(|name| name.parent().map(Path::to_owned))
            .collect()
    }
}

fn remove_hidden(folder: &Path, prefix: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_hidden(&entry.path(), prefix)?;
        } else if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
