//! The state store beside others that are at hand as libraries; `cargo xtask bench stores` runs it.
//!
//! Each store works and is restored in processes of its own. The stores take turns, round by round, so
//! that a drifting machine slows all; medians are printed.

mod keyed;
mod measured;
mod process;
mod report;
mod rows;
mod stores;
#[path = "../../src/table.rs"]
#[expect(dead_code, reason = "shared with the other benches")]
mod table;
mod windows;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

use self::{
    measured::{Held, Worked},
    stores::{Kind, Store},
};

pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(Parser)]
#[command(about = "wasmill's state store beside fjall, redb and SlateDB")]
struct Arguments {
    /// Where the stores are put.
    #[arg(long, env = "WASMILL_BENCH_FOLDER", default_value = "stores-bench")]
    folder: PathBuf,
    /// Rounds, in each of which every store works once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Only these workloads.
    #[arg(long, value_enum)]
    only: Vec<Workload>,
    #[command(flatten)]
    size: Size,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(clap::Args, Clone, Copy)]
pub struct Size {
    /// So many times less state, rows and memory.
    #[arg(long, default_value_t = 1, global = true)]
    divide: usize,
    /// A store that works for longer than this stops early, and has less state.
    #[arg(long, default_value_t = 20, global = true)]
    seconds: u64,
}

impl Size {
    fn limit(self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

#[derive(Subcommand)]
enum Part {
    /// One store, one workload: what a process of its own does.
    #[command(hide = true)]
    Work { store: Kind, workload: Workload },
    /// Opens what the store has and reads all of it.
    #[command(hide = true)]
    Restore { store: Kind, workload: Workload },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Rows are added to windows; a window that is over is read and removed.
    Windows,
    /// Rows replace those of their keys, in memory.
    Keyed,
    /// The same, with less memory than state.
    KeyedOutgrown,
}

impl Workload {
    fn all() -> &'static [Workload] {
        Self::value_variants()
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Bytes that a store may have in memory.
    fn memory(self, size: Size) -> usize {
        let whole = match self {
            Workload::Windows | Workload::Keyed => 256 << 20,
            Workload::KeyedOutgrown => 16 << 20,
        };
        whole / size.divide
    }

    fn work(self, store: &mut dyn Store, size: Size) -> Result<Worked> {
        match self {
            Workload::Windows => windows::work(store, size),
            Workload::Keyed | Workload::KeyedOutgrown => keyed::work(store, size),
        }
    }

    fn is_keyed(self) -> bool {
        self != Workload::Windows
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.part {
        None => report::run(&arguments),
        Some(Part::Work { store, workload }) => work(&arguments, store, workload),
        Some(Part::Restore { store, workload }) => restore(&arguments, store, workload),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &Arguments, kind: Kind, workload: Workload) -> Result<()> {
    let memory = workload.memory(arguments.size);
    let mut store = kind.open(&arguments.folder, memory, workload.is_keyed())?;
    let worked = workload.work(&mut *store, arguments.size)?;
    let (memory, computed) = (process::peak_memory()?, process::computed()?);
    println!("{worked} {memory} {computed}");
    Ok(())
}

fn restore(arguments: &Arguments, kind: Kind, workload: Workload) -> Result<()> {
    let memory = workload.memory(arguments.size);
    let started = std::time::Instant::now();
    let mut store = kind.open(&arguments.folder, memory, workload.is_keyed())?;
    let mut held = Held::default();
    store.restore(&mut |batch| held.add(&batch))?;
    println!("{} {held}", started.elapsed().as_secs_f64());
    Ok(())
}
