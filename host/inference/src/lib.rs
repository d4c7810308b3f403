//! Models that run on the host: a `CREATE MODEL` statement becomes a [`Model`], which turns
//! columns of features into columns of predictions.
//!
//! Two providers: `lightgbm`, an evaluator of LightGBM's text models that is written here and
//! predicts bit for bit what LightGBM predicts, and `onnx`, through ONNX Runtime's shared library
//! (found at run time; everything else works without it).

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

pub use batching::{Batching, Queue};
pub use definition::ModelDefinition;
pub use error::InferenceError;
pub use model::{Model, PROVIDERS, load};
#[cfg(feature = "onnx")]
#[doc(hidden)]
pub use onnx::environment as onnx_environment;
#[cfg(all(feature = "onnx", fuzzing))]
pub use onnx::fuzzing;
