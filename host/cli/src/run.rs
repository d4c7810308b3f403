//! `wasmill run`: plans every statement of a job file, then runs one after the other.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs, future,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    thread::{self, ScopedJoinHandle},
    time::Instant,
};

use tokio::{runtime, signal, signal::unix::SignalKind};
use wasmill_engine::{EngineError, JobObserver, Outcome, PlannedStatement, Session, SessionConfig};

use crate::{
    arguments::{DEFAULT_TENANT, Run, Savepoint},
    cells,
    environment::{cache_folder, registries},
    output::Output,
    progress::{Progress, summary},
    reload::Hangups,
};

/// The job failed while it ran.
pub const FAILED: u8 = 1;
/// The job is wrong; nothing ran.
pub const WRONG: u8 = 2;
/// Ended by Ctrl-C, as shells report it.
const INTERRUPTED: u8 = 130;

/// Of each thread: long chains of operators make deep trees, and planners recurse. What is not
/// touched costs nothing.
pub const STACK_BYTES: usize = 64 << 20;

/// Runs the job file; returns the exit code.
pub fn run(arguments: &Run) -> ExitCode {
    let mut settings = arguments.settings.clone();
    if let Some(from) = &arguments.from {
        let from = match from.to_string_lossy().contains("://") {
            true => from.clone(),
            false => std::path::absolute(from).unwrap_or_else(|_| from.clone()),
        };
        let key = "execution.state-recovery.path".to_owned();
        settings.push((key, from.display().to_string()));
    }
    on_large_stack(&Job {
        job: &arguments.job,
        settings,
        ceiling: &arguments.ceiling,
        allowed_grants: arguments.allowed_grants.as_deref(),
        tenant: &arguments.tenant,
        tenant_limits: &arguments.tenant_limits,
        savepoint: None,
        output: &Output::new(arguments.quiet),
    })
}

/// Keeps the newest checkpoint of a job; returns the exit code.
pub fn savepoint(arguments: &Savepoint) -> ExitCode {
    on_large_stack(&Job {
        job: &arguments.job,
        settings: arguments.settings.clone(),
        ceiling: &[],
        allowed_grants: None,
        tenant: DEFAULT_TENANT,
        tenant_limits: &[],
        savepoint: Some(&arguments.folder),
        output: &Output::new(false),
    })
}

fn on_large_stack(job: &Job<'_>) -> ExitCode {
    let output = job.output;
    let code = thread::scope(|scope| {
        let main = thread::Builder::new()
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || run_to_end(job));
        match main.map(ScopedJoinHandle::join) {
            Ok(Ok(code)) => code,
            // The panic was printed.
            Ok(Err(_)) => FAILED,
            Err(error) => {
                output.error(&format!("the main thread does not start: {error}"), None);
                FAILED
            }
        }
    });
    ExitCode::from(code)
}

fn run_to_end(job: &Job<'_>) -> u8 {
    let output = job.output;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(threads(&job.settings))
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            output.error(&format!("the worker threads do not start: {error}"), None);
            return FAILED;
        }
    };
    let code = runtime.block_on(job.run());
    // A thread that still waits for a pipe or a network file system is not waited for.
    runtime.shutdown_background();
    code
}

/// One worker thread a partition: all the work is computation.
fn threads(settings: &[(String, String)]) -> usize {
    let set = settings
        .iter()
        .rev()
        .find(|(key, _)| key == "parallelism.default");
    set.and_then(|(_, value)| value.parse().ok())
        .filter(|threads| (1..=1024).contains(threads))
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from))
}

struct Job<'a> {
    job: &'a Path,
    settings: Vec<(String, String)>,
    /// Of limits of functions.
    ceiling: &'a [(String, String)],
    /// To functions; any by default.
    allowed_grants: Option<&'a [String]>,
    tenant: &'a str,
    /// Of sums of the tenant.
    tenant_limits: &'a [(String, String)],
    /// Where to keep its newest checkpoint, instead of running it.
    savepoint: Option<&'a Path>,
    output: &'a Output,
}

impl Job<'_> {
    async fn run(&self) -> u8 {
        let path = self.job;
        let Some(text) = read_job(path, self.output) else {
            return WRONG;
        };
        let planned = async {
            let session = Session::new(self.config(path))?;
            let statements = session.plan(&path.display().to_string(), &text).await;
            self.warn(&session);
            Ok::<_, EngineError>((statements?, Arc::new(session)))
        };
        let (statements, session) = match planned.await {
            Ok(planned) => planned,
            Err(error) => {
                self.fail(&error);
                return WRONG;
            }
        };
        if let Some(folder) = self.savepoint {
            return match session.savepoint(&statements, folder).await {
                Ok(checkpoint) => {
                    let folder = folder.display();
                    self.output
                        .note(&format!("checkpoint {checkpoint} is kept in {folder}"));
                    0
                }
                Err(error) => {
                    self.fail(&error);
                    FAILED
                }
            };
        }
        let observer = Arc::new(JobObserver::new());
        cancel_on_signals(Arc::clone(&observer));
        let running = self.run_statements(statements, &session, &observer);
        let Some(hangups) = Hangups::catch() else {
            return running.await;
        };
        let followed = async {
            let following = hangups.follow(Arc::clone(&session), path.to_owned(), self.output);
            following.await;
            observer.cancel();
            future::pending::<Infallible>().await
        };
        tokio::select! {
            code = running => code,
            never = followed => match never {},
        }
    }

    async fn run_statements(
        &self,
        statements: Vec<PlannedStatement>,
        session: &Session,
        observer: &Arc<JobObserver>,
    ) -> u8 {
        for statement in statements {
            let started = Instant::now();
            let progress = Progress::start(self.output, observer, statement.is_job());
            let outcome = match session.run(statement, observer).await {
                Ok(Outcome::Table { schema, rows }) => {
                    cells::print(self.output, &schema, rows, observer)
                        .await
                        .map(|()| None)
                }
                Ok(Outcome::Text(text)) => {
                    cells::put(self.output, &format!("{}\n", text.trim_end())).map(|()| None)
                }
                Ok(Outcome::Inserted(report)) => Ok(Some(report)),
                Ok(Outcome::Nothing) => Ok(None),
                Err(error) => Err(error),
            };
            progress.stop().await;
            self.warn(session);
            if observer.is_cancelled()
                && !matches!(&outcome, Ok(Some(report)) if report.stopped.is_some())
            {
                self.output
                    .error("interrupted; no sink shows any of the statement", None);
                return INTERRUPTED;
            }
            match outcome {
                Ok(Some(report)) => {
                    self.output.note(&summary(&report, started.elapsed()));
                    // What comes after a job without end does not come.
                    if report.stopped.is_some() {
                        return 0;
                    }
                }
                Ok(None) => {}
                // Who read the output has seen enough.
                Err(EngineError::OutputClosed) => return 0,
                Err(error) => {
                    self.fail(&error);
                    return FAILED;
                }
            }
        }
        0
    }

    fn config(&self, job: &Path) -> SessionConfig {
        SessionConfig {
            base: base_folder(job),
            settings: self.settings.iter().cloned().collect::<BTreeMap<_, _>>(),
            ceiling: self.ceiling.iter().cloned().collect(),
            allowed_grants: self.allowed_grants.map(<[String]>::to_vec),
            tenant: self.tenant.to_owned(),
            tenant_limits: self.tenant_limits.iter().cloned().collect(),
            cache: cache_folder(),
            registries: registries(),
            stdout: self.output.stdout(),
            stderr: self.output.stderr(),
        }
    }

    fn warn(&self, session: &Session) {
        for warning in session.take_warnings() {
            self.output.warning(&warning);
        }
    }

    fn fail(&self, error: &EngineError) {
        self.output.error(&error.to_string(), error.hint());
    }
}

/// The text of a job file; what is wrong with it is said.
pub fn read_job(path: &Path, output: &Output) -> Option<String> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            let (reason, hint) = match error.kind() {
                ErrorKind::InvalidData => (
                    "it is not UTF-8 text".to_owned(),
                    Some("save it as UTF-8".to_owned()),
                ),
                _ => (error.to_string(), None),
            };
            let message = format!("the job file {} cannot be read: {reason}", path.display());
            output.error(&message, hint);
            None
        }
    }
}

/// The folder that a job's relative paths start from.
pub fn base_folder(job: &Path) -> PathBuf {
    match job.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The first Ctrl-C (or SIGTERM) cancels the job, so that its sinks clean up; the second ends the
/// process.
fn cancel_on_signals(observer: Arc<JobObserver>) {
    // A thread of its own: those of the job may all be busy with a batch.
    let Ok(runtime) = runtime::Builder::new_current_thread().enable_io().build() else {
        return;
    };
    // Caught from now on, not from when the thread first runs.
    let signals = {
        let _entered = runtime.enter();
        [SignalKind::interrupt(), SignalKind::terminate()].map(signal::unix::signal)
    };
    let [Ok(mut interrupt), Ok(mut terminate)] = signals else {
        return;
    };
    thread::spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if observer.is_cancelled() {
                    std::process::exit(INTERRUPTED.into());
                }
                observer.cancel();
            }
        });
    });
}
