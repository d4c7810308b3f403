//! The job from topic to topic, in wasmill and in PyFlink, as a process that runs until it is stopped.

use std::{
    error::Error,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::job::{Bench, FEATURES, Way, cores};

/// Who runs it.
#[derive(Clone, Copy)]
pub enum System<'a> {
    Wasmill(Way),
    /// With this Python and this connector; `bundle` is how long it gathers rows.
    PyFlink {
        python: &'a Path,
        connector: &'a Path,
        bundle: Duration,
    },
}

impl System<'_> {
    pub fn name(self) -> &'static str {
        match self {
            System::Wasmill(Way::Component) => "wasmill, through the component",
            System::Wasmill(Way::MlPredict) => "wasmill, ML_PREDICT",
            System::PyFlink { .. } => "PyFlink",
        }
    }
}

/// Where a job reads and writes.
pub struct Topics<'a> {
    pub servers: &'a str,
    pub source: &'a str,
    pub sink: &'a str,
}

/// How long a job may take to end.
const FAREWELL: Duration = Duration::from_secs(20);

/// A job that runs; killed when it is dropped.
pub struct Job {
    process: Child,
    log: PathBuf,
    name: &'static str,
    graceful: bool,
    pub started: Instant,
}

impl Job {
    pub fn start(
        bench: &Bench<'_>,
        system: System<'_>,
        topics: &Topics<'_>,
    ) -> Result<Self, Box<dyn Error>> {
        let folder = bench.folder.join("streaming-job");
        // No checkpoint of an earlier run.
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        let mut command = match system {
            System::Wasmill(way) => {
                let file = folder.join("job.sql");
                fs::write(&file, wasmill(bench, way, topics))?;
                let mut command = Command::new(&bench.program);
                command.arg("run").arg(file);
                command
            }
            System::PyFlink {
                python,
                connector,
                bundle,
            } => {
                let mut command = Command::new(python);
                command
                    .arg(bench.root.join("benches/pyflink_streaming.py"))
                    .args([&bench.model("model.txt"), connector])
                    .args([topics.servers, topics.source, topics.sink])
                    .arg(bundle.as_millis().to_string());
                command
            }
        };
        let log = folder.join("log");
        let file = File::create(&log)?;
        let started = Instant::now();
        let process = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            // PyFlink is three processes.
            .process_group(0)
            .spawn()
            .map_err(|error| format!("{command:?}: {error}"))?;
        Ok(Job {
            process,
            log,
            name: system.name(),
            graceful: matches!(system, System::Wasmill(_)),
            started,
        })
    }

    /// An error with what the job printed, if it has ended.
    pub fn check(&mut self) -> Result<(), Box<dyn Error>> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failure(&status.to_string())),
        }
    }

    pub fn failure(&self, what: &str) -> Box<dyn Error> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        format!("{}: {what}\n{log}", self.name).into()
    }

    /// Resident memory, bytes.
    pub fn memory(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kilobytes.unwrap_or_default().trim().parse::<u64>()? * 1024)
    }

    /// Ends wasmill as a user would, who then sees no error.
    pub fn stop(mut self) -> Result<(), Box<dyn Error>> {
        if !self.graceful {
            return Ok(());
        }
        self.signal(libc::SIGINT);
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failure(&status.to_string())),
                None => thread::sleep(Duration::from_millis(20)),
            }
        }
        Err(self.failure("does not end"))
    }

    fn signal(&self, signal: i32) {
        // SAFETY: a plain system call; the group is the child's own, and it is not waited for yet.
        unsafe { libc::kill(-(self.process.id() as i32), signal) };
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.signal(libc::SIGKILL);
        self.process.wait().ok();
    }
}

/// The job file; but for the interval of checkpoints all settings are the defaults.
fn wasmill(bench: &Bench<'_>, way: Way, topics: &Topics<'_>) -> String {
    let list = |suffix: &str| {
        let names: Vec<_> = (1..=FEATURES).map(|n| format!("f{n}{suffix}")).collect();
        names.join(", ")
    };
    let query = match way {
        Way::Component => format!("SELECT id, sent, predict({}) FROM source", list("")),
        Way::MlPredict => format!(
            "SELECT id, sent, prediction FROM \
             ML_PREDICT(TABLE source, MODEL higgs, DESCRIPTOR({}))",
            list("")
        ),
    };
    format!(
        "SET 'parallelism.default' = '{parallelism}';\n\
         SET 'execution.checkpointing.interval' = '1 s';\n\
         CREATE TABLE source (id BIGINT, sent BIGINT, {columns}) WITH ('connector' = 'kafka', \
         'topic' = '{source}', 'properties.bootstrap.servers' = '{servers}', \
         'scan.startup.mode' = 'earliest-offset', 'format' = 'json');\n\
         CREATE TABLE sink (id BIGINT, sent BIGINT, prediction DOUBLE) WITH (\
         'connector' = 'kafka', 'topic' = '{sink}', \
         'properties.bootstrap.servers' = '{servers}', 'format' = 'json');\n\
         CREATE MODEL higgs INPUT ({columns}) OUTPUT (prediction DOUBLE) \
         WITH ('provider' = 'lightgbm', 'path' = '{model}');\n\
         CREATE FUNCTION predict AS '{plugin}#predict' LANGUAGE WASM \
         WITH ('model' = 'higgs', 'grant.models' = 'higgs');\n\
         INSERT INTO sink {query};\n",
        parallelism = cores(),
        columns = list(" DOUBLE"),
        source = topics.source,
        sink = topics.sink,
        servers = topics.servers,
        model = bench.model("model.txt").display(),
        plugin = bench.root.join("target/plugins/predict.wasm").display(),
    )
}
