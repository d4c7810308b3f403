//! Latency and memory: rows come at a fixed rate, and each is waited for at the other end.
//!
//! The time of sending travels through the job as a column; it is taken when a message is handed to
//! the producer, and compared when the consumer hands out the result.

use std::{
    error::Error,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    producer::Producer,
};
use serde::Deserialize;

use super::{
    broker::{Broker, PARTITIONS},
    job::{Job, Memory, System, Topics},
    messages::{Client, Messages},
};
use crate::job::Bench;

/// How often the producer looks what is due.
const TICK: Duration = Duration::from_millis(1);

/// How often a row is sent until the job gives the first.
const PROBE: Duration = Duration::from_millis(50);

/// How long a job may take until it gives the first.
const START: Duration = Duration::from_secs(120);

/// At full rate, but not measured.
const WARM_UP: Duration = Duration::from_secs(5);

/// How long the last rows may take; a job that takes longer does not keep up.
const LATE: Duration = Duration::from_secs(5);

const SAMPLE: Duration = Duration::from_millis(500);

/// What a run at a fixed rate tells.
#[derive(Default)]
pub struct Paced {
    /// Seconds from sending to receiving, sorted.
    latencies: Vec<f32>,
    /// Memory of the process while it was measured.
    pub memory: Vec<Memory>,
    /// Whether all rows came.
    pub kept_up: bool,
}

impl Paced {
    /// The latency that this share of the rows does not exceed, seconds.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        f64::from(self.latencies.get(index).copied().unwrap_or(f32::NAN))
    }
}

/// What the threads of a run share. Times are microseconds since `begun`.
struct Clock {
    begun: Instant,
    sent: AtomicU64,
    received: AtomicU64,
    /// Rows that are sent from then on count.
    measured: AtomicU64,
    stop: AtomicBool,
}

impl Clock {
    fn now(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    /// Rows a second, for so long, behind the warm-up.
    pub rate: u64,
    pub time: Duration,
    /// Whether all is ready for them, once the job runs.
    pub ready: Option<&'a AtomicBool>,
}

/// Sends rows and waits for them. Without a job it receives what it sends.
pub fn run(
    bench: &Bench<'_>,
    broker: &Broker,
    messages: &mut Messages,
    system: Option<System<'_>>,
    load: Load<'_>,
) -> Result<Paced, Box<dyn Error>> {
    let name = system.map_or("no job", System::name);
    let Load { rate, time, .. } = load;
    let (source, sink) = (broker.create("events")?, broker.create("scores")?);
    let received = if system.is_some() { &sink } else { &source };
    let topics = Topics {
        servers: &broker.servers,
        source: &source,
        sink: &sink,
    };
    let (consumer, producer) = (broker.consumer()?, broker.producer("0")?);
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        places.add_partition_offset(received, partition, Offset::Beginning)?;
    }
    consumer.assign(&places)?;
    let clock = Clock {
        begun: Instant::now(),
        sent: AtomicU64::new(0),
        received: AtomicU64::new(0),
        measured: AtomicU64::new(u64::MAX),
        stop: AtomicBool::new(false),
    };
    let job = system.map(|system| Job::start(bench, system, &topics));
    let mut job = job.transpose()?;
    let mut paced = thread::scope(|threads| {
        let receiver = threads.spawn(|| receive(&consumer, &clock).map_err(|e| e.to_string()));
        let sender = threads.spawn(|| {
            let sent = send(&producer, messages, &source, &clock, load);
            sent.map_err(|error| error.to_string())
        });
        let memory = watch(job.as_mut(), &clock, || sender.is_finished());
        clock.stop.store(true, Ordering::Release);
        let joined = (sender.join(), receiver.join());
        // A job that has failed says more than those who waited for it.
        let memory = memory?;
        let (Ok(sent), Ok(received)) = joined else {
            return Err("a thread has panicked".into());
        };
        sent?;
        Ok::<_, Box<dyn Error>>(Paced {
            latencies: received?,
            memory,
            kept_up: false,
        })
    })?;
    paced.latencies.sort_by(f32::total_cmp);
    let wanted = (rate as f64 * time.as_secs_f64()) as usize;
    paced.kept_up = paced.latencies.len() + 1 >= wanted;
    if let Some(job) = job {
        job.stop()?;
    }
    broker.delete(&source)?;
    broker.delete(&sink)?;
    eprintln!(
        "{} at {rate} rows/s: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms, {} of {wanted} rows",
        name,
        paced.quantile(0.5) * 1e3,
        paced.quantile(0.99) * 1e3,
        paced.quantile(1.0) * 1e3,
        paced.latencies.len(),
    );
    Ok(paced)
}

/// Samples the job's memory until the sender has sent all and the rows are there, or are late.
fn watch(
    mut job: Option<&mut Job>,
    clock: &Clock,
    sent: impl Fn() -> bool,
) -> Result<Vec<Memory>, Box<dyn Error>> {
    let mut memory = Vec::new();
    while !sent() {
        thread::sleep(SAMPLE);
        let Some(job) = &mut job else {
            continue;
        };
        job.check()?;
        if clock.measured.load(Ordering::Acquire) <= clock.now() {
            memory.push(job.memory()?);
        }
        if clock.received.load(Ordering::Acquire) == 0 && clock.begun.elapsed() > START {
            return Err(job.failure("gives no row"));
        }
    }
    let end = Instant::now();
    let missing = || clock.received.load(Ordering::Acquire) < clock.sent.load(Ordering::Acquire);
    while missing() && end.elapsed() < LATE {
        thread::sleep(Duration::from_millis(10));
    }
    Ok(memory)
}

fn send(
    producer: &Client,
    messages: &mut Messages,
    topic: &str,
    clock: &Clock,
    Load { rate, time, ready }: Load<'_>,
) -> Result<(), Box<dyn Error>> {
    let stopped = || clock.stop.load(Ordering::Acquire);
    let mut next = || {
        let id = clock.sent.fetch_add(1, Ordering::AcqRel);
        messages.send(producer, topic, id, clock.now(), None)
    };
    while clock.received.load(Ordering::Acquire) == 0 {
        if stopped() {
            return Ok(());
        }
        next()?;
        thread::sleep(PROBE);
    }
    while ready.is_some_and(|ready| !ready.load(Ordering::Acquire)) && !stopped() {
        thread::sleep(TICK);
    }
    let begun = Instant::now();
    let warm_up = WARM_UP.as_micros() as u64;
    clock
        .measured
        .store(clock.now() + warm_up, Ordering::Release);
    let all = (rate as f64 * (WARM_UP + time).as_secs_f64()) as u64;
    let mut sent = 0;
    while sent < all && !stopped() {
        let due = (begun.elapsed().as_secs_f64() * rate as f64) as u64;
        while sent < due.min(all) {
            next()?;
            sent += 1;
        }
        thread::sleep(TICK);
    }
    producer.flush(Duration::from_secs(10))?;
    Ok(())
}

/// What the bench reads of a result.
#[derive(Deserialize)]
struct Score {
    sent: u64,
}

fn receive(consumer: &BaseConsumer, clock: &Clock) -> Result<Vec<f32>, Box<dyn Error>> {
    let mut latencies = Vec::new();
    while !clock.stop.load(Ordering::Acquire) {
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            continue;
        };
        let message = message?;
        let now = clock.now();
        let score: Score = serde_json::from_slice(message.payload().unwrap_or_default())?;
        if score.sent >= clock.measured.load(Ordering::Acquire) {
            latencies.push((now - score.sent) as f32 / 1e6);
        }
        clock.received.fetch_add(1, Ordering::AcqRel);
    }
    Ok(latencies)
}
