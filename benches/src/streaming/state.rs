//! How long rows wait while the job they pass through takes checkpoints of much state.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use rdkafka::producer::Producer;

use super::{
    broker::Broker,
    job::{self, System},
    messages::{Client, Messages},
    paced::{self, Load, Paced},
};
use crate::{job::Bench, table};

/// Rows that are more than 1 GiB of state: 28 DOUBLEs, two BIGINTs and timestamps each, in Arrow.
const GIBIBYTE: u64 = 4_400_000;

/// How often the rows that the job keeps are sent.
const TICK: Duration = Duration::from_millis(50);

/// Nothing more is written to the files of state after so long without a change.
const QUIET: Duration = Duration::from_secs(4);

/// Rows pass at a fixed rate through a job that has 1 GiB of state, keeps as many other rows a second,
/// and takes a checkpoint every second; beside the same job that begins with no state.
pub fn line(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    rate: u64,
    time: Duration,
) -> Result<Vec<String>, Box<dyn Error>> {
    let mut waits = Vec::new();
    for ahead in [GIBIBYTE, 0] {
        let kept = broker.create("kept")?;
        let run = run(bench, broker, messages, &kept, ahead, rate, time)?;
        broker.delete(&kept)?;
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
    kept: &str,
    ahead: u64,
    rate: u64,
    time: Duration,
) -> Result<Paced, Box<dyn Error>> {
    // In few messages: the broker has the same two cores.
    let producer = broker.producer("50")?;
    let (ready, stop) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut others = messages.clone();
    thread::scope(|threads| {
        let keeper = threads.spawn(|| {
            let sent = send(
                bench,
                &producer,
                &mut others,
                kept,
                (ahead, rate),
                (&ready, &stop),
            );
            sent.map_err(|error| error.to_string())
        });
        let load = Load {
            rate,
            time,
            ready: Some(&ready),
        };
        let run = paced::run(bench, broker, messages, Some(System::Window { kept }), load);
        stop.store(true, Ordering::Release);
        match keeper.join() {
            Ok(sent) => sent?,
            Err(_) => return Err("a thread has panicked".into()),
        }
        run
    })
}

/// Sends the rows that the job keeps: `ahead` at once, and then, when they are in its checkpoints, `rate`
/// a second.
fn send(
    bench: &Bench<'_>,
    producer: &Client,
    messages: &mut Messages,
    topic: &str,
    (ahead, rate): (u64, u64),
    (ready, stop): (&AtomicBool, &AtomicBool),
) -> Result<(), Box<dyn Error>> {
    let mut id = 0;
    let mut next = |sent: u64| {
        id += 1;
        messages.send(producer, topic, id, sent, None)
    };
    let stopped = || stop.load(Ordering::Acquire);
    for _ in 0..ahead {
        next(0)?;
        if stopped() {
            return Ok(());
        }
    }
    producer.flush(Duration::from_secs(60))?;
    let (mut bytes, mut changed) = (0, Instant::now());
    while ahead > 0 && (bytes == 0 || changed.elapsed() < QUIET) && !stopped() {
        // Files come and go while they are counted.
        let now = job::state(bench).unwrap_or(bytes);
        if now != bytes {
            (bytes, changed) = (now, Instant::now());
        }
        thread::sleep(TICK);
    }
    ready.store(true, Ordering::Release);
    let (begun, mut sent) = (Instant::now(), 0);
    while !stopped() {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due {
            next(0)?;
            sent += 1;
        }
        thread::sleep(TICK);
    }
    Ok(())
}
