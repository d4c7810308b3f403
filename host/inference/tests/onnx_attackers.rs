//! ONNX models that never end, or want more memory than there is: a deadline and a limit end them.

#![cfg(feature = "onnx")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float32Array, new_null_array};
use arrow::datatypes::{DataType, Field};
use expect_test::{Expect, expect};
use oracle::run_script;
use tempfile::TempDir;
use wasmill_inference::{InferenceError, Model, ModelDefinition, load};

fn attackers() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run_script("onnx_attackers.py", folder.path());
    folder
}

fn open(folder: &Path, name: &str, memory: &str) -> Result<Arc<dyn Model>, InferenceError> {
    load(&definition(folder, name, memory))
}

fn definition(folder: &Path, name: &str, memory: &str) -> ModelDefinition {
    let column = |name: &str| vec![Field::new(name, DataType::Float32, true)];
    ModelDefinition {
        name: "attacker".into(),
        provider: "onnx".into(),
        options: BTreeMap::from([
            ("path".into(), format!("{name}.onnx")),
            ("memory.limit".into(), memory.into()),
        ]),
        inputs: column("x"),
        outputs: column("y"),
        base: folder.into(),
    }
}

fn check(error: &InferenceError, expected: Expect) {
    let hint = error.hint().unwrap_or_default();
    expected.assert_eq(&format!("error: {error}\n\nhint: {hint}"));
}

fn rows() -> Vec<ArrayRef> {
    vec![Arc::new(Float32Array::from(vec![1.0, 2.0, 3.0]))]
}

#[test]
fn a_loop_without_end_is_stopped() {
    let folder = attackers();
    let model = open(folder.path(), "endless_loop", "64 mb").unwrap();
    let predict = || {
        let deadline = Instant::now() + Duration::from_millis(300);
        model.predict(&rows(), 3, Some(deadline)).unwrap_err()
    };
    check(
        &predict(),
        expect![[r#"
        error: model 'attacker' was stopped: it ran past the deadline of the call that asked it

        hint: a function has more time for its models with a longer 'limit.wall-time' in its WITH, ML_PREDICT with SET 'job.limit.wall-time'"#]],
    );
    // The session that was stopped is gone, and the next one is stopped too.
    assert!(matches!(predict(), InferenceError::Limit { .. }));
}

#[test]
fn several_loops_are_stopped_each_at_its_time() {
    let folder = attackers();
    let model = open(folder.path(), "endless_loop", "64 mb").unwrap();
    std::thread::scope(|scope| {
        for caller in 1..=4 {
            let model = &model;
            scope.spawn(move || {
                let deadline = Instant::now() + Duration::from_millis(100 * caller);
                model.predict(&rows(), 3, Some(deadline)).unwrap_err();
                assert!(deadline <= Instant::now());
            });
        }
    });
}

#[test]
fn a_hundred_gigabytes_are_refused() {
    let folder = attackers();
    let model = open(folder.path(), "hundred_gigabytes", "1 gb").unwrap();
    let predict = || model.predict(&rows(), 3, None).unwrap_err();
    check(
        &predict(),
        expect![[r#"
        error: model 'attacker' ran over its memory limit of 1024 MiB: it wanted 307201 MiB

        hint: a higher limit can be given with 'memory.limit' in the model's WITH"#]],
    );
    assert!(matches!(predict(), InferenceError::Limit { .. }));
}

#[test]
fn a_hundred_gigabytes_are_refused_when_a_model_is_loaded() {
    let folder = attackers();
    let loaded = open(folder.path(), "when_loaded", "1 gb");
    let error = loaded
        .and_then(|model| model.predict(&rows(), 3, None))
        .unwrap_err();
    check(
        &error,
        expect![[r#"
        error: model 'attacker' ran over its memory limit of 1024 MiB: it wanted 102401 MiB

        hint: a higher limit can be given with 'memory.limit' in the model's WITH"#]],
    );
}

#[test]
fn a_loop_that_takes_more_at_each_turn_is_refused() {
    let folder = attackers();
    let model = open(folder.path(), "growing_loop", "64 mb").unwrap();
    let error = model.predict(&rows(), 3, None).unwrap_err();
    check(
        &error,
        expect![[r#"
        error: model 'attacker' ran over its memory limit of 64 MiB: it wanted 73 MiB

        hint: a higher limit can be given with 'memory.limit' in the model's WITH"#]],
    );
}

/// A list that is NULL has as many items as the model says.
#[test]
fn a_row_of_nothing_does_not_become_a_row_of_terabytes() {
    let folder = attackers();
    let model = load(&ModelDefinition {
        inputs: vec![Field::new(
            "x",
            DataType::new_list(DataType::Float32, true),
            true,
        )],
        ..definition(folder.path(), "wide_input", "64 mb")
    })
    .unwrap();
    let null = new_null_array(model.inputs()[0].data_type(), 2);
    let error = model.predict(&[null], 2, None).unwrap_err();
    check(
        &error,
        expect![[r#"
        error: model 'attacker': the column 'x': a tensor of 2 rows of 1099511627776 items, some of them NULL, is more than the model's memory.limit of 64 MiB

        hint: "#]],
    );
}

#[test]
fn a_memory_limit_is_a_size() {
    for (limit, expected) in [
        (
            "much",
            expect![[r#"
            error: model 'attacker': the option 'memory.limit' must be a size, not 'much'

            hint: for example 'memory.limit' = '512 mb'"#]],
        ),
        (
            "0",
            expect![[r#"
            error: model 'attacker': the option 'memory.limit' must be a size, not '0'

            hint: for example 'memory.limit' = '512 mb'"#]],
        ),
        (
            "99999999999 tb",
            expect![[r#"
            error: model 'attacker': the option 'memory.limit' must be a size, not '99999999999 tb'

            hint: for example 'memory.limit' = '512 mb'"#]],
        ),
    ] {
        let error = open(Path::new(""), "any", limit).unwrap_err();
        check(&error, expected);
    }
}
