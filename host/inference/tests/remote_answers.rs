//! Whatever a server answers is columns of the right shape, or an error that says what is wrong.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "servers/fake.rs"]
mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, Float64Type};
use expect_test::expect;
use fake::{Answer, Fake, Script};
use wasmill_inference::{InferenceError, Model, ModelDefinition, load};

const METADATA: &str = r#"{"name": "model", "versions": ["1", "10", "9"], "platform": "",
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 1]}],
    "outputs": [{"name": "y", "datatype": "FP64", "shape": [-1, 1]}]}"#;

fn definition(endpoint: &str, options: &[(&str, &str)]) -> ModelDefinition {
    let given = [("endpoint", endpoint), ("retry-delay", "1 ms")];
    let field = |name| Field::new(name, DataType::Float64, true);
    ModelDefinition {
        name: "model".into(),
        provider: "open-inference".into(),
        options: given
            .iter()
            .chain(options)
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        inputs: vec![field("x")],
        outputs: vec![field("y")],
        base: ".".into(),
    }
}

fn open(fake: &Fake, options: &[(&str, &str)]) -> Arc<dyn Model> {
    load(&definition(&fake.endpoint(), options)).unwrap_or_else(|error| panic!("{error}"))
}

fn predict(model: &Arc<dyn Model>, values: &[f64]) -> Result<Vec<f64>, InferenceError> {
    let column: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
    let answer = model.predict(&[column], values.len(), None)?;
    Ok(answer[0].as_primitive::<Float64Type>().values().to_vec())
}

fn shown(fake: &Fake, error: &InferenceError) -> String {
    let hint = error.hint().map(|hint| format!("\n\nhint: {hint}"));
    format!("error: {error}{}", hint.unwrap_or_default()).replace(&fake.port.to_string(), "PORT")
}

/// JSON of an answer with the one tensor `y`.
fn json(rest: &str) -> Answer {
    let body = format!(r#"{{"model_name": "model", "outputs": [{{"name": "y", {rest}}}]}}"#);
    Answer::new(200, body)
}

/// An answer whose JSON is followed by bytes.
fn binary(rest: &str, bytes: &[u8]) -> Answer {
    let mut answer = json(rest);
    answer.headers = vec![(
        "inference-header-content-length",
        answer.body.len().to_string(),
    )];
    answer.body.extend_from_slice(bytes);
    answer
}

fn always(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Arc<Script> {
    Arc::new(move |_, _| answer())
}

#[test]
fn answers_of_both_forms_are_read() {
    let answers: Vec<fn() -> Answer> = vec![
        || json(r#""datatype": "FP64", "shape": [2, 1], "data": [[1.5], [null]]"#),
        || json(r#""datatype": "FP32", "shape": [2], "data": [1.5, 2]"#),
        || json(r#""datatype": "INT8", "shape": [2], "data": [1, -2]"#),
        || {
            binary(
                r#""datatype": "FP16", "shape": [2], "parameters": {"binary_data_size": 4}"#,
                &[0, 0x3e, 0, 0xc0],
            )
        },
        || {
            binary(
                r#""datatype": "BOOL", "shape": [2, 1], "parameters": {"binary_data_size": 2, "more": "x"}"#,
                &[1, 0],
            )
        },
        || {
            binary(
                r#""parameters": {"binary_data_size": 16}, "datatype": "UINT64", "shape": [2, 1]"#,
                &[7; 16],
            )
        },
    ];
    let mut texts = Vec::new();
    for answer in answers {
        let fake = Fake::start(METADATA, always(answer));
        let model = open(&fake, &[]);
        assert_eq!(model.version(), "10");
        texts.push(format!("{:?}", predict(&model, &[1.0, 2.0]).unwrap()));
    }
    expect![[r#"
        [1.5, NaN]
        [1.5, 2.0]
        [1.0, -2.0]
        [1.5, -2.0]
        [1.0, 0.0]
        [5.063812098665367e17, 5.063812098665367e17]"#]]
    .assert_eq(&texts.join("\n"));
}

#[test]
fn wrong_answers_are_errors() {
    let size = |size: u64| {
        format!(
            r#""datatype": "FP64", "shape": [2, 1], "parameters": {{"binary_data_size": {size}}}"#
        )
    };
    let answers: Vec<Box<dyn Fn() -> Answer + Send + Sync>> = vec![
        Box::new(|| Answer::new(200, "")),
        Box::new(|| Answer::new(200, "[1, 2")),
        Box::new(|| Answer::new(200, r#"{"outputs": []}"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [3, 1], "data": [1, 2, 3]"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [2, 2], "data": [1, 2, 3, 4]"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [2, 1], "data": [1]"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [2, 1], "data": [1, "two"]"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [-2, 1], "data": [1, 2]"#)),
        Box::new(|| {
            json(r#""datatype": "FP64", "shape": [4611686018427387904, 4], "data": [1, 2]"#)
        }),
        Box::new(|| json(r#""datatype": "INT8", "shape": [2, 1], "data": [1, 200]"#)),
        Box::new(|| json(r#""datatype": "BF16", "shape": [2, 1], "data": [1, 2]"#)),
        Box::new(|| json(r#""datatype": "BYTES", "shape": [2, 1], "data": ["1", "2"]"#)),
        Box::new(|| json(r#""shape": [2, 1], "data": [1, 2]"#)),
        Box::new(|| json(r#""datatype": "FP64", "shape": [2, 1]"#)),
        Box::new(move || binary(&size(16), &[0; 15])),
        Box::new(move || binary(&size(16), &[0; 17])),
        Box::new(move || binary(&size(8), &[0; 8])),
        Box::new(move || binary(&size(u64::MAX), &[0; 16])),
        Box::new(|| Answer {
            headers: vec![("inference-header-content-length", "1000".into())],
            ..Answer::new(200, "{}")
        }),
        Box::new(|| Answer {
            headers: vec![("inference-header-content-length", "-1".into())],
            ..Answer::new(200, "{}")
        }),
        Box::new(|| Answer::new(200, vec![b' '; 2 << 20])),
        Box::new(|| Answer::new(400, r#"{"error": "no such\nthing"}"#)),
        Box::new(|| Answer::new(401, "")),
        Box::new(|| Answer::new(500, vec![b'x'; 10_000])),
        Box::new(|| Answer::new(503, r#"{"error": "busy"}"#)),
        Box::new(|| Answer {
            delay: Duration::from_secs(5),
            ..Answer::new(200, "")
        }),
    ];
    let mut texts = Vec::new();
    for answer in answers {
        let fake = Fake::start(METADATA, Arc::new(move |_, _| answer()));
        let options = [
            ("memory.limit", "1 mb"),
            ("timeout", "400 ms"),
            ("max-attempts", "3"),
        ];
        let error = predict(&open(&fake, &options), &[1.0, 2.0]).unwrap_err();
        texts.push(shown(&fake, &error));
    }
    expect![[r#"
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: its JSON cannot be read: EOF while parsing a value at line 1 column 0
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: its JSON cannot be read: invalid type: integer `1`, expected a string at line 1 column 2
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: it has no tensor 'y', but ()
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has the shape [3, 1] for 2 rows
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has the shape [2, 2] for 2 rows
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' of the shape [2, 1] has 1 values instead of 2
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the data of the tensor 'y' of FP64: invalid type: a text, expected a number at line 1 column 9
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has the impossible shape [-2, 1]
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has the impossible shape [4611686018427387904, 4]
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' of INT8: Cast error: Can't cast value 200 to type Int8
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' is of BF16, which no column can carry
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the column 'y' does not fit the tensor 'y' of BYTES
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has no datatype
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has no values
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has 16 bytes, but 15 are left
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: 1 bytes lie behind the last of its tensors
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' of FP64 and the shape [2, 1] has 8 bytes instead of 2 × 8
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: the tensor 'y' has 18446744073709551615 bytes, but 16 are left
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: its JSON has 1000 bytes, but there are 2 in all
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: its header inference-header-content-length is no number
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: it is longer than the model's memory.limit of 1 MiB
        ---
        error: model 'model': the server http://127.0.0.1:PORT answered 400: no such\nthing
        ---
        error: model 'model': the server http://127.0.0.1:PORT answered 401
        ---
        error: model 'model': the server http://127.0.0.1:PORT answered 500: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        ---
        error: model 'model': the server http://127.0.0.1:PORT answered 503: busy (3 attempts)

        hint: is it running, and reachable from here? 'max-attempts' and 'retry-delay' say for how long it is asked again
        ---
        error: model 'model': the server http://127.0.0.1:PORT did not answer within 400ms

        hint: give it more time with 'timeout', or less work at once with 'batch.max-rows' and 'max-concurrent-operations'"#]].assert_eq(&texts.join("\n---\n"));
}

#[test]
fn metadata_that_does_not_fit_is_said() {
    let metadata = [
        "not json",
        r#"{"name": "model", "inputs": [{"name": "x", "datatype": "BF16", "shape": [-1]}]}"#,
        r#"{"name": "model", "inputs": [{"name": "x", "datatype": "FP64", "shape": [8, 1]}]}"#,
        r#"{"name": "model", "inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 3]}]}"#,
        r#"{"name": "model", "outputs": [{"name": "y\u0007", "datatype": "FP64", "shape": [-1]}]}"#,
        r#"{"name": "model", "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}]}"#,
    ];
    let mut texts = Vec::new();
    for metadata in metadata {
        let fake = Fake::start(metadata, always(|| Answer::new(200, "")));
        let error = load(&definition(&fake.endpoint(), &[])).unwrap_err();
        texts.push(shown(&fake, &error));
    }
    expect![[r#"
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: its JSON cannot be read: expected ident at line 1 column 2

        hint: does 'endpoint' name a server of the provider's protocol, and its port?
        ---
        error: model 'model': the tensor 'x' is of BF16, which no column can carry

        hint: the server's model is (the tensor 'x' is of BF16, which no column can carry) -> (); declared is (x DOUBLE) -> (y DOUBLE)
        ---
        error: model 'model': 'x' is fixed to 8 rows; export the model with a free first dimension

        hint: the server's model is (x FP64[8, 1]) -> (); declared is (x DOUBLE) -> (y DOUBLE)
        ---
        error: model 'model': the model takes 3 features, but 1 input columns are declared

        hint: the server's model is (x FP64[N, 3]) -> (); declared is (x DOUBLE) -> (y DOUBLE)
        ---
        error: model 'model': a tensor has a name of control characters, or of more than 1000

        hint: the server's model is () -> (a tensor has a name of control characters, or of more than 1000); declared is (x DOUBLE) -> (y DOUBLE)
        ---
        error: model 'model': the column 'y' does not fit y BYTES[N]

        hint: the server's model is () -> (y BYTES[N]); declared is (x DOUBLE) -> (y DOUBLE)"#]].assert_eq(&texts.join("\n---\n"));
}

#[test]
fn options_that_are_wrong_are_said() {
    let options: [&[(&str, &str)]; 11] = [
        &[("endpoint", "127.0.0.1:8001")],
        &[("endpoint", "ftp://127.0.0.1")],
        &[("endpoint", "https://user:secret@127.0.0.1")],
        &[("endpoint", "grpc://127.0.0.1:1/path")],
        &[("endpoint", "grpc://127.0.0.1:1")],
        &[("endpoint", "http://127.0.0.1:1"), ("tls.ca", "ca.pem")],
        &[
            ("endpoint", "https://127.0.0.1:1"),
            ("tls.ca", "missing.pem"),
        ],
        &[("token", "${env:WASMILL_TEST_NO_SUCH_VARIABLE}")],
        &[("batch.max-rows", "0")],
        &[("timeout", "soon")],
        &[("max-attempt", "3")],
    ];
    let texts = options.map(|options| {
        let error = load(&definition("http://127.0.0.1:1", options)).unwrap_err();
        let hint = error.hint().map(|hint| format!("\n\nhint: {hint}"));
        format!("error: {error}{}", hint.unwrap_or_default())
    });
    expect![[r#"
        error: model 'model': the option 'endpoint' is no URL

        hint: write 'endpoint' = 'grpc://host:8001' or 'http://host:8000', with TLS grpcs:// or https://
        ---
        error: model 'model': the option 'endpoint' has an unknown scheme

        hint: write 'endpoint' = 'grpc://host:8001' or 'http://host:8000', with TLS grpcs:// or https://
        ---
        error: model 'model': the option 'endpoint' has a user or a password in it

        hint: servers are given a 'token' = '${env:NAME}'
        ---
        error: model 'model': the option 'endpoint' has more than a host and a port

        hint: write 'endpoint' = 'grpc://host:8001' or 'http://host:8000', with TLS grpcs:// or https://
        ---
        error: model 'model': the server grpc://127.0.0.1:1 cannot be reached: Connection refused (os error 111)

        hint: is it running, and reachable from here?
        ---
        error: model 'model': the option 'tls.ca' is for servers with TLS

        hint: write the 'endpoint' with grpcs:// or https://
        ---
        error: model 'model': ./missing.pem: the file of 'tls.ca' cannot be read (No such file or directory (os error 2))
        ---
        error: model 'model': the environment variable WASMILL_TEST_NO_SUCH_VARIABLE is not set

        hint: the option 'token' wants it
        ---
        error: model 'model': the option 'batch.max-rows' must be at least 1
        ---
        error: model 'model': the option 'timeout' must be a time, not 'soon'

        hint: for example 'timeout' = '30 s'
        ---
        error: model 'model': unknown option 'max-attempt' of the provider 'open-inference'

        hint: did you mean 'max-attempts'?"#]].assert_eq(&texts.join("\n---\n"));
}

/// Counts the requests, of which the first `failing` get `status`.
fn failing_first(failing: usize, status: u16) -> (Arc<AtomicUsize>, Arc<Script>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let script = move |_: &_, _: &_| match counted.fetch_add(1, Ordering::SeqCst) {
        count if count < failing => Answer::new(status, "not now"),
        _ => json(r#""datatype": "FP64", "shape": [1, 1], "data": [3.0]"#),
    };
    (asked, Arc::new(script))
}

#[test]
fn what_passes_is_asked_again_and_the_rest_is_not() {
    for status in [429, 502, 503, 504] {
        let (asked, script) = failing_first(3, status);
        let fake = Fake::start(METADATA, script);
        assert_eq!(predict(&open(&fake, &[]), &[1.0]).unwrap(), [3.0]);
        assert_eq!(asked.load(Ordering::SeqCst), 4, "{status}");
    }
    for status in [400, 401, 404, 409, 500, 501] {
        let (asked, script) = failing_first(3, status);
        let fake = Fake::start(METADATA, script);
        predict(&open(&fake, &[]), &[1.0]).unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{status}");
    }
}

#[test]
fn a_server_that_fails_again_and_again_is_left_alone_for_a_while() {
    let (asked, script) = failing_first(5, 503);
    let fake = Fake::start(METADATA, script);
    let options = [
        ("max-attempts", "1"),
        ("circuit-breaker.failures", "3"),
        ("circuit-breaker.open-time", "500 ms"),
    ];
    let model = open(&fake, &options);
    for _ in 0..3 {
        predict(&model, &[1.0]).unwrap_err();
    }
    let error = predict(&model, &[1.0]).unwrap_err();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let text = shown(&fake, &error);
    let text = text.split("alone for").next().unwrap();
    expect!["error: model 'model': the server http://127.0.0.1:PORT has failed 3 times in a row, and is left "].assert_eq(text);
    std::thread::sleep(Duration::from_millis(550));
    // One trial each.
    for asked_then in [4, 5] {
        predict(&model, &[1.0]).unwrap_err();
        predict(&model, &[1.0]).unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), asked_then);
        std::thread::sleep(Duration::from_millis(550));
    }
    for _ in 0..3 {
        assert_eq!(predict(&model, &[1.0]).unwrap(), [3.0]);
    }
}

#[test]
fn the_token_goes_along_and_is_in_no_message() {
    // SAFETY: no other test of this file reads or writes the environment but by `load`, of other names.
    unsafe { std::env::set_var("WASMILL_TEST_TOKEN", "s3cret") };
    let script = |headers: &axum::http::HeaderMap, _: &_| match headers.get("authorization") {
        Some(value) if value == "Bearer s3cret" => {
            json(r#""datatype": "FP64", "shape": [1, 1], "data": [3.0]"#)
        }
        _ => Answer::new(401, r#"{"error": "who asks?"}"#),
    };
    let fake = Fake::start(METADATA, Arc::new(script));
    let model = open(&fake, &[("token", "${env:WASMILL_TEST_TOKEN}")]);
    assert_eq!(predict(&model, &[1.0]).unwrap(), [3.0]);
    assert!(!format!("{model:?}").contains("s3cret"));
    predict(&open(&fake, &[]), &[1.0]).unwrap_err();
}

#[test]
fn a_model_is_asked_by_few_at_once_whoever_calls() {
    let at_work = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (working, highest) = (Arc::clone(&at_work), Arc::clone(&most));
    let script = move |_: &_, _: &_| {
        highest.fetch_max(working.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Synchronous: the fake has two threads.
        std::thread::sleep(Duration::from_millis(5));
        working.fetch_sub(1, Ordering::SeqCst);
        json(r#""datatype": "FP64", "shape": [1, 1], "data": [3.0]"#)
    };
    let fake = Fake::start(METADATA, Arc::new(script));
    let model = open(
        &fake,
        &[("batch.max-rows", "1"), ("max-concurrent-operations", "1")],
    );
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(predict(&model, &[0.0; 10]).unwrap(), [3.0; 10]));
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1, "{:?}", begun.elapsed());
}
