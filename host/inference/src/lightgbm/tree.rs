//! Reading one tree of a text model.

use std::ops::Range;

use super::text::Fields;
use crate::forest::{Child, Counts, FormatError, Linear, Missing, Node, Split, Tree};

/// Reads the lines that follow `Tree=…`, and checks all that the evaluators rely on.
pub(super) fn parse_tree(fields: &Fields<'_>, features: usize) -> Result<Tree, FormatError> {
    let leaves: usize = fields.number("num_leaves")?;
    if leaves == 0 {
        return Err(fields.blame("num_leaves", FormatError::new("a tree without leaves")));
    }
    let leaf_values = fields.numbers("leaf_value", leaves)?;
    let linear = fields.contains("is_linear") && fields.number::<u8>("is_linear")? != 0;
    let mut tree = Tree {
        nodes: Vec::new(),
        leaf_values,
        linear: Vec::new(),
        category_words: Vec::new(),
        counts: None,
    };
    if linear {
        tree.linear = parse_linear(fields, leaves, features)?;
    }
    if leaves > 1 {
        let sets = parse_category_sets(fields, &mut tree.category_words)?;
        tree.nodes = parse_nodes(fields, leaves, features, &sets)?;
        if fields.contains("internal_count") && fields.contains("leaf_count") {
            tree.counts = Some(Counts {
                nodes: fields.numbers("internal_count", leaves - 1)?,
                leaves: fields.numbers("leaf_count", leaves)?,
            });
        }
        tree.check_shape().map_err(FormatError::new)?;
    }
    Ok(tree)
}

fn parse_nodes(
    fields: &Fields<'_>,
    leaves: usize,
    features: usize,
    sets: &[Range<usize>],
) -> Result<Vec<Node>, FormatError> {
    let count = leaves - 1;
    let split_features: Vec<usize> = fields.numbers("split_feature", count)?;
    let thresholds: Vec<f64> = fields.numbers("threshold", count)?;
    let left: Vec<i32> = fields.numbers("left_child", count)?;
    let right: Vec<i32> = fields.numbers("right_child", count)?;
    let types = if fields.contains("decision_type") {
        fields.numbers("decision_type", count)?
    } else {
        vec![0_u8; count]
    };
    let child = |key: &str, code: i32| {
        // Of a leaf, the file holds the bitwise complement.
        let (child, index, limit) = match usize::try_from(code) {
            Ok(node) => (Child::Node(node), node, count),
            Err(_) => (Child::Leaf(!code as usize), !code as usize, leaves),
        };
        (index < limit).then_some(child).ok_or_else(|| {
            fields.blame(
                key,
                FormatError::new(format!(
                    "the child {code} is not in a tree of {leaves} leaves"
                )),
            )
        })
    };
    (0..count)
        .map(|node| {
            let feature = split_features[node];
            if feature >= features {
                let message = format!("the feature {feature} is not one of the model's {features}");
                return Err(fields.blame("split_feature", FormatError::new(message)));
            }
            Ok(Node {
                feature,
                split: parse_split(types[node], thresholds[node], sets)
                    .map_err(|error| fields.blame("decision_type", error))?,
                left: child("left_child", left[node])?,
                right: child("right_child", right[node])?,
            })
        })
        .collect()
}

/// Reads a `decision_type`: bit 0 is "by category", bit 1 "missing goes left", bits 2 and 3 say what
/// is missing.
fn parse_split(
    decision_type: u8,
    threshold: f64,
    sets: &[Range<usize>],
) -> Result<Split, FormatError> {
    if decision_type & 1 == 1 {
        if !(threshold >= 0.0 && threshold < sets.len() as f64) {
            let message = format!("the category set {threshold} is not one of {}", sets.len());
            return Err(FormatError::new(message));
        }
        return Ok(Split::Category {
            words: sets[threshold as usize].clone(),
        });
    }
    let missing = match decision_type >> 2 {
        0 => Missing::Never,
        1 => Missing::Zero,
        2 => Missing::NotANumber,
        _ => {
            return Err(FormatError::new(format!(
                "unknown decision type {decision_type}"
            )));
        }
    };
    if threshold.is_nan() {
        return Err(FormatError::new("a threshold is not a number"));
    }
    Ok(Split::Number {
        threshold,
        missing,
        missing_left: decision_type & 2 != 0,
    })
}

fn parse_category_sets(
    fields: &Fields<'_>,
    words: &mut Vec<u32>,
) -> Result<Vec<Range<usize>>, FormatError> {
    let sets: usize = fields.number("num_cat")?;
    if sets == 0 {
        return Ok(Vec::new());
    }
    let boundaries: Vec<usize> = fields.all_numbers("cat_boundaries")?;
    *words = fields.all_numbers("cat_threshold")?;
    let sound = boundaries.len().checked_sub(1) == Some(sets)
        && boundaries.is_sorted()
        && boundaries.last() == Some(&words.len());
    if !sound {
        let message = format!(
            "the boundaries of {sets} category sets do not fit {} words",
            words.len()
        );
        return Err(fields.blame("cat_boundaries", FormatError::new(message)));
    }
    Ok(boundaries.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

fn parse_linear(
    fields: &Fields<'_>,
    leaves: usize,
    features: usize,
) -> Result<Vec<Linear>, FormatError> {
    let constants: Vec<f64> = fields.numbers("leaf_const", leaves)?;
    let lengths: Vec<usize> = fields.numbers("num_features", leaves)?;
    let leaf_features: Vec<usize> = fields.all_numbers("leaf_features")?;
    let coefficients: Vec<f64> = fields.numbers("leaf_coeff", leaf_features.len())?;
    if let Some(feature) = leaf_features.iter().find(|feature| **feature >= features) {
        let message = format!("the feature {feature} is not one of the model's {features}");
        return Err(fields.blame("leaf_features", FormatError::new(message)));
    }
    let mut terms = leaf_features.into_iter().zip(coefficients);
    let mut linear = Vec::with_capacity(leaves);
    for (constant, length) in constants.into_iter().zip(lengths) {
        let taken: Vec<_> = terms.by_ref().take(length).collect();
        if taken.len() != length {
            return Err(fields.blame(
                "num_features",
                FormatError::new("more features than 'leaf_features' has"),
            ));
        }
        linear.push(Linear {
            constant,
            terms: taken,
        });
    }
    match terms.next() {
        Some(_) => Err(fields.blame(
            "num_features",
            FormatError::new("fewer features than 'leaf_features' has"),
        )),
        None => Ok(linear),
    }
}
