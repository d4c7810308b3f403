//! Damaged model files: an error or a model that predicts, and neither a panic nor an endless loop.

#![allow(clippy::unwrap_used, reason = "tests")]

mod oracle;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field};
use expect_test::expect;
use oracle::run_script;
use wasmill_inference::lightgbm::{FeatureColumn, FeatureValues, Forest, Output, PredictOptions};
use wasmill_inference::{ModelDefinition, load};

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
        forest.predict(
            &columns,
            rows,
            &mut vec![0.0; rows * forest.width(options)],
            options,
        );
    }
    true
}

/// Models with categories, linear leaves, several classes, more than 64 leaves, and none.
fn models() -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    run_script("lightgbm_models.py", folder.path());
    [0, 40, 77, 110, 310, 336]
        .map(|number| fs::read(folder.path().join(format!("{number}.txt"))).unwrap())
        .into()
}

#[test]
fn a_damaged_model_is_an_error_or_predicts() {
    let mut state = 42_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let (mut cut, mut flipped, mut flipped_but_sound) = (0, 0, 0);
    for model in models() {
        assert!(survive(&model));
        let end = model
            .windows(12)
            .position(|window| window == b"end of trees")
            .unwrap();
        for length in (0..end - 2).step_by(1 + end / 1500) {
            assert!(
                !survive(&model[..length]),
                "{length} of {} bytes were taken for a model",
                model.len()
            );
            cut += 1;
        }
        for _ in 0..1000 {
            let mut damaged = model.clone();
            for _ in 0..=random(3) {
                let place = random(end);
                damaged[place] ^= 1 << random(8);
            }
            flipped += 1;
            flipped_but_sound += usize::from(survive(&damaged));
        }
        // Digits for digits: the file keeps its form, and the numbers lie.
        for _ in 0..1000 {
            let mut damaged = model.clone();
            let place = random(end);
            if damaged[place].is_ascii_digit() {
                damaged[place] = b'0' + random(10) as u8;
            }
            survive(&damaged);
        }
    }
    println!(
        "{cut} cut off, {flipped} with flipped bits, of which {flipped_but_sound} are still models"
    );
}

#[test]
fn sizes_that_lie_allocate_nothing() {
    let head = "tree\nnum_class=1\nmax_feature_idx=0\nfeature_names=a\nfeature_infos=none\n\n";
    for tree in [
        "num_leaves=4294967295\nnum_cat=0\nleaf_value=1\n",
        "num_leaves=18446744073709551615\nnum_cat=0\nleaf_value=1 2\n",
        "num_leaves=2\nnum_cat=4294967295\nleaf_value=1 2\ncat_boundaries=0 1\ncat_threshold=1\n",
        "num_leaves=2\nnum_cat=1\nleaf_value=1 2\ncat_boundaries=0 4294967295\ncat_threshold=1\n",
        "num_leaves=1\nnum_cat=0\nis_linear=1\nleaf_value=1\nleaf_const=0\nnum_features=4294967295\nleaf_features=0\nleaf_coeff=1\n",
    ] {
        let text = format!("{head}Tree=0\n{tree}\nend of trees\n");
        assert!(Forest::parse(text.as_bytes()).is_err(), "{tree}");
    }
    for header in [
        "num_class=99999999999",
        "max_feature_idx=99999999999",
        "max_feature_idx=18446744073709551615",
    ] {
        let key = header.split('=').next().unwrap();
        let text: Vec<&str> = head
            .lines()
            .map(|line| if line.starts_with(key) { header } else { line })
            .collect();
        assert!(
            Forest::parse(text.join("\n").as_bytes()).is_err(),
            "{header}"
        );
    }
}

/// Two nodes and three leaves of one feature, whose children are these.
fn tree(leaves: &str, left: &str, right: &str) -> String {
    format!(
        "tree\nnum_class=1\nmax_feature_idx=0\nfeature_names=a\nfeature_infos=none\n\nTree=0\n\
         num_leaves={leaves}\nnum_cat=0\nsplit_feature=0 0\nthreshold=0 1\nleft_child={left}\n\
         right_child={right}\nleaf_value=1 2 3\n\nend of trees\n"
    )
}

#[test]
fn trees_that_are_none_are_refused() {
    let parse = |text: String| Forest::parse(text.as_bytes()).map(|_| "a model");
    assert!(parse(tree("3", "1 -1", "-2 -3")).is_ok());
    for (text, expected) in [
        (
            tree("1000000000", "1 -1", "-2 -3"),
            expect!["line 14: 'leaf_value' has 3 values instead of 1000000000"],
        ),
        (
            tree("3", "0 -1", "-2 -3"),
            expect!["line 7: the node 0 of a tree is reached twice"],
        ),
        (
            tree("3", "1 0", "-2 -3"),
            expect!["line 7: the node 0 of a tree is reached twice"],
        ),
        (
            tree("3", "1 1", "-2 -3"),
            expect!["line 7: the node 1 of a tree is reached twice"],
        ),
        (
            tree("3", "1 -1", "-1 -3"),
            expect!["line 7: the leaf 0 of a tree is reached twice"],
        ),
        (
            tree("3", "7 -1", "-2 -3"),
            expect!["line 12: the child 7 is not in a tree of 3 leaves"],
        ),
        (
            tree("3", "1 -9", "-2 -3"),
            expect!["line 12: the child -9 is not in a tree of 3 leaves"],
        ),
        (
            tree("3", "1 -9223372036854775808", "-2 -3"),
            expect![
                "line 12: 'left_child' holds '-9223372036854775808', which is not a number of its kind"
            ],
        ),
        (
            tree("3", "-1 -2", "-3 1"),
            expect!["line 7: the leaf 1 of a tree is not reached"],
        ),
    ] {
        let error = parse(text).unwrap_err();
        let line = error.line.map(|line| format!("line {line}: "));
        expected.assert_eq(&format!("{}{}", line.unwrap_or_default(), error.message));
    }
}

#[test]
fn classes_without_end_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = tree("3", "1 -1", "-2 -3").replace("num_class=1", "num_class=1000000");
    let padding = " ".repeat(2_000_000);
    fs::write(folder.path().join("model.txt"), text + &padding).unwrap();
    let list = DataType::new_list(DataType::Float64, true);
    let model = load(&ModelDefinition {
        name: "attacker".into(),
        provider: "lightgbm".into(),
        options: BTreeMap::from([("path".into(), "model.txt".into())]),
        inputs: vec![Field::new("a", DataType::Float64, true)],
        outputs: vec![Field::new("classes", list, true)],
        base: folder.path().into(),
    })
    .unwrap();
    let column: ArrayRef = Arc::new(Float64Array::from(vec![0.5; 8192]));
    let error = model.predict(&[column], 8192, None).unwrap_err();
    expect![
        "model 'attacker' gives 1000000 numbers a row, which are more than 268435456 for 8192 rows"
    ]
    .assert_eq(&error.to_string());
}

#[test]
fn a_tree_as_deep_as_it_has_leaves_is_walked() {
    let leaves = 60_000_i64;
    let join = |numbers: Vec<i64>| {
        numbers
            .iter()
            .map(i64::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let nodes = leaves - 1;
    let text = format!(
        "tree\nnum_class=1\nmax_feature_idx=0\nfeature_names=a\nfeature_infos=none\n\nTree=0\nnum_leaves={leaves}\n\
         num_cat=0\nsplit_feature={}\nthreshold={}\nleft_child={}\nright_child={}\nleaf_value={}\n\nend of trees\n",
        join(vec![0; nodes as usize]),
        join((0..nodes).collect()),
        join((0..nodes).map(|node| !node).collect()),
        join(
            (1..=nodes)
                .map(|node| if node == nodes { !node } else { node })
                .collect()
        ),
        join((0..leaves).collect()),
    );
    let forest = Forest::parse(text.as_bytes()).unwrap();
    let values = [-5.0, 0.0, 0.5, 59_997.5, 1e9];
    let mut out = [0.0; 5];
    forest.predict(
        &[FeatureColumn::new(FeatureValues::F64(&values), None)],
        5,
        &mut out,
        PredictOptions::default(),
    );
    assert_eq!(out, [0.0, 0.0, 1.0, 59_998.0, 59_999.0]);
}
