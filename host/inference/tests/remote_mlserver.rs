//! MLServer, with LightGBM, predicts for us what LightGBM predicts, over gRPC and over REST.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod servers;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Float64Type};
use servers::mlserver;
use wasmill_inference::{ModelDefinition, load};

const FEATURES: usize = 4;

fn numbers(path: &Path) -> Vec<f64> {
    let bytes = std::fs::read(path).unwrap();
    let numbers = bytes.chunks_exact(8);
    numbers
        .map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap()))
        .collect()
}

fn definition(endpoint: String, inputs: Vec<Field>) -> ModelDefinition {
    let options = [
        ("endpoint", endpoint.as_str()),
        ("model-version", "v7"),
        ("batch.max-rows", "700"),
    ];
    ModelDefinition {
        name: "higgs".into(),
        provider: "open-inference".into(),
        options: options
            .map(|(key, value)| (key.into(), value.into()))
            .into(),
        inputs,
        outputs: vec![Field::new("prediction", DataType::Float64, true)],
        base: ".".into(),
    }
}

/// One column for each feature.
fn features(values: &[f64]) -> (Vec<Field>, Vec<ArrayRef>) {
    (0..FEATURES)
        .map(|feature| {
            let column: Float64Array = values
                .iter()
                .skip(feature)
                .step_by(FEATURES)
                .copied()
                .map(Some)
                .collect();
            let field = Field::new(format!("f{feature}"), DataType::Float64, true);
            (field, Arc::new(column) as ArrayRef)
        })
        .unzip()
}

/// One column of lists.
fn list(values: &[f64]) -> (Vec<Field>, Vec<ArrayRef>) {
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let offsets =
        OffsetBuffer::from_lengths(std::iter::repeat_n(FEATURES, values.len() / FEATURES));
    let values = Arc::new(Float64Array::from(values.to_vec()));
    let list = ListArray::new(Arc::clone(&item), offsets, values, None);
    (
        vec![Field::new("features", DataType::List(item), true)],
        vec![Arc::new(list)],
    )
}

fn compare(folder: &Path, endpoint: String, (fields, columns): (Vec<Field>, Vec<ArrayRef>)) {
    let expected = numbers(&folder.join("expected.bin"));
    let model = load(&definition(endpoint, fields)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(model.version(), "v7");
    let actual = model.predict(&columns, expected.len(), None);
    let actual = actual.unwrap_or_else(|error| panic!("{error}"));
    let actual = actual[0].as_primitive::<Float64Type>().values();
    assert_eq!(actual.len(), expected.len());
    let differing = actual.iter().zip(&expected).position(|(a, e)| a != e);
    assert_eq!(differing, None, "{} rows", expected.len());
}

#[test]
fn a_model_that_is_described_takes_a_column_for_each_feature() {
    let folder = tempfile::tempdir().unwrap();
    let server = mlserver(folder.path(), true);
    let rows = numbers(&folder.path().join("rows.bin"));
    for endpoint in [
        format!("grpc://127.0.0.1:{}", server.grpc),
        format!("http://127.0.0.1:{}", server.http),
    ] {
        compare(folder.path(), endpoint.clone(), features(&rows));
        compare(folder.path(), endpoint, list(&rows));
    }
}

#[test]
fn a_model_that_is_not_described_takes_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let server = mlserver(folder.path(), false);
    let rows = numbers(&folder.path().join("rows.bin"));
    for endpoint in [
        format!("grpc://127.0.0.1:{}", server.grpc),
        format!("http://127.0.0.1:{}", server.http),
    ] {
        compare(folder.path(), endpoint, list(&rows));
    }
}
