//! The provider `xgboost` as a job uses it: declared columns in, typed columns out, whole error texts.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float32Array, Int64Array};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type};
use expect_test::expect;
use wasmill_inference::{ModelDefinition, load};

/// `a < 1.5` (missing goes left), then `b < 0.5`; the base score is 0.5.
const MODEL: &str = r#"{"learner": {"feature_names": ["a", "b"], "gradient_booster": {"name": "gbtree", "model": {
"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"}, "iteration_indptr": [0, 1], "tree_info": [0],
"trees": [{"left_children": [1, 3, -1, -1, -1], "right_children": [2, 4, -1, -1, -1],
"split_conditions": [1.5, 0.5, 10.0, 20.0, 30.0], "split_indices": [0, 1, 0, 0, 0],
"default_left": [1, 0, 0, 0, 0]}]}},
"learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2"},
"objective": {"name": "reg:squarederror"}}, "version": [1, 7, 6]}"#;

const LINEAR: &str = r#"{"learner": {"gradient_booster": {"name": "gblinear", "model": {"weights": [2.0, 3.0, 0.25]}},
"learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2"},
"objective": {"name": "reg:squarederror"}}}"#;

fn definition(folder: &Path, text: &str, output: DataType) -> ModelDefinition {
    fs::write(folder.join("model.json"), text).unwrap();
    ModelDefinition {
        name: "prices".into(),
        provider: "xgboost".into(),
        options: BTreeMap::from([("path".into(), "model.json".into())]),
        inputs: vec![
            Field::new("a", DataType::Int64, true),
            Field::new("b", DataType::Float32, true),
        ],
        outputs: vec![Field::new("y", output, true)],
        base: folder.into(),
    }
}

fn columns() -> [ArrayRef; 2] {
    [
        Arc::new(Int64Array::from(vec![Some(2), Some(1), None, Some(1)])),
        Arc::new(Float32Array::from(vec![
            Some(0.0),
            Some(0.5),
            Some(0.25),
            None,
        ])),
    ]
}

#[test]
fn columns_become_predictions_margins_and_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let predict = |definition: &ModelDefinition| {
        let model = load(definition).unwrap();
        model.predict(&columns(), 4, None).unwrap().remove(0)
    };
    let mut asked = definition(folder.path(), MODEL, DataType::Float32);
    let predicted = predict(&asked);
    assert_eq!(
        predicted.as_primitive::<Float32Type>().values(),
        &[10.5, 30.5, 20.5, 30.5]
    );
    asked.options.insert("start-iteration".into(), "1".into());
    let predicted = predict(&asked);
    assert_eq!(predicted.as_primitive::<Float32Type>().values(), &[0.5; 4]);
    let ints = DataType::new_list(DataType::Int32, true);
    let mut asked = definition(folder.path(), MODEL, ints);
    asked.options.insert("output".into(), "leaf-index".into());
    let nodes = predict(&asked);
    let nodes = nodes.as_list::<i32>().values();
    assert_eq!(nodes.as_primitive::<Int32Type>().values(), &[2, 4, 3, 4]);
    let asked = definition(folder.path(), LINEAR, DataType::Float64);
    let predicted = predict(&asked);
    assert_eq!(
        predicted.as_primitive::<Float64Type>().values(),
        &[4.75, 4.25, 1.5, 2.75]
    );
}

#[test]
fn what_is_wrong_is_said_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let base = |text: &str| definition(folder.path(), text, DataType::Float64);
    let mut texts = Vec::new();
    let mut refuse = |definition: ModelDefinition| {
        let error = load(&definition).unwrap_err();
        let hint = error.hint().unwrap_or_default();
        let text = format!("error: {error}\nhint: {hint}");
        texts.push(text.replace(&folder.path().display().to_string(), "FOLDER"));
    };
    refuse(ModelDefinition {
        inputs: base(MODEL).inputs[..1].to_vec(),
        ..base(MODEL)
    });
    let option = |text: &str, key: &str, value: &str| {
        let mut definition = base(text);
        definition.options.insert(key.into(), value.into());
        definition
    };
    refuse(option(MODEL, "output", "margin"));
    refuse(option(MODEL, "threads", "3"));
    refuse(option(LINEAR, "num-iteration", "3"));
    refuse(base("binf and more"));
    refuse(base(&MODEL.replace("\"trees\"", "trees")));
    refuse(base(&MODEL.replace("[1, 3, -1", "[1, 0, -1")));
    refuse(base(&MODEL.replace("squarederror", "mine")));
    refuse(base("{\"tree\": 1}"));
    expect![[r#"
        error: model 'prices': the model file has 2 features, but 1 input columns are declared
        hint: the model's features are, in this order: a, b
        ---
        error: model 'prices': unknown value 'margin' of the option 'output'
        hint: known: prediction, raw-score, leaf-index, contributions
        ---
        error: model 'prices': unknown option 'threads' of the provider 'xgboost'
        hint: known: path, output, start-iteration, num-iteration, sha256, batch.max-rows, batch.max-delay, batch.max-concurrent, batch.max-waiting-rows, version, version.column, reload.interval, golden.path, golden.tolerance, canary.version, canary.share, canary.key, shadow.version, shadow.tolerance
        ---
        error: model 'prices': the option 'num-iteration' is for trees, but the model is linear (gblinear)
        hint: leave the option out
        ---
        error: model 'prices': FOLDER/model.json: this is not an XGBoost model in JSON or UBJSON
        hint: save the model with Booster.save_model('model.json') or 'model.ubj'
        ---
        error: model 'prices': FOLDER/model.json, line 3: the model cannot be used: column 1: key must be a string
        hint: where the file is damaged, save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'prices': FOLDER/model.json: the model cannot be used: learner.gradient_booster.model.trees[0]: the node 0 is reached twice
        hint: where the file is damaged, save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'prices': FOLDER/model.json: the model cannot be used: learner.objective.name: unknown objective 'reg:mine'; did you mean 'reg:linear'?
        hint: where the file is damaged, save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'prices': FOLDER/model.json: the model cannot be used: the file: 'learner' is missing
        hint: where the file is damaged, save the model again with Booster.save_model, and copy it as it is"#]].assert_eq(&texts.join("\n---\n"));
}
