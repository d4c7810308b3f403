//! `cargo xtask demo --streaming`: a job without end from one topic into another.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::broker::Broker;
use crate::host;
use crate::places;
use crate::plugins;
use crate::python;
use crate::step::{self, Failure, Result};
use crate::system;

/// The one that the job names.
const PORT: u16 = 9092;
const JOB: &str = "examples/lightgbm-stream/job.sql";
const SECONDS: usize = 5;
const EVENTS_A_SECOND: usize = 1000;
/// Events that are sent at once.
const EVENTS: usize = 100;
/// Messages of the result that are shown.
const SHOWN: usize = 5;

/// Runs the example, feeds it for a few seconds and shows what came out.
pub fn demo() -> Result<()> {
    system::c_compiler()?;
    plugins::build(&["predict".to_string()])?;
    host::build_program()?;
    let events = events()?;
    TcpListener::bind(("localhost", PORT)).map_err(|error| {
        Failure::new(format!("cannot start Kafka on localhost:{PORT}: {error}"))
            .hint("the job's tables name that address; end what listens there")
    })?;
    step::say(&format!("starting a Kafka broker on localhost:{PORT}"));
    let mut broker = Broker::start(PORT)?;
    for (topic, partitions) in [("events", 2), ("predictions", 1)] {
        broker.ask(&json!({ "do": "create", "topic": topic, "partitions": partitions }))?;
    }
    // A run's checkpoints are of another broker.
    let _ = fs::remove_dir_all(places::root().join("examples/lightgbm-stream/.wasmill"));

    let mut command = Command::new(places::target().join("release/wasmill"));
    command.current_dir(places::root()).args(["run", JOB]);
    println!("$ {}", step::shown(&command));
    let mut job = Job(command
        .spawn()
        .map_err(|error| Failure::new(format!("wasmill does not start: {error}")))?);
    step::say(&format!(
        "sending {EVENTS_A_SECOND} events a second into the topic events"
    ));
    for part in events.chunks(EVENTS) {
        let sent = Instant::now();
        broker.ask(&json!({ "do": "produce", "topic": "events", "messages": part }))?;
        let turn = Duration::from_secs_f64(EVENTS as f64 / EVENTS_A_SECOND as f64);
        thread::sleep(turn.saturating_sub(sent.elapsed()));
    }
    let predictions = job.predictions(&mut broker, events.len())?;
    job.stop()?;
    println!("\nthe topic predictions has {} messages:", events.len());
    for message in predictions.iter().take(SHOWN) {
        println!("{}", message["value"].as_str().unwrap_or_default());
    }
    Ok(())
}

/// Messages with the features of the rows that `examples/lightgbm-batch` generates.
fn events() -> Result<Vec<Value>> {
    let folder = places::root().join("examples/lightgbm-batch");
    let path = folder.join("higgs/data/test.tsv");
    if !path.exists() {
        step::say("generating the example's rows");
        let mut generate = Command::new(python::get()?);
        generate.current_dir(&folder);
        step::run(generate.args(["generate.py", "--rows", "20000", "--out", "higgs"]))?;
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    let lines = text.lines().take(SECONDS * EVENTS_A_SECOND);
    let events = lines.enumerate().map(|(id, line)| {
        // The first field says what is to be predicted.
        let features: Vec<_> = line.split('\t').skip(1).collect();
        let features = features.join(",");
        json!({ "value": format!("{{\"id\":{id},\"features\":[{features}]}}") })
    });
    Ok(events.collect())
}

/// The job's process, which ends with this program.
struct Job(Child);

impl Job {
    /// Waits until there is a prediction for every event.
    fn predictions(&mut self, broker: &mut Broker, wanted: usize) -> Result<Vec<Value>> {
        loop {
            let found = broker.ask(&json!({ "do": "consume", "topic": "predictions" }))?;
            match found {
                Value::Array(messages) if messages.len() >= wanted => return Ok(messages),
                _ if self.0.try_wait().is_ok_and(|ended| ended.is_some()) => {
                    return Err(Failure::new("the job has ended, see above"));
                }
                _ => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    /// As Ctrl-C does it.
    fn stop(&mut self) -> Result<()> {
        let id = self.0.id().to_string();
        step::run(Command::new("kill").args(["-INT", &id]))?;
        match self.0.wait() {
            Ok(status) if status.success() => Ok(()),
            _ => Err(Failure::new("the job did not end well, see above")),
        }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
