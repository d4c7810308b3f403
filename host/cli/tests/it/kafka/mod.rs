//! Topics as tables, on a real broker.

mod bad;
mod broker;
mod changes;
mod dead_letters;
mod exactly_once;
mod example;
mod follow;
mod groups;
mod read;
mod registry;
mod time;
mod write;

use std::{
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

pub use broker::Broker;

use crate::support::{Job, signal};

/// Reads JSON from the beginning.
const EARLIEST: &str = "'scan.startup.mode' = 'earliest-offset', 'format' = 'json'";

/// A job that runs; killed if its test fails.
struct Running(Option<Child>);

fn start(job: &Job) -> Running {
    Running::spawn(&mut job.command())
}

impl Running {
    fn spawn(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().unwrap()))
    }

    fn stop(self) -> Output {
        signal("-INT", self.0.as_ref().unwrap().id());
        self.end()
    }

    /// Waits for its end.
    fn end(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }

    fn kill(self) {}
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            if thread::panicking() {
                let told = String::from_utf8_lossy(&output.stderr);
                eprintln!("the job has said: {told}");
            }
        }
    }
}

/// Waits until there is what is wanted.
fn wait_for<T: std::fmt::Debug>(mut what: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let found = what();
        if wanted(&found) {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{found:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Rows of a sink folder that are visible, sorted.
fn shown(job: &Job, sink: &str) -> Vec<String> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(job.path(sink)).into_iter().flatten() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
            let text = std::fs::read_to_string(path).unwrap();
            rows.extend(text.lines().map(str::to_owned));
        }
    }
    rows.sort();
    rows
}

/// Letters without the times of their messages.
fn without_timestamps(letters: &str) -> String {
    let lines = letters
        .lines()
        .map(|line| match line.split_once("\"timestamp\":\"") {
            Some((before, rest)) => {
                let (_, after) = rest.split_once('"').unwrap();
                format!("{before}\"timestamp\":\"[TIME]\"{after}\n")
            }
            None => format!("{line}\n"),
        });
    lines.collect()
}

fn is_sorted_range(numbers: &[u64], end: u64) -> bool {
    numbers.iter().copied().eq(0..end)
}

/// The ids of `{"id": 7}` messages, sorted.
fn ids(values: &[String]) -> Vec<u64> {
    let id = |value: &String| {
        let row: serde_json::Value = serde_json::from_str(value).unwrap();
        row["id"].as_u64().unwrap()
    };
    let mut ids: Vec<_> = values.iter().map(id).collect();
    ids.sort_unstable();
    ids
}

/// Messages `{"id": first}`, … for the partitions in turn.
fn numbered(first: u64, end: u64, partitions: u64) -> Vec<serde_json::Value> {
    let message = |id: u64| {
        let value = serde_json::json!({ "id": id }).to_string();
        serde_json::json!({ "value": value, "partition": id % partitions })
    };
    (first..end).map(message).collect()
}
