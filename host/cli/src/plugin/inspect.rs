//! `wasmill plugin inspect`.

use wasmill_engine::PluginReport;

use super::arguments::Inspect;
use super::failure::Failure;
use super::{load, put};
use crate::output::Output;

pub fn inspect(arguments: &Inspect, output: &Output) -> Result<(), Failure> {
    let report = PluginReport::new(&*load(&arguments.plugin)?);
    let text = match arguments.json {
        true => report.json(),
        false => report.to_string(),
    };
    put(output, &text)
}
