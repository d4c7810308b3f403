//! What the kernel and the disk say.

use std::{fs, io, path::Path};

use crate::Result;

/// Bytes of memory that this process had at most (VmHWM).
pub fn peak_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let line = line.ok_or("the kernel does not tell VmHWM")?;
    let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}

/// Seconds that the threads of this process have computed.
pub fn computed() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the program's name: the process' state, ten numbers, and the ticks in the program and in
    // the kernel, a hundred a second.
    let (_, numbers) = stat.rsplit_once(')').ok_or("the kernel tells no ticks")?;
    let ticks = numbers.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / 100.0)
}

/// Bytes of the files in a folder and those below.
pub fn bytes(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        bytes += match found.is_dir() {
            true => self::bytes(&entry.path())?,
            // What is allocated: a file may have holes.
            false => std::os::unix::fs::MetadataExt::blocks(&found) * 512,
        };
    }
    Ok(bytes)
}
