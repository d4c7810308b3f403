//! `examples/lightgbm-stream`, with a broker.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{Broker, Running, wait_for};
use crate::{
    examples::{example, run_python},
    support::rows_in,
};

const EVENTS: usize = 400;
/// The time of the first event, and the milliseconds from one to the next.
const BEGIN: usize = 1_700_000_000_000;
const STEP: usize = 10;

#[test]
fn lightgbm_stream_predicts_what_python_predicts() {
    let broker = Broker::shared();
    let folder = example("lightgbm-stream");
    let here = folder.path().join("examples/lightgbm-stream");
    let sql = fs::read_to_string(here.join("job.sql")).unwrap();
    let moved = sql.replace("localhost:9092", &format!("localhost:{}", broker.port));
    fs::write(here.join("job.sql"), moved).unwrap();

    let batch = example("lightgbm-batch");
    let batch = batch.path().join("examples/lightgbm-batch");
    let rows = EVENTS.to_string();
    run_python(&batch, &["generate.py", "--rows", &rows, "--out", "made"]);
    let table = rows_in(&batch.join("made/data"));
    assert_eq!(table.len(), EVENTS);
    broker.create("events", 2);
    broker.create("predictions", 1);
    let message = |id: usize, features: &str, partition: usize, timestamp: usize| {
        let value = format!("{{\"id\":{id},\"features\":[{features}]}}");
        json!({ "value": value, "partition": partition, "timestamp": timestamp })
    };
    let mut messages: Vec<Value> = Vec::new();
    for (id, line) in table.iter().enumerate() {
        let (_label, features) = line.split_once('\t').unwrap();
        let features = features.replace('\t', ",");
        messages.push(message(id, &features, id % 2, BEGIN + id * STEP));
    }
    // One for each partition that ends the last second.
    let zeros = ["0"; 28].join(",");
    for partition in 0..2 {
        messages.push(message(
            EVENTS + partition,
            &zeros,
            partition,
            BEGIN + 60_000,
        ));
    }
    broker.produce("events", &messages);

    let mut job = Command::new(env!("CARGO_BIN_EXE_wasmill"));
    job.args(["run", "--quiet"]).arg(here.join("job.sql"));
    let job = Running::spawn(&mut job);
    let predictions = wait_for(
        || broker.values("predictions"),
        |values| values.len() == messages.len(),
    );
    let output = job.stop();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");

    let expected = run_python(
        &batch,
        &[
            "-c",
            "
import sys, lightgbm, polars
table = polars.read_csv('made/data/test.tsv', separator='\\t', has_header=False)
model = lightgbm.Booster(model_file=sys.argv[1])
for p in model.predict(table.drop(table.columns[0]).to_numpy()):
    print(repr(float(p)))
",
            here.join("model.txt").to_str().unwrap(),
        ],
    );
    let expected: Vec<f64> = expected.lines().map(|line| line.parse().unwrap()).collect();
    let mut ours: Vec<(usize, f64)> = predictions.iter().map(|value| prediction(value)).collect();
    ours.sort_by_key(|(id, _)| *id);
    ours.truncate(EVENTS);
    assert!(ours.into_iter().eq(expected.iter().copied().enumerate()));

    // A window is a second: of the first event's time on, as that is a whole one.
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut windows: Vec<_> = printed.lines().collect();
    windows.sort_unstable();
    let seconds = expected.chunks(1000 / STEP);
    assert_eq!(windows.len(), seconds.len(), "{printed}");
    for (second, (window, part)) in windows.into_iter().zip(seconds).enumerate() {
        let row = format!("second> +I[2023-11-14T22:13:{}, 100, ", 20 + second);
        let mean = window
            .strip_prefix(&row)
            .and_then(|rest| rest.strip_suffix(']'));
        let mean: f64 = mean.expect(window).parse().unwrap();
        let exact = part.iter().sum::<f64>() / part.len() as f64;
        // It is rounded to three digits.
        assert!((mean - exact).abs() < 0.000_501, "{window}: {exact}");
    }
}

/// The number as it is written, by Rust's own parser: exact to the last bit.
fn prediction(value: &str) -> (usize, f64) {
    let (id, prediction) = value
        .strip_prefix("{\"id\":")
        .and_then(|rest| rest.strip_suffix('}'))
        .and_then(|rest| rest.split_once(",\"prediction\":"))
        .unwrap();
    (id.parse().unwrap(), prediction.parse().unwrap())
}
