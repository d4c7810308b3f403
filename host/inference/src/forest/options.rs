//! What is asked of a model of trees, and how a `CREATE MODEL` statement says it.

use std::ops::Range;

use crate::definition::suggest;
use crate::{InferenceError, ModelDefinition};

const OUTPUTS: &[&str] = &["prediction", "raw-score", "leaf-index", "contributions"];

/// What a model of trees computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Output {
    /// What `Booster.predict(data)` returns.
    #[default]
    Prediction,
    /// The sums of the leaves: `raw_score=True` of LightGBM, `output_margin=True` of XGBoost.
    RawScore,
    /// For each tree the number of the leaf, as `Booster.predict(data, pred_leaf=True)` returns it:
    /// LightGBM counts leaves, XGBoost counts all nodes.
    LeafIndex,
    /// `Booster.predict(data, pred_contrib=True)`: for each class, what each feature adds to the raw
    /// score (its Shapley value, by TreeSHAP), and last the expected value; they sum to the raw score.
    Contributions,
}

/// How a model of trees computes it.
#[derive(Debug, Clone, Copy, Default)]
pub struct PredictOptions {
    pub output: Output,
    /// The first iteration to use; beyond the last, none is used.
    pub start_iteration: usize,
    /// How many iterations to use at most; all that follow when `None`.
    pub num_iteration: Option<usize>,
}

impl PredictOptions {
    /// The iterations that are used, of so many.
    pub(crate) fn used(&self, iterations: usize) -> Range<usize> {
        let start = self.start_iteration.min(iterations);
        let count = self
            .num_iteration
            .unwrap_or(iterations)
            .min(iterations - start);
        start..start + count
    }

    /// Reads the options of a `CREATE MODEL` statement.
    pub(crate) fn parse(definition: &ModelDefinition) -> Result<Self, InferenceError> {
        let output = match definition
            .options
            .get("output")
            .map_or("prediction", String::as_str)
        {
            "prediction" => Output::Prediction,
            "raw-score" => Output::RawScore,
            "leaf-index" => Output::LeafIndex,
            "contributions" => Output::Contributions,
            unknown => {
                let message = format!("unknown value '{unknown}' of the option 'output'");
                return Err(InferenceError::definition(&definition.name, message)
                    .with_hint(suggest(unknown, OUTPUTS)));
            }
        };
        let start_iteration: i64 = definition.number("start-iteration", 0)?;
        let num_iteration: i64 = definition.number("num-iteration", 0)?;
        Ok(Self {
            output,
            start_iteration: usize::try_from(start_iteration).unwrap_or(0),
            num_iteration: usize::try_from(num_iteration)
                .ok()
                .filter(|count| *count > 0),
        })
    }
}
