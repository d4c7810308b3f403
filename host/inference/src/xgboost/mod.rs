//! XGBoost's models, read and evaluated without XGBoost.
//!
//! A [`Forest`] is a parsed model, of the JSON or the UBJSON that `Booster.save_model` writes. Its
//! margins are the very `f32` that `Booster.predict` of Python's XGBoost 3 gives on a CPU: features
//! are rounded to `f32`, and leaves are summed in `f32`, in tree order, from the base score on.
//! Predictions are within one unit in the last place of `f32`.
//!
//! Terms: a *margin* is what the trees and the base score sum up to, before the objective's
//! transform. A *group* is what has a sum of its own: a class or a target.

mod document;
mod forest;
#[cfg(any(fuzzing, test))]
pub mod fuzzing;
mod json;
mod linear;
mod model_file;
mod objective;
mod provider;
mod tree;
mod ubjson;

pub use crate::forest::{FeatureColumn, FeatureValues, FormatError, Output, PredictOptions};
pub use forest::Forest;

pub(crate) use provider::load;
