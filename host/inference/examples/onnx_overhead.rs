//! What `Model::predict` costs over a session of ONNX Runtime alone:
//! `cargo run --release --example onnx_overhead`.
//!
//! Both compute the same network of three layers, with one thread. The session is handed a matrix that
//! lies ready, or one that is laid out from columns by a plain loop; the model one column of lists, or
//! a column a feature. They take turns, so that a busy machine disturbs all; the ratios are of the
//! medians.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, AsArray, FixedSizeListArray, Float32Array};
use arrow::datatypes::{DataType, Field, Float32Type};
use ort::session::Session;
use ort::value::TensorRef;
use wasmill_inference::{Model, ModelDefinition, load, onnx_environment};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Features, two hidden layers, classes.
const NETWORKS: [[usize; 4]; 2] = [[32, 64, 32, 4], [64, 256, 256, 16]];
const BATCHES: [usize; 2] = [256, 8192];
const TIME: Duration = Duration::from_secs(3);

fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("onnx-overhead-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = NETWORKS
        .iter()
        .try_for_each(|layers| measure(*layers, &folder));
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure(layers: [usize; 4], folder: &std::path::Path) -> Result<()> {
    let bytes = network(layers);
    std::fs::write(folder.join("network.onnx"), &bytes)?;
    let [features, .., classes] = layers;
    let float = |name: String| Field::new(name, DataType::Float32, true);
    let list = |size: usize| DataType::new_fixed_size_list(DataType::Float32, size as i32, true);
    let open = |inputs: Vec<Field>| {
        load(&ModelDefinition {
            name: "network".into(),
            provider: "onnx".into(),
            options: BTreeMap::from([("path".into(), "network.onnx".into())]),
            inputs,
            outputs: vec![Field::new("y", list(classes), true)],
            base: folder.into(),
        })
    };
    let of_list = open(vec![Field::new("x", list(features), true)])?;
    let of_columns = open((0..features).map(|f| float(format!("f{f}"))).collect())?;
    let mut session = Session::builder(onnx_environment()?)?
        .with_intra_threads(1)?
        .commit_from_memory(&bytes)?;
    for rows in BATCHES {
        let matrix = numbers(rows * features, 1.0);
        let columns: Vec<ArrayRef> = (0..features)
            .map(|feature| {
                let column = matrix.iter().skip(feature).step_by(features);
                Arc::new(Float32Array::from_iter_values(column.copied())) as ArrayRef
            })
            .collect();
        let values = Arc::new(Float32Array::from(matrix));
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let lists = FixedSizeListArray::try_new(item, features as i32, values.clone(), None)?;
        let lists: [ArrayRef; 1] = [Arc::new(lists)];
        let mut run_session = |matrix: &[f32]| -> Result<Vec<f32>> {
            let input = TensorRef::from_array_view(([rows, features], matrix))?;
            let outputs = session.run(ort::inputs!["x" => input])?;
            let (_, given) = outputs["y"].try_extract_tensor::<f32>()?;
            Ok(given.to_vec())
        };
        let run_model = |model: &dyn Model, columns: &[ArrayRef]| -> Result<Vec<f32>> {
            let outputs = model.predict(columns, rows, None)?;
            let values = outputs[0].as_fixed_size_list().values();
            Ok(values.as_primitive::<Float32Type>().values().to_vec())
        };
        let lay_out = || {
            let mut matrix = vec![0.0; rows * features];
            for (feature, column) in columns.iter().enumerate() {
                let values = column.as_primitive::<Float32Type>().values();
                let places = matrix.iter_mut().skip(feature).step_by(features);
                places
                    .zip(values)
                    .for_each(|(place, value)| *place = *value);
            }
            matrix
        };
        let expected = run_session(values.values())?;
        assert_eq!(expected, run_session(&lay_out())?);
        assert_eq!(expected, run_model(&*of_list, &lists)?);
        assert_eq!(expected, run_model(&*of_columns, &columns)?);
        let mut times = [const { vec![] }; 4];
        let start = Instant::now();
        while start.elapsed() < TIME {
            times[0].push(time(|| run_session(values.values()))?);
            times[3].push(time(|| run_session(&lay_out()))?);
            times[1].push(time(|| Ok(of_list.predict(&lists, rows, None)?))?);
            times[2].push(time(|| Ok(of_columns.predict(&columns, rows, None)?))?);
        }
        let [alone, list, columns, laid_out] = times.map(median);
        println!(
            "{layers:?}, {rows:>4} rows: session {:>8.1} µs, model of a list {:.3} of it; session with \
             layout {:>8.1} µs, model of {features} columns {:.3} of it ({:.3} without layout)",
            alone * 1e6,
            list / alone,
            laid_out * 1e6,
            columns / laid_out,
            columns / alone
        );
    }
    Ok(())
}

fn time<T>(run: impl FnOnce() -> Result<T>) -> Result<f64> {
    let start = Instant::now();
    std::hint::black_box(run()?);
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn numbers(count: usize, scale: f32) -> Vec<f32> {
    let mut state = 1_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / 8_388_608.0 - 1.0) * scale
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// A `ModelProto`: Gemm, Relu, Gemm, Relu, Gemm.
fn network(layers: [usize; 4]) -> Vec<u8> {
    let mut graph = Vec::new();
    for layer in 0..3 {
        let [rows, columns] = [layers[layer], layers[layer + 1]];
        let weights = numbers(rows * columns, 1.0 / (rows as f32).sqrt());
        let initializer = |name: String, shape: &[usize], values: &[f32]| {
            let shape = shape.iter().flat_map(|size| number(1, *size));
            let raw: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            let rest = [number(2, 1), bytes(8, name.as_bytes()), bytes(9, &raw)].concat();
            bytes(5, &shape.chain(rest).collect::<Vec<u8>>())
        };
        graph.extend(initializer(format!("w{layer}"), &[rows, columns], &weights));
        graph.extend(initializer(
            format!("b{layer}"),
            &[columns],
            &weights[..columns],
        ));
        let node = |operator: &str, inputs: &[String], output: &str| {
            let inputs = inputs.iter().flat_map(|input| bytes(1, input.as_bytes()));
            let rest = [bytes(2, output.as_bytes()), bytes(4, operator.as_bytes())].concat();
            bytes(1, &inputs.chain(rest).collect::<Vec<u8>>())
        };
        let input = if layer == 0 {
            "x".to_owned()
        } else {
            format!("h{layer}")
        };
        let sum = if layer == 2 {
            "y".to_owned()
        } else {
            format!("s{layer}")
        };
        let inputs = [input, format!("w{layer}"), format!("b{layer}")];
        graph.extend(node("Gemm", &inputs, &sum));
        if layer < 2 {
            graph.extend(node("Relu", &[sum], &format!("h{}", layer + 1)));
        }
    }
    graph.extend(bytes(2, b"network"));
    for (field, name, width) in [(11, "x", layers[0]), (12, "y", layers[3])] {
        let shape = [bytes(1, &bytes(2, b"N")), bytes(1, &number(1, width))].concat();
        let tensor = [number(1, 1), bytes(2, &shape)].concat();
        let value = [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &tensor))].concat();
        graph.extend(bytes(field, &value));
    }
    [number(1, 8), bytes(8, &number(2, 17)), bytes(7, &graph)].concat()
}

/// A field of Protocol Buffers that is bytes.
fn bytes(field: usize, bytes: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(bytes.len()), bytes.to_vec()].concat()
}

/// A field of Protocol Buffers that is a number.
fn number(field: usize, number: usize) -> Vec<u8> {
    [varint(field << 3), varint(number)].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}
