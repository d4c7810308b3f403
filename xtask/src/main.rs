//! `cargo xtask`: set-up, plugins, tests, demo, benches. Each task first gets what is missing.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod broker;
mod chaos;
#[cfg(test)]
mod contract;
mod fuzz;
mod host;
mod kafka;
#[cfg(test)]
mod layers;
mod model_servers;
mod neon;
mod places;
mod plugins;
#[cfg(test)]
mod promises;
mod python;
mod schema_registry;
mod sdks;
mod step;
mod streaming;
mod system;
mod tasks;
#[cfg(test)]
mod tidy;
mod wasm_target;
mod without_sdk;

use std::process::ExitCode;

use step::{Failure, Result};

const HELP: &str = "\
Usage: cargo xtask TASK

  demo              run the main example: a model in the host, a function in a .wasm file, one SQL job
  demo --streaming  the same from one Kafka topic into another, by a job without end
  test [FILTER…]    run all tests, or those whose names contain FILTER
  test --fuzz [--seconds N] [TARGET…]
                    run all fuzz targets, or these, for 60 s each, or N
  test --neon [FILTER…]
                    run the trees' tests for 64-bit ARM, on an emulated processor
  bench [ARGUMENT…] run the benches; `cargo xtask bench --help` has their arguments
  bench neighbours  a job beside hostile ones of another tenant; `bench density`: a thousand tenants
  bench guests      aggregate functions in a component beside the same in Rust
  bench inference   trees beside LightGBM's own library, and many callers of one model
  bench arrow-udf   a function in a component beside arrow-udf's runtime
  bench stores      run the state store beside fjall, redb and SlateDB
  chaos [ARGUMENT…] kill jobs at random instants and look for rows that are lost or there twice;
                    `cargo xtask chaos --help` has its arguments
  plugins [NAME…]   build the plugins, all or these, into target/plugins: those in Rust, and
                    examples/without-sdk
  sdks              test the SDKs of C, Go, JavaScript and Python, build their examples, and see
                    whether these conform
  setup             only get what the tasks above need
  help              this text

Every task first gets what is missing: the Rust target of the plugins, a C compiler, Python packages
to compare with, Java, a Kafka broker, PostgreSQL, two registries and three servers of models for the
tests, the tools of other languages for their SDKs. Python, ONNX Runtime, Kafka, the schema registry,
the servers of models and those tools go to the cache folder: $WASMILL_CACHE_DIR, else $XDG_CACHE_HOME/wasmill, else
~/.cache/wasmill. $WASMILL_PYTHON names a Python to use instead.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (task, rest) = match arguments.split_first() {
        Some((task, rest)) => (task.as_str(), rest),
        None => ("help", &[][..]),
    };
    match perform(task, rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &str, rest: &[String]) -> Result<()> {
    match task {
        "demo" => match rest {
            [] => tasks::demo(),
            [way] if way == "--streaming" => streaming::demo(),
            _ => Err(Failure::new("demo takes --streaming, or nothing")),
        },
        "chaos" => chaos::run(rest),
        "test" => match rest.split_first() {
            Some((first, rest)) if first == "--fuzz" => fuzz::run(rest),
            Some((first, rest)) if first == "--neon" => neon::run(rest),
            _ => tasks::test(rest),
        },
        "bench" => tasks::bench(rest),
        "plugins" => tasks::plugins(rest),
        "sdks" => tasks::sdks(),
        "setup" => tasks::setup(),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::new(format!("there is no task `{task}`")).hint(HELP)),
    }
}
