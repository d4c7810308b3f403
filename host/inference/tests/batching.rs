//! Rows of several callers in one call of a model.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::kernels::numeric::add;
use arrow::datatypes::{DataType, Field, Float64Type};
use expect_test::expect;
use parking_lot::Mutex;
use wasmill_inference::{Batching, InferenceError, Model, ModelDefinition, Queue, load};

/// Adds one; a row that is 13 makes the call fail. Each call waits for a word to go on.
#[derive(Debug)]
struct Slow {
    fields: Vec<Field>,
    /// The rows of each call.
    calls: Mutex<Vec<Vec<f64>>>,
    go: Mutex<Receiver<()>>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Slow {
    fn new() -> (Arc<Self>, Sender<()>) {
        let (send, receive) = channel();
        let slow = Self {
            fields: vec![Field::new("x", DataType::Float64, true)],
            calls: Mutex::default(),
            go: Mutex::new(receive),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        };
        (Arc::new(slow), send)
    }

    /// Waits until so many calls have begun.
    fn calls(&self, count: usize) -> Vec<Vec<f64>> {
        let begun = Instant::now();
        while self.calls.lock().len() < count {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "{:?}",
                self.calls
            );
            thread::sleep(Duration::from_millis(1));
        }
        self.calls.lock().clone()
    }
}

impl Model for Slow {
    fn inputs(&self) -> &[Field] {
        &self.fields
    }

    fn outputs(&self) -> &[Field] {
        &self.fields
    }

    fn version(&self) -> String {
        "1".to_owned()
    }

    fn predict(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        _: Option<Instant>,
    ) -> Result<Vec<ArrayRef>, InferenceError> {
        let values = columns[0].as_primitive::<Float64Type>();
        assert_eq!(values.len(), rows);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.calls.lock().push(values.values().to_vec());
        // An error is that nobody holds the calls back any more.
        let _ = self.go.lock().recv();
        self.running.fetch_sub(1, Ordering::SeqCst);
        if values.values().contains(&13.0) {
            return Err(InferenceError::Data {
                model: "slow".into(),
                message: "13".into(),
                hint: None,
            });
        }
        assert!(!values.values().contains(&666.0), "the model panics");
        Ok(vec![add(values, &Float64Array::new_scalar(1.0)).unwrap()])
    }
}

fn batching(max_rows: usize) -> Batching {
    Batching {
        max_rows,
        max_delay: Duration::ZERO,
        max_concurrent: 1,
        quick: Duration::ZERO,
        max_waiting_rows: 1 << 20,
    }
}

fn ask(model: &dyn Model, rows: &[f64], deadline: Option<Instant>) -> Result<Vec<f64>, String> {
    let column: ArrayRef = Arc::new(Float64Array::from(rows.to_vec()));
    let answer = model.predict(&[column], rows.len(), deadline);
    let answer = answer.map_err(|error| error.to_string())?;
    Ok(answer[0].as_primitive::<Float64Type>().values().to_vec())
}

/// Starts a caller, and gives it the time to come into the queue before the next one.
fn caller(
    model: &Arc<dyn Model>,
    rows: &[f64],
    deadline: Option<Duration>,
) -> thread::JoinHandle<Result<Vec<f64>, String>> {
    let (model, rows) = (Arc::clone(model), rows.to_vec());
    let deadline = deadline.map(|time| Instant::now() + time);
    let caller = thread::spawn(move || ask(&*model, &rows, deadline));
    thread::sleep(Duration::from_millis(50));
    caller
}

#[test]
fn what_waits_goes_together() {
    let (slow, go) = Slow::new();
    let model = Queue::new("slow", slow.clone(), batching(4)).tenant("");
    let mut callers = vec![caller(&model, &[0.0], None)];
    slow.calls(1);
    callers.extend((1..7).map(|row| caller(&model, &[f64::from(row)], None)));
    drop(go);
    for (row, caller) in callers.into_iter().enumerate() {
        assert_eq!(caller.join().unwrap(), Ok(vec![row as f64 + 1.0]));
    }
    let calls = slow.calls(3);
    assert_eq!(calls, [vec![0.0], vec![1.0, 2.0, 3.0, 4.0], vec![5.0, 6.0]]);
    assert_eq!(slow.most.load(Ordering::SeqCst), 1);
}

/// To wait for another's call would take longer than an own one.
#[test]
fn what_is_quick_does_not_wait() {
    let (slow, go) = Slow::new();
    let quick = Batching {
        quick: Duration::from_millis(20),
        ..batching(4)
    };
    let model = Queue::new("slow", slow.clone(), quick).tenant("");
    for _ in 0..20 {
        go.send(()).unwrap();
        assert_eq!(ask(&*model, &[0.0], None), Ok(vec![1.0]));
    }
    // All are in the model, though only one call may run where calls are slow.
    let callers = [20.0, 21.0, 22.0].map(|row| caller(&model, &[row], None));
    assert_eq!(slow.calls(23)[20..], [[20.0], [21.0], [22.0]]);
    // They have taken long, but one call says nothing.
    drop(go);
    let answers = callers.map(|caller| caller.join().unwrap());
    assert_eq!(answers, [21.0, 22.0, 23.0].map(|answer| Ok(vec![answer])));
}

#[test]
fn a_callers_rows_stay_together() {
    let (slow, go) = Slow::new();
    let model = Queue::new("slow", slow.clone(), batching(4)).tenant("");
    let first = caller(&model, &[0.0], None);
    let wide = caller(&model, &[1.0, 2.0, 3.0, 4.0, 5.0], None);
    let narrow = caller(&model, &[6.0, 7.0], None);
    drop(go);
    assert_eq!(first.join().unwrap(), Ok(vec![1.0]));
    assert_eq!(wide.join().unwrap(), Ok(vec![2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(narrow.join().unwrap(), Ok(vec![7.0, 8.0]));
    assert_eq!(
        slow.calls(3)[1..],
        [vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![6.0, 7.0]]
    );
}

#[test]
fn tenants_take_turns() {
    let (slow, go) = Slow::new();
    let queue = Queue::new("slow", slow.clone(), batching(3));
    let (many, few) = (queue.tenant("many"), queue.tenant("few"));
    let mut callers = vec![caller(&many, &[0.0], None)];
    callers.extend((1..6).map(|row| caller(&many, &[f64::from(row)], None)));
    callers.extend([100.0, 101.0].map(|row| caller(&few, &[row], None)));
    drop(go);
    callers
        .into_iter()
        .for_each(|caller| assert!(caller.join().unwrap().is_ok()));
    let calls = slow.calls(4);
    assert_eq!(calls[1], [1.0, 100.0, 2.0]);
    assert_eq!(calls[2][..2], [101.0, 3.0]);
}

#[test]
fn an_error_is_only_of_the_rows_that_make_it() {
    let (slow, go) = Slow::new();
    let model = Queue::new("slow", slow.clone(), batching(8)).tenant("");
    let callers = [0.0, 1.0, 13.0, 2.0].map(|row| caller(&model, &[row], None));
    drop(go);
    let answers = callers.map(|caller| caller.join().unwrap());
    assert_eq!(answers[1], Ok(vec![2.0]));
    assert_eq!(answers[3], Ok(vec![3.0]));
    expect!["model 'slow': 13"].assert_eq(answers[2].as_ref().unwrap_err());
}

#[test]
fn a_deadline_counts_in_the_queue() {
    let (slow, go) = Slow::new();
    let model = Queue::new("slow", slow.clone(), batching(8)).tenant("");
    let first = caller(&model, &[0.0], None);
    let hasty = caller(&model, &[1.0], Some(Duration::from_millis(200)));
    expect!["model 'slow' was stopped: it ran past the deadline of the call that asked it"]
        .assert_eq(&hasty.join().unwrap().unwrap_err());
    let patient = caller(&model, &[2.0], Some(Duration::from_secs(60)));
    drop(go);
    assert_eq!(first.join().unwrap(), Ok(vec![1.0]));
    assert_eq!(patient.join().unwrap(), Ok(vec![3.0]));
    assert_eq!(slow.calls(2), [[0.0], [2.0]]);
}

#[test]
fn a_tenant_waits_before_a_full_queue() {
    let (slow, go) = Slow::new();
    let queue = Queue::new(
        "slow",
        slow.clone(),
        Batching {
            max_waiting_rows: 2,
            ..batching(8)
        },
    );
    let (one, other) = (queue.tenant("one"), queue.tenant("other"));
    let waiting: Vec<_> = [0.0, 1.0, 2.0].map(|row| caller(&one, &[row], None)).into();
    let too_many = caller(&one, &[3.0], Some(Duration::from_millis(200)));
    assert!(too_many.join().unwrap().unwrap_err().contains("deadline"));
    let late = caller(&one, &[4.0], None);
    let free = caller(&other, &[5.0], None);
    drop(go);
    let all = waiting.into_iter().chain([late, free]);
    let answers: Vec<_> = all
        .map(|caller| caller.join().unwrap().unwrap()[0])
        .collect();
    assert_eq!(answers, [1.0, 2.0, 3.0, 5.0, 6.0]);
    assert!(slow.calls(2)[1].contains(&5.0), "{:?}", slow.calls);
}

#[test]
fn a_batch_waits_for_others_where_that_is_wanted() {
    let (slow, go) = Slow::new();
    let queue = Queue::new(
        "slow",
        slow.clone(),
        Batching {
            max_delay: Duration::from_secs(30),
            ..batching(3)
        },
    );
    let model = queue.tenant("");
    drop(go);
    let callers = [0.0, 1.0, 2.0].map(|row| caller(&model, &[row], None));
    callers
        .into_iter()
        .for_each(|caller| assert!(caller.join().unwrap().is_ok()));
    assert_eq!(slow.calls(1), [[0.0, 1.0, 2.0]]);
}

#[test]
fn a_model_that_panics_leaves_nobody_waiting() {
    let (slow, go) = Slow::new();
    let model = Queue::new("slow", slow.clone(), batching(8)).tenant("");
    let mut callers: Vec<_> = [0.0, 666.0, 1.0]
        .map(|row| caller(&model, &[row], None))
        .into();
    drop(go);
    assert_eq!(callers.remove(0).join().unwrap(), Ok(vec![1.0]));
    let ends: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
    assert!(
        ends.iter().any(Result::is_err),
        "who made the call has the panic"
    );
    expect!["model 'slow': the call that had these rows among its own was broken off"]
        .assert_eq(ends.iter().flatten().next().unwrap().as_ref().unwrap_err());
    assert_eq!(ask(&*model, &[5.0], None), Ok(vec![6.0]));
}

#[test]
fn many_callers_get_their_own_rows() {
    let (slow, go) = Slow::new();
    drop(go);
    let queue = Queue::new(
        "slow",
        slow.clone(),
        Batching {
            max_concurrent: 2,
            ..batching(16)
        },
    );
    thread::scope(|scope| {
        for number in 0..32 {
            let model = queue.tenant(&(number % 3).to_string());
            scope.spawn(move || {
                for turn in 0..200 {
                    let rows: Vec<f64> = (0..1 + turn % 3)
                        .map(|row| f64::from(1000 * (number + 1) + turn * 4 + row))
                        .collect();
                    let wanted = rows.iter().map(|row| row + 1.0).collect();
                    assert_eq!(ask(&*model, &rows, None), Ok(wanted));
                }
            });
        }
    });
    assert!(slow.most.load(Ordering::SeqCst) <= 2);
}

fn definition(options: &[(&str, &str)]) -> ModelDefinition {
    let mut all = BTreeMap::from([("path".to_owned(), "none.txt".to_owned())]);
    all.extend(
        options
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
    );
    ModelDefinition {
        name: "m".into(),
        provider: "lightgbm".into(),
        options: all,
        inputs: vec![Field::new("x", DataType::Float64, true)],
        outputs: vec![Field::new("y", DataType::Float64, true)],
        base: "".into(),
    }
}

#[test]
fn options_are_checked() {
    let errors = [
        &[("batch.max-delay", "2 ms")][..],
        &[("batch.max-rows", "0")],
        &[("batch.max-rows", "many")],
        &[("batch.max-rows", "8"), ("batch.max-delay", "long")],
        &[
            ("batch.max-rows", "8"),
            ("batch.max-delay", "99999999999 h"),
        ],
        &[("batch.max-rows", "8"), ("batch.max-row", "8")],
    ]
    .map(|options| {
        let error = load(&definition(options)).unwrap_err();
        format!("{error}\n  hint: {}\n", error.hint().unwrap_or_default())
    });
    expect![[r#"
        model 'm': the option 'batch.max-delay' needs 'batch.max-rows'
          hint: for example 'batch.max-rows' = '1024'
        model 'm': the option 'batch.max-rows' must be more than 0
          hint: 
        model 'm': the option 'batch.max-rows' must be a whole number, not 'many'
          hint: 
        model 'm': the option 'batch.max-delay' must be a time, not 'long'
          hint: for example 'batch.max-delay' = '30 s'
        model 'm': the option 'batch.max-delay' must be a time, not '99999999999 h'
          hint: for example 'batch.max-delay' = '30 s'
        model 'm': unknown option 'batch.max-row' of the provider 'lightgbm'
          hint: did you mean 'batch.max-rows'?
    "#]]
    .assert_eq(&errors.concat());
}
