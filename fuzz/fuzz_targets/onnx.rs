//! Any bytes are an ONNX model that ends within its limits, or an error. ONNX Runtime itself is not
//! built for fuzzing: what it does with a model shows only where it ends the process.
//!
//! Bytes that begin with `T`, as no model does, say what a model says of its tensors: they try our
//! own reading of that.

#![no_main]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float32Array};
use arrow::datatypes::{DataType, Field};
use libfuzzer_sys::fuzz_target;
use wasmill_inference::{ModelDefinition, fuzzing, load};

const ROWS: usize = 3;
const TIME: Duration = Duration::from_millis(50);

/// A folder of this process for the model.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("wasmill-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("there is a folder for temporary files");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((b'T', rest)) => fuzzing::tensors(rest),
        _ => load_and_predict(bytes),
    }
});

fn load_and_predict(bytes: &[u8]) {
    fs::write(FOLDER.join("model.onnx"), bytes).expect("a temporary file can be written");
    let column = |name: &str| vec![Field::new(name, DataType::Float32, true)];
    let definition = ModelDefinition {
        name: "m".into(),
        provider: "onnx".into(),
        options: BTreeMap::from([
            ("path".into(), "model.onnx".into()),
            ("memory.limit".into(), "16 mb".into()),
        ]),
        inputs: column("x"),
        outputs: column("y"),
        base: FOLDER.clone(),
    };
    let model = match load(&definition) {
        Ok(model) => model,
        Err(error) => {
            assert!(error.to_string().starts_with("model 'm'"), "{error}");
            return;
        }
    };
    let columns: Vec<ArrayRef> = vec![Arc::new(Float32Array::from(vec![
        Some(1.5),
        None,
        Some(-2.0),
    ]))];
    if let Ok(outputs) = model.predict(&columns, ROWS, Some(Instant::now() + TIME)) {
        assert_eq!(outputs.len(), 1);
        assert_eq!(outputs[0].len(), ROWS);
        assert_eq!(*outputs[0].data_type(), DataType::Float32);
    }
}
