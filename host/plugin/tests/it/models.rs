//! Models by grant: a guest opens what the job grants, and features never enter it.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{Array, ArrayRef, AsArray, Float32Array, Float64Array, Int32Array, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use expect_test::expect;
use wasmill_plugin::{
    Account, Function, Host, HostConfig, Limits, Model, ModelError, OpenOptions, PluginError,
};

use crate::support::{fields, host, plugin, plugin_path, rendered};

/// The sum of two features.
#[derive(Debug)]
struct Sum {
    inputs: Vec<FieldRef>,
    outputs: Vec<FieldRef>,
}

impl Sum {
    fn model() -> Arc<dyn Model> {
        Arc::new(Self {
            inputs: fields(&[DataType::Float64, DataType::Float64]),
            outputs: vec![Arc::new(Field::new("sum", DataType::Float64, true))],
        })
    }
}

impl Model for Sum {
    fn inputs(&self) -> &[FieldRef] {
        &self.inputs
    }

    fn outputs(&self) -> &[FieldRef] {
        &self.outputs
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        _: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, ModelError> {
        let [a, b] = columns else {
            return Err(ModelError::Invalid("two, please".to_owned()));
        };
        let (a, b) = (
            a.as_primitive::<Float64Type>(),
            b.as_primitive::<Float64Type>(),
        );
        let value = |column: &Float64Array, row| {
            if column.is_null(row) {
                f64::NAN
            } else {
                column.value(row)
            }
        };
        let sums: Vec<f64> = (0..rows).map(|row| value(a, row) + value(b, row)).collect();
        if sums.contains(&-666.0) {
            return Err(ModelError::Failed(
                "the model does not like this".to_owned(),
            ));
        }
        Ok(vec![Arc::new(Float64Array::from(sums))])
    }
}

fn options(model: &str, types: &[DataType]) -> OpenOptions {
    let mut options = OpenOptions::new("score", fields(types));
    options
        .parameters
        .insert("model".to_owned(), model.to_owned());
    options
}

fn open(types: &[DataType]) -> Result<Arc<Function>, PluginError> {
    let mut options = options("sum", types);
    options.grants.models.insert("sum".to_owned(), Sum::model());
    plugin("predict").open("predict", options)
}

#[test]
fn features_do_not_enter_the_guest() {
    let function = open(&[DataType::Float64, DataType::Float64]).unwrap();
    let rows = 8192;
    let column: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(f64::from)));
    let result = function
        .call(&[column.clone(), column], rows as usize)
        .unwrap();
    assert_eq!(result.as_primitive::<Float64Type>().value(100), 200.0);
    let counters = function.counters();
    assert_eq!((counters.bytes_in, counters.bytes_out), (0, 0));
    assert_eq!(counters.rows, 8192);
}

#[test]
fn numbers_are_cast_and_nulls_are_passed_on() {
    let function = open(&[DataType::Int32, DataType::Float32]).unwrap();
    let integers: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]));
    let floats: ArrayRef = Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]));
    let result = function.call(&[integers, floats], 3).unwrap();
    let result = result.as_primitive::<Float64Type>();
    assert_eq!((result.value(0), result.value(2)), (1.5, 5.5));
    assert!(result.value(1).is_nan());
}

#[test]
fn a_model_that_is_not_granted_is_refused() {
    let types = [DataType::Float64, DataType::Float64];
    let error = plugin("predict")
        .open("predict", options("sum", &types))
        .unwrap_err();
    expect![[r#"
        error: function score (predict.wasm#predict) wants the model `sum`, which the job does not grant

        hint: add 'grant.models' = 'sum' to the function's WITH"#]].assert_eq(&rendered(&error));

    let mut misspelt = options("summ", &types);
    misspelt
        .grants
        .models
        .insert("sum".to_owned(), Sum::model());
    let error = plugin("predict").open("predict", misspelt).unwrap_err();
    expect![[r#"
        error: function score (predict.wasm#predict) wants the model `summ`, which the job does not grant

        hint: did you mean `sum`?"#]].assert_eq(&rendered(&error));
}

#[test]
fn too_many_features_are_refused_when_the_job_is_planned() {
    let error = open(&vec![DataType::Float64; 3]).unwrap_err();
    expect!["error: function score (predict.wasm#predict) refuses to open: the model 'sum' takes 2 features, `predict` is called with 3"].assert_eq(&rendered(&error));
}

#[test]
fn features_that_are_no_numbers_are_refused() {
    let function = open(&[DataType::Float64, DataType::Utf8]).unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    let error = function.call(&[numbers, texts], 2).unwrap_err();
    expect!["error: function score (predict.wasm#predict) failed: the model's feature `c1` is Float64, not Utf8"].assert_eq(&rendered(&error));
}

#[test]
fn a_model_may_fail() {
    let function = open(&[DataType::Float64, DataType::Float64]).unwrap();
    let column: ArrayRef = Arc::new(Float64Array::from(vec![-333.0, 1.0]));
    let error = function.call(&[column.clone(), column], 2).unwrap_err();
    expect!["error: function score (predict.wasm#predict) failed: the model does not like this"]
        .assert_eq(&rendered(&error));
}

/// Waits until it is let go on.
#[derive(Debug)]
struct Slow {
    sum: Arc<dyn Model>,
    started: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Model for Slow {
    fn inputs(&self) -> &[FieldRef] {
        self.sum.inputs()
    }

    fn outputs(&self) -> &[FieldRef] {
        self.sum.outputs()
    }

    fn version(&self) -> String {
        self.sum.version()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        _: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, ModelError> {
        self.started.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        self.sum.predict(columns, rows, None)
    }
}

/// A function that calls such a model; when a call has come there; and what lets it go on.
fn slow(limits: Limits) -> (Arc<Function>, Receiver<()>, Sender<()>) {
    slow_in(&host(), None, limits)
}

/// The same, of a job.
pub fn slow_in(
    host: &Arc<Host>,
    job: Option<&Arc<Account>>,
    limits: Limits,
) -> (Arc<Function>, Receiver<()>, Sender<()>) {
    let ((started, has_started), (go_on, goes_on)) = (mpsc::channel(), mpsc::channel());
    let model = Slow {
        sum: Sum::model(),
        started,
        go_on: Mutex::new(goes_on),
    };
    let mut options = options("sum", &[DataType::Float64, DataType::Float64]);
    options.limits = limits;
    options.account = job.cloned();
    options
        .grants
        .models
        .insert("sum".to_owned(), Arc::new(model));
    let plugin = host.load("predict.wasm", &plugin_path("predict")).unwrap();
    let function = plugin.open("predict", options).unwrap();
    (function, has_started, go_on)
}

pub fn columns() -> [ArrayRef; 2] {
    let column: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    [column.clone(), column]
}

#[test]
fn a_models_time_counts_to_the_calls() {
    let limit = Duration::from_secs(1);
    let (function, started, go_on) = slow(Limits {
        wall_time: limit,
        ..Limits::default()
    });
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| function.call(&columns(), 2));
        started.recv().unwrap();
        thread::sleep(limit + limit / 10);
        go_on.send(()).unwrap();
        call.join().unwrap().unwrap_err()
    });
    expect![[r#"
        error: function score (predict.wasm#predict) ran over its wall-time limit of 1 s in `batch-eval`

        hint: a longer limit can be given with 'limit.wall-time' in the function's WITH"#]].assert_eq(&rendered(&error));
}

/// But not to the guest's own.
#[test]
fn a_guests_time_is_without_its_models() {
    let limit = Duration::from_millis(500);
    let (function, started, go_on) = slow(Limits {
        time: limit,
        ..Limits::default()
    });
    let values = thread::scope(|scope| {
        let call = scope.spawn(|| function.call(&columns(), 2));
        started.recv().unwrap();
        thread::sleep(2 * limit);
        go_on.send(()).unwrap();
        call.join().unwrap().unwrap()
    });
    assert_eq!(values.as_primitive::<Float64Type>().values(), &[2.0, 4.0]);
}

#[test]
fn more_calls_at_once_than_it_may_have_instances() {
    let (function, started, go_on) = slow(Limits {
        instances: 1,
        ..Limits::default()
    });
    let error = thread::scope(|scope| {
        let call = scope.spawn(|| function.call(&columns(), 2));
        started.recv().unwrap();
        let error = function.call(&columns(), 2).unwrap_err();
        go_on.send(()).unwrap();
        call.join().unwrap().unwrap();
        error
    });
    expect![[r#"
        error: function score (predict.wasm#predict) needs another instance, beside the 1 that it may have

        hint: it has one for each partition of a job: give it a higher 'limit.instances' in the function's WITH, or the job a lower 'parallelism.default'"#]].assert_eq(&rendered(&error));
    // There is room again.
    go_on.send(()).unwrap();
    function.call(&columns(), 2).unwrap();
    assert_eq!(function.counters().instances, 1);
}

#[test]
fn limits_above_the_hosts_ceiling_are_refused() {
    let host = Host::new(HostConfig {
        ceiling: Limits {
            memory: 2 << 20,
            ..Limits::unlimited()
        },
        ..HostConfig::default()
    })
    .unwrap();
    assert_eq!(host.default_limits().memory, 2 << 20);
    let predict = host.load("predict.wasm", &plugin_path("predict")).unwrap();
    let mut options = options("sum", &[DataType::Float64, DataType::Float64]);
    options.limits = Limits {
        memory: 3 << 20,
        ..host.default_limits().clone()
    };
    let error = predict.open("predict", options).unwrap_err();
    expect![[r#"
        error: function score (predict.wasm#predict): 'limit.memory' is 3 MiB, but this host allows 2 MiB at most

        hint: ask for less, or have whoever runs this host raise its ceiling"#]].assert_eq(&rendered(&error));
}
