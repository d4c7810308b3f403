//! Runs the Python scripts that make the expected values, and reads what they write.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a script of this folder with an output folder; returns what it printed.
pub fn run_script(name: &str, folder: &Path) -> String {
    let script = Path::new("tests/oracle").join(name);
    let python = python();
    let output = Command::new(&python)
        .arg(&script)
        .arg(folder)
        .output()
        .unwrap_or_else(|error| {
            panic!("{}: {error}; `cargo xtask test` makes it", python.display())
        });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed:\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn python() -> PathBuf {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("WASMILL_PYTHON").unwrap_or_else(|| {
        from("WASMILL_CACHE_DIR")
            .or_else(|| from("XDG_CACHE_HOME").map(|folder| folder.join("wasmill")))
            .or_else(|| from("HOME").map(|folder| folder.join(".cache/wasmill")))
            .unwrap()
            .join("python/bin/python")
    })
}

/// Little-endian numbers, one after the other.
#[allow(dead_code, reason = "each test reads its own format")]
pub struct Reader {
    bytes: Vec<u8>,
    position: usize,
}

#[allow(dead_code, reason = "each test reads its own format")]
impl Reader {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, position: 0 }
    }

    fn take<const N: usize>(&mut self) -> [u8; N] {
        self.position += N;
        self.bytes[self.position - N..self.position]
            .try_into()
            .unwrap()
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        self.take()
    }

    pub fn u64(&mut self) -> usize {
        u64::from_le_bytes(self.take()) as usize
    }

    pub fn u8(&mut self) -> u8 {
        self.take::<1>()[0]
    }

    pub fn u32(&mut self) -> usize {
        u32::from_le_bytes(self.take()) as usize
    }

    pub fn i32(&mut self) -> i32 {
        i32::from_le_bytes(self.take())
    }

    pub fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.take())
    }

    pub fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.take())
    }

    /// A length, then so many bytes of UTF-8.
    pub fn text(&mut self) -> String {
        let length = self.u32();
        String::from_utf8((0..length).map(|_| self.u8()).collect()).unwrap()
    }

    pub fn f64s(&mut self, count: usize) -> Vec<f64> {
        (0..count)
            .map(|_| f64::from_le_bytes(self.take()))
            .collect()
    }
}
