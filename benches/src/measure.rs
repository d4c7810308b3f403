//! Running a whole process and reading the kernel's own account of it.

use std::{
    error::Error,
    mem::MaybeUninit,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// One finished process.
#[derive(Clone, Copy)]
pub struct Run {
    pub wall: Duration,
    /// Peak resident memory, bytes.
    pub memory: u64,
}

/// Runs `command` to its end; what it prints is thrown away. A failure is an error with its
/// standard error.
pub fn run(command: &mut Command) -> Result<Run, Box<dyn Error>> {
    let log = std::env::temp_dir().join(format!("wasmill-bench-{}.log", std::process::id()));
    let started = Instant::now();
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log)?)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("{command:?}: {error}"))?;
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for writes, and nobody else waits for this child.
    let waited = unsafe { libc::wait4(child.id() as i32, &mut status, 0, usage.as_mut_ptr()) };
    let wall = started.elapsed();
    if waited < 0 {
        return Err(std::io::Error::last_os_error().into());
    }
    // SAFETY: wait4 succeeded, so it filled the structure; all-zero was valid before, too.
    let usage = unsafe { usage.assume_init() };
    if status != 0 {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        return Err(format!("{command:?} failed:\n{log}").into());
    }
    Ok(Run {
        wall,
        memory: usage.ru_maxrss as u64 * 1024,
    })
}

/// The runs of several commands, taken in turn: `result[i]` are the runs of `commands[i]`.
pub fn in_turn(commands: &mut [Command], runs: usize) -> Result<Vec<Vec<Run>>, Box<dyn Error>> {
    for command in commands.iter_mut() {
        run(command)?;
    }
    let mut results = vec![Vec::with_capacity(runs); commands.len()];
    for _ in 0..runs {
        for (command, results) in commands.iter_mut().zip(&mut results) {
            results.push(run(command)?);
        }
    }
    Ok(results)
}

/// The median wall-clock time, seconds.
pub fn median_wall(runs: &[Run]) -> f64 {
    median(runs.iter().map(|run| run.wall.as_secs_f64()).collect())
}

/// How many times as long `over` took as `under`: the median over the rounds in which both ran, so
/// that a machine whose speed drifts from round to round bends no ratio.
pub fn ratio_of_walls(over: &[Run], under: &[Run]) -> f64 {
    let rounds = over.iter().zip(under);
    median(
        rounds
            .map(|(over, under)| over.wall.as_secs_f64() / under.wall.as_secs_f64())
            .collect(),
    )
}

/// The largest peak memory, bytes.
pub fn peak_memory(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.memory).max().unwrap_or(0)
}

/// The middle value; 0 of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        length if length % 2 == 1 => values[length / 2],
        length => (values[length / 2 - 1] + values[length / 2]) / 2.0,
    }
}
