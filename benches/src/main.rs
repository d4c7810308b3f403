//! Side-by-side benchmarks; `cargo xtask bench` builds what they compare and runs them.
//!
//! Every figure is the median of several runs, and what is compared takes turns in one run, so
//! that a drifting machine slows both.

mod border;
mod density;
mod guests;
mod handover;
mod inference;
mod job;
mod languages;
mod measure;
mod neighbours;
mod streaming;
mod table;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "wasmill's side-by-side benchmarks")]
struct Arguments {
    #[command(subcommand)]
    suite: Option<Suite>,
    /// Runs of each side; the median is printed.
    #[arg(long, default_value_t = 5, global = true)]
    runs: usize,
    /// Where data, models and the Python environment are.
    #[arg(long, env = "WASMILL_BENCH_FOLDER", global = true)]
    folder: Option<PathBuf>,
    /// The Python that has LightGBM and polars.
    #[arg(long, env = "WASMILL_PYTHON", global = true, default_value = "python3")]
    python: PathBuf,
    /// Run the PyFlink job too, with this Python (one that has apache-flink).
    #[arg(long, global = true)]
    with_pyflink: Option<PathBuf>,
    /// The Python environment that has MLServer and its LightGBM.
    #[arg(long, env = "WASMILL_MLSERVER", global = true)]
    mlserver: Option<PathBuf>,
    /// Rows of the large runs.
    #[arg(long, default_value_t = 1_000_000, global = true)]
    rows: usize,
}

#[derive(Subcommand)]
enum Suite {
    /// Whole jobs as whole processes, beside Python and, where asked for, PyFlink.
    Job,
    /// A function in a component beside the same function in Rust, inside DataFusion.
    Border,
    /// A job beside hostile jobs of another tenant, in one process.
    Neighbours,
    /// Aggregate and process functions and texts in a component beside the same in Rust.
    Guests,
    /// Models: trees beside LightGBM's own library, many callers of one model, and one on a server.
    Inference,
    /// The same function in several languages, and in PyFlink where asked for.
    Languages,
    /// A thousand functions of a thousand tenants in one process.
    Density,
    /// A job without end from Kafka to Kafka: rows a second, latency, memory.
    Streaming(streaming::Streaming),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.suite {
        Some(Suite::Job) => job::run(&arguments),
        Some(Suite::Border) => border(&arguments),
        Some(Suite::Neighbours) => neighbours::run(&arguments),
        Some(Suite::Guests) => guests::run(&arguments),
        Some(Suite::Inference) => inference::run(&arguments),
        Some(Suite::Languages) => languages::run(&arguments),
        Some(Suite::Density) => density::run(&arguments),
        Some(Suite::Streaming(streaming)) => streaming::run(&arguments, streaming),
        None => border(&arguments).and_then(|()| job::run(&arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What a call costs, and what it copies.
fn border(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    border::run(arguments)?;
    handover::run()
}
