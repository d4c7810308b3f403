//! Runs scripts in a folder of their own: SQL in, rows or the full error text out.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use arrow::util::pretty::pretty_format_batches;
use futures::StreamExt;
use tempfile::TempDir;
use wasmill_engine::{EngineError, JobObserver, JobReport, Outcome, Session, SessionConfig};

pub struct Folder {
    folder: TempDir,
    pub stdout: Arc<Mutex<Vec<u8>>>,
}

impl Folder {
    pub fn new() -> Self {
        Folder {
            folder: TempDir::new().unwrap(),
            stdout: Arc::default(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn with(self, name: &str, text: &str) -> Self {
        self.put(name, text);
        self
    }

    /// Puts a file there in one step, as it has to be where a job follows the folder.
    pub fn put(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let beside = path.with_file_name(".beside");
        fs::write(&beside, text).unwrap();
        fs::rename(beside, path).unwrap();
    }

    pub fn session(&self, settings: &[(&str, &str)]) -> Session {
        let settings: BTreeMap<String, String> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Session::new(SessionConfig {
            base: self.path().to_owned(),
            settings,
            ceiling: BTreeMap::new(),
            allowed_grants: None,
            tenant: "default".to_owned(),
            tenant_limits: BTreeMap::new(),
            cache: self.path().join("cache"),
            registries: Default::default(),
            stdout: self.stdout.clone(),
            stderr: self.stdout.clone(),
        })
        .unwrap()
    }

    /// Runs a script with one partition, so that rows keep their order: what it prints as tables,
    /// one `N rows` line an INSERT, and what `print` tables wrote at the end.
    pub fn run(&self, sql: &str) -> Result<String, EngineError> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let session = self.session(&[("parallelism.default", "1")]);
            let observer = Arc::new(JobObserver::new());
            let mut output = String::new();
            for statement in session.plan("job.sql", sql).await? {
                match session.run(statement, &observer).await? {
                    Outcome::Nothing => {}
                    Outcome::Text(text) => output.push_str(&format!("{}\n", text.trim_end())),
                    Outcome::Table { schema, rows } => {
                        let mut batches = vec![arrow::array::RecordBatch::new_empty(schema)];
                        for batch in rows.collect::<Vec<_>>().await {
                            batches.push(batch?);
                        }
                        output.push_str(&pretty_format_batches(&batches).unwrap().to_string());
                        output.push('\n');
                    }
                    Outcome::Inserted(JobReport { sinks, .. }) => {
                        for sink in sinks {
                            output.push_str(&format!("{}: {} rows\n", sink.table, sink.rows));
                        }
                    }
                }
            }
            for warning in session.take_warnings() {
                output.push_str(&format!("warning: {warning}\n"));
            }
            let printed = std::mem::take(&mut *self.stdout.lock().unwrap());
            output.push_str(&String::from_utf8(printed).unwrap());
            Ok(output)
        })
    }

    /// Runs the only INSERT of a script, over tables without end, until what is printed is `done`,
    /// then stops it. Panics where that takes five minutes.
    pub fn run_until(
        &self,
        sql: &str,
        settings: &[(&str, &str)],
        done: impl Fn(&str) -> bool,
    ) -> (Vec<String>, JobReport) {
        let printed = || String::from_utf8(self.stdout.lock().unwrap().clone()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let begun = Instant::now();
        let report = runtime.block_on(async {
            let session = self.session(settings);
            let observer = Arc::new(JobObserver::new());
            let mut report = None;
            for statement in session.plan("job.sql", sql).await.unwrap() {
                let mut running = session.run(statement, &observer);
                let outcome = loop {
                    tokio::select! {
                        outcome = &mut running => break outcome.unwrap(),
                        () = tokio::time::sleep(Duration::from_millis(5)) => {
                            let late = begun.elapsed() > Duration::from_secs(300);
                            assert!(!late, "it has printed only:\n{}", printed());
                            if done(&printed()) {
                                observer.cancel();
                            }
                        }
                    }
                };
                if let Outcome::Inserted(inserted) = outcome {
                    report = Some(inserted);
                }
            }
            report.unwrap()
        });
        let mut lines: Vec<_> = printed().lines().map(str::to_owned).collect();
        lines.sort();
        (lines, report)
    }

    /// As a terminal shows it, with the folder's own path left out.
    pub fn error(&self, sql: &str) -> String {
        let error = self.run(sql).expect_err("the script has an error");
        let mut text = format!("error: {error}\n");
        if let Some(hint) = error.hint() {
            text.push_str(&format!("\nhint: {hint}\n"));
        }
        text.replace(&self.path().display().to_string(), "FOLDER")
    }

    /// All lines of a folder of CSV parts, sorted.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let mut folders = vec![self.path().join(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    lines.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
                }
            }
        }
        lines.sort();
        lines
    }
}
