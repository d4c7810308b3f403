//! ONNX Runtime in Python says what is right, for tensors of all types and shapes that columns carry.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    ListArray, StringArray, new_null_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};
use expect_test::expect;
use oracle::{Reader, run_script};
use wasmill_inference::{InferenceError, ModelDefinition, load};

#[test]
fn predictions_equal_those_of_onnx_runtime_in_python() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_models.py", folder.path());
    let mut files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    assert_eq!(files.len(), 28);
    let mut compared = 0;
    for file in files {
        let mut reader = Reader::new(std::fs::read(&file).unwrap());
        let (inputs, columns) = read_columns(&mut reader);
        let (outputs, expected) = read_columns(&mut reader);
        let name = file.file_stem().unwrap().to_str().unwrap();
        let model = load(&definition(folder.path(), name, inputs, outputs))
            .unwrap_or_else(|error| panic!("{error}"));
        let rows = columns[0].len();
        let actual = model.predict(&columns, rows, None).unwrap();
        for (actual, expected) in actual.iter().zip(&expected) {
            assert_eq!(bits(actual), bits(expected), "{name}");
            compared += rows;
        }
        // A second call, of another length, on the same session.
        let columns: Vec<ArrayRef> = columns.iter().map(|column| column.slice(3, 5)).collect();
        for (actual, expected) in model
            .predict(&columns, 5, None)
            .unwrap()
            .iter()
            .zip(&expected)
        {
            assert_eq!(bits(actual), bits(&expected.slice(3, 5)), "{name}");
        }
    }
    println!("{compared} rows compared");
}

#[test]
fn callers_at_once_get_their_own_answers() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_models.py", folder.path());
    let mut reader = Reader::new(std::fs::read(folder.path().join("mlp3.bin")).unwrap());
    let (inputs, columns) = read_columns(&mut reader);
    let (outputs, expected) = read_columns(&mut reader);
    let model = load(&definition(folder.path(), "mlp3", inputs, outputs)).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let actual = model.predict(&columns, columns[0].len(), None).unwrap();
                    assert_eq!(bits(&actual[1]), bits(&expected[1]));
                }
            });
        }
    });
}

#[test]
fn null_is_nan_to_a_float_and_an_error_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_models.py", folder.path());
    let mut reader = Reader::new(std::fs::read(folder.path().join("scalars0.bin")).unwrap());
    let (inputs, columns) = read_columns(&mut reader);
    let (outputs, _) = read_columns(&mut reader);
    let model = load(&definition(
        folder.path(),
        "scalars0",
        inputs.clone(),
        outputs,
    ))
    .unwrap();
    let with_null = |name: &str| -> Vec<ArrayRef> {
        let null = |(field, column): (&Field, &ArrayRef)| match field.name() == name {
            true => concat(&[&column.slice(0, 2), &new_null_array(column.data_type(), 1)]).unwrap(),
            false => column.slice(0, 3),
        };
        inputs.iter().zip(&columns).map(null).collect()
    };
    let actual = model.predict(&with_null("b"), 3, None).unwrap();
    assert!(actual[1].as_primitive::<Float64Type>().value(2).is_nan());
    let actual = model.predict(&with_null("a"), 3, None).unwrap();
    assert!(actual[0].as_primitive::<Float32Type>().value(2).is_nan());
    let errors: Vec<String> = ["c", "e", "s"]
        .map(|name| {
            model
                .predict(&with_null(name), 3, None)
                .unwrap_err()
                .to_string()
        })
        .into();
    expect![[r#"
        model 'model': the column 'c': row 2 is NULL, and a tensor of int32 has no value for it
        model 'model': the column 'e': row 2 is NULL, and a tensor of bool has no value for it
        model 'model': the column 's': row 2 is NULL, and a tensor of string has no value for it"#]]
    .assert_eq(&errors.join("\n"));
}

#[test]
fn a_model_that_does_not_fit_its_declaration_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_models.py", folder.path());
    std::fs::write(folder.path().join("text.onnx"), "not a model").unwrap();
    let column = |name: &str, data_type| Field::new(name, data_type, true);
    let floats = |count: usize| {
        (0..count)
            .map(|f| column(&format!("f{f}"), DataType::Float64))
            .collect::<Vec<_>>()
    };
    let list = DataType::new_list(DataType::Float64, true);
    let y = vec![column("y", DataType::Float64)];
    let cases = [
        definition(folder.path(), "trees", floats(3), y.clone()),
        definition(
            folder.path(),
            "trees",
            floats(2),
            vec![column("y", DataType::Utf8)],
        ),
        definition(
            folder.path(),
            "trees",
            vec![column("a", DataType::Utf8), column("b", DataType::Utf8)],
            y.clone(),
        ),
        definition(folder.path(), "trees", floats(2), floats(2)),
        definition(
            folder.path(),
            "lists",
            vec![column("image", list)],
            y.clone(),
        ),
        definition(
            folder.path(),
            "zipmap",
            floats(2),
            vec![column("probabilities", DataType::Utf8)],
        ),
        definition(folder.path(), "missing", floats(2), y.clone()),
        definition(folder.path(), "text", floats(2), y),
    ];
    let texts: Vec<String> = cases
        .iter()
        .map(|case| render(folder.path(), load(case).unwrap_err()))
        .collect();
    expect![[r#"
        error: model 'model': the model takes 2 features, but 3 input columns are declared

        hint: the model is (x float[N, 2]) -> (y float[N, 1]); declared is (f0 DOUBLE, f1 DOUBLE, f2 DOUBLE) -> (y DOUBLE)
        ---
        error: model 'model': the column 'y' does not fit y float[N, 1]

        hint: the model is (x float[N, 2]) -> (y float[N, 1]); declared is (f0 DOUBLE, f1 DOUBLE) -> (y STRING)
        ---
        error: model 'model': the column 'a' does not fit x float[N, 2]

        hint: the model is (x float[N, 2]) -> (y float[N, 1]); declared is (a STRING, b STRING) -> (y DOUBLE)
        ---
        error: model 'model': the model gives 1 tensors, but 2 output columns are declared

        hint: the model is (x float[N, 2]) -> (y float[N, 1]); declared is (f0 DOUBLE, f1 DOUBLE) -> (f0 DOUBLE, f1 DOUBLE)
        ---
        error: model 'model': the model takes 2 tensors, but 1 input columns are declared

        hint: the model is (image float[N, 1, 4, 4], ids int64[N, ?]) -> (features float[N, 32], squares int64[N, ?]); declared is (image ARRAY<DOUBLE>) -> (y DOUBLE)
        ---
        error: model 'model': the column 'probabilities' does not fit probabilities sequence(map(int64, float))

        hint: the model is (x float[N, 2]) -> (probabilities sequence(map(int64, float))); declared is (f0 DOUBLE, f1 DOUBLE) -> (probabilities STRING)
        ---
        error: model 'model': FOLDER/missing.onnx: the model file does not exist

        hint: a relative 'path' starts from the folder of the job file
        ---
        error: model 'model': FOLDER/text.onnx: ONNX Runtime does not take the model: Failed to load model because protobuf parsing failed.

        hint: 'path' must name an .onnx file, with operators that this ONNX Runtime knows"#]].assert_eq(&texts.join("\n---\n"));
}

fn definition(
    folder: &Path,
    name: &str,
    inputs: Vec<Field>,
    outputs: Vec<Field>,
) -> ModelDefinition {
    ModelDefinition {
        name: "model".into(),
        provider: "onnx".into(),
        options: BTreeMap::from([("path".into(), format!("{name}.onnx"))]),
        inputs,
        outputs,
        base: folder.into(),
    }
}

fn render(folder: &Path, error: InferenceError) -> String {
    let text = format!(
        "error: {error}\n\nhint: {}",
        error.hint().unwrap_or_default()
    );
    text.replace(&folder.display().to_string(), "FOLDER")
}

fn read_columns(reader: &mut Reader) -> (Vec<Field>, Vec<ArrayRef>) {
    let count = reader.u32();
    (0..count)
        .map(|_| {
            let name = reader.text();
            let kind = reader.u8();
            let (width, rows) = (reader.u32(), reader.u32());
            let length = rows * width.max(1);
            let values: ArrayRef = match kind {
                0 => Arc::new(
                    (0..length)
                        .map(|_| Some(reader.f32()))
                        .collect::<Float32Array>(),
                ),
                1 => Arc::new(Float64Array::from(reader.f64s(length))),
                2 => Arc::new(
                    (0..length)
                        .map(|_| Some(reader.i32()))
                        .collect::<Int32Array>(),
                ),
                3 => Arc::new(
                    (0..length)
                        .map(|_| Some(reader.i64()))
                        .collect::<Int64Array>(),
                ),
                4 => Arc::new(
                    (0..length)
                        .map(|_| Some(reader.u8() == 1))
                        .collect::<BooleanArray>(),
                ),
                _ => Arc::new(
                    (0..length)
                        .map(|_| Some(reader.text()))
                        .collect::<StringArray>(),
                ),
            };
            let array: ArrayRef = match width {
                0 => values,
                _ => {
                    let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
                    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(width, rows));
                    Arc::new(ListArray::new(item, offsets, values, None))
                }
            };
            (Field::new(name, array.data_type().clone(), true), array)
        })
        .unzip()
}

/// All values, floating-point ones by their bits, so that NaN equals itself.
fn bits(array: &ArrayRef) -> String {
    match array.data_type() {
        DataType::Float32 => format!(
            "{:?}",
            array
                .as_primitive::<Float32Type>()
                .values()
                .iter()
                .map(|x| x.to_bits())
                .collect::<Vec<_>>()
        ),
        DataType::Float64 => format!(
            "{:?}",
            array
                .as_primitive::<Float64Type>()
                .values()
                .iter()
                .map(|x| x.to_bits())
                .collect::<Vec<_>>()
        ),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let offsets = list.offsets();
            let values = list.values().slice(
                offsets[0] as usize,
                (offsets[list.len()] - offsets[0]) as usize,
            );
            format!("{} {}", list.len(), bits(&values))
        }
        _ => format!("{array:?}"),
    }
}
