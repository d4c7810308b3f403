//! Methods of a BentoML service, of all the shapes that they may have.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod servers;

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use expect_test::expect;
use servers::{Server, bentoml};
use wasmill_inference::{InferenceError, ModelDefinition, load};

fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}

fn definition(
    server: &Server,
    method: &str,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
) -> ModelDefinition {
    let endpoint = format!("http://127.0.0.1:{}", server.http);
    let options = [
        ("endpoint", endpoint.as_str()),
        ("method", method),
        ("batch.max-rows", "2"),
    ];
    ModelDefinition {
        name: "model".into(),
        provider: "bentoml".into(),
        options: options
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
        inputs,
        outputs,
        base: ".".into(),
    }
}

/// The answer as a table, or the error.
fn call(definition: &ModelDefinition, columns: &[ArrayRef]) -> String {
    let called = load(definition).and_then(|model| {
        assert_eq!(model.version(), "unversioned");
        model.predict(columns, columns[0].len(), None)
    });
    match called {
        Ok(answer) => {
            let schema = Arc::new(Schema::new(definition.outputs.clone()));
            let batch = RecordBatch::try_new(schema, answer).unwrap();
            pretty_format_batches(&[batch]).unwrap().to_string()
        }
        Err(error) => shown(&error),
    }
}

fn shown(error: &InferenceError) -> String {
    let hint = error.hint().map(|hint| format!("\n\nhint: {hint}"));
    format!("error: {error}{}", hint.unwrap_or_default())
}

#[test]
fn methods_of_all_shapes_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let server = bentoml(folder.path());
    let double = DataType::Float64;
    let numbers: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), Some(2.0), Some(-3.0)]));
    let nulls: ArrayRef = Arc::new(Float64Array::from(vec![Some(1.5), None, Some(f64::NAN)]));
    let whole: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 7]));
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a\"", "ü", "slow"]));
    let flag: ArrayRef = Arc::new(BooleanArray::from(vec![true, false, true]));
    let ab = || vec![field("a", double.clone()), field("b", DataType::Int64)];
    let list = DataType::new_list(DataType::Int32, true);
    let mut texts = vec![
        call(
            &definition(&server, "predict", ab(), vec![field("sum", double.clone())]),
            &[numbers.clone(), whole.clone()],
        ),
        call(
            &definition(
                &server,
                "both",
                ab(),
                vec![
                    field("sum", double.clone()),
                    field("max", DataType::Float32),
                ],
            ),
            &[numbers.clone(), whole.clone()],
        ),
        call(
            &definition(
                &server,
                "texts",
                vec![
                    field("text", DataType::Utf8),
                    field("flag", DataType::Boolean),
                ],
                vec![
                    field("flag_out", DataType::Boolean),
                    field("upper", DataType::Utf8),
                ],
            ),
            &[text.clone(), flag.clone()],
        ),
        call(
            &definition(
                &server,
                "records",
                vec![field("x", double.clone()), field("whole", DataType::Int64)],
                vec![field("sum", double.clone()), field("parts", list)],
            ),
            &[nulls.clone(), whole.clone()],
        ),
        // Wrong ones.
        call(
            &definition(
                &server,
                "wrong",
                vec![field("x", double.clone())],
                vec![field("y", double.clone())],
            ),
            std::slice::from_ref(&numbers),
        ),
        call(
            &definition(
                &server,
                "wrong",
                vec![field("x", double.clone())],
                vec![field("y", double.clone())],
            ),
            &[nulls],
        ),
        call(
            &definition(&server, "missing", ab(), ab()),
            std::slice::from_ref(&numbers),
        ),
        call(
            &definition(&server, "texts", ab(), ab()),
            std::slice::from_ref(&numbers),
        ),
        call(
            &definition(&server, "texts", vec![field("text", DataType::Utf8)], ab()),
            std::slice::from_ref(&text),
        ),
        call(
            &definition(
                &server,
                "texts",
                vec![
                    field("text", DataType::Int64),
                    field("flag", DataType::Boolean),
                ],
                ab(),
            ),
            std::slice::from_ref(&text),
        ),
    ];
    let mut grpc = definition(&server, "predict", ab(), ab());
    grpc.options
        .insert("endpoint".into(), "grpc://127.0.0.1:1".into());
    texts.push(call(&grpc, &[numbers]));
    let text = texts
        .join("\n---\n")
        .replace(&server.http.to_string(), "PORT");
    expect![[r#"
        +-----+
        | sum |
        +-----+
        | 2.5 |
        | 4.0 |
        | 4.0 |
        +-----+
        ---
        +-----+-----+
        | sum | max |
        +-----+-----+
        | 2.5 | 1.5 |
        | 4.0 | 2.0 |
        | 4.0 | 7.0 |
        +-----+-----+
        ---
        +----------+-------+
        | flag_out | upper |
        +----------+-------+
        | false    | A"    |
        | true     | Ü     |
        | false    | SLOW  |
        +----------+-------+
        ---
        +-----+-----------+
        | sum | parts     |
        +-----+-----------+
        | 2.5 | [1]       |
        | 2.0 | [2, 2]    |
        | 7.0 | [7, 7, 7] |
        +-----+-----------+
        ---
        error: model 'model': the server http://127.0.0.1:PORT gave a wrong answer: 'y' has 1 values for 2 rows
        ---
        error: model 'model': the server http://127.0.0.1:PORT answered 400: 1 validation error for Input; at "x", 1: Input should be a valid number
        ---
        error: model 'model': the service has no method 'missing'

        hint: its methods are both, predict, records, texts, wrong
        ---
        error: model 'model': the inputs are not the method's parameters

        hint: the method is texts(factor, flag, text); declared is (a DOUBLE, b BIGINT)
        ---
        error: model 'model': the method wants a parameter that is no input: flag

        hint: the method is texts(factor, flag, text); declared is (text STRING)
        ---
        error: model 'model': the column 'text' is BIGINT, but the parameter is a list of string

        hint: the method is texts(factor, flag, text); declared is (text BIGINT, flag BOOLEAN)
        ---
        error: model 'model': BentoML's methods are called over HTTP

        hint: write 'endpoint' = 'http://host:port'"#]].assert_eq(&text);
}
