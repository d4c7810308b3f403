//! Triton takes and gives all kinds of columns, and may die or be slow meanwhile.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod servers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray,
    UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int64Type};
use expect_test::expect;
use servers::{Server, triton};
use wasmill_inference::{InferenceError, Model, ModelDefinition, load};

fn fields(names: [&str; 5]) -> Vec<Field> {
    let [number, whole, flag, text, list] = names;
    vec![
        Field::new(number, DataType::Float64, true),
        Field::new(whole, DataType::Int64, true),
        Field::new(flag, DataType::Boolean, true),
        Field::new(text, DataType::Utf8, true),
        Field::new(list, DataType::new_list(DataType::Float32, true), true),
    ]
}

fn definition(endpoint: &str, options: &[(&str, &str)]) -> ModelDefinition {
    let given = [
        ("endpoint", endpoint),
        ("batch.max-rows", "64"),
        ("retry-delay", "50 ms"),
        ("retry-max-delay", "500 ms"),
        ("max-attempts", "200"),
    ];
    let options = given.iter().chain(options);
    ModelDefinition {
        name: "types".into(),
        provider: "open-inference".into(),
        options: options
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        inputs: fields(["number", "whole", "flag", "text", "list"]),
        outputs: fields([
            "number_out",
            "whole_out",
            "flag_out",
            "text_out",
            "list_out",
        ]),
        base: ".".into(),
    }
}

fn open(definition: &ModelDefinition) -> Arc<dyn Model> {
    load(definition).unwrap_or_else(|error| panic!("{error}\n{:?}", error.hint()))
}

/// Rows whose text is `text` and their number.
fn columns(rows: usize, text: &str) -> Vec<ArrayRef> {
    let texts = (0..rows).map(|row| Some(format!("{text}{row} ü")));
    let lists = (0..rows).map(|row| {
        Some(
            (0..3)
                .map(|item| Some((row * item) as f32))
                .collect::<Vec<_>>(),
        )
    });
    vec![
        Arc::new(Float64Array::from_iter_values(
            (0..rows).map(|row| row as f64 / 8.0),
        )),
        Arc::new(Int64Array::from_iter_values(
            (0..rows).map(|row| row as i64 - (1 << 60)),
        )),
        Arc::new(
            (0..rows)
                .map(|row| Some(row % 3 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new(texts.collect::<StringArray>()),
        Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists)),
    ]
}

/// Each row's answer is its own.
fn check(answers: &[ArrayRef], columns: &[ArrayRef]) {
    let rows = columns[0].len();
    for row in 0..rows {
        let number = columns[0].as_primitive::<Float64Type>().value(row);
        let whole = columns[1].as_primitive::<Int64Type>().value(row);
        let text = columns[3].as_string::<i32>().value(row).to_uppercase();
        let list = columns[4].as_list::<i32>().value(row);
        let list: Vec<f32> = list
            .as_primitive::<Float32Type>()
            .iter()
            .map(|x| x.unwrap() * 2.0)
            .collect();
        assert_eq!(
            answers[0].as_primitive::<Float64Type>().value(row),
            number * 2.0
        );
        assert_eq!(answers[1].as_primitive::<Int64Type>().value(row), whole + 1);
        assert_eq!(
            answers[2].as_boolean().value(row),
            !columns[2].as_boolean().value(row)
        );
        assert_eq!(answers[3].as_string::<i32>().value(row), text);
        let answer = answers[4].as_list::<i32>().value(row);
        assert_eq!(answer.as_primitive::<Float32Type>().values().as_ref(), list);
    }
    assert!(answers.iter().all(|answer| answer.len() == rows));
}

fn endpoints(server: &Server) -> [String; 2] {
    [
        format!("grpc://127.0.0.1:{}", server.grpc),
        format!("http://127.0.0.1:{}", server.http),
    ]
}

#[test]
fn columns_of_all_kinds_come_and_go_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = triton(folder.path());
    for endpoint in endpoints(&server) {
        let model = open(&definition(&endpoint, &[]));
        assert_eq!(model.version(), "3");
        for rows in [0, 1, 63, 64, 65, 1000] {
            let columns = columns(rows, "row ");
            check(&model.predict(&columns, rows, None).unwrap(), &columns);
        }
        // Columns that do not begin where their buffers do.
        let all = columns(100, "");
        let part: Vec<_> = all.iter().map(|column| column.slice(37, 41)).collect();
        check(&model.predict(&part, 41, None).unwrap(), &part);
        let places = UInt64Array::from_iter_values((0..100).rev());
        let turned: Vec<_> = all
            .iter()
            .map(|column| take(column, &places, None).unwrap())
            .collect();
        check(&model.predict(&turned, 100, None).unwrap(), &turned);
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let server = triton(folder.path());
    let shown = |error: InferenceError| {
        let text = format!(
            "error: {error}\n\nhint: {}",
            error.hint().unwrap_or_default()
        );
        let text = text.replace(&server.grpc.to_string(), "PORT");
        let text = match text.split_once("[request id: ") {
            Some((before, behind)) => {
                format!("{before}[request{}", &behind[behind.find(']').unwrap()..])
            }
            None => text,
        };
        text.replace(&server.http.to_string(), "PORT")
    };
    let mut texts = Vec::new();
    for endpoint in endpoints(&server) {
        let mut wrong = definition(&endpoint, &[("model", "other")]);
        texts.push(shown(load(&wrong).unwrap_err()));
        wrong = definition(&endpoint, &[("model-version", "4")]);
        texts.push(shown(load(&wrong).unwrap_err()));
        let model = open(&definition(&endpoint, &[("batch.max-rows", "65")]));
        texts.push(shown(
            model.predict(&columns(65, ""), 65, None).unwrap_err(),
        ));
        let mut nulls = columns(65, "");
        nulls[1] = Arc::new(
            (0..65)
                .map(|row| (row != 64).then_some(1))
                .collect::<Int64Array>(),
        );
        let model = open(&definition(&endpoint, &[]));
        texts.push(shown(model.predict(&nulls, 65, None).unwrap_err()));
    }
    let mut wrong = definition(&endpoints(&server)[0], &[]);
    wrong.inputs.pop();
    texts.push(shown(load(&wrong).unwrap_err()));
    let mut wrong = definition(&endpoints(&server)[0], &[]);
    wrong.outputs[0] = Field::new("number_out", DataType::Utf8, true);
    texts.push(shown(load(&wrong).unwrap_err()));
    expect![[r#"
        error: model 'types': the server grpc://127.0.0.1:PORT has no such model that is ready

        hint: 'model' and 'model-version' must be the server's names for it
        ---
        error: model 'types': the server grpc://127.0.0.1:PORT has no such model that is ready

        hint: 'model' and 'model-version' must be the server's names for it
        ---
        error: model 'types': the server grpc://127.0.0.1:PORT answered InvalidArgument: [request] inference request batch-size must be <= 64 for 'types'

        hint: 
        ---
        error: model 'types': the column 'whole': row 0 is NULL, and a tensor of INT64 has no value for it (rows are counted from row 64 on)

        hint: 
        ---
        error: model 'types': the server http://127.0.0.1:PORT has no such model that is ready: it answered 400: Model version not ready

        hint: 'model' and 'model-version' must be the server's names for it
        ---
        error: model 'types': the server http://127.0.0.1:PORT has no such model that is ready: it answered 400: Model version not ready

        hint: 'model' and 'model-version' must be the server's names for it
        ---
        error: model 'types': the server http://127.0.0.1:PORT answered 400: [request] inference request batch-size must be <= 64 for 'types'

        hint: 
        ---
        error: model 'types': the column 'whole': row 0 is NULL, and a tensor of INT64 has no value for it (rows are counted from row 64 on)

        hint: 
        ---
        error: model 'types': the model takes 5 tensors, but 4 input columns are declared

        hint: the server's model is (number FP64[N, 1], whole INT64[N, 1], flag BOOL[N, 1], text BYTES[N, 1], list FP32[N, ?]) -> (number_out FP64[N, 1], whole_out INT64[N, 1], flag_out BOOL[N, 1], text_out BYTES[N, 1], list_out FP32[N, ?]); declared is (number DOUBLE, whole BIGINT, flag BOOLEAN, text STRING) -> (number_out DOUBLE, whole_out BIGINT, flag_out BOOLEAN, text_out STRING, list_out ARRAY<FLOAT>)
        ---
        error: model 'types': the column 'number_out' does not fit number_out FP64[N, 1]

        hint: the server's model is (number FP64[N, 1], whole INT64[N, 1], flag BOOL[N, 1], text BYTES[N, 1], list FP32[N, ?]) -> (number_out FP64[N, 1], whole_out INT64[N, 1], flag_out BOOL[N, 1], text_out BYTES[N, 1], list_out FP32[N, ?]); declared is (number DOUBLE, whole BIGINT, flag BOOLEAN, text STRING, list ARRAY<FLOAT>) -> (number_out STRING, whole_out BIGINT, flag_out BOOLEAN, text_out STRING, list_out ARRAY<FLOAT>)"#]].assert_eq(&texts.join("\n---\n"));
}

#[test]
fn a_server_that_is_killed_in_the_middle_costs_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = triton(folder.path());
    for endpoint in endpoints(&server) {
        let model = open(&definition(
            &endpoint,
            &[("max-concurrent-operations", "4")],
        ));
        let rows = 64 * 60;
        let columns = columns(rows, "slow");
        let begun = Instant::now();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let answers = scope.spawn(|| {
                let answers = model.predict(&columns, rows, None);
                done.store(true, Ordering::SeqCst);
                answers
            });
            for _ in 0..2 {
                sleep(Duration::from_millis(700));
                assert!(
                    !done.load(Ordering::SeqCst),
                    "it was over before the server was killed"
                );
                server.kill();
                sleep(Duration::from_millis(300));
                server.restart();
                sleep(Duration::from_secs(4));
            }
            let answers = answers.join().unwrap();
            check(&answers.unwrap_or_else(|error| panic!("{error}")), &columns);
        });
        println!("{:?}", begun.elapsed());
    }
}

#[test]
fn the_deadline_of_a_call_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = triton(folder.path());
    let model = open(&definition(&endpoints(&server)[0], &[]));
    let begun = Instant::now();
    let deadline = begun + Duration::from_millis(300);
    let columns = columns(6400, "slow");
    let error = model.predict(&columns, 6400, Some(deadline)).unwrap_err();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    expect!["model 'types' was stopped: it ran past the deadline of the call that asked it"]
        .assert_eq(&error.to_string());
}
