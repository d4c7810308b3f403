//! The program `wasmill`: runs SQL job files.
//!
//! stdout is data (what `print` tables and queries give), stderr is the rest.

mod arguments;
mod cells;
mod output;
mod progress;
mod run;

use std::{io, process::ExitCode};

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Completions { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "wasmill", &mut io::stdout());
            ExitCode::SUCCESS
        }
    }
}
