//! How long rows wait while the job they pass through takes checkpoints of much state.

use std::{
    error::Error,
    fs, io,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{
    broker::Broker,
    job::{self, System},
    messages::Messages,
    paced::{self, Load, Paced},
};
use crate::{job::Bench, table};

/// Rows that are more than 1 GiB of state: 28 DOUBLEs, a BIGINT and timestamps each, in Arrow.
const GIBIBYTE: usize = 4_400_000;

/// Rows of each file that follows, and how often one does: 10,000 a second.
const FOLLOWING: usize = 1_000;
const EVERY: Duration = Duration::from_millis(100);

/// Nothing more is written to the files of state after so long without a change.
const QUIET: Duration = Duration::from_secs(4);

/// The job goes on at its rate for so long before rows are looked at.
const SETTLED: Duration = Duration::from_secs(5);

/// Rows pass at a fixed rate through a job that has 1 GiB of state, keeps 10,000 other rows a second, and
/// takes a checkpoint every second; beside the same job that begins with no state. The rows that are
/// kept come from files, because a broker on the same two cores would be what is measured.
pub fn line(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    rate: u64,
    time: Duration,
) -> Result<Vec<String>, Box<dyn Error>> {
    bench.generate(&[FOLLOWING, GIBIBYTE])?;
    let mut waits = Vec::new();
    for ahead in [Some(GIBIBYTE), None] {
        let run = run(bench, broker, messages, ahead, rate, time)?;
        let bytes = job::state(bench)?;
        eprintln!("so much state: {} MiB", bytes >> 20);
        waits.push((run, bytes));
    }
    let longest = |(run, _): &(Paced, u64)| run.quantile(1.0);
    let told = |wait: &(Paced, u64)| {
        let text = match wait.0.kept_up {
            true => table::duration(longest(wait)),
            false => "does not keep up".to_owned(),
        };
        format!("{text} with {} MiB", wait.1 >> 20)
    };
    Ok(vec![
        format!(
            "longest wait, checkpoints of state, {}k rows/s",
            rate / 1_000
        ),
        told(&waits[0]),
        told(&waits[1]),
        table::ratio(longest(&waits[0]) / longest(&waits[1])),
        "≤ 100 ms".to_owned(),
        table::verdict(waits[0].0.kept_up && longest(&waits[0]) <= 0.1),
    ])
}

fn run(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    ahead: Option<usize>,
    rate: u64,
    time: Duration,
) -> Result<Paced, Box<dyn Error>> {
    let folder = bench.folder.join("kept");
    fs::remove_dir_all(&folder).ok();
    fs::create_dir_all(&folder)?;
    if let Some(rows) = ahead {
        fs::hard_link(bench.data(rows), folder.join("ahead"))?;
    }
    let (ready, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|threads| {
        let keeper = threads.spawn(|| {
            let given = follow(bench, &folder, ahead.is_some(), &ready, &stop);
            given.map_err(|error| error.to_string())
        });
        let load = Load {
            rate,
            time,
            ready: Some(&ready),
        };
        let system = System::Window { kept: &folder };
        let run = paced::run(bench, broker, messages, Some(system), load);
        stop.store(true, Ordering::Release);
        match keeper.join() {
            Ok(given) => given?,
            Err(_) => return Err("a thread has panicked".into()),
        }
        run
    })
}

/// Waits until what is in the folder is in the job's checkpoints, and gives one file after another.
fn follow(
    bench: &Bench<'_>,
    folder: &Path,
    ahead: bool,
    ready: &AtomicBool,
    stop: &AtomicBool,
) -> io::Result<()> {
    let stopped = || stop.load(Ordering::Acquire);
    let (mut bytes, mut changed) = (0, Instant::now());
    while ahead && (bytes == 0 || changed.elapsed() < QUIET) && !stopped() {
        // Files come and go while they are counted.
        let now = job::state(bench).unwrap_or(bytes);
        if now != bytes {
            (bytes, changed) = (now, Instant::now());
        }
        thread::sleep(EVERY);
    }
    // Gigabytes that the kernel has still to write would slow the broker down, and not the job.
    // SAFETY: a system call without arguments.
    unsafe { libc::sync() };
    let begun = Instant::now();
    for number in 0_u32.. {
        if stopped() {
            break;
        }
        if begun.elapsed() > SETTLED {
            ready.store(true, Ordering::Release);
        }
        fs::hard_link(bench.data(FOLLOWING), folder.join(format!("{number:06}")))?;
        thread::sleep((EVERY * (number + 1)).saturating_sub(begun.elapsed()));
    }
    Ok(())
}
