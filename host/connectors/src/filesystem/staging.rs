//! A folder that becomes visible whole or not at all.
//!
//! Parts are written to a hidden folder beside the target. The commit gives it the target's name in
//! one step: a rename where the target does not exist; an exchange of the two names where it does,
//! after the old entries that stay have been hard-linked into the new folder.
//!
//! Invariant: at no instant does the target hold a part of the new rows, and at every instant it holds
//! either all of the old ones or what the commit makes of them. What a killed run leaves behind has its
//! process's id in the name, and the next run removes it.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::process::{Pid, test_kill_process};

const SUFFIX: &str = ".staging";

/// The staging folders of this process. In a container every run may have the same process id.
static LIVE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// What stays of a target that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    All,
    Nothing,
    /// All but the files in folders that the new rows have files in.
    OtherPartitions,
}

/// A hidden folder that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Staging {
    pub(crate) folder: PathBuf,
    target: PathBuf,
}

impl Staging {
    /// Makes the folder for a target, and its parents; `job` goes into its name. Removes what dead processes left.
    pub(crate) fn create(target: &Path, job: &str) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // Where the target is a link, what it points at is exchanged.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        if target.is_file() {
            return Err(io::Error::new(
                ErrorKind::NotADirectory,
                "the target is a file",
            ));
        }
        fs::create_dir_all(parent(&target))?;
        let parent = fs::canonicalize(parent(&target))?;
        let target = parent.join(name(&target));
        remove_abandoned(&parent, &name(&target));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let hidden = format!(".{}.{job}.{process}-{count}{SUFFIX}", name(&target));
        let folder = parent.join(hidden);
        LIVE.lock().push(folder.clone());
        let staging = Self { folder, target };
        fs::create_dir(&staging.folder)?;
        Ok(staging)
    }

    /// Makes the folder's content the target's.
    pub(crate) fn commit(self, keep: Keep) -> io::Result<()> {
        let parent = File::open(parent(&self.target))?;
        // Two commits to one target would each lose the other's rows.
        flock(&parent, FlockOperation::LockExclusive)?;
        match fs::metadata(&self.target) {
            Ok(old) => {
                fs::set_permissions(&self.folder, old.permissions())?;
                if keep != Keep::Nothing {
                    link_all(&self.target, &self.folder, keep)?;
                }
                sync_folders(&self.folder)?;
                exchange(&self.folder, &self.target)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                sync_folders(&self.folder)?;
                fs::rename(&self.folder, &self.target)?;
            }
            Err(error) => return Err(error),
        }
        parent.sync_all()
        // Dropped, `self` removes the old content, which has the hidden name now.
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("cannot remove {}: {error}", self.folder.display());
        }
        LIVE.lock().retain(|live| *live != self.folder);
    }
}

fn parent(target: &Path) -> &Path {
    target.parent().unwrap_or(Path::new("/"))
}

fn name(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Removes the folders of this target's runs whose process no longer runs.
fn remove_abandoned(parent: &Path, name: &str) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let file_name = entry.file_name();
        let owner = file_name
            .to_str()
            .and_then(|hidden| hidden.strip_prefix(&format!(".{name}.")))
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .and_then(|rest| rest.rsplit_once('.'))
            .and_then(|(_, process)| process.split_once('-'))
            .and_then(|(process, _)| process.parse().ok())
            .and_then(Pid::from_raw);
        let gone = |owner: Pid| match owner.as_raw_pid() as u32 == std::process::id() {
            true => !LIVE.lock().contains(&entry.path()),
            false => test_kill_process(owner) == Err(rustix::io::Errno::SRCH),
        };
        if owner.is_some_and(gone)
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!("cannot remove {}: {error}", entry.path().display());
        }
    }
}

/// Links every file below `old` to its place below `new`.
fn link_all(old: &Path, new: &Path, keep: Keep) -> io::Result<()> {
    let skip_files = keep == Keep::OtherPartitions && holds_files(new)?;
    for entry in fs::read_dir(old)? {
        let entry = entry?;
        let (from, to) = (entry.path(), new.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            match fs::create_dir(&to) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                _ => link_all(&from, &to, keep)?,
            }
        } else if !skip_files {
            if fs::symlink_metadata(&to).is_ok() {
                make_way(&to)?;
            }
            match kind.is_symlink() {
                true => std::os::unix::fs::symlink(fs::read_link(&from)?, &to)?,
                false => link_or_copy(&from, &to)?,
            }
        }
    }
    Ok(())
}

fn holds_files(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if entry?.file_type()?.is_file() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn link_or_copy(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
    }
    Ok(())
}

/// Renames a new file that has an old file's name: a run with the same id wrote both.
fn make_way(path: &Path) -> io::Result<()> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| ending.to_string_lossy());
    let ending = ending.map_or(String::new(), |ending| format!(".{ending}"));
    for count in 1_u64.. {
        let other = path.with_file_name(format!("{stem}-{count}{ending}"));
        if fs::symlink_metadata(&other).is_err() {
            return fs::rename(path, other);
        }
    }
    Ok(())
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

/// Gives two folders each other's name.
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {
            // A file system that cannot: for an instant there is no target, but never half of one.
            let aside = one.with_extension("old");
            fs::rename(other, &aside)?;
            fs::rename(one, other)?;
            fs::rename(&aside, one)
        }
        Err(error) => Err(error.into()),
    }
}
