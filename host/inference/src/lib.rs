//! Models that run on the host: a `CREATE MODEL` statement becomes a [`Model`], which turns
//! columns of features into columns of predictions.
//!
//! Three providers: `lightgbm` and `xgboost`, evaluators of LightGBM's and XGBoost's models that are
//! written here and sum up bit for bit what the two libraries do, and `onnx`, through ONNX Runtime's
//! shared library (found at run time; everything else works without it).

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod array;
mod definition;
mod error;
mod forest;
pub mod lightgbm;
mod model;
#[cfg(feature = "onnx")]
mod onnx;
pub mod xgboost;

pub use definition::ModelDefinition;
pub use error::InferenceError;
pub use model::{Model, PROVIDERS, load};
#[cfg(all(feature = "onnx", fuzzing))]
pub use onnx::fuzzing;
