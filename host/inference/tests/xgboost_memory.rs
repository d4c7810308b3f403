//! Small files that say large things of themselves: little is allocated for them, in reading and in
//! predicting.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use wasmill_inference::xgboost::{FeatureColumn, FeatureValues, Forest, PredictOptions};

/// The most MiB that this process has had.
fn most_resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib >> 10
}

/// Reads and, where that works, predicts; returns whether the bytes are a model.
fn read(bytes: &[u8]) -> bool {
    assert!(bytes.len() < 200_000, "{}", bytes.len());
    let Ok(forest) = Forest::parse(bytes) else {
        return false;
    };
    let values = [f64::NAN; 300];
    let column = FeatureColumn::new(FeatureValues::F64(&values), None);
    let columns = vec![column; forest.feature_names().len()];
    let options = PredictOptions::default();
    // A block, and a row alone.
    for rows in [256, 1] {
        let mut out = vec![0.0; rows * forest.width(options)];
        forest.predict(&columns, rows, &mut out, options);
    }
    true
}

/// A model of so many trees, each of one split by a set of this one category.
fn model(trees: usize, category: u32, features: &str, groups: &str) -> String {
    let tree = format!(
        r#"{{"left_children":[1,-1,-1],"right_children":[2,-1,-1],"split_conditions":[0,1,2],
"split_indices":[0,0,0],"default_left":[0,0,0],"split_type":[1,0,0],"categories":[{category}],
"categories_nodes":[0],"categories_segments":[0],"categories_sizes":[1]}}"#
    );
    format!(
        r#"{{"learner":{{"gradient_booster":{{"name":"gbtree","model":{{
"gbtree_model_param":{{"num_trees":"{trees}"}},"tree_info":{:?},"trees":[{}]}}}},
"learner_model_param":{{"base_score":"0","num_class":"{groups}","num_feature":"{features}"}},
"objective":{{"name":"multi:softprob"}}}}}}"#,
        vec![0; trees],
        vec![tree; trees].join(",")
    )
}

#[test]
fn a_small_file_takes_little_memory() {
    // A file may say as many classes as it has bytes.
    let padded = |text: String| text + &" ".repeat(100_000);
    let before = most_resident();
    for (text, is_model) in [
        (model(1, 16_777_215, "1", "0"), true),
        (padded(model(1, 1, "65536", "1000")), true),
        (padded(model(0, 1, "65536", "1000")), true),
        // Each set is of half a million words.
        (model(500, 16_777_215, "1", "0"), false),
        (model(1, 1, "4294967295", "0"), false),
        (model(1, 1, "1", "4294967295"), false),
        // Nor more than it has trees, past a few.
        (padded(model(1, 1, "1", "100000")), false),
    ] {
        assert_eq!(read(text.as_bytes()), is_model, "{:.400}", text);
    }
    for lie in [
        &b"{L\x00\x00\x00\x7f\xff\xff\xff\xff"[..],
        b"{#L\x00\x00\x00\x7f\xff\xff\xff\xff",
        b"{U\x07learner[#L\x00\x00\x00\x7f\xff\xff\xff\xff",
        b"{U\x07learner[$d#L\x00\x00\x00\x7f\xff\xff\xff\xff",
        b"{U\x07learner[$Z#L\x00\x00\x00\x7f\xff\xff\xff\xff",
        b"{U\x07learnerSL\x00\x00\x00\x7f\xff\xff\xff\xff",
    ] {
        assert!(!read(lie));
    }
    let taken = most_resident() - before;
    assert!(taken < 64, "{taken} MiB");
}
