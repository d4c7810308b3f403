//! A folder of the host's that a guest may read, and no path of a guest's that leads out of it.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

/// Symbolic links that one path may lead over.
const MOST_LINKS: usize = 32;
/// Parts that one path may have, with those of its links.
const MOST_PARTS: usize = 256;

/// A folder that a job grants, read-only. It is opened once: what is moved to its path later is
/// another folder.
#[derive(Clone)]
pub struct GrantedFolder {
    guest: String,
    host: String,
    pub(crate) folder: Arc<OwnedFd>,
}

impl GrantedFolder {
    /// Opens the folder `host`, relative to `base`, which the guest will see as `guest`.
    pub fn open(guest: &str, host: &str, base: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(base.join(host), flags, Mode::empty())?;
        Ok(Self {
            guest: guest.to_owned(),
            host: host.to_owned(),
            folder: Arc::new(folder),
        })
    }

    /// The absolute path under which the guest sees it.
    pub fn guest(&self) -> &str {
        &self.guest
    }

    /// The host's path, as it was written.
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Debug for GrantedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.guest, self.host)
    }
}

/// What stands at a path.
pub(crate) enum Found {
    /// A folder or a regular file, opened to be read.
    Opened(OwnedFd, Stat),
    /// A symbolic link that is not to be followed, and where it leads.
    Link(Stat, OsString),
}

/// Why nothing was found at a path.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It leads out of the folder.
    Outside,
    /// It is neither a file nor a folder.
    Special,
    System(Errno),
}

impl From<Errno> for Lost {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Walks a path part by part from `root`. No part is opened before it is known what it is, no link is
/// followed by the system, and none of the guest's paths, nor a link's, can step above `root`.
pub(crate) fn find(root: &OwnedFd, path: &str, follow: bool) -> Result<Found, Lost> {
    if path.starts_with('/') {
        return Err(Lost::Outside);
    }
    if path.is_empty() {
        return Err(Errno::NOENT.into());
    }
    let mut parts = split(OsStr::new(path))?;
    let mut below: Vec<OwnedFd> = Vec::new();
    let mut links = 0;
    while let Some(part) = parts.pop_front() {
        if part == ".." {
            below.pop().ok_or(Lost::Outside)?;
            continue;
        }
        let here = below.last().unwrap_or(root).as_fd();
        let stat = statat(here, &part, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                let target = readlinkat(here, &part, Vec::new())?.into_bytes();
                let target = OsString::from_vec(target);
                if parts.is_empty() && !follow {
                    return Ok(Found::Link(stat, target));
                }
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP.into());
                }
                if target.as_bytes().starts_with(b"/") {
                    return Err(Lost::Outside);
                }
                let mut longer = split(&target)?;
                longer.append(&mut parts);
                if longer.len() > MOST_PARTS {
                    return Err(Errno::NAMETOOLONG.into());
                }
                parts = longer;
            }
            FileType::Directory => below.push(open(here, &part)?.0),
            FileType::RegularFile if parts.is_empty() => {
                let (file, stat) = open(here, &part)?;
                return Ok(Found::Opened(file, stat));
            }
            FileType::RegularFile => return Err(Errno::NOTDIR.into()),
            _ => return Err(Lost::Special),
        }
    }
    let folder = match below.pop() {
        Some(folder) => folder,
        None => openat(root, ".", flags(), Mode::empty())?,
    };
    let stat = fstat(&folder)?;
    Ok(Found::Opened(folder, stat))
}

/// Without the parts that lead nowhere.
fn split(path: &OsStr) -> Result<VecDeque<OsString>, Lost> {
    let parts: VecDeque<_> = path
        .as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(|part| OsStr::from_bytes(part).to_owned())
        .collect();
    if parts.len() > MOST_PARTS {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(parts)
}

/// A link or a pipe that has meanwhile taken the file's place is not followed, nor waited for.
fn open(folder: impl AsFd, name: &OsStr) -> Result<(OwnedFd, Stat), Lost> {
    let opened = openat(folder, name, flags(), Mode::empty())?;
    let stat = fstat(&opened)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory | FileType::RegularFile => Ok((opened, stat)),
        _ => Err(Lost::Special),
    }
}

fn flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}
