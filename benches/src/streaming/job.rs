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
    /// Rows pass, and those of the files in a folder are kept in a window that does not end.
    Window {
        kept: &'a Path,
    },
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
            System::Window { .. } => "wasmill, rows kept in a window",
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

/// Memory of a process, bytes.
#[derive(Clone, Copy)]
pub struct Memory {
    /// All that is in memory of it.
    pub resident: u64,
    /// Of that, what it has allocated: the rest are pages of its program's file, which the kernel reads
    /// when they are used first, and drops as it likes.
    pub own: u64,
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
        let folder = folder(bench);
        // No checkpoint of an earlier run.
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder)?;
        let mut command = match system {
            System::Wasmill(_) | System::Window { .. } => {
                let file = folder.join("job.sql");
                fs::write(&file, wasmill(bench, system, topics))?;
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
            graceful: !matches!(system, System::PyFlink { .. }),
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
    pub fn memory(&self) -> Result<Memory, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let bytes = |name: &str| -> Result<u64, Box<dyn Error>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
            Ok(kilobytes.unwrap_or_default().trim().parse::<u64>()? * 1024)
        };
        Ok(Memory {
            resident: bytes("VmRSS:")?,
            own: bytes("RssAnon:")?,
        })
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

fn folder(bench: &Bench<'_>) -> PathBuf {
    bench.folder.join("streaming-job")
}

/// Bytes of the files of state that the last job's checkpoints have.
pub fn state(bench: &Bench<'_>) -> Result<u64, Box<dyn Error>> {
    let mut bytes = 0;
    for job in fs::read_dir(folder(bench).join(".wasmill/checkpoints"))? {
        for segment in fs::read_dir(job?.path().join("shared"))? {
            bytes += segment?.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// The job file; but for the interval of checkpoints all settings are the defaults.
fn wasmill(bench: &Bench<'_>, system: System<'_>, topics: &Topics<'_>) -> String {
    let list = |suffix: &str| {
        let names: Vec<_> = (1..=FEATURES).map(|n| format!("f{n}{suffix}")).collect();
        names.join(", ")
    };
    let insert = match system {
        System::Window { kept } => format!(
            "CREATE TABLE kept (label BIGINT, {columns}, at AS to_timestamp_millis(label), \
             WATERMARK FOR at AS at) WITH ('connector' = 'filesystem', 'format' = 'csv', \
             'csv.field-delimiter' = '\\t', 'path' = '{kept}', \
             'source.monitor-interval' = '20 ms');\n\
             CREATE TABLE firsts ({columns}) WITH ('connector' = 'blackhole');\n\
             EXECUTE STATEMENT SET BEGIN\n\
             INSERT INTO sink SELECT id, sent, f1 FROM source;\n\
             INSERT INTO firsts SELECT {list} FROM (SELECT *, ROW_NUMBER() OVER (\
             PARTITION BY window_start, window_end ORDER BY f1) AS place \
             FROM TABLE(TUMBLE(TABLE kept, DESCRIPTOR(at), INTERVAL '1' DAY))) \
             WHERE place <= 10;\n\
             END;\n",
            columns = list(" DOUBLE"),
            list = list(""),
            kept = kept.display(),
        ),
        System::Wasmill(Way::MlPredict) => format!(
            "INSERT INTO sink SELECT id, sent, prediction FROM \
             ML_PREDICT(TABLE source, MODEL higgs, DESCRIPTOR({}));\n",
            list("")
        ),
        System::Wasmill(Way::Component) | System::PyFlink { .. } => format!(
            "INSERT INTO sink SELECT id, sent, predict({}) FROM source;\n",
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
         {insert}",
        parallelism = cores(),
        columns = list(" DOUBLE"),
        source = topics.source,
        sink = topics.sink,
        servers = topics.servers,
        model = bench.model("model.txt").display(),
        plugin = bench.root.join("target/plugins/predict.wasm").display(),
    )
}
