//! A machine without ONNX Runtime. One test, one process: it changes the environment.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "tests")]

use arrow::datatypes::{DataType, Field};
use expect_test::expect;
use wasmill_inference::{ModelDefinition, load};

#[test]
fn a_machine_without_onnx_runtime_is_told_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.onnx"), "any bytes").unwrap();
    let definition = ModelDefinition {
        name: "digits".into(),
        provider: "onnx".into(),
        options: [("path".to_owned(), "model.onnx".to_owned())].into(),
        inputs: vec![Field::new("x", DataType::Float64, true)],
        outputs: vec![Field::new("y", DataType::Float64, true)],
        base: folder.path().into(),
    };
    let attempt = |library: &str| {
        // SAFETY: this is the only test of this process, and it has one thread that reads variables.
        unsafe {
            std::env::set_var("ORT_DYLIB_PATH", library);
            std::env::set_var("WASMILL_CACHE_DIR", folder.path());
        }
        let error = load(&definition).unwrap_err();
        let text = format!("error: {error}\n\nhint: {}", error.hint().unwrap());
        text.replace(&folder.path().display().to_string(), "FOLDER")
    };
    expect![[r#"
        error: there is no ONNX Runtime on this machine: ORT_DYLIB_PATH is not set, and FOLDER/onnxruntime has no libonnxruntime.so

        hint: install it: `pip install onnxruntime`, then set ORT_DYLIB_PATH to the file onnxruntime/capi/libonnxruntime.so.* of that package, or link that file into the cache folder as onnxruntime/libonnxruntime.so"#]].assert_eq(&attempt(""));
    expect![[r#"
        error: ORT_DYLIB_PATH names /nowhere/libonnxruntime.so, which is not a file

        hint: install it: `pip install onnxruntime`, then set ORT_DYLIB_PATH to the file onnxruntime/capi/libonnxruntime.so.* of that package, or link that file into the cache folder as onnxruntime/libonnxruntime.so"#]].assert_eq(&attempt("/nowhere/libonnxruntime.so"));
    let broken = folder.path().join("model.onnx");
    let text = attempt(broken.to_str().unwrap());
    assert!(
        text.starts_with("error: ONNX Runtime cannot be loaded from FOLDER/model.onnx: "),
        "{text}"
    );
}
