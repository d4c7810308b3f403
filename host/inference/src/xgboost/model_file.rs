//! Reading a whole model.

use std::ops::Range;

use super::document::{Part, Value};
use super::forest::{Forest, Kind};
use super::linear::Linear;
use super::objective::Transform;
use super::tree::{most_words, parse_tree};
use super::{json, ubjson};
use crate::forest::{FormatError, Trees};

/// So many features may be said, whatever the size of the file.
const FEATURES: usize = 1 << 16;

/// Models of so many groups may have fewer trees than groups: they were trained for no rounds.
const FEW_GROUPS: usize = 1 << 10;

/// Whether these bytes begin like a model in UBJSON: a key that begins with its length.
pub(super) fn is_ubjson(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'{', b'L' | b'l' | b'I' | b'i' | b'U' | b'#' | b'N', ..]
    )
}

/// Whether these bytes begin like JSON.
pub(super) fn is_json(bytes: &[u8]) -> bool {
    let mut text = bytes.iter().filter(|byte| !byte.is_ascii_whitespace());
    text.next() == Some(&b'{') && matches!(text.next(), Some(b'"'))
}

pub(super) fn parse(bytes: &[u8]) -> Result<Forest, FormatError> {
    let document = if is_ubjson(bytes) {
        ubjson::parse(bytes)?
    } else {
        json::parse(bytes)?
    };
    parse_model(&document, bytes.len())
}

fn parse_model(document: &Value, size: usize) -> Result<Forest, FormatError> {
    let learner = Part::root(document).get("learner")?;
    let parameters = learner.get("learner_model_param")?;
    // What may be allocated for a number that the file only says.
    let bounded = |key: &str, most: usize| match parameters.find(key) {
        None => Ok(0),
        Some(part) => {
            let number = part.parameter::<usize>()?;
            if number > most {
                return Err(part.error(format!("{number} are more than the file can hold")));
            }
            Ok(number)
        }
    };
    let features = bounded("num_feature", size.max(FEATURES))?;
    let groups = bounded("num_class", size)?
        .max(bounded("num_target", size)?)
        .max(1);
    let objective = learner.get("objective")?.get("name")?;
    let transform =
        Transform::parse(objective.text()?).map_err(|error| objective.error(error.message))?;
    let bases: Vec<f32> = parse_base_scores(&parameters.get("base_score")?, groups)?
        .into_iter()
        .map(|score| transform.base_margin(score))
        .collect();
    let booster = learner.get("gradient_booster")?;
    let name = booster.get("name")?;
    let kind = match name.text()? {
        "gbtree" => parse_trees(&booster.get("model")?, None, &bases, features, size)?,
        "dart" => {
            let model = booster.get("gbtree")?.get("model")?;
            let weights = booster.get("weight_drop")?;
            parse_trees(&model, Some(&weights), &bases, features, size)?
        }
        // XGBoost's linear models take the first base score for all groups.
        "gblinear" => {
            let first = bases.first().copied().unwrap_or_default();
            parse_linear(&booster.get("model")?, vec![first; groups], features)?
        }
        unknown => {
            let shown: String = unknown.chars().take(40).collect();
            let message = format!(
                "unknown booster '{}'; known: gbtree, dart, gblinear",
                shown.escape_debug()
            );
            return Err(name.error(message));
        }
    };
    Ok(Forest {
        kind,
        feature_names: parse_feature_names(&learner, features)?,
        groups,
        transform,
    })
}

/// The names of the features, or `f0`, `f1`, … where the model has none.
fn parse_feature_names(learner: &Part<'_>, features: usize) -> Result<Vec<String>, FormatError> {
    let names = match learner.find("feature_names") {
        Some(part) => part
            .items()?
            .iter()
            .map(|name| name.text().map(str::to_owned))
            .collect::<Result<Vec<_>, _>>()?,
        None => Vec::new(),
    };
    if names.is_empty() {
        return Ok((0..features).map(|feature| format!("f{feature}")).collect());
    }
    if names.len() != features {
        let message = format!("{} feature names for {features} features", names.len());
        return Err(learner.error(message));
    }
    Ok(names)
}

/// One number, or in brackets one for each group.
fn parse_base_scores(part: &Part<'_>, groups: usize) -> Result<Vec<f32>, FormatError> {
    let text = part.text()?.trim();
    let scores = text
        .trim_start_matches('[')
        .trim_end_matches(']')
        .split(',')
        .map(|score| score.trim().parse::<f32>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| part.error("not a number, or several in brackets"))?;
    match scores.as_slice() {
        [score] => Ok(vec![*score; groups]),
        _ => {
            part.check_count(&scores, groups)?;
            Ok(scores)
        }
    }
}

fn parse_trees(
    model: &Part<'_>,
    weights: Option<&Part<'_>>,
    bases: &[f32],
    features: usize,
    size: usize,
) -> Result<Kind, FormatError> {
    let parts = model.get("trees")?;
    let items = parts.items()?;
    let parameters = model.get("gbtree_model_param")?;
    let said: usize = parameters.get("num_trees")?.parameter()?;
    parts.check_count(&items, said)?;
    if bases.len() > items.len().max(FEW_GROUPS) {
        return Err(parts.error(format!("{said} trees of {} groups", bases.len())));
    }
    let info = model.get("tree_info")?;
    let groups: Vec<u32> = info.integers()?;
    info.check_count(&groups, items.len())?;
    if let Some(group) = groups.iter().find(|group| **group as usize >= bases.len()) {
        return Err(info.error(format!("the group {group} is not one of {}", bases.len())));
    }
    let drops = match weights {
        Some(part) => {
            part.check_count(part.numbers()?, items.len())?;
            Some(part.numbers()?)
        }
        None => None,
    };
    let (mut trees, mut nodes_of_leaves) = (Vec::new(), Vec::new());
    let mut words_left = most_words(size);
    for (number, item) in items.iter().enumerate() {
        let mut numbered = parse_tree(item, features, &mut words_left)?;
        if let Some(drops) = drops {
            let weight = drops[number] as f32;
            for value in &mut numbered.tree.leaf_values {
                *value = f64::from((0.0 + *value as f32) * weight);
            }
        }
        trees.push(numbered.tree);
        nodes_of_leaves.push(numbered.node_of_leaf);
    }
    let iterations = parse_iterations(model, &parameters, items.len(), bases.len())?;
    let bases = bases.iter().map(|base| f64::from(*base)).collect();
    Ok(Kind::Trees {
        trees: Box::new(Trees::new(trees, groups, bases, features)),
        nodes_of_leaves,
        iterations,
    })
}

/// The trees of each iteration.
fn parse_iterations(
    model: &Part<'_>,
    parameters: &Part<'_>,
    trees: usize,
    groups: usize,
) -> Result<Vec<Range<usize>>, FormatError> {
    if let Some(part) = model.find("iteration_indptr") {
        let starts: Vec<usize> = part.integers()?;
        if starts.is_empty() && trees == 0 {
            return Ok(Vec::new());
        }
        let sound =
            starts.first() == Some(&0) && starts.last() == Some(&trees) && starts.is_sorted();
        if !sound {
            return Err(part.error(format!("the iterations do not fit {trees} trees")));
        }
        return Ok(starts.windows(2).map(|pair| pair[0]..pair[1]).collect());
    }
    // Models from before XGBoost 2.
    let parallel = match parameters.find("num_parallel_tree") {
        Some(part) => part.parameter::<usize>()?.max(1),
        None => 1,
    };
    let step = groups.saturating_mul(parallel);
    Ok((0..trees / step)
        .map(|iteration| iteration * step..(iteration + 1) * step)
        .collect())
}

fn parse_linear(model: &Part<'_>, bases: Vec<f32>, features: usize) -> Result<Kind, FormatError> {
    let part = model.get("weights")?;
    let weights: Vec<f32> = part
        .numbers()?
        .iter()
        .map(|weight| *weight as f32)
        .collect();
    part.check_count(&weights, (features + 1).saturating_mul(bases.len()))?;
    Ok(Kind::Linear(Linear { weights, bases }))
}
