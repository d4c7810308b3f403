//! The command line, as typed.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::plugin;

/// The tenant of a job of whom nothing else is said.
pub const DEFAULT_TENANT: &str = "default";

/// Streaming SQL with WebAssembly functions and host-run models.
#[derive(Debug, Parser)]
#[command(name = "wasmill", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs a SQL job file.
    Run(Run),
    /// Keeps a job's newest checkpoint, for `wasmill run --from`; the job may be running.
    Savepoint(Savepoint),
    /// Serves models and scalar functions of a job over the Open Inference Protocol.
    ServeModel(ServeModel),
    /// Makes, builds, tests, measures and shows plugins.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// Prints the shell's completions.
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// What `wasmill run` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Ctrl-C and SIGTERM end a job: one without end behind a last checkpoint. On SIGHUP one without end reads \
its file again, and its models become what it says of them now.

Exit codes: 0, all statements ran; 1, the job failed while it ran; 2, the job is wrong and nothing \
ran; 130, interrupted.")]
pub struct Run {
    /// The job: SQL statements in Flink's dialect. Paths in it are relative to this file.
    #[arg(value_name = "JOB.sql", value_hint = ValueHint::FilePath)]
    pub job: PathBuf,

    /// Sets a configuration key before the first statement, like SET in the file.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub settings: Vec<(String, String)>,

    /// Lowers what functions, and all of the job's together, may use at most, whatever the job says:
    /// limit.memory=64mb, job.total.memory=1gb.
    #[arg(long = "ceiling", value_name = "LIMIT=VALUE", value_parser = key_value)]
    pub ceiling: Vec<(String, String)>,

    /// Which grants the job may give to its functions; by default any.
    #[arg(long = "allow-grant", value_name = "GRANT", value_delimiter = ',',
          value_parser = ["clock", "dir", "env", "http", "models", "random", "none"])]
    pub allowed_grants: Option<Vec<String>>,
    /// Whose job it is; messages name the tenant.
    #[arg(long, value_name = "NAME", default_value = DEFAULT_TENANT)]
    pub tenant: String,

    /// What all functions of the tenant may use together: total.memory=4gb.
    #[arg(long = "tenant-limit", value_name = "LIMIT=VALUE", value_parser = key_value)]
    pub tenant_limits: Vec<(String, String)>,

    /// Begins a job without end with a savepoint, unless it has checkpoints that came of it.
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub from: Option<PathBuf>,

    /// No progress and no summary; warnings and errors still appear.
    #[arg(long, short)]
    pub quiet: bool,
}

/// What `wasmill savepoint` takes.
#[derive(Debug, Args)]
pub struct Savepoint {
    /// The job file.
    #[arg(value_name = "JOB.sql", value_hint = ValueHint::FilePath)]
    pub job: PathBuf,

    /// A folder that is not there yet; also s3://bucket/folder.
    #[arg(value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,

    /// Sets a configuration key, as it was set when the job was run.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub settings: Vec<(String, String)>,
}

/// What `wasmill serve-model` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
gRPC and REST are on the same port. Nobody is asked who they are, and nothing is encrypted: let others \
than this machine in through a proxy that does both.

Exit codes: 0, stopped by Ctrl-C or SIGTERM, after what was at work; 1, the server failed; 2, the job is \
wrong and nothing was served.")]
pub struct ServeModel {
    /// The job file; only its CREATE MODEL, CREATE FUNCTION and SET are read.
    #[arg(value_name = "JOB.sql", value_hint = ValueHint::FilePath)]
    pub job: PathBuf,

    /// A model, or a scalar function, of the job; by default all its models.
    #[arg(long = "model", value_name = "NAME")]
    pub models: Vec<String>,

    /// Where to listen; the system chooses the port 0.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8001")]
    pub listen: SocketAddr,

    /// Models at work at once; by default one a core.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<NonZeroUsize>,

    /// Requests for predictions at once, with those that wait; one more is turned away.
    #[arg(long, value_name = "N", default_value = "64")]
    pub max_requests: NonZeroUsize,

    /// Bytes of a request, in MiB.
    #[arg(long, value_name = "MIB", default_value = "16")]
    pub max_request_mib: NonZeroUsize,

    /// Time of a request, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    pub timeout: NonZeroU32,

    /// Sets a configuration key before the first statement, like SET in the file.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub settings: Vec<(String, String)>,

    /// Which grants the job may give to its functions; by default any.
    #[arg(long = "allow-grant", value_name = "GRANT", value_delimiter = ',',
          value_parser = ["clock", "dir", "env", "http", "models", "random", "none"])]
    pub allowed_grants: Option<Vec<String>>,

    /// No word on what is served; warnings and errors still appear.
    #[arg(long, short)]
    pub quiet: bool,
}

/// A key and its value, as one word.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE, for example parallelism.default=2".to_owned()),
    }
}
