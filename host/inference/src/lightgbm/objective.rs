//! From the sum of a row's leaves to the prediction, by the objective that the model was trained with.
//!
//! The formulas, and the order of their operations, are those of LightGBM's `ConvertOutput`
//! (`src/objective/*.hpp`).

use crate::forest::FormatError;

/// The output transform of a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Transform {
    Identity,
    /// `sign(x)·x²`: the model was trained on the square root of the label.
    SignedSquare,
    /// `exp(x)`: Poisson, gamma and Tweedie regression.
    Exponential,
    /// `1 / (1 + exp(−factor·x))`, for each class alone.
    Sigmoid {
        factor: f64,
    },
    /// `log(1 + exp(x))`.
    LogOnePlusExponential,
    Softmax,
}

impl Transform {
    /// Reads the value of the header's `objective` line.
    pub fn parse(objective: &str, classes: usize) -> Result<Self, FormatError> {
        let mut words = objective.split(' ').filter(|word| !word.is_empty());
        let name = words.next().unwrap_or_default();
        let parameters: Vec<&str> = words.collect();
        let parameter = |key: &str| {
            parameters
                .iter()
                .rev()
                .find_map(|word| word.strip_prefix(key)?.strip_prefix(':'))
        };
        let sigmoid = || match parameter("sigmoid").and_then(legacy_float) {
            Some(factor) if factor > 0.0 => Ok(Self::Sigmoid { factor }),
            _ => Err(FormatError::new(format!(
                "the objective '{name}' needs a 'sigmoid:' above 0"
            ))),
        };
        match name {
            "regression"
            | "regression_l2"
            | "mean_squared_error"
            | "mse"
            | "l2"
            | "l2_root"
            | "root_mean_squared_error"
            | "rmse"
            | "regression_l1"
            | "mean_absolute_error"
            | "l1"
            | "mae"
            | "fair"
            | "quantile"
            | "mape"
            | "mean_absolute_percentage_error" => Ok(if parameters.contains(&"sqrt") {
                Self::SignedSquare
            } else {
                Self::Identity
            }),
            "huber" | "lambdarank" | "rank_xendcg" | "xendcg" | "xe_ndcg" | "xe_ndcg_mart"
            | "xendcg_mart" | "none" | "null" | "custom" | "na" => Ok(Self::Identity),
            "poisson" | "gamma" | "tweedie" => Ok(Self::Exponential),
            "binary" => sigmoid(),
            "cross_entropy" | "xentropy" => Ok(Self::Sigmoid { factor: 1.0 }),
            "cross_entropy_lambda" | "xentlambda" => Ok(Self::LogOnePlusExponential),
            "multiclass" | "softmax" | "multiclassova" | "multiclass_ova" | "ova" | "ovr" => {
                let declared = parameter("num_class").and_then(|text| text.parse().ok());
                if declared != Some(classes) {
                    return Err(FormatError::new(format!(
                        "the objective '{name}' does not say 'num_class:{classes}'"
                    )));
                }
                if name == "multiclass" || name == "softmax" {
                    Ok(Self::Softmax)
                } else {
                    sigmoid()
                }
            }
            _ => Err(FormatError::new(format!(
                "unknown objective '{}'",
                name.escape_debug()
            ))),
        }
    }

    /// Transforms the raw scores of one row, one score a class, in place.
    pub fn apply(self, scores: &mut [f64]) {
        match self {
            Self::Identity => {}
            // The other single-class objectives of LightGBM also touch the first score only.
            Self::SignedSquare => first(scores, |x| sign(x) * x * x),
            Self::Exponential => first(scores, f64::exp),
            Self::LogOnePlusExponential => first(scores, |x| x.exp().ln_1p()),
            Self::Sigmoid { factor } => {
                for score in scores {
                    *score = 1.0 / (1.0 + (-factor * *score).exp());
                }
            }
            Self::Softmax => softmax(scores),
        }
    }
}

fn first(scores: &mut [f64], transform: impl Fn(f64) -> f64) {
    if let Some(score) = scores.first_mut() {
        *score = transform(*score);
    }
}

fn sign(x: f64) -> f64 {
    f64::from(i8::from(x > 0.0) - i8::from(x < 0.0))
}

fn softmax(scores: &mut [f64]) {
    let Some(&start) = scores.first() else { return };
    let most = scores[1..]
        .iter()
        .fold(start, |most, x| if *x < most { most } else { *x });
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (*score - most).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

/// Reads a decimal as LightGBM's `Common::Atof` does, which rounds more than once: the parameters
/// of an objective must come out with the same bits.
fn legacy_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let decimal = |digits: &str| {
        digits.bytes().try_fold(0.0, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10.0 + f64::from(digit - b'0'))
        })
    };
    let scale = legacy_scale(exponent.unsigned_abs().min(308));
    let value = decimal(whole)? + decimal(fraction)? / raise(10.0, fraction.len().min(400));
    let value = if exponent < 0 {
        value / scale
    } else {
        value * scale
    };
    Some(if negative { -value } else { value })
}

/// LightGBM's `Common::Pow`.
fn raise(base: f64, power: usize) -> f64 {
    match power {
        0 => 1.0,
        power if power.is_multiple_of(2) => raise(base * base, power / 2),
        power if power.is_multiple_of(3) => raise(base * base * base, power / 3),
        power => base * raise(base, power - 1),
    }
}

fn legacy_scale(mut exponent: u32) -> f64 {
    let mut scale = 1.0;
    for (step, factor) in [(50, 1e50), (8, 1e8), (1, 10.0)] {
        while exponent >= step {
            scale *= factor;
            exponent -= step;
        }
    }
    scale
}
