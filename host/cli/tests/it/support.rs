//! Runs the program on a job in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

/// The repository. `cargo test` runs in the package's folder; where it was compiled is no answer, as a
/// target folder may outlive a checkout.
pub fn root() -> PathBuf {
    Path::new("../..").canonicalize().unwrap()
}

/// A component that `cargo xtask plugins` built.
pub fn plugin(name: &str) -> PathBuf {
    let path = root().join(format!("target/plugins/{name}.wasm"));
    assert!(
        path.exists(),
        "{} is missing: run cargo xtask plugins",
        path.display()
    );
    path
}

/// As `sha256sum` has it.
pub fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().to_owned()
}

/// Where `cargo xtask` keeps what it fetches.
pub fn cache() -> PathBuf {
    let user = || {
        std::env::var_os("XDG_CACHE_HOME").map_or_else(
            || Path::new(&std::env::var_os("HOME").unwrap()).join(".cache"),
            Into::into,
        )
    };
    std::env::var_os("WASMILL_CACHE_DIR").map_or_else(|| user().join("wasmill"), Into::into)
}

/// The Python that `cargo xtask` set up.
pub fn python() -> Command {
    Command::new(
        std::env::var_os("WASMILL_PYTHON")
            .unwrap_or_else(|| cache().join("python/bin/python").into()),
    )
}

/// Puts a file there in one step, as it has to be where a job follows the folder.
pub fn put(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let beside = path.with_file_name(".beside");
    fs::write(&beside, content).unwrap();
    fs::rename(beside, path).unwrap();
}

/// A folder with a job file.
pub struct Job {
    folder: tempfile::TempDir,
}

impl Job {
    pub fn new(sql: &str) -> Self {
        let job = Job {
            folder: tempfile::tempdir().unwrap(),
        };
        job.file("job.sql", sql)
    }

    /// Adds a file.
    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        put(&self.path(name), content);
        self
    }

    /// Puts a built component beside the job, so that no message depends on where this checkout is.
    pub fn plugin(self, name: &str) -> Self {
        let path = plugin(name);
        let content = fs::read(&path).unwrap();
        let file_name = path.file_name().unwrap().to_str().unwrap();
        self.file(file_name, content)
    }

    /// Puts the model of `examples/lightgbm-batch`, of 30 features, beside the job: `model.txt`.
    pub fn model(self) -> Self {
        let content = fs::read(root().join("examples/lightgbm-batch/model.txt")).unwrap();
        self.file("model.txt", content)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `wasmill run job.sql` in the folder.
    pub fn command(&self) -> Command {
        self.command_of(&["run", "job.sql"])
    }

    /// The program with other arguments.
    pub fn command_of(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wasmill"));
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    /// Runs it: exit code, then stdout, then stderr, with the folder's own path taken out.
    pub fn run(&self) -> String {
        self.told(&self.command().output().unwrap())
    }

    /// What a process told its user.
    pub fn told(&self, output: &Output) -> String {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes)
                .replace(&self.folder.path().display().to_string(), "[JOB]")
        };
        let code = output
            .status
            .code()
            .map_or("killed".to_owned(), |code| code.to_string());
        format!(
            "exit {code}\n{}{}",
            text(&output.stdout),
            without_times(&text(&output.stderr))
        )
    }

    /// All lines of the files of a sink folder, sorted.
    pub fn rows(&self, sink: &str) -> Vec<String> {
        let mut rows = rows_in(&self.path(sink));
        rows.sort();
        rows
    }

    /// Names of what lies in the job's folder, hidden ones too, sorted.
    pub fn listing(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

/// All lines of all files of a folder, file after file.
pub fn rows_in(folder: &Path) -> Vec<String> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

/// Sends a process a signal, such as `-INT`.
pub fn signal(name: &str, id: u32) {
    let sent = Command::new("kill")
        .args([name, &id.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// `sink: 3 rows in 0.01 s (300 rows/s)` becomes `sink: 3 rows`.
fn without_times(text: &str) -> String {
    text.lines()
        .map(|line| match line.split_once(" in ") {
            Some((rows, rate)) if rate.ends_with(" rows/s)") => format!("{rows}\n"),
            _ => format!("{line}\n"),
        })
        .collect()
}
