//! The provider `lightgbm` as a job uses it: declared columns in, typed columns out, whole error texts.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array, ListArray,
};
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type};
use expect_test::expect;
use wasmill_inference::{InferenceError, ModelDefinition, load};

/// Two trees over three features: the first asks `b <= 0.5` and `a <= 1.5` (missing goes left), the
/// second is a constant.
const TWO_TREES: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=2
objective=regression
feature_names=a b c
feature_infos=[0:1] [0:1] none

Tree=0
num_leaves=3
num_cat=0
split_feature=1 0
threshold=0.5 1.5
decision_type=8 10
left_child=1 -1
right_child=-2 -3
leaf_value=10 20 30

Tree=1
num_leaves=1
num_cat=0
leaf_value=0.25

end of trees
";

fn definition(
    folder: &Path,
    text: &str,
    inputs: &[(&str, DataType)],
    outputs: &[(&str, DataType)],
) -> ModelDefinition {
    fs::write(folder.join("model.txt"), text).unwrap();
    let fields = |columns: &[(&str, DataType)]| {
        columns
            .iter()
            .map(|(name, data_type)| Field::new(*name, data_type.clone(), true))
            .collect()
    };
    ModelDefinition {
        name: "higgs".into(),
        provider: "lightgbm".into(),
        options: BTreeMap::from([("path".into(), "model.txt".into())]),
        inputs: fields(inputs),
        outputs: fields(outputs),
        base: folder.into(),
    }
}

fn doubles() -> [(&'static str, DataType); 3] {
    ["a", "b", "c"].map(|name| (name, DataType::Float64))
}

fn render(folder: &Path, error: &InferenceError) -> String {
    let text = format!(
        "error: {error}\n\nhint: {}",
        error.hint().unwrap_or_default()
    );
    text.replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn integers_are_cast_and_null_is_nan() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [
        ("a", DataType::Int64),
        ("b", DataType::Float32),
        ("c", DataType::Float64),
    ];
    let model = load(&definition(
        folder.path(),
        TWO_TREES,
        &inputs,
        &[("y", DataType::Float32)],
    ))
    .unwrap();
    let columns: [ArrayRef; 3] = [
        Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(1)])),
        Arc::new(Float32Array::from(vec![
            Some(0.5),
            Some(0.0),
            Some(-1.0),
            None,
        ])),
        Arc::new(Float64Array::from(vec![
            None,
            Some(0.0),
            Some(0.0),
            Some(0.0),
        ])),
    ];
    let predicted = model.predict(&columns, 4, None).unwrap();
    assert_eq!(
        predicted[0].as_primitive::<Float32Type>().values(),
        &[10.25, 30.25, 10.25, 20.25]
    );
    assert_eq!(model.version().len(), 12);
    assert!(
        model
            .predict(&columns.map(|column| column.slice(0, 0)), 0, None)
            .unwrap()[0]
            .is_empty()
    );
}

#[test]
fn one_array_column_holds_all_features() {
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![
        Some(vec![Some(1.0), Some(0.5), None]),
        Some(vec![Some(2.0), Some(0.0), Some(0.0)]),
        None,
        Some(vec![None, Some(0.0), Some(0.0)]),
    ];
    let list = ListArray::from_iter_primitive::<Float64Type, _, _>(rows.clone());
    let fixed = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(rows, 3);
    for column in [Arc::new(list) as ArrayRef, Arc::new(fixed)] {
        let inputs = [("features", column.data_type().clone())];
        let model = load(&definition(
            folder.path(),
            TWO_TREES,
            &inputs,
            &[("y", DataType::Float64)],
        ))
        .unwrap();
        let all = model.predict(&[Arc::clone(&column)], 4, None).unwrap();
        assert_eq!(
            all[0].as_primitive::<Float64Type>().values(),
            &[10.25, 30.25, 20.25, 10.25]
        );
        let slice = model.predict(&[column.slice(1, 3)], 3, None).unwrap();
        assert_eq!(
            slice[0].as_primitive::<Float64Type>().values(),
            &[30.25, 20.25, 10.25]
        );
    }
}

#[test]
fn a_list_of_another_length_names_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let rows = vec![Some(vec![Some(1.0); 3]), Some(vec![Some(1.0); 2])];
    let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows));
    let inputs = [("features", list.data_type().clone())];
    let model = load(&definition(
        folder.path(),
        TWO_TREES,
        &inputs,
        &[("y", DataType::Float64)],
    ))
    .unwrap();
    let error = model.predict(&[list], 2, None).unwrap_err();
    expect!["model 'higgs': the column 'features': row 1 has a list of 2 items instead of 3"]
        .assert_eq(&error.to_string());
}

#[test]
fn options_choose_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let ints = DataType::new_list(DataType::Int32, true);
    let mut leaves = definition(folder.path(), TWO_TREES, &doubles(), &[("leaves", ints)]);
    leaves.options.insert("output".into(), "leaf-index".into());
    let columns: [ArrayRef; 3] =
        [3.0, 0.0, 0.0].map(|value| Arc::new(Float64Array::from(vec![value, value])) as _);
    let predicted = load(&leaves).unwrap().predict(&columns, 2, None).unwrap();
    let list = predicted[0].as_list::<i32>();
    assert_eq!(list.value(1).as_primitive::<Int32Type>().values(), &[2, 0]);

    let mut second = definition(
        folder.path(),
        TWO_TREES,
        &doubles(),
        &[("y", DataType::Float64)],
    );
    second.options.insert("start-iteration".into(), "1".into());
    let predicted = load(&second).unwrap().predict(&columns, 2, None).unwrap();
    assert_eq!(
        predicted[0].as_primitive::<Float64Type>().values(),
        &[0.25, 0.25]
    );
    second.options.extend([
        ("start-iteration".into(), "0".into()),
        ("num-iteration".into(), "1".into()),
    ]);
    let predicted = load(&second).unwrap().predict(&columns, 2, None).unwrap();
    assert_eq!(
        predicted[0].as_primitive::<Float64Type>().values(),
        &[30.0, 30.0]
    );
}

#[test]
fn classes_become_columns_or_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let text = TWO_TREES
        .replace("num_class=1", "num_class=2")
        .replace("num_tree_per_iteration=1", "num_tree_per_iteration=2")
        .replace(
            "objective=regression",
            "objective=multiclassova num_class:2 sigmoid:1",
        );
    let columns: [ArrayRef; 3] =
        [3.0, 0.0, 0.0].map(|value| Arc::new(Float64Array::from(vec![value])) as _);
    let expected = [
        1.0 / (1.0 + (-30.0_f64).exp()),
        1.0 / (1.0 + (-0.25_f64).exp()),
    ];
    let two = [("p0", DataType::Float64), ("p1", DataType::Float64)];
    let predicted = load(&definition(folder.path(), &text, &doubles(), &two))
        .unwrap()
        .predict(&columns, 1, None)
        .unwrap();
    let values = [0, 1].map(|class: usize| predicted[class].as_primitive::<Float64Type>().value(0));
    assert_eq!(values, expected);
    let item = Arc::new(Field::new_list_field(DataType::Float64, true));
    let array = [("p", DataType::FixedSizeList(item, 2))];
    let predicted = load(&definition(folder.path(), &text, &doubles(), &array))
        .unwrap()
        .predict(&columns, 1, None)
        .unwrap();
    assert_eq!(
        predicted[0]
            .as_fixed_size_list()
            .value(0)
            .as_primitive::<Float64Type>()
            .values(),
        &expected
    );
}

#[test]
fn what_is_wrong_is_said_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let base =
        |text: &str| definition(folder.path(), text, &doubles(), &[("y", DataType::Float64)]);
    let mut texts = Vec::new();
    let mut refuse = |definition: ModelDefinition| {
        texts.push(render(folder.path(), &load(&definition).unwrap_err()));
    };
    refuse(ModelDefinition {
        inputs: base(TWO_TREES).inputs[..2].to_vec(),
        ..base(TWO_TREES)
    });
    refuse(ModelDefinition {
        inputs: vec![Field::new("a", DataType::Utf8, true)],
        ..base(TWO_TREES)
    });
    refuse(ModelDefinition {
        outputs: base(TWO_TREES).inputs,
        ..base(TWO_TREES)
    });
    refuse(ModelDefinition {
        provider: "lightgmb".into(),
        ..base(TWO_TREES)
    });
    refuse(ModelDefinition {
        provider: "tensorflow".into(),
        ..base(TWO_TREES)
    });
    let option = |key: &str, value: &str| {
        let mut definition = base(TWO_TREES);
        definition.options.insert(key.into(), value.into());
        definition
    };
    refuse(option("ouput", "prediction"));
    refuse(option("output", "raw_score"));
    refuse(option("num-iteration", "ten"));
    refuse(option("path", "no-such-file.txt"));
    refuse(option("path", "."));
    refuse(ModelDefinition {
        options: BTreeMap::new(),
        ..base(TWO_TREES)
    });
    refuse(base("PK\u{3}\u{4} a zip file"));
    refuse(base(""));
    refuse(base(
        &TWO_TREES.replace("left_child=1 -1", "left_child=0 -1"),
    ));
    refuse(base(
        &TWO_TREES.replace("right_child=-2 -3", "right_child=-2 -9"),
    ));
    refuse(base(
        &TWO_TREES.replace("split_feature=1 0", "split_feature=1 7"),
    ));
    refuse(base(
        &TWO_TREES.replace("threshold=0.5 1.5", "threshold=0.5 x"),
    ));
    refuse(base(
        &TWO_TREES.replace("objective=regression", "objective=regresion"),
    ));
    refuse(base(
        &TWO_TREES.replace("none\n", "none\ntree_sizes=190 50 60\n"),
    ));
    expect![[r#"
        error: model 'higgs': the model file has 3 features, but 2 input columns are declared

        hint: the model's features are, in this order: a, b, c
        ---
        error: model 'higgs': the input 'a' is STRING, which is not numeric

        hint: declare one numeric column for each feature, or one ARRAY<DOUBLE>
        ---
        error: model 'higgs': the model gives one number a row, but the declared output is (a DOUBLE, b DOUBLE, c DOUBLE)

        hint: declare OUTPUT (prediction DOUBLE)
        ---
        error: model 'higgs': unknown provider 'lightgmb'

        hint: did you mean 'lightgbm'?
        ---
        error: model 'higgs': unknown provider 'tensorflow'

        hint: known: lightgbm, xgboost, onnx, open-inference, bentoml
        ---
        error: model 'higgs': unknown option 'ouput' of the provider 'lightgbm'

        hint: did you mean 'output'?
        ---
        error: model 'higgs': unknown value 'raw_score' of the option 'output'

        hint: did you mean 'raw-score'?
        ---
        error: model 'higgs': the option 'num-iteration' must be a whole number, not 'ten'

        hint: 
        ---
        error: model 'higgs': FOLDER/no-such-file.txt: the model file does not exist

        hint: a relative 'path' starts from the folder of the job file
        ---
        error: model 'higgs': FOLDER/.: the model file is a folder

        hint: 
        ---
        error: model 'higgs': the option 'path' is missing

        hint: add 'path' = '…', the model file, relative to the job file
        ---
        error: model 'higgs': FOLDER/model.txt: this is not a LightGBM text model

        hint: save the model with Booster.save_model('model.txt'); its first line is 'tree'
        ---
        error: model 'higgs': FOLDER/model.txt: this is not a LightGBM text model

        hint: save the model with Booster.save_model('model.txt'); its first line is 'tree'
        ---
        error: model 'higgs': FOLDER/model.txt, line 11: the model is damaged: the node 0 of a tree is reached twice

        hint: save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'higgs': FOLDER/model.txt, line 18: the model is damaged: the child -9 is not in a tree of 3 leaves

        hint: save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'higgs': FOLDER/model.txt, line 14: the model is damaged: the feature 7 is not one of the model's 3

        hint: save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'higgs': FOLDER/model.txt, line 15: the model is damaged: 'threshold' holds 'x', which is not a number of its kind

        hint: save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'higgs': FOLDER/model.txt, line 7: the model is damaged: unknown objective 'regresion'

        hint: save the model again with Booster.save_model, and copy it as it is
        ---
        error: model 'higgs': FOLDER/model.txt, line 12: the model is damaged: the tree 0 is 140 bytes long instead of 190

        hint: save the model again with Booster.save_model, and copy it as it is"#]].assert_eq(&texts.join("\n---\n"));
}

/// The two trees with the numbers of rows that their nodes had.
fn with_counts() -> String {
    TWO_TREES.replace(
        "leaf_value=10 20 30",
        "leaf_value=10 20 30\nleaf_count=4 2 2\ninternal_count=8 6",
    )
}

#[test]
fn contributions_stand_alone_or_behind_the_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let list = DataType::new_list(DataType::Float64, true);
    let columns: [ArrayRef; 3] =
        [1.0, 0.0, 0.0].map(|value| Arc::new(Float64Array::from(vec![value, 9.0])) as ArrayRef);
    for outputs in [
        &[("c", list.clone())][..],
        &[("y", DataType::Float64), ("c", list.clone())],
        &[("y", list.clone()), ("c", list.clone())],
    ] {
        let mut definition = definition(folder.path(), &with_counts(), &doubles(), outputs);
        let kind = ("output".to_owned(), "contributions".to_owned());
        definition.options.extend([kind]);
        let predicted = load(&definition)
            .unwrap()
            .predict(&columns, 2, None)
            .unwrap();
        assert_eq!(predicted.len(), outputs.len());
        let contributions = predicted.last().unwrap().as_list::<i32>();
        let first = contributions.value(0);
        let first = first.as_primitive::<Float64Type>().values();
        let sum: f64 = first.iter().sum();
        assert_eq!(first.len(), 4);
        assert!((sum - 10.25).abs() < 1e-9, "{sum}");
        if let [prediction, _] = predicted.as_slice() {
            let prediction = prediction.slice(0, 1);
            let prediction = match prediction.as_list_opt::<i32>() {
                Some(list) => list.value(0),
                None => prediction,
            };
            assert_eq!(prediction.as_primitive::<Float64Type>().value(0), 10.25);
        }
    }
}

#[test]
fn contributions_need_counts_and_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let list = DataType::new_list(DataType::Float64, true);
    let linear = with_counts().replace(
        "internal_count=8 6",
        "internal_count=8 6\nis_linear=1\nleaf_const=1 2 3\nnum_features=0 0 0\nleaf_features=\nleaf_coeff=",
    );
    let errors = [
        (TWO_TREES.to_owned(), vec![("c", list.clone())]),
        (linear, vec![("c", list)]),
        (
            with_counts(),
            vec![("y", DataType::Float64), ("c", DataType::Float64)],
        ),
        (with_counts(), vec![("c", DataType::Float64)]),
    ]
    .map(|(text, outputs)| {
        let mut definition = definition(folder.path(), &text, &doubles(), &outputs);
        let kind = ("output".to_owned(), "contributions".to_owned());
        definition.options.extend([kind]);
        render(folder.path(), &load(&definition).unwrap_err())
    });
    expect![[r#"
        error: model 'higgs': the model does not say how many rows each node and leaf had in training

        hint: use another 'output': prediction, raw-score, leaf-index
        error: model 'higgs': the model has linear trees, for which contributions are not defined

        hint: use another 'output': prediction, raw-score, leaf-index
        error: model 'higgs': the model gives 4 contributions a row, but the declared output is (y DOUBLE, c DOUBLE)

        hint: declare OUTPUT (contributions ARRAY<DOUBLE>), or OUTPUT (prediction DOUBLE, contributions ARRAY<DOUBLE>)
        error: model 'higgs': the model gives 4 contributions a row, but the declared output is (c DOUBLE)

        hint: declare OUTPUT (contributions ARRAY<DOUBLE>), or OUTPUT (prediction DOUBLE, contributions ARRAY<DOUBLE>)"#]].assert_eq(&errors.join("\n"));
}
