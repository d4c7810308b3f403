//! `wasmill plugin`: looks at the files of functions.

use std::process::ExitCode;

use wasmill_engine::PluginReport;

use crate::{arguments::Inspect, output::Output, print, run::cache_folder};

/// The file is no plugin that can run.
const WRONG: u8 = 2;

pub fn inspect(arguments: &Inspect) -> ExitCode {
    let report = match PluginReport::of(&arguments.file, &cache_folder()) {
        Ok(report) => report,
        Err(error) => {
            Output::new(false).error(&error.to_string(), error.hint());
            return ExitCode::from(WRONG);
        }
    };
    let text = match arguments.json {
        true => report.json(),
        false => report.to_string(),
    };
    print(text.as_bytes())
}
