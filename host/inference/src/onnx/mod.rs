//! ONNX models, computed by ONNX Runtime.
//!
//! The runtime is a shared library that is looked for, and loaded, when the first ONNX model is.

mod binding;
mod column;
mod element;
#[cfg(fuzzing)]
pub mod fuzzing;
mod map;
mod memory;
mod nested;
mod options;
mod placement;
mod provider;
mod runtime;
mod sequence;
mod session;
mod signature;
mod tensor;
mod watchdog;
mod weights;

pub(crate) use provider::OnnxModel;
pub use runtime::environment;
