//! Our client against our server: all kinds of columns, limits, wrong requests and the end of a server.

#![allow(clippy::unwrap_used, reason = "tests")]

mod serving;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, ListArray, StringArray,
};
use arrow::datatypes::{Float32Type, Float64Type, Int64Type};
use expect_test::expect;
use serving::{Serving, fields};
use wasmill_inference::open_inference::grpc::ModelInferRequest;
use wasmill_inference::open_inference::grpc::grpc_inference_service_client::GrpcInferenceServiceClient;
use wasmill_inference::open_inference::grpc::model_infer_request::InferInputTensor;
use wasmill_inference::{Model, ModelDefinition, load};
use wasmill_server::ServerLimits;

fn open(server: &Serving, scheme: &str, options: &[(&str, &str)]) -> Arc<dyn Model> {
    let endpoint = format!("{scheme}://{}", server.address);
    let given = [("endpoint", endpoint.as_str()), ("batch.max-rows", "100")];
    let definition = ModelDefinition {
        name: "types".into(),
        provider: "open-inference".into(),
        options: given
            .iter()
            .chain(options)
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
    };
    load(&definition).unwrap_or_else(|error| panic!("{error}"))
}

fn columns(rows: usize, text: &str) -> Vec<ArrayRef> {
    let lists = (0..rows).map(|row| Some([Some(row as f32), Some(0.5)]));
    let numbers = (0..rows).map(|row| (row % 7 != 0).then_some(row as f64));
    vec![
        Arc::new(numbers.collect::<Float64Array>()),
        Arc::new(Int64Array::from_iter_values(
            (0..rows).map(|row| row as i64),
        )),
        Arc::new(
            (0..rows)
                .map(|row| Some(row % 3 == 0))
                .collect::<BooleanArray>(),
        ),
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| text))),
        Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists)),
    ]
}

#[test]
fn columns_of_all_kinds_come_and_go() {
    let server = Serving::start(ServerLimits::default());
    for scheme in ["grpc", "http"] {
        let model = open(&server, scheme, &[]);
        assert_eq!(model.version(), "v1");
        let given = columns(1234, "ä");
        let answer = model.predict(&given, 1234, None).unwrap();
        for row in 0..1234 {
            let number = answer[0].as_primitive::<Float64Type>().value(row);
            assert!(if row % 7 == 0 {
                number.is_nan()
            } else {
                number == row as f64 * 2.0
            });
            assert_eq!(
                answer[1].as_primitive::<Int64Type>().value(row),
                row as i64 * 2
            );
            assert_eq!(answer[2].as_boolean().value(row), row % 3 != 0);
            assert_eq!(answer[3].as_string::<i32>().value(row), "Ä");
            let list = answer[4].as_list::<i32>().value(row);
            assert_eq!(
                list.as_primitive::<Float32Type>().values().as_ref(),
                [row as f32, 0.5]
            );
        }
    }
}

#[test]
fn requests_beyond_the_limits_are_turned_away() {
    let limits = ServerLimits {
        concurrency: 1,
        requests: 1,
        body_bytes: 64 << 10,
        timeout: Duration::from_secs(1),
    };
    let server = Serving::start(limits);
    let mut texts = Vec::new();
    for scheme in ["grpc", "http"] {
        let model = open(
            &server,
            scheme,
            &[("max-attempts", "1"), ("circuit-breaker.failures", "0")],
        );
        let mut failed = |rows, text: &str| {
            let error = model.predict(&columns(rows, text), rows, None).unwrap_err();
            texts.push(
                error
                    .to_string()
                    .replace(&server.address.to_string(), "SERVER"),
            );
        };
        // Late, and behind it one too many.
        std::thread::scope(|scope| {
            scope.spawn(|| failed(1, "slower"));
            sleep(Duration::from_millis(300));
            let other = open(&server, scheme, &[("max-attempts", "1")]);
            let error = other.predict(&columns(1, "a"), 1, None).unwrap_err();
            assert!(
                error.to_string().contains("too many requests at once"),
                "{error}"
            );
        });
        sleep(Duration::from_millis(1000));
        failed(1, "panic");
        // Little more than the limit: the answer comes while the rest is on its way.
        failed(100, &"long".repeat(175));
    }
    expect![[r#"
        model 'types': the server grpc://SERVER answered DeadlineExceeded: the request has had its time
        model 'types': the server grpc://SERVER answered Internal: the model has panicked
        model 'types': the server grpc://SERVER answered OutOfRange: Error, decoded message length too large: found 73084 bytes, the limit is: 65536 bytes
        model 'types': the server http://SERVER answered 504: the request has had its time
        model 'types': the server http://SERVER answered 500: the model has panicked
        model 'types': the server http://SERVER answered 413: Failed to buffer the request body: length limit exceeded"#]].assert_eq(&texts.join("\n"));
}

#[test]
fn a_client_that_waits_and_tries_again_loses_no_row_to_a_busy_server() {
    let limits = ServerLimits {
        requests: 2,
        ..ServerLimits::default()
    };
    let server = Serving::start(limits);
    for scheme in ["grpc", "http"] {
        let options = [
            ("max-attempts", "100"),
            ("retry-delay", "5 ms"),
            ("retry-max-delay", "50 ms"),
        ];
        let model = open(&server, scheme, &options);
        let answer = model.predict(&columns(3000, "x"), 3000, None);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        let whole = answer[1].as_primitive::<Int64Type>();
        assert!((0..3000).all(|row| whole.value(row) == row as i64 * 2));
    }
}

#[test]
fn a_server_that_stops_answers_what_it_has_begun() {
    let mut server = Serving::start(ServerLimits::default());
    let models = ["grpc", "http"].map(|scheme| open(&server, scheme, &[("max-attempts", "1")]));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let answers = models
            .each_ref()
            .map(|model| scope.spawn(|| model.predict(&columns(10, "slow"), 10, None)));
        sleep(Duration::from_millis(150));
        server.stop();
        for answer in answers {
            let answer = answer
                .join()
                .unwrap()
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(answer[3].len(), 10);
        }
    });
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    models[0].predict(&columns(1, "x"), 1, None).unwrap_err();
}

/// The status line and the body of an answer.
fn post(server: &Serving, headers: &str, body: &[u8]) -> String {
    post_to(server, "sum", headers, body)
}

fn post_to(server: &Serving, model: &str, headers: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let head = format!(
        "POST /v2/models/{model}/infer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    format!("{} {body}", &head[9..12])
}

/// Whatever takes over meanwhile, an answer names the version that gave it, and is of the version that was
/// asked for.
#[test]
fn an_answer_names_the_version_that_gave_it() {
    let server = Serving::start(ServerLimits::default());
    let body = br#"{"inputs": [{"name": "x", "datatype": "FP64", "shape": [1, 1], "data": [0]}]}"#;
    let asked = [
        "turning",
        "turning",
        "turning/versions/5",
        "turning/versions/2",
    ];
    let answers = asked.map(|model| post_to(&server, model, "", body));
    expect![[r#"
        200 {"model_name":"turning","model_version":"2","outputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[2.0]}]}
        200 {"model_name":"turning","model_version":"4","outputs":[{"name":"x","shape":[1,1],"datatype":"FP64","data":[4.0]}]}
        404 {"error":"the model 'turning' has the version '6', not '5'"}
        404 {"error":"the model 'turning' has the version '7', not '2'"}"#]].assert_eq(&answers.join("\n"));
    let address = format!("http://{}", server.address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answer = runtime.block_on(async {
        let mut client = GrpcInferenceServiceClient::connect(address).await.unwrap();
        let request = ModelInferRequest {
            model_name: "turning".into(),
            inputs: vec![InferInputTensor {
                name: "x".into(),
                datatype: "FP64".into(),
                shape: vec![1, 1],
                ..InferInputTensor::default()
            }],
            raw_input_contents: vec![vec![0; 8].into()],
            ..ModelInferRequest::default()
        };
        client.model_infer(request).await.unwrap().into_inner()
    });
    let number = f64::from_le_bytes(*answer.raw_output_contents[0].first_chunk().unwrap());
    assert_eq!(answer.model_version, number.to_string());
}

#[test]
fn wrong_requests_are_said_to_be_wrong() {
    let server = Serving::start(ServerLimits::default());
    let tensor = |rest: &str| format!(r#"{{"inputs": [{{"name": "a", {rest}}}]}}"#);
    let bodies = [
        "".to_owned(),
        "{}".to_owned(),
        r#"{"inputs": [{}]}"#.to_owned(),
        tensor(r#""datatype": "FP64", "shape": [], "data": [1]"#),
        tensor(r#""datatype": "FP64", "shape": [1], "data": [1]"#),
        tensor(r#""datatype": "FP64", "shape": [1, 3], "data": [1, 2]"#),
        tensor(r#""datatype": "FP64", "shape": [1, 3], "data": [1, 2, 3]"#),
        tensor(r#""datatype": "FP64", "shape": [1, 3], "data": [1, 2, null]"#),
        tensor(r#""datatype": "FP64", "shape": [9223372036854775807, 0], "data": []"#),
        tensor(r#""datatype": "FP64", "shape": [0, 3], "data": []"#),
        tensor(r#""datatype": "BYTES", "shape": [1, 3], "data": ["1", "2", "3"]"#),
        tensor(r#""datatype": "FP64", "shape": [1, 3], "parameters": {"binary_data_size": 24}"#),
        format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!(
            r#"{{"inputs": [{}{{"name": ""}}]}}"#,
            r#"{"name": ""},"#.repeat(20_000)
        ),
    ];
    let mut texts: Vec<_> = bodies
        .iter()
        .map(|body| post(&server, "", body.as_bytes()))
        .collect();
    texts.push(post(
        &server,
        "Inference-Header-Content-Length: 99\r\n",
        b"{}",
    ));
    texts.push(post(&server, "Content-Encoding: gzip\r\n", b"{}"));
    expect![[r#"
        400 {"error":"the request cannot be read: its JSON cannot be read: EOF while parsing a value at line 1 column 0"}
        400 {"error":"model 'sum': there are no tensors"}
        400 {"error":"the request cannot be read: its JSON cannot be read: missing field `name` at line 1 column 14"}
        400 {"error":"model 'sum': the tensor 'a' has no dimension for rows"}
        400 {"error":"model 'sum': the model takes 3 tensors, but 1 came"}
        400 {"error":"the request cannot be read: the tensor 'a' of the shape [1, 3] has 2 values instead of 3"}
        200 {"model_name":"sum","model_version":"7","outputs":[{"name":"sum","shape":[1,1],"datatype":"FP64","data":[6.0]}]}
        200 {"model_name":"sum","model_version":"7","outputs":[{"name":"sum","shape":[1,1],"datatype":"FP64","data":[null]}]}
        400 {"error":"model 'sum': 9223372036854775807 rows are more than the 16777216 of one request"}
        400 {"error":"model 'sum': the tensor 'a' has no rows"}
        400 {"error":"model 'sum': the column 'a' does not fit the tensor 'a' of BYTES"}
        400 {"error":"the request cannot be read: the tensor 'a' has 24 bytes, but 0 are left"}
        400 {"error":"the request cannot be read: its JSON cannot be read: invalid type: sequence, expected a string at line 1 column 1"}
        400 {"error":"the request cannot be read: its JSON cannot be read: invalid length 16385, expected a list of at most 16384 tensors at line 1 column 213017"}
        400 {"error":"the request cannot be read: its JSON has 99 bytes, but there are 2 in all"}
        400 {"error":"a compressed body is not read"}"#]].assert_eq(&texts.join("\n"));

    let address = format!("http://{}", server.address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut wrong = Vec::new();
    let tensor = |shape: &[i64]| InferInputTensor {
        name: "a".into(),
        datatype: "FP64".into(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    };
    for (shape, raw) in [
        (&[1, 3], vec![0; 23]),
        (&[-1, -1], vec![0; 24]),
        (&[1, 3], vec![]),
    ] {
        wrong.push(ModelInferRequest {
            model_name: "sum".into(),
            inputs: vec![tensor(shape)],
            raw_input_contents: vec![raw.into()],
            ..ModelInferRequest::default()
        });
    }
    let mut both = wrong[0].clone();
    both.raw_input_contents.clear();
    wrong.push(both.clone());
    both.raw_input_contents = vec![vec![0; 24].into(); 2];
    wrong.push(both);
    let texts = runtime.block_on(async {
        let mut client = GrpcInferenceServiceClient::connect(address).await.unwrap();
        let mut texts = Vec::new();
        for request in wrong {
            let status = client.model_infer(request).await.unwrap_err();
            texts.push(format!("{:?} {}", status.code(), status.message()));
        }
        texts
    });
    expect![[r#"
        InvalidArgument the tensor 'a' of FP64 and the shape [1, 3] has 23 bytes instead of 3 × 8
        InvalidArgument the tensor 'a' has the impossible shape [-1, -1]
        InvalidArgument the tensor 'a' of FP64 and the shape [1, 3] has 0 bytes instead of 3 × 8
        InvalidArgument the tensor 'a' of the shape [1, 3] has 0 values instead of 3
        InvalidArgument a message has raw contents of 2 tensors, but describes 1"#]]
    .assert_eq(&texts.join("\n"));
}
