//! A Kafka broker that runs for a while: the one of the tests, driven by their script.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::kafka;
use crate::places;
use crate::python;
use crate::step::{Failure, Result};

/// Ends with this program, however that ends.
pub struct Broker {
    process: Child,
    /// `None` once it is to end.
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Broker {
    /// Starts one on a port of this host.
    pub fn start(port: u16) -> Result<Self> {
        let mut process = Command::new(python::get()?)
            .arg(places::root().join("host/cli/tests/it/kafka/broker.py"))
            .arg(kafka::get()?)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("Python does not start: {error}")))?;
        let (Some(questions), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::new("the broker's script has no input and output"));
        };
        let mut broker = Self {
            process,
            questions: Some(questions),
            answers: BufReader::new(answers),
        };
        broker.answer()?;
        Ok(broker)
    }

    /// What the function `do` of `broker.py` answers.
    pub fn ask(&mut self, question: &Value) -> Result<Value> {
        if let Some(questions) = &mut self.questions {
            writeln!(questions, "{question}").map_err(|_| gone())?;
        }
        let answer = self.answer()?;
        serde_json::from_str(&answer).map_err(|_| gone())
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(1..) => Ok(line),
            _ => Err(gone()),
        }
    }
}

fn gone() -> Failure {
    Failure::new("the Kafka broker has failed, see above")
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.questions = None;
        // It has nothing more to tell.
        let _ = self.process.wait();
    }
}
