//! Rows a second: a topic that is full is read as fast as a job can.

use std::{
    error::Error,
    thread,
    time::{Duration, Instant},
};

use super::{
    broker::Broker,
    job::{Job, System, Topics},
};
use crate::job::Bench;

/// How often the rows in the output topic are counted.
const TICK: Duration = Duration::from_millis(20);

/// How long a job may give no row.
const PATIENCE: Duration = Duration::from_secs(120);

/// One job that has written all rows.
#[derive(Clone, Copy)]
pub struct Saturated {
    /// Seconds from the start of the process until the last row is in the output topic.
    pub whole: f64,
    /// Rows a second of the second half of the rows, when start and warm-up are over.
    pub steady: f64,
}

/// Runs the job over the `rows` messages in the topic `source`.
pub fn run(
    bench: &Bench<'_>,
    broker: &Broker,
    system: System<'_>,
    source: &str,
    rows: u64,
) -> Result<Saturated, Box<dyn Error>> {
    broker.warm(source)?;
    let sink = broker.create("predictions")?;
    let topics = Topics {
        servers: &broker.servers,
        source,
        sink: &sink,
    };
    let mut job = Job::start(bench, system, &topics)?;
    let mut half = None;
    let (mut count, mut changed) = (0, Instant::now());
    let whole = loop {
        let found = broker.count(&sink)?;
        let now = job.started.elapsed().as_secs_f64();
        if found > count {
            (count, changed) = (found, Instant::now());
        }
        if half.is_none() && count * 2 >= rows {
            half = Some((now, count));
        }
        if count >= rows {
            break now;
        }
        job.check()?;
        if changed.elapsed() > PATIENCE {
            return Err(job.failure(&format!("stays at {count} of {rows} rows")));
        }
        thread::sleep(TICK);
    };
    job.stop()?;
    let count = broker.count(&sink)?;
    if count != rows {
        return Err(format!("{}: {count} rows out of {rows}", system.name()).into());
    }
    broker.delete(&sink)?;
    let steady = match half {
        Some((at, count)) if whole > at => (rows - count) as f64 / (whole - at),
        _ => rows as f64 / whole,
    };
    eprintln!(
        "{}: {whole:.2} s, then {:.0}k rows/s",
        system.name(),
        steady / 1e3
    );
    Ok(Saturated { whole, steady })
}
