//! Models that run on the host: a `CREATE MODEL` statement becomes a [`Model`], which turns
//! columns of features into columns of predictions.
//!
//! Providers: `lightgbm` and `xgboost`, evaluators of LightGBM's and XGBoost's models that are written
//! here and sum up bit for bit what the two libraries do; `onnx`, through ONNX Runtime's shared library
//! (found at run time; everything else works without it); `open-inference` and `bentoml`, models that a
//! server computes.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod array;
mod batching;
mod definition;
mod error;
mod forest;
pub mod lightgbm;
mod model;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "remote")]
pub mod open_inference;
#[cfg(feature = "remote")]
mod remote;
#[cfg(any(feature = "onnx", feature = "remote"))]
mod tensor;
mod versions;
pub mod xgboost;

pub use batching::{Batching, Queue};
pub use definition::ModelDefinition;
pub use error::InferenceError;
pub use model::{Model, PROVIDERS, Requests, load};
#[cfg(feature = "onnx")]
#[doc(hidden)]
pub use onnx::environment as onnx_environment;
#[cfg(all(feature = "onnx", fuzzing))]
pub use onnx::fuzzing;
pub use versions::{Difference, VersionId, VersionedModel, VersionsInUse, Watch};
