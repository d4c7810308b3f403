//! Reading one tree.

use std::collections::HashMap;

use super::document::Part;
use crate::forest::{Child, FormatError, Missing, Node, Split, Tree, XgBoost};

/// Words that the sets of categories of a model may have together: a set is as long as its last category
/// says, and takes but one number in the file.
pub(super) fn most_words(file_size: usize) -> usize {
    const ALWAYS: usize = 1 << 20;
    const AT_MOST: usize = 1 << 25;
    file_size
        .saturating_mul(64)
        .saturating_add(ALWAYS)
        .min(AT_MOST)
}

/// A tree, and the number that each of its leaves has among XGBoost's nodes.
pub(super) struct NumberedTree {
    pub tree: Tree,
    pub node_of_leaf: Vec<u32>,
}

/// The nodes as the file has them: the same number of values in each column.
struct Columns<'a> {
    left: Vec<i64>,
    right: Vec<i64>,
    features: Vec<usize>,
    /// A threshold, or the value of a leaf.
    conditions: &'a [f64],
    default_left: Vec<u8>,
    /// Empty where all splits are by numbers.
    types: Vec<u8>,
}

/// Reads a tree, and checks all that the evaluators rely on. `words_left` counts down the words that
/// the category sets of all trees may have.
pub(super) fn parse_tree(
    part: &Part<'_>,
    features: usize,
    words_left: &mut usize,
) -> Result<NumberedTree, FormatError> {
    if let Some(parameters) = part.find("tree_param")
        && let Some(size) = parameters.find("size_leaf_vector")
        && size.parameter::<u64>()? > 1
    {
        return Err(size.error(
            "leaves with several values (multi_strategy=multi_output_tree) are not supported; \
             train with multi_strategy=one_output_per_tree",
        ));
    }
    let columns = parse_columns(part)?;
    let sets = parse_sets(part)?;
    let count = columns.left.len();
    let mut tree = Tree {
        nodes: Vec::new(),
        leaf_values: Vec::new(),
        linear: Vec::new(),
        category_words: Vec::new(),
        counts: None,
    };
    let mut node_of_leaf = Vec::new();
    let mut seen = vec![false; count];
    // A node of the file, and the side of the node above it that leads here.
    let mut open: Vec<(i64, Option<(usize, bool)>)> = vec![(0, None)];
    while let Some((number, above)) = open.pop() {
        let index = usize::try_from(number)
            .ok()
            .filter(|index| *index < count)
            .ok_or_else(|| part.error(format!("the child {number} is not one of {count} nodes")))?;
        if std::mem::replace(&mut seen[index], true) {
            return Err(part.error(format!("the node {index} is reached twice")));
        }
        let child = if columns.left[index] == -1 {
            tree.leaf_values
                .push(f64::from(columns.conditions[index] as f32));
            node_of_leaf.push(index as u32);
            Child::Leaf(node_of_leaf.len() - 1)
        } else {
            Child::Node(tree.nodes.len())
        };
        if let Some((parent, right)) = above {
            let parent = &mut tree.nodes[parent];
            *if right {
                &mut parent.right
            } else {
                &mut parent.left
            } = child;
        }
        let Child::Node(place) = child else { continue };
        let feature = columns.features[index];
        if feature >= features {
            let message = format!("the feature {feature} is not one of the model's {features}");
            return Err(part.error(message));
        }
        let set = if columns.types.get(index).is_some_and(|kind| *kind == 1) {
            let set = sets
                .get(&index)
                .ok_or_else(|| part.error(format!("the node {index} has no set of categories")))?;
            Some(set.as_slice())
        } else {
            None
        };
        let before = tree.category_words.len();
        let (split, mirrored) = split(&columns, index, set, &mut tree.category_words);
        *words_left = words_left
            .checked_sub(tree.category_words.len() - before)
            .ok_or_else(|| part.error("the sets of categories are too long"))?;
        // The children are filled in when they are reached.
        tree.nodes.push(Node {
            feature,
            split,
            left: child,
            right: child,
        });
        open.push((columns.right[index], Some((place, !mirrored))));
        open.push((columns.left[index], Some((place, mirrored))));
    }
    Ok(NumberedTree { tree, node_of_leaf })
}

fn parse_columns<'a>(part: &Part<'a>) -> Result<Columns<'a>, FormatError> {
    let left = part.get("left_children")?.integers()?;
    let count = left.len();
    let right = part.get("right_children")?;
    let features = part.get("split_indices")?;
    let conditions = part.get("split_conditions")?;
    let default_left = part.get("default_left")?;
    let types = part.find("split_type");
    let columns = Columns {
        left,
        right: right.integers()?,
        features: features.integers()?,
        conditions: conditions.numbers()?,
        default_left: default_left.integers()?,
        types: types
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), Part::integers)?,
    };
    right.check_count(&columns.right, count)?;
    features.check_count(&columns.features, count)?;
    conditions.check_count(columns.conditions, count)?;
    default_left.check_count(&columns.default_left, count)?;
    if let Some(types) = types {
        types.check_count(&columns.types, count)?;
        if let Some(unknown) = columns.types.iter().find(|kind| **kind > 1) {
            return Err(types.error(format!("unknown type of split {unknown}")));
        }
    }
    Ok(columns)
}

/// The categories of each node that splits by them.
fn parse_sets(part: &Part<'_>) -> Result<HashMap<usize, Vec<u32>>, FormatError> {
    let Some(nodes) = part.find("categories_nodes") else {
        return Ok(HashMap::new());
    };
    let nodes: Vec<usize> = nodes.integers()?;
    let segments = part.get("categories_segments")?;
    let sizes = part.get("categories_sizes")?;
    let (starts, lengths): (Vec<usize>, Vec<usize>) = (segments.integers()?, sizes.integers()?);
    segments.check_count(&starts, nodes.len())?;
    sizes.check_count(&lengths, nodes.len())?;
    let categories = part.get("categories")?;
    let all: Vec<u32> = categories.integers()?;
    if let Some(category) = all
        .iter()
        .find(|category| **category >= XgBoost::MOST_CATEGORIES)
    {
        return Err(categories.error(format!("the category {category} is too large")));
    }
    let mut sets = HashMap::new();
    // Segments that overlap would make more of the file than it holds.
    let mut end = 0;
    for ((node, start), length) in nodes.into_iter().zip(starts).zip(lengths) {
        let set = start
            .checked_add(length)
            .filter(|_| start == end)
            .and_then(|end| all.get(start..end))
            .ok_or_else(|| segments.error("the segments do not fit the categories"))?;
        end = start + length;
        sets.insert(node, set.to_vec());
    }
    Ok(sets)
}

/// What a node asks, and whether its children change places.
fn split(
    columns: &Columns<'_>,
    index: usize,
    set: Option<&[u32]>,
    words: &mut Vec<u32>,
) -> (Split, bool) {
    let missing_left = columns.default_left[index] != 0;
    let start = words.len();
    let mut add = |bit: u32| {
        let word = start + bit as usize / 32;
        if words.len() <= word {
            words.resize(word + 1, 0);
        }
        words[word] |= 1 << (bit % 32);
    };
    if let Some(set) = set {
        // XGBoost sends the categories of a set to the right, all others to the left, NaN by default.
        set.iter()
            .for_each(|category| add(category + 1 + XgBoost::MISSING));
        if !missing_left {
            add(XgBoost::MISSING);
        }
        let words = start..words.len();
        return (Split::Category { words }, true);
    }
    let threshold = columns.conditions[index] as f32;
    if threshold.is_nan() || threshold == f32::NEG_INFINITY {
        // Nothing is below it: what goes left, if anything, is NaN.
        if missing_left {
            add(XgBoost::MISSING);
        }
        let words = start..words.len();
        return (Split::Category { words }, false);
    }
    let split = Split::Number {
        // Below it goes left: at most the f32 before it.
        threshold: threshold.next_down().into(),
        missing: Missing::NotANumber,
        missing_left,
    };
    (split, false)
}
