//! The program `wasmill`: runs SQL job files.
//!
//! stdout is data (what `print` tables and queries give), stderr is the rest.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod cells;
mod environment;
mod output;
mod plugin;
mod progress;
mod reload;
mod run;
mod serve;

use std::{
    io::{self, Write},
    panic,
    process::ExitCode,
};

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let print_panic = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !wasmill_engine::panics_are_caught() {
            print_panic(panic);
        }
    }));
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Savepoint(arguments) => run::savepoint(&arguments),
        Command::ServeModel(arguments) => serve::serve(&arguments),
        Command::Plugin(command) => plugin::run(&command),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "wasmill", &mut script);
            print(&script)
        }
    }
}

/// Writes data to stdout. That nobody reads on is no failure.
fn print(data: &[u8]) -> ExitCode {
    match io::stdout().write_all(data) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}
