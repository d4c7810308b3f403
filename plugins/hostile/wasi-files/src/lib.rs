//! Goes for files: what it is granted, then a path (`open ../secret`), then what it may not do to one
//! (`create new`), and tells what came of it.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::types::Error;
use attack::wasi::filesystem::preopens::get_directories;
use attack::wasi::filesystem::types::{Descriptor, DescriptorFlags, OpenFlags, PathFlags};
use attack::wasi::read;

struct Files;

impl Attack for Files {
    fn batch_eval(attack: &str, _rows: &Batch) -> Result<Column, Error> {
        let folders = get_directories();
        let Some((folder, name)) = folders.first() else {
            return Err(Error::Failed("there is no folder".to_owned()));
        };
        let (what, path) = attack.split_once(' ').unwrap_or((attack, ""));
        let outcome = match what {
            "list" => list(folder),
            "link" => folder.readlink_at(path).map_err(|code| code.name()),
            "flood" => {
                let mut open = Vec::new();
                loop {
                    match folder.open_at(FOLLOW, path, OpenFlags::empty(), READ) {
                        Ok(file) => open.push(file),
                        Err(code) => break Err(code.name()),
                    }
                }
            }
            "create" => write(folder, path, OpenFlags::CREATE, DescriptorFlags::WRITE),
            "write" => write(folder, path, OpenFlags::empty(), DescriptorFlags::WRITE),
            "remove" => folder
                .unlink_file_at(path)
                .map(|()| "removed".to_owned())
                .map_err(|code| code.name()),
            _ => open(folder, path),
        };
        if let Ok(text) = &outcome {
            return Err(Error::Failed(format!("of {name} it got: {text}")));
        }
        let code = outcome.unwrap_or_else(str::to_owned);
        Err(Error::Failed(format!("of {name} it got the error {code}")))
    }
}

const FOLLOW: PathFlags = PathFlags::SYMLINK_FOLLOW;
const READ: DescriptorFlags = DescriptorFlags::READ;

fn open(folder: &Descriptor, path: &str) -> Result<String, &'static str> {
    let file = folder
        .open_at(FOLLOW, path, OpenFlags::empty(), READ)
        .map_err(|code| code.name())?;
    let stream = file.read_via_stream(0).map_err(|code| code.name())?;
    match read(&stream) {
        Ok((text, _)) => Ok(text),
        Err(_) => Err("a stream that fails"),
    }
}

fn write(
    folder: &Descriptor,
    path: &str,
    how: OpenFlags,
    flags: DescriptorFlags,
) -> Result<String, &'static str> {
    let file = folder
        .open_at(FOLLOW, path, how, flags)
        .map_err(|code| code.name())?;
    let written = file.write(b"mine", 0).map_err(|code| code.name())?;
    Ok(format!("{written} bytes written"))
}

fn list(folder: &Descriptor) -> Result<String, &'static str> {
    let entries = folder.read_directory().map_err(|code| code.name())?;
    let mut names = Vec::new();
    while let Some(entry) = entries.read_directory_entry().map_err(|code| code.name())? {
        names.push(entry.name);
    }
    names.sort();
    Ok(names.join(", "))
}

attack::export!(Files);
