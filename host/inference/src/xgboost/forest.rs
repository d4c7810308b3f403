//! A model in memory, and prediction.

use std::ops::Range;

use arrow::datatypes::DataType;

use super::linear::Linear;
use super::model_file;
use super::objective::Transform;
use crate::forest::{FeatureColumn, FormatError, Output, PredictOptions, Trees, Wanted, XgBoost};

/// Margins of rows that become fewer predictions are computed so many at a time.
const MARGINS: usize = 1 << 16;

/// A parsed XGBoost model.
#[derive(Debug)]
pub struct Forest {
    pub(super) kind: Kind,
    pub(super) feature_names: Vec<String>,
    pub(super) groups: usize,
    pub(super) transform: Transform,
}

/// What computes the margins.
#[derive(Debug)]
pub(super) enum Kind {
    Trees {
        trees: Box<Trees<XgBoost>>,
        /// The node that each leaf of each tree is.
        nodes_of_leaves: Vec<Vec<u32>>,
        /// The trees of each iteration.
        iterations: Vec<Range<usize>>,
    },
    Linear(Linear),
}

impl Forest {
    /// Reads a model as `Booster.save_model` writes it, to `.json` or to `.ubj`.
    ///
    /// # Errors
    /// When the bytes are not a model, are damaged, or are a model of a kind that is not supported. A
    /// model that parses never panics and never loops in [`Forest::predict`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        model_file::parse(bytes)
    }

    /// The names of the features, in the order that [`Forest::predict`] takes their columns.
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Whether the model is linear: it has no leaves and no iterations.
    pub fn is_linear(&self) -> bool {
        matches!(self.kind, Kind::Linear(_))
    }

    /// How many values [`Forest::predict`] gives for a row.
    pub fn width(&self, options: PredictOptions) -> usize {
        match options.output {
            Output::Prediction => self.transform.width(self.groups),
            Output::RawScore => self.groups,
            Output::LeafIndex => self.used_trees(options).len(),
            // They are not computed of XGBoost's models.
            Output::Contributions => 0,
        }
    }

    fn used_trees(&self, options: PredictOptions) -> Range<usize> {
        let Kind::Trees { iterations, .. } = &self.kind else {
            return 0..0;
        };
        let used = &iterations[options.used(iterations.len())];
        match used {
            [first, .., last] => first.start..last.end,
            [only] => only.clone(),
            [] => 0..0,
        }
    }

    /// Predicts `rows` rows on the calling thread. All values are `f32`, or the numbers of nodes.
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
        let width = self.width(options);
        assert_eq!(out.len(), rows * width, "room for all predictions");
        match options.output {
            Output::RawScore => self.margins(columns, rows, out, options),
            Output::LeafIndex => self.nodes(columns, rows, out, options),
            Output::Contributions => {}
            Output::Prediction => {
                let step = (MARGINS / self.groups).max(1);
                let mut margins = Vec::new();
                for (start, out) in (0..rows).step_by(step).zip(out.chunks_mut(step * width)) {
                    let rows = out.len() / width;
                    margins.resize(rows * self.groups, 0.0);
                    let columns: Vec<_> = columns.iter().map(|column| column.skip(start)).collect();
                    self.margins(&columns, rows, &mut margins, options);
                    let margins = margins.chunks(self.groups);
                    for (margins, out) in margins.zip(out.chunks_mut(width)) {
                        self.transform.apply(margins, out);
                    }
                }
            }
        }
    }

    fn margins(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
        options: PredictOptions,
    ) {
        match &self.kind {
            Kind::Trees { trees, .. } => {
                let used = self.used_trees(options);
                trees.evaluate(used, Wanted::Scores, columns, rows, out);
            }
            Kind::Linear(linear) => linear.evaluate(columns, rows, out),
        }
    }

    fn nodes(
        &self,
        columns: &[FeatureColumn<'_>],
        rows: usize,
        out: &mut [f64],
        options: PredictOptions,
    ) {
        let Kind::Trees {
            trees,
            nodes_of_leaves,
            ..
        } = &self.kind
        else {
            return;
        };
        let used = self.used_trees(options);
        trees.evaluate(used.clone(), Wanted::Leaves, columns, rows, out);
        for row in out.chunks_mut(used.len().max(1)) {
            for (leaf, nodes) in row.iter_mut().zip(&nodes_of_leaves[used.clone()]) {
                *leaf = nodes[*leaf as usize].into();
            }
        }
    }
}

impl crate::forest::Forest for Forest {
    // In one step, as XGBoost does it: by way of f64 it would be rounded twice.
    const INTEGERS: DataType = DataType::Float32;

    fn feature_names(&self) -> &[String] {
        self.feature_names()
    }

    fn refuses_contributions(&self) -> Option<String> {
        Some("is of XGBoost, for which contributions are not computed".into())
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
