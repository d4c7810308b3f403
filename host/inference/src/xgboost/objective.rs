//! Between base score, margin and prediction, by the objective that the model was trained with.
//!
//! The formulas, and the order of their operations in `f32`, are those of XGBoost's `ProbToMargin`
//! and `PredTransform` (`src/objective/*`).

use crate::definition::suggest;
use crate::forest::FormatError;

/// The output transform of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Transform {
    Identity,
    /// `1 / (1 + exp(−x))`.
    Sigmoid,
    /// `exp(x)`.
    Exponential,
    /// 1 above 0, else 0.
    Hinge,
    Softmax,
    /// The number of the class with the largest margin.
    LargestClass,
}

/// All objectives of XGBoost.
const OBJECTIVES: &[(&str, Transform)] = &[
    ("binary:hinge", Transform::Hinge),
    ("binary:logistic", Transform::Sigmoid),
    ("binary:logitraw", Transform::Identity),
    ("count:poisson", Transform::Exponential),
    ("multi:softmax", Transform::LargestClass),
    ("multi:softprob", Transform::Softmax),
    ("rank:map", Transform::Identity),
    ("rank:ndcg", Transform::Identity),
    ("rank:pairwise", Transform::Identity),
    ("reg:absoluteerror", Transform::Identity),
    ("reg:gamma", Transform::Exponential),
    ("reg:linear", Transform::Identity),
    ("reg:logistic", Transform::Sigmoid),
    ("reg:pseudohubererror", Transform::Identity),
    ("reg:quantileerror", Transform::Identity),
    ("reg:squarederror", Transform::Identity),
    ("reg:squaredlogerror", Transform::Identity),
    ("reg:tweedie", Transform::Exponential),
    ("survival:aft", Transform::Exponential),
    ("survival:cox", Transform::Exponential),
];

impl Transform {
    /// The transform of an objective.
    pub fn parse(objective: &str) -> Result<Self, FormatError> {
        let known = OBJECTIVES.iter().find(|(name, _)| *name == objective);
        known.map(|(_, transform)| *transform).ok_or_else(|| {
            let names: Vec<&str> = OBJECTIVES.iter().map(|(name, _)| *name).collect();
            let shown: String = objective.chars().take(40).collect();
            FormatError::new(format!(
                "unknown objective '{}'; {}",
                shown.escape_debug(),
                suggest(&shown, &names)
            ))
        })
    }

    /// The margin that a base score, which is in the space of predictions, stands for.
    pub fn base_margin(self, base_score: f32) -> f32 {
        match self {
            Self::Sigmoid => -(1.0 / base_score - 1.0).ln(),
            Self::Exponential => base_score.ln(),
            Self::Identity | Self::Hinge | Self::Softmax | Self::LargestClass => base_score,
        }
    }

    /// How many predictions so many margins of a row make.
    pub fn width(self, groups: usize) -> usize {
        if self == Self::LargestClass {
            1
        } else {
            groups
        }
    }

    /// Transforms the margins of one row into predictions, which may be fewer. All are `f32`.
    pub fn apply(self, margins: &[f64], predictions: &mut [f64]) {
        let each = |predictions: &mut [f64], transform: fn(f32) -> f32| {
            for (prediction, margin) in predictions.iter_mut().zip(margins) {
                *prediction = transform(*margin as f32).into();
            }
        };
        match self {
            Self::Identity => predictions.copy_from_slice(margins),
            Self::Sigmoid => each(predictions, sigmoid),
            Self::Exponential => each(predictions, f32::exp),
            Self::Hinge => each(predictions, |x| f32::from(u8::from(x > 0.0))),
            Self::Softmax => softmax(margins, predictions),
            Self::LargestClass => predictions.fill(largest(margins) as f64),
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    // XGBoost adds 1e-16 to the denominator, which f32 does not see, and avoids an infinite exp.
    let negated = if -x < 88.7 { -x } else { 88.7 };
    1.0 / (negated.exp() + 1.0)
}

/// The first class with the largest margin.
fn largest(margins: &[f64]) -> usize {
    let mut best = 0;
    for (class, margin) in margins.iter().enumerate() {
        if *margin > margins[best] {
            best = class;
        }
    }
    best
}

fn softmax(margins: &[f64], predictions: &mut [f64]) {
    let Some(first) = margins.first() else { return };
    let most = margins
        .iter()
        .fold(*first as f32, |most, x| most.max(*x as f32));
    let mut sum = 0.0_f64;
    for (prediction, margin) in predictions.iter_mut().zip(margins) {
        let raised = (*margin as f32 - most).exp();
        *prediction = raised.into();
        sum += f64::from(raised);
    }
    for prediction in predictions {
        *prediction = (*prediction as f32 / sum as f32).into();
    }
}
