//! `wasi:filesystem`: the folders that are granted, read-only.

mod types;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{Dir, FileType, Stat, fstat};
use rustix::io::{Errno, pread};
use sha2::{Digest as _, Sha256};
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, Val};

use super::io::{CHUNK, Ended, InputStream, IoError};
use super::{drop_handles, instance, resource};
use crate::error::escape;
use crate::folder::{Found, Lost, find};
use crate::state::{Refusal, State};
use types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    MetadataHash, OpenFlags, PathFlags,
};

type Cx<'a> = StoreContextMut<'a, State>;
type Outcome<T> = Result<T, ErrorCode>;

/// Files and folders that an instance may have open: each is one of the process'.
const MOST_OPEN: usize = 64;

/// A file or a folder, opened to be read.
pub(super) struct OpenFile {
    file: OwnedFd,
    stat: Stat,
    _counted: Arc<()>,
}

/// `descriptor`
#[derive(Clone)]
enum Descriptor {
    Granted(Arc<OwnedFd>),
    Opened(Arc<OpenFile>),
}

/// `directory-entry-stream`
struct Entries {
    folder: Dir,
    _counted: Arc<()>,
}

/// Functions that write, none of which does.
const WRITING: &[&str] = &[
    "[method]descriptor.write-via-stream",
    "[method]descriptor.append-via-stream",
    "[method]descriptor.set-size",
    "[method]descriptor.set-times",
    "[method]descriptor.write",
    "[method]descriptor.create-directory-at",
    "[method]descriptor.set-times-at",
    "[method]descriptor.link-at",
    "[method]descriptor.remove-directory-at",
    "[method]descriptor.rename-at",
    "[method]descriptor.symlink-at",
    "[method]descriptor.unlink-file-at",
];

impl OpenFile {
    /// Reads on from an offset; the end of a file is the end of its stream.
    pub fn read_on(&self, offset: &mut u64, length: usize) -> Result<Vec<u8>, Ended> {
        let bytes = self
            .read(*offset, length)
            .map_err(|errno| Ended::Failed(errno.to_string()))?;
        if bytes.is_empty() && length > 0 {
            return Err(Ended::Closed);
        }
        *offset += bytes.len() as u64;
        Ok(bytes)
    }

    fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        let mut bytes = vec![0; length];
        let read = pread(&self.file, &mut bytes[..], offset)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl Descriptor {
    fn fd(&self) -> &OwnedFd {
        match self {
            Self::Granted(folder) => folder,
            Self::Opened(opened) => &opened.file,
        }
    }

    fn folder(&self) -> Outcome<&OwnedFd> {
        match self {
            Self::Opened(opened) if opened.file_type() != FileType::Directory => {
                Err(ErrorCode::NotDirectory)
            }
            _ => Ok(self.fd()),
        }
    }

    fn file(&self) -> Outcome<&Arc<OpenFile>> {
        match self {
            Self::Opened(opened) if opened.file_type() == FileType::RegularFile => Ok(opened),
            _ => Err(ErrorCode::IsDirectory),
        }
    }

    fn stat(&self) -> Outcome<Stat> {
        Ok(fstat(self.fd())?)
    }
}

fn descriptor(state: &State, handle: &Resource<Descriptor>) -> Result<Descriptor, Refusal> {
    state.get(handle).cloned()
}

/// What stands at a path below a folder; a path that leads out of it is told in the log.
fn find_at(state: &mut State, folder: &Descriptor, path: &str, flags: PathFlags) -> Outcome<Found> {
    let found = find(
        folder.folder()?,
        path,
        flags.contains(PathFlags::SYMLINK_FOLLOW),
    );
    if let Err(Lost::Outside | Lost::Special) = found {
        let path = escape(path, state.surroundings.limits.text_bytes);
        let reason = match found {
            Err(Lost::Special) => "is neither a file nor a folder",
            _ => "leads out of the granted folder",
        };
        state.denied(&format!("refused the path `{path}`: it {reason}"));
    }
    Ok(found?)
}

/// Room for one more open file.
fn counted(state: &mut State) -> Outcome<Arc<()>> {
    if Arc::strong_count(&state.wasi.files) > MOST_OPEN {
        state.denied(&format!(
            "refused to open a file: {MOST_OPEN} are open already"
        ));
        return Err(ErrorCode::Quota);
    }
    Ok(state.wasi.files.clone())
}

fn open_at(
    state: &mut State,
    folder: &Descriptor,
    path_flags: PathFlags,
    path: &str,
    open_flags: OpenFlags,
    flags: DescriptorFlags,
) -> Outcome<Descriptor> {
    let making = OpenFlags::CREATE | OpenFlags::EXCLUSIVE | OpenFlags::TRUNCATE;
    let writing = DescriptorFlags::WRITE | DescriptorFlags::MUTATE_DIRECTORY;
    if open_flags.intersects(making) || flags.intersects(writing) {
        let path = escape(path, state.surroundings.limits.text_bytes);
        state.denied(&format!(
            "refused to write to `{path}`: granted folders are read-only"
        ));
        return Err(ErrorCode::ReadOnly);
    }
    let counted = counted(state)?;
    let (file, stat) = match find_at(state, folder, path, path_flags)? {
        Found::Opened(file, stat) => (file, stat),
        Found::Link(..) => return Err(ErrorCode::Loop),
    };
    let opened = OpenFile {
        file,
        stat,
        _counted: counted,
    };
    if open_flags.contains(OpenFlags::DIRECTORY) && opened.file_type() != FileType::Directory {
        return Err(ErrorCode::NotDirectory);
    }
    Ok(Descriptor::Opened(Arc::new(opened)))
}

fn stat_at(state: &mut State, folder: &Descriptor, flags: PathFlags, path: &str) -> Outcome<Stat> {
    Ok(match find_at(state, folder, path, flags)? {
        Found::Opened(_, stat) | Found::Link(stat, _) => stat,
    })
}

/// Which file it is, without telling the machine's own numbers.
fn metadata_hash(stat: &Stat) -> MetadataHash {
    let hash = Sha256::new()
        .chain_update(stat.st_dev.to_le_bytes())
        .chain_update(stat.st_ino.to_le_bytes())
        .finalize();
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte))
    };
    MetadataHash {
        lower: number(&hash[..8]),
        upper: number(&hash[8..16]),
    }
}

fn next_entry(entries: &mut Entries) -> Outcome<Option<DirectoryEntry>> {
    loop {
        let Some(entry) = entries.folder.read() else {
            return Ok(None);
        };
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        // A name that is not UTF-8 cannot be asked for either.
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        return Ok(Some(DirectoryEntry {
            descriptor_type: entry.file_type().into(),
            name: name.to_owned(),
        }));
    }
}

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut types = instance(linker, "wasi:filesystem/types")?;
    resource::<Descriptor>(&mut types, "descriptor")?;
    resource::<Entries>(&mut types, "directory-entry-stream")?;
    types.func_wrap(
        "filesystem-error-code",
        |_: Cx, (_,): (Resource<IoError>,)| Ok((None::<ErrorCode>,)),
    )?;
    add_files(&mut types)?;
    add_folders(&mut types)?;
    for name in WRITING {
        let name: &str = name;
        types.func_new(name, move |mut cx, _, arguments, results| {
            let name = name.trim_start_matches("[method]");
            let line = format!("refused `{name}`: granted folders are read-only");
            cx.data_mut().denied(&line);
            let code = Val::Enum("read-only".to_owned());
            results[0] = Val::Result(Err(Some(Box::new(code))));
            drop_handles(cx, arguments)
        })?;
    }
    instance(linker, "wasi:filesystem/preopens")?.func_wrap("get-directories", |mut cx: Cx, ()| {
        let state = cx.data_mut();
        let folders = state.surroundings.grants.folders.clone();
        let folders: Vec<_> = folders
            .into_iter()
            .map(|granted| {
                let descriptor = state.push(Descriptor::Granted(granted.folder.clone()))?;
                Ok((descriptor, granted.guest().to_owned()))
            })
            .collect::<Result<_, Refusal>>()?;
        Ok((folders,))
    })
}

fn add_files(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type This = (Resource<Descriptor>,);
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut cx: Cx, (this, offset): (Resource<Descriptor>, u64)| {
            let state = cx.data_mut();
            let stream = match descriptor(state, &this)?.file() {
                Ok(file) => Ok(state.push(InputStream::File {
                    file: file.clone(),
                    offset,
                })?),
                Err(code) => Err(code),
            };
            Ok((stream,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read",
        |cx: Cx, (this, length, offset): (Resource<Descriptor>, u64, u64)| {
            let read = || -> Outcome<(Vec<u8>, bool)> {
                let this = cx.data().get(&this).map_err(|_| ErrorCode::BadDescriptor)?;
                let bytes = this.file()?.read(offset, length.min(CHUNK) as usize)?;
                let end = bytes.is_empty() && length > 0;
                Ok((bytes, end))
            };
            Ok((read(),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.advise",
        |_: Cx, _: (Resource<Descriptor>, u64, u64, Advice)| Ok((Outcome::Ok(()),)),
    )?;
    for name in ["sync-data", "sync"] {
        types.func_wrap(&format!("[method]descriptor.{name}"), |_: Cx, _: This| {
            Ok((Outcome::Ok(()),))
        })?;
    }
    types.func_wrap("[method]descriptor.get-flags", |_: Cx, _: This| {
        Ok((Outcome::Ok(DescriptorFlags::READ),))
    })?;
    types.func_wrap("[method]descriptor.get-type", |cx: Cx, (this,): This| {
        let stat = descriptor(cx.data(), &this)?.stat();
        let found = stat.map(|stat| DescriptorType::from(FileType::from_raw_mode(stat.st_mode)));
        Ok((found,))
    })?;
    types.func_wrap("[method]descriptor.stat", |cx: Cx, (this,): This| {
        let stat = descriptor(cx.data(), &this)?.stat();
        Ok((stat.map(DescriptorStat::from),))
    })?;
    types.func_wrap(
        "[method]descriptor.is-same-object",
        |cx: Cx, (this, other): (Resource<Descriptor>, Resource<Descriptor>)| {
            let which = |handle| -> Result<_, Refusal> {
                let stat = descriptor(cx.data(), handle)?.stat();
                Ok(stat.ok().map(|stat| (stat.st_dev, stat.st_ino)))
            };
            Ok((which(&this)? == which(&other)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.metadata-hash",
        |cx: Cx, (this,): This| {
            let stat = descriptor(cx.data(), &this)?.stat();
            Ok((stat.map(|stat| metadata_hash(&stat)),))
        },
    )
}

fn add_folders(types: &mut LinkerInstance<'_, State>) -> wasmtime::Result<()> {
    type AtPath = (Resource<Descriptor>, PathFlags, String);
    types.func_wrap(
        "[method]descriptor.open-at",
        |mut cx: Cx,
         (this, path_flags, path, open_flags, flags): (
            Resource<Descriptor>,
            PathFlags,
            String,
            OpenFlags,
            DescriptorFlags,
        )| {
            let state = cx.data_mut();
            let folder = descriptor(state, &this)?;
            let opened = match open_at(state, &folder, path_flags, &path, open_flags, flags) {
                Ok(opened) => Ok(state.push(opened)?),
                Err(code) => Err(code),
            };
            Ok((opened,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.stat-at",
        |mut cx: Cx, (this, flags, path): AtPath| {
            let state = cx.data_mut();
            let folder = descriptor(state, &this)?;
            let stat = stat_at(state, &folder, flags, &path);
            Ok((stat.map(DescriptorStat::from),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.metadata-hash-at",
        |mut cx: Cx, (this, flags, path): AtPath| {
            let state = cx.data_mut();
            let folder = descriptor(state, &this)?;
            let stat = stat_at(state, &folder, flags, &path);
            Ok((stat.map(|stat| metadata_hash(&stat)),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.readlink-at",
        |mut cx: Cx, (this, path): (Resource<Descriptor>, String)| {
            let state = cx.data_mut();
            let folder = descriptor(state, &this)?;
            let target = match find_at(state, &folder, &path, PathFlags::empty()) {
                Ok(Found::Link(_, target)) => target
                    .into_string()
                    .map_err(|_| ErrorCode::IllegalByteSequence),
                Ok(Found::Opened(..)) => Err(ErrorCode::Invalid),
                Err(code) => Err(code),
            };
            Ok((target,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-directory",
        |mut cx: Cx, (this,): (Resource<Descriptor>,)| {
            let state = cx.data_mut();
            let folder = descriptor(state, &this)?;
            let entries = (|| -> Outcome<Entries> {
                let counted = counted(state)?;
                Ok(Entries {
                    folder: Dir::read_from(folder.folder()?)?,
                    _counted: counted,
                })
            })();
            let entries = match entries {
                Ok(entries) => Ok(state.push(entries)?),
                Err(code) => Err(code),
            };
            Ok((entries,))
        },
    )?;
    types.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut cx: Cx, (entries,): (Resource<Entries>,)| {
            Ok((next_entry(cx.data_mut().get_mut(&entries)?),))
        },
    )
}
