//! `wasmill plugin inspect`.

use std::process::ExitCode;

use wasmill_engine::PluginReport;

use super::arguments::Inspect;
use crate::{output::Output, print, run::cache_folder};

/// The file is no plugin that can run.
const WRONG: u8 = 2;

pub fn inspect(arguments: &Inspect, output: &Output) -> ExitCode {
    let report = match PluginReport::of(&arguments.file, &cache_folder()) {
        Ok(report) => report,
        Err(error) => {
            output.error(&error.to_string(), error.hint());
            return ExitCode::from(WRONG);
        }
    };
    let text = match arguments.json {
        true => report.json(),
        false => report.to_string(),
    };
    print(text.as_bytes())
}
