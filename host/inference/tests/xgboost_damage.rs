//! Damaged model files: an error or a model that predicts, and neither a panic nor an endless loop.

#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::fs;

use expect_test::expect;
use oracle::run_script;
use wasmill_inference::xgboost::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};

/// Parses and, where that works, predicts; returns whether it parsed.
fn survive(bytes: &[u8]) -> bool {
    let Ok(forest) = Forest::parse(bytes) else {
        return false;
    };
    let rows = 19;
    let values: Vec<f64> = (0..rows)
        .map(|row| [f64::NAN, 0.0, -1.5, 33.0, f64::INFINITY][row % 5])
        .collect();
    let columns =
        vec![FeatureColumn::new(FeatureValues::F64(&values), None); forest.feature_names().len()];
    for output in [Output::Prediction, Output::LeafIndex] {
        let options = PredictOptions {
            output,
            ..PredictOptions::default()
        };
        let mut out = vec![0.0; rows * forest.width(options)];
        forest.predict(&columns, rows, &mut out, options);
    }
    true
}

#[test]
fn a_damaged_model_is_an_error_or_predicts() {
    let folder = tempfile::tempdir().unwrap();
    run_script("xgboost_models.py", folder.path());
    let mut state = 42_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut cut, mut flipped, mut flipped_but_sound) = (0, 0, 0);
    // With categories, as dart, of several classes, as a random forest, deep, linear.
    for number in [0, 20, 44, 61, 80, 96] {
        for format in ["json", "ubj"] {
            let model = fs::read(folder.path().join(format!("{number}.{format}"))).unwrap();
            assert!(survive(&model));
            for length in (0..model.len()).step_by(1 + model.len() / 150) {
                assert!(
                    !survive(&model[..length]),
                    "{length} of {} bytes were taken for a model",
                    model.len()
                );
                cut += 1;
            }
            for _ in 0..150 {
                let mut damaged = model.clone();
                for _ in 0..=random(3) {
                    let place = random(model.len());
                    damaged[place] ^= 1 << random(8);
                }
                flipped += 1;
                flipped_but_sound += usize::from(survive(&damaged));
            }
            // Digits for digits: the file keeps its form, and the numbers lie.
            for _ in 0..150 {
                let mut damaged = model.clone();
                let place = random(model.len());
                if damaged[place].is_ascii_digit() {
                    damaged[place] = b'0' + random(10) as u8;
                }
                survive(&damaged);
            }
        }
    }
    println!(
        "{cut} cut off, {flipped} with flipped bits, of which {flipped_but_sound} are still models"
    );
}

/// One tree of two nodes and three leaves of one feature.
const MODEL: &str = r#"{"learner": {"feature_names": [], "gradient_booster": {"name": "gbtree", "model": {
"gbtree_model_param": {"num_parallel_tree": "1", "num_trees": "1"}, "iteration_indptr": [0, 1], "tree_info": [0],
"trees": [{"left_children": [1, 3, -1, -1, -1], "right_children": [2, 4, -1, -1, -1],
"split_conditions": [1.0, 0.5, 10.0, 20.0, 30.0], "split_indices": [0, 0, 0, 0, 0],
"default_left": [1, 0, 0, 0, 0], "split_type": [0, 0, 0, 0, 0], "tree_param": {"size_leaf_vector": "1"},
"categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": []}]}},
"learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "1", "num_target": "1"},
"objective": {"name": "reg:squarederror"}}, "version": [3, 2, 0]}"#;

#[test]
fn what_is_no_model_is_refused_with_its_place() {
    assert!(survive(MODEL.as_bytes()));
    let refused = |from: &str, to: &str| {
        let text = MODEL.replacen(from, to, 1);
        assert_ne!(text, MODEL, "{from}");
        Forest::parse(text.as_bytes()).unwrap_err().to_string()
    };
    let errors = [
        ("[1, 3, -1, -1, -1]", "[0, 3, -1, -1, -1]"),
        ("[1, 3, -1, -1, -1]", "[1, 2, -1, -1, -1]"),
        ("[1, 3, -1, -1, -1]", "[1, 9, -1, -1, -1]"),
        ("[1, 3, -1, -1, -1]", "[1, -7, -1, -1, -1]"),
        ("[1, 3, -1, -1, -1]", "[1, 3.5, -1, -1, -1]"),
        ("[1, 3, -1, -1, -1]", "[1, 3]"),
        ("[0, 0, 0, 0, 0]", "[0, 7, 0, 0, 0]"),
        (r#""split_type": [0"#, r#""split_type": [1"#),
        (r#""size_leaf_vector": "1""#, r#""size_leaf_vector": "3""#),
        (r#""num_trees": "1""#, r#""num_trees": "2""#),
        (r#""tree_info": [0]"#, r#""tree_info": [4]"#),
        (
            r#""iteration_indptr": [0, 1]"#,
            r#""iteration_indptr": [0, 99]"#,
        ),
        (r#""num_class": "0""#, r#""num_class": "99999999999""#),
        (
            r#""num_feature": "1""#,
            r#""num_feature": "18446744073709551615""#,
        ),
        ("[5E-1]", "[5E-1,1]"),
        ("squarederror", "squareerror"),
        ("reg:squarederror", "mine"),
        (r#""name": "gbtree""#, r#""name": "gbforest""#),
        (r#""split_indices""#, r#""split_indexes""#),
        (r#""version""#, "version"),
    ]
    .map(|(from, to)| refused(from, to));
    expect![[r#"
        learner.gradient_booster.model.trees[0]: the node 0 is reached twice
        learner.gradient_booster.model.trees[0]: the node 2 is reached twice
        learner.gradient_booster.model.trees[0]: the child 9 is not one of 5 nodes
        learner.gradient_booster.model.trees[0]: the child -7 is not one of 5 nodes
        learner.gradient_booster.model.trees[0].left_children: 3.5 is not a number of its kind
        learner.gradient_booster.model.trees[0].right_children: 5 values instead of 2
        learner.gradient_booster.model.trees[0]: the feature 7 is not one of the model's 1
        learner.gradient_booster.model.trees[0]: the node 0 has no set of categories
        learner.gradient_booster.model.trees[0].tree_param.size_leaf_vector: leaves with several values (multi_strategy=multi_output_tree) are not supported; train with multi_strategy=one_output_per_tree
        learner.gradient_booster.model.trees: 1 values instead of 2
        learner.gradient_booster.model.tree_info: the group 4 is not one of 1
        learner.gradient_booster.model.iteration_indptr: the iterations do not fit 1 trees
        learner.learner_model_param.num_class: 99999999999 are more than the file can hold
        learner.learner_model_param.num_feature: 18446744073709551615 are more than the file can hold
        learner.learner_model_param.base_score: 2 values instead of 1
        learner.objective.name: unknown objective 'reg:squareerror'; did you mean 'reg:squarederror'?
        learner.objective.name: unknown objective 'mine'; known: binary:hinge, binary:logistic, binary:logitraw, count:poisson, multi:softmax, multi:softprob, rank:map, rank:ndcg, rank:pairwise, reg:absoluteerror, reg:gamma, reg:linear, reg:logistic, reg:pseudohubererror, reg:quantileerror, reg:squarederror, reg:squaredlogerror, reg:tweedie, survival:aft, survival:cox
        learner.gradient_booster.name: unknown booster 'gbforest'; known: gbtree, dart, gblinear
        learner.gradient_booster.model.trees[0]: 'split_indices' is missing
        line 8: column 45: key must be a string"#]].assert_eq(&errors.join("\n"));
}

#[test]
fn overlapping_and_huge_sets_of_categories_are_refused() {
    let set = |nodes: &str, segments: &str, sizes: &str, categories: &str| {
        let text = MODEL
            .replace(r#""split_type": [0, 0"#, r#""split_type": [1, 1"#)
            .replace(
                r#""categories": [], "categories_nodes": [], "categories_segments": [], "categories_sizes": []"#,
                &format!(
                    r#""categories": [{categories}], "categories_nodes": [{nodes}], "categories_segments": [{segments}], "categories_sizes": [{sizes}]"#
                ),
            );
        survive(text.as_bytes())
    };
    assert!(set("0, 1", "0, 2", "2, 1", "1, 5, 16777215"));
    assert!(!set("0, 1", "0, 0", "3, 3", "1, 5, 16777215"));
    assert!(!set("0, 1", "0, 2", "2, 9223372036854775807", "1, 5, 6"));
    assert!(!set("0, 1", "0, 2", "2, 1", "1, 5, 16777216"));
    assert!(!set("0, 1", "0, 2", "2, 1", "1, 5, -1"));
    assert!(!set("0", "0", "3", "1, 5, 6"));
}
