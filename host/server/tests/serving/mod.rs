//! A server in this process, with a model that takes and gives a column of each kind.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, StringArray};
use arrow::compute::{cast, kernels::numeric::add};
use arrow::datatypes::{DataType, Field};
use tokio::sync::oneshot;
use wasmill_inference::{InferenceError, Model};
use wasmill_server::{ServedModel, ServerError, ServerLimits, serve};

/// Adds numbers to themselves, turns flags around and texts into upper case; sleeps for 300 ms where one
/// is `slow`, for 1.5 s where it is `slower`.
#[derive(Debug)]
pub struct Types {
    inputs: Vec<Field>,
    outputs: Vec<Field>,
}

pub fn fields(names: [&str; 5]) -> Vec<Field> {
    let [number, whole, flag, text, list] = names;
    vec![
        Field::new(number, DataType::Float64, true),
        Field::new(whole, DataType::Int64, true),
        Field::new(flag, DataType::Boolean, true),
        Field::new(text, DataType::Utf8, true),
        Field::new(list, DataType::new_list(DataType::Float32, true), true),
    ]
}

impl Types {
    pub fn new() -> Self {
        Self {
            inputs: fields(["number", "whole", "flag", "text", "list"]),
            outputs: fields([
                "number_out",
                "whole_out",
                "flag_out",
                "text_out",
                "list_out",
            ]),
        }
    }
}

impl Model for Types {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> String {
        "v1".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        _rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let texts = columns[3].as_string::<i32>();
        for (slow, millis) in [("slow", 300), ("slower", 1500)] {
            if texts.iter().flatten().any(|text| text == slow) {
                std::thread::sleep(Duration::from_millis(millis));
            }
        }
        if texts.iter().flatten().any(|text| text == "panic") {
            panic!("as it was asked to");
        }
        if deadline.is_some_and(|deadline| deadline < Instant::now()) {
            return Err(InferenceError::Limit {
                model: "types".into(),
                message: "was late".into(),
                hint: String::new(),
            });
        }
        let doubled = |column: &ArrayRef| add(column, column).unwrap();
        let flags: BooleanArray = columns[2]
            .as_boolean()
            .iter()
            .map(|flag| flag.map(|flag| !flag))
            .collect();
        let upper: StringArray = texts
            .iter()
            .map(|text| text.map(str::to_uppercase))
            .collect();
        Ok(vec![
            doubled(&columns[0]),
            doubled(&columns[1]),
            Arc::new(flags),
            Arc::new(upper),
            Arc::clone(&columns[4]),
        ])
    }
}

/// A row's sum of its numbers.
#[derive(Debug)]
pub struct Sum {
    inputs: Vec<Field>,
    outputs: Vec<Field>,
}

impl Sum {
    pub fn new() -> Self {
        let field = |name| Field::new(name, DataType::Float64, true);
        Self {
            inputs: ["a", "b", "c"].map(field).into(),
            outputs: vec![field("sum")],
        }
    }
}

impl Model for Sum {
    fn inputs(&self) -> &[Field] {
        &self.inputs
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    fn version(&self) -> String {
        "7".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        _rows: usize,
        _deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let sum = add(&columns[0], &columns[1])
            .and_then(|sum| add(&sum, &columns[2]))
            .unwrap();
        Ok(vec![cast(&sum, &DataType::Float64).unwrap()])
    }
}

/// Gives the number of its version, and has another version at each call.
#[derive(Debug)]
pub struct Turning {
    fields: [Field; 1],
    version: AtomicU32,
}

impl Turning {
    pub fn new() -> Self {
        Self {
            fields: [Field::new("x", DataType::Float64, true)],
            version: AtomicU32::new(1),
        }
    }
}

impl Model for Turning {
    fn inputs(&self) -> &[Field] {
        &self.fields
    }

    fn outputs(&self) -> &[Field] {
        &self.fields
    }

    fn version(&self) -> String {
        self.version.load(Ordering::Relaxed).to_string()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        deadline: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let predicted = self.predict_with_version(columns, rows, deadline);
        predicted.map(|(predicted, _)| predicted)
    }

    fn predict_with_version(
        &self,
        _columns: &[ArrayRef],
        rows: usize,
        _deadline: Option<Instant>,
    ) -> Result<(Vec<ArrayRef>, String), InferenceError> {
        let version = 1 + self.version.fetch_add(1, Ordering::Relaxed);
        let numbers = std::iter::repeat_n(f64::from(version), rows);
        let column: ArrayRef = Arc::new(Float64Array::from_iter_values(numbers));
        // Another takes over before the answer is written.
        self.version.fetch_add(1, Ordering::Relaxed);
        Ok((vec![column], version.to_string()))
    }
}

pub struct Serving {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), ServerError>>>,
}

impl Serving {
    pub fn start(limits: ServerLimits) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let models = vec![
            ServedModel::new("types", Arc::new(Types::new())).unwrap(),
            ServedModel::new("sum", Arc::new(Sum::new())).unwrap(),
            ServedModel::new("turning", Arc::new(Turning::new())).unwrap(),
        ];
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let stop = async move { drop(stopped.await) };
            let address = "127.0.0.1:0".parse().unwrap();
            let listening = move |address| tell.send(address).unwrap();
            runtime.block_on(serve(models, address, limits, listening, stop))
        });
        Self {
            address: told.recv().unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Stops it, and waits until it has ended.
    pub fn stop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.stop.take());
    }
}
