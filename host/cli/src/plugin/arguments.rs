//! What `wasmill plugin` takes.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand, ValueHint};

use super::language::Language;
use crate::arguments::key_value;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Makes a folder with a first function, its README and a job that runs it.
    New(New),
    /// Builds the plugin in a folder to `NAME.wasm`; NAME is the folder's.
    Build(Build),
    /// Shows what a plugin is: its functions, what it may do, its sizes, its sha256, what made it.
    Inspect(Inspect),
    /// Calls a function on some rows, or runs the conformance suite.
    Test(Test),
    /// Measures a function: rows a second, and bytes that it copies.
    Bench(Bench),
    /// Puts a plugin into an OCI registry; prints the reference that pins it.
    Push(Push),
    /// Gets a plugin from an OCI registry; prints the reference that pins it.
    Pull(Pull),
}

/// What `wasmill plugin new` takes.
#[derive(Debug, Args)]
pub struct New {
    /// The plugin's name, and its folder's.
    #[arg(value_name = "NAME")]
    pub name: String,

    /// What it is written in.
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    pub lang: Language,

    /// A checkout of wasmill, whose SDK is used instead of the published one.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub sdk: Option<PathBuf>,
}

/// What `wasmill plugin build` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0, built; 1, the language's own tool failed; 2, a tool is missing, or there is no plugin.")]
pub struct Build {
    /// Where the plugin's files are.
    #[arg(value_name = "FOLDER", default_value = ".", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,

    /// Where the component goes, instead of into the folder.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// With what a trap's backtrace needs: functions' names, and in Rust and C their lines. Not
    /// optimised, so it is larger and slower.
    #[arg(long)]
    pub debug: bool,
}

/// What `wasmill plugin inspect` takes.
#[derive(Debug, Args)]
pub struct Inspect {
    /// The component, or its place in a registry.
    #[arg(value_name = "PLUGIN.wasm|oci://…", value_hint = ValueHint::FilePath)]
    pub plugin: String,

    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// What `wasmill plugin test` takes.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["conformance", "rows", "csv"]),
    after_help = "\
Exit codes: 0, all is as it should be; 1, a case, a call or a comparison failed; 2, the command, the \
rows or the plugin is wrong and nothing was called."
)]
pub struct Test {
    /// The component or its place in a registry (oci://…), and behind a `#` the function to call.
    #[arg(value_name = "PLUGIN.wasm[#FUNCTION]", value_hint = ValueHint::FilePath)]
    pub target: String,

    /// Runs the conformance suite, which components of all languages pass: their functions `add`,
    /// `greet`, `echo`, `score`, `words` and `mean`, and the process functions `keyed_sum`,
    /// `keyed_recent`, `keyed_list`, `keyed_map`, `keyed_lookup`, `timer_echo`, `side_split` and
    /// `broadcast_limit`.
    #[arg(long)]
    pub conformance: bool,

    /// Only the suite's cases of these functions.
    #[arg(
        long,
        value_name = "FUNCTION",
        value_delimiter = ',',
        requires = "conformance"
    )]
    pub only: Vec<String>,

    #[command(flatten)]
    pub opened: Opened,

    /// Rows as JSON, one behind another: {"a": 1, "b": null} by the arguments' names, [1, null] by
    /// their places.
    #[arg(long, value_name = "JSON")]
    pub rows: Option<String>,

    /// Rows of a CSV file; its first line has the columns' names. An empty field is NULL, "" an empty
    /// text.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,

    /// Rows of a batch.
    #[arg(long, value_name = "ROWS", default_value_t = 8192,
          value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub batch: u32,

    /// What is to come, in a file or as it is: JSON as --json prints it, one behind another.
    #[arg(long, value_name = "FILE|JSON")]
    pub expect: Option<String>,

    /// JSON, a line for each row that comes, instead of a table. A row of a side output is
    /// {"side-output": "late", "row": {…}}.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub process: Keyed,

    /// Says on stderr what the function logs, and how long each call takes.
    #[arg(long)]
    pub trace: bool,
}

/// What `wasmill plugin bench` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0, measured; 1, a call failed; 2, the command, the rows or the plugin is wrong.")]
pub struct Bench {
    /// The component or its place in a registry (oci://…), and behind a `#` the function.
    #[arg(value_name = "PLUGIN.wasm[#FUNCTION]", value_hint = ValueHint::FilePath)]
    pub target: String,

    #[command(flatten)]
    pub opened: Opened,

    /// Rows of a batch.
    #[arg(long, value_name = "ROWS", default_value_t = 8192,
          value_parser = clap::value_parser!(u32).range(1..=1 << 24))]
    pub rows: u32,

    /// How many batches; by default as many as take a second, at least ten.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub batches: Option<u32>,

    /// Rows of a CSV file, over and over, instead of random ones.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub csv: Option<PathBuf>,

    /// Of the random rows.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Keys among which a process function's rows are shared out.
    #[arg(long, value_name = "N", default_value_t = 300,
          value_parser = clap::value_parser!(u32).range(1..))]
    pub keys: u32,
}

/// What a process function is called with, beside its rows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Process functions")]
pub struct Keyed {
    /// A column of PARTITION BY; may be given several times. Without one all rows have one key.
    #[arg(long = "key", value_name = "COLUMN")]
    pub keys: Vec<String>,

    /// The column of times (`on_time`): timestamps, or milliseconds since 1970.
    #[arg(long, value_name = "COLUMN")]
    pub time: Option<String>,

    /// Rows of the broadcast table, as JSON or in a file of JSON or CSV.
    #[arg(long, value_name = "FILE|JSON")]
    pub broadcast: Option<String>,

    /// What the machine's clock says to all calls, in milliseconds since 1970; by default what it does say.
    #[arg(long, value_name = "MILLIS", allow_negative_numbers = true)]
    pub now: Option<i64>,
}

const REGISTRY_CODES: &str = "\
Users and passwords are those of `docker login` (~/.docker/config.json, or the folder DOCKER_CONFIG). \
Registries on this machine, and those that WASMILL_PLAIN_HTTP names (host:port, with commas between), \
are spoken to by HTTP without TLS.

Exit codes: 0, done; 1, the network or the registry failed; 2, the command or the plugin is wrong.";

/// What `wasmill plugin push` takes.
#[derive(Debug, Args)]
#[command(after_help = REGISTRY_CODES)]
pub struct Push {
    /// The component.
    #[arg(value_name = "PLUGIN.wasm", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,

    /// Where it goes: oci://host[:port]/name:tag.
    #[arg(value_name = "REFERENCE")]
    pub reference: String,

    /// Speaks HTTP without TLS, as it does to this machine: only in a network that is trusted.
    #[arg(long)]
    pub plain_http: bool,
}

/// What `wasmill plugin pull` takes.
#[derive(Debug, Args)]
#[command(after_help = REGISTRY_CODES)]
pub struct Pull {
    /// Where it is: oci://host[:port]/name, with :tag or @sha256:… behind it.
    #[arg(value_name = "REFERENCE")]
    pub reference: String,

    /// Where it goes, instead of NAME.wasm in this folder.
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,

    /// Speaks HTTP without TLS, as it does to this machine: only in a network that is trusted.
    #[arg(long)]
    pub plain_http: bool,
}

/// How a function is opened.
#[derive(Debug, Args)]
pub struct Opened {
    /// A parameter of the function; may be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = key_value)]
    pub parameters: Vec<(String, String)>,

    /// The columns' types, where the function does not say them, with names or without:
    /// 'a int64, b list<utf8>'.
    #[arg(long, value_name = "TYPES")]
    pub types: Option<String>,
}
