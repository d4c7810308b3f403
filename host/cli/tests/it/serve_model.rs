//! `wasmill serve-model`: what one job declares, another asks for over the network.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use crate::support::{Job, signal};

const SERVED: &str = "
CREATE TABLE t (x INT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'not-there');
CREATE MODEL churn INPUT (features ARRAY<DOUBLE>) OUTPUT (p DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
CREATE FUNCTION distance AS 'haversine.wasm#haversine' LANGUAGE WASM;
INSERT INTO nowhere SELECT * FROM t;";

/// The program, and the address on which it serves; it ends with the test.
pub struct Server {
    pub process: Child,
    pub address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn serve(job: &Job, arguments: &[&str]) -> Server {
    let fixed = ["serve-model", "job.sql", "--listen", "127.0.0.1:0"];
    let mut command = job.command_of(&[&fixed, arguments].concat());
    let mut server = Server {
        process: command.stderr(Stdio::piped()).spawn().unwrap(),
        address: String::new(),
    };
    let mut said = BufReader::new(server.process.stderr.take().unwrap()).lines();
    let mut before = Vec::new();
    loop {
        let Some(line) = said.next() else {
            panic!("it ended: {}", before.join("\n"));
        };
        let line = line.unwrap();
        if let Some(rest) = line.strip_prefix("listening on ") {
            rest.split(": ")
                .next()
                .unwrap()
                .clone_into(&mut server.address);
            // Who says something to nobody would be ended by it.
            std::thread::spawn(move || said.for_each(drop));
            return server;
        }
        before.push(line);
    }
}

fn served() -> Job {
    Job::new(SERVED).model().plugin("haversine")
}

#[test]
fn models_and_functions_answer_as_they_do_at_home() {
    let mut server = serve(&served(), &["--model", "churn", "--model", "distance"]);
    let address = &server.address;
    let features: Vec<_> = (0..30)
        .map(|feature| format!("CAST(x * {feature} AS DOUBLE)"))
        .collect();
    for scheme in ["grpc", "http"] {
        let remote = format!("'provider' = 'open-inference', 'endpoint' = '{scheme}://{address}'");
        let job = Job::new(&format!(
            "CREATE TABLE predictions (here DOUBLE, there DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'predictions');
CREATE TABLE distances (here DOUBLE, there DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'distances');
CREATE MODEL here INPUT (features ARRAY<DOUBLE>) OUTPUT (p DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');
CREATE MODEL there INPUT (features ARRAY<DOUBLE>) OUTPUT (p DOUBLE)
  WITH ({remote}, 'model' = 'churn');
CREATE FUNCTION distance_here AS 'haversine.wasm#haversine' LANGUAGE WASM;
CREATE MODEL distance_there INPUT (lat1 DOUBLE, lon1 DOUBLE, lat2 DOUBLE, lon2 DOUBLE)
  OUTPUT (metres DOUBLE) WITH ({remote}, 'model' = 'distance');
CREATE VIEW rows_of_features AS
  SELECT ARRAY[{}] AS features FROM (VALUES (1), (7), (40)) AS t(x);
INSERT INTO predictions SELECT p, p0 FROM ML_PREDICT(
  (SELECT * FROM ML_PREDICT(TABLE rows_of_features, MODEL here, DESCRIPTOR(features))),
  MODEL there, DESCRIPTOR(features));
INSERT INTO distances SELECT distance_here(a, b, c, d), metres FROM ML_PREDICT(
  (SELECT CAST(a AS DOUBLE) AS a, CAST(b AS DOUBLE) AS b, CAST(c AS DOUBLE) AS c,
     CAST(d AS DOUBLE) AS d FROM (VALUES (52.5, 13.4, 48.9, 2.4), (0, 0, 1, 1)) AS t(a, b, c, d)),
  MODEL distance_there, DESCRIPTOR(a, b, c, d));",
            features.join(", ")
        ))
        .model()
        .plugin("haversine");
        let told = job.run();
        assert!(told.starts_with("exit 0\n"), "{told}");
        for (sink, rows) in [("predictions", 3), ("distances", 2)] {
            let written = job.rows(sink);
            assert_eq!(written.len(), rows, "{told}");
            for row in written {
                let (here, there) = row.split_once(',').unwrap();
                assert_eq!(here, there, "{sink}");
                assert!(here.parse::<f64>().unwrap() > 0.0, "{sink}: {row}");
            }
        }
    }
    signal("-INT", server.process.id());
    assert_eq!(server.process.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_served_is_said() {
    let job = served();
    for (arguments, words) in [
        (
            &["--model", "chrun"][..],
            "there is no model or function 'chrun'",
        ),
        (&["--listen", "192.0.2.1:1"], "cannot listen on 192.0.2.1:1"),
    ] {
        let arguments = [&["serve-model", "job.sql"], arguments].concat();
        let told = job.told(&job.command_of(&arguments).output().unwrap());
        assert!(told.contains(words), "{told}");
        assert!(!told.starts_with("exit 0"), "{told}");
    }
}
