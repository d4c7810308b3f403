//! A whole model: the header, the trees, and prediction.

use std::ops::Range;

use super::objective::Transform;
use super::text::{Fields, Lines};
use super::tree::parse_tree;
use crate::forest::{
    FeatureColumn, FormatError, LightGbm, Output, PredictOptions, Tree, Trees, Wanted,
    refuse_contributions,
};

/// A parsed LightGBM model.
#[derive(Debug)]
pub struct Forest {
    trees: Trees<LightGbm>,
    feature_names: Vec<String>,
    classes: usize,
    average: bool,
    transform: Transform,
}

impl Forest {
    /// Reads a model as `Booster.save_model` writes it.
    ///
    /// # Errors
    /// When the text is not a model or is damaged, with the line where that can be said. A model that
    /// parses never panics and never loops in [`Forest::predict`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let mut lines = Lines::new(bytes);
        if lines.next_line() != Some(b"tree") {
            return Err(FormatError::at(
                1,
                "a LightGBM text model starts with the line 'tree'",
            ));
        }
        let header = parse_header(&mut lines)?;
        let features = header.number::<usize>("max_feature_idx")?.saturating_add(1);
        for key in ["feature_names", "feature_infos"] {
            let count = header.count(key)?;
            if count != features {
                let message = format!("'{key}' has {count} values instead of {features}");
                return Err(header.blame(key, FormatError::new(message)));
            }
        }
        let feature_names = header
            .text("feature_names")?
            .split(' ')
            .filter(|name| !name.is_empty());
        let classes = header.number::<usize>("num_class")?;
        let trees_each_iteration = if header.contains("num_tree_per_iteration") {
            header.number("num_tree_per_iteration")?
        } else {
            classes
        };
        if classes == 0 || classes > bytes.len() || trees_each_iteration != classes {
            let message =
                format!("{classes} classes with {trees_each_iteration} trees an iteration");
            return Err(header.blame("num_class", FormatError::new(message)));
        }
        let transform = if header.contains("objective") {
            Transform::parse(header.text("objective")?, classes)
                .map_err(|error| header.blame("objective", error))?
        } else {
            Transform::Identity
        };
        let trees = parse_trees(&mut lines, &header, features)?;
        let class_of_tree = (0..classes as u32).cycle().take(trees.len()).collect();
        Ok(Self {
            trees: Trees::new(trees, class_of_tree, vec![0.0; classes], features),
            feature_names: feature_names.map(str::to_owned).collect(),
            classes,
            average: header.contains("average_output"),
            transform,
        })
    }

    /// The names of the features, in the order that [`Forest::predict`] takes their columns.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Why the model has no [contributions](Output::Contributions): a sentence that the model starts.
    pub fn refuses_contributions(&self) -> Option<String> {
        self.trees.trees.iter().find_map(refuse_contributions)
    }

    /// How many scores a row has; 1 but for multiclass models.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// How many values [`Forest::predict`] gives for a row.
    pub fn width(&self, options: PredictOptions) -> usize {
        match options.output {
            Output::Prediction | Output::RawScore => self.classes,
            Output::LeafIndex => self.used_trees(options).len(),
            Output::Contributions => (self.feature_names.len() + 1) * self.classes,
        }
    }

    fn used_trees(&self, options: PredictOptions) -> Range<usize> {
        let used = options.used(self.trees.trees.len() / self.classes);
        used.start * self.classes..used.end * self.classes
    }

    /// Predicts `rows` rows on the calling thread.
    ///
    /// `columns[i]` is the feature `i`; `out` takes the values row after row,
    /// [`width`](Self::width) for each row.
    ///
    /// # Panics
    /// When there are fewer columns than features, a column is shorter than `rows`, or `out` is not
    /// `rows` × [`width`](Self::width) long.
    pub fn predict(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
        options: PredictOptions,
    ) {
        assert!(
            columns.len() >= self.feature_names.len(),
            "a column for each feature"
        );
        assert!(
            columns.iter().all(|column| column.rows() >= rows),
            "each column holds all rows"
        );
        assert_eq!(
            out.len(),
            rows * self.width(options),
            "room for all predictions"
        );
        let wanted = match options.output {
            Output::LeafIndex => Wanted::Leaves,
            Output::Prediction | Output::RawScore => Wanted::Scores,
            Output::Contributions => {
                out.fill(0.0);
                let features = self.feature_names.len();
                return self
                    .trees
                    .contributions(self.used_trees(options), columns, features, out);
            }
        };
        self.trees
            .evaluate(self.used_trees(options), wanted, columns, rows, out);
        if wanted == Wanted::Scores {
            out.chunks_mut(self.classes)
                .for_each(|scores| self.finish(scores, options));
        }
    }

    /// From the sums of a row to its prediction.
    fn finish(&self, scores: &mut [f64], options: PredictOptions) {
        if options.output == Output::RawScore {
            return;
        }
        if self.average {
            let iterations = self.used_trees(options).len() / self.classes;
            scores
                .iter_mut()
                .for_each(|score| *score /= iterations as f64);
        }
        self.transform.apply(scores);
    }
}

impl crate::forest::Forest for Forest {
    fn feature_names(&self) -> &[String] {
        self.feature_names()
    }

    fn refuses_contributions(&self) -> Option<String> {
        self.refuses_contributions()
    }

    fn width(&self, options: PredictOptions) -> usize {
        self.width(options)
    }

    fn predict(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
        options: PredictOptions,
    ) {
        self.predict(columns, rows, out, options);
    }
}

fn parse_header<'a>(lines: &mut Lines<'a>) -> Result<Fields<'a>, FormatError> {
    let mut header = Fields::default();
    while let Some(line) = lines.peek_line() {
        if line.starts_with(b"Tree=") || line == b"end of trees" {
            break;
        }
        lines.next_line();
        if !line.is_empty() {
            header.insert(lines.number(), line);
        }
    }
    Ok(header)
}

fn parse_trees(
    lines: &mut Lines<'_>,
    header: &Fields<'_>,
    features: usize,
) -> Result<Vec<Tree>, FormatError> {
    // A model that says how long its trees are can be seen to be cut off.
    let sizes: Option<Vec<usize>> = header
        .contains("tree_sizes")
        .then(|| header.all_numbers("tree_sizes"))
        .transpose()?;
    let mut trees = Vec::new();
    loop {
        while lines.peek_line().is_some_and(<[u8]>::is_empty) {
            lines.next_line();
        }
        if !lines
            .peek_line()
            .is_some_and(|line| line.starts_with(b"Tree="))
        {
            break;
        }
        let start = lines.offset();
        lines.next_line();
        let first = lines.number();
        let mut fields = Fields::default();
        while let Some(line) = lines.next_line().filter(|line| !line.is_empty()) {
            fields.insert(lines.number(), line);
        }
        // The size counts the blank lines after the tree; there are two of them.
        while lines.peek_line().is_some_and(<[u8]>::is_empty) {
            lines.next_line();
        }
        let index = trees.len();
        if let Some(size) = sizes.as_ref().and_then(|sizes| sizes.get(index)) {
            let read = lines.offset() - start;
            if read != *size {
                let message = format!("the tree {index} is {read} bytes long instead of {size}");
                return Err(FormatError::at(first, message));
            }
        }
        let at_tree = |error: FormatError| FormatError {
            line: error.line.or(Some(first)),
            ..error
        };
        trees.push(parse_tree(&fields, features).map_err(at_tree)?);
    }
    let cut_off = |found: String| {
        let message = format!("the file holds {found}; the rest is missing");
        Err(FormatError::at(lines.number(), message))
    };
    match sizes {
        Some(sizes) if sizes.len() != trees.len() => {
            cut_off(format!("{} of {} trees", trees.len(), sizes.len()))
        }
        _ if trees.is_empty() && lines.peek_line() != Some(b"end of trees") => {
            cut_off("no trees and no end".into())
        }
        _ => Ok(trees),
    }
}
