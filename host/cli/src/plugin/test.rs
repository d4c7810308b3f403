//! `wasmill plugin test`.

use super::arguments::Test;
use super::failure::Failure;
use super::{call, conformance, load};
use crate::output::{Output, lock};

/// Runs the suite, or calls a function.
pub fn test(arguments: &Test, output: &Output) -> Result<(), Failure> {
    match arguments.conformance {
        true => suite(arguments, output),
        false => call::call(arguments, output),
    }
}

/// A line a case.
fn suite(arguments: &Test, output: &Output) -> Result<(), Failure> {
    let plugin = load(&arguments.target)?;
    let stdout = output.stdout();
    let (mut passed, mut failed) = (0_usize, 0_usize);
    let tell = |verdict: conformance::Verdict| {
        let line = match &verdict.failure {
            None => format!("ok    {}", verdict.case),
            Some(failure) => format!("FAIL  {}: {failure}", verdict.case),
        };
        match verdict.failure {
            None => passed += 1,
            Some(_) => failed += 1,
        }
        let mut stdout = lock(&stdout);
        // Who does not read on still gets the exit code.
        writeln!(stdout, "{line}")
            .and_then(|()| stdout.flush())
            .ok();
    };
    conformance::run(&plugin, &arguments.only, tell).map_err(Failure::wrong)?;
    writeln!(lock(&stdout), "{passed} passed, {failed} failed").ok();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::told()),
    }
}
