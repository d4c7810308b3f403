//! ONNX models, computed by ONNX Runtime.
//!
//! The runtime is a shared library that is looked for, and loaded, when the first ONNX model is.

#[cfg(fuzzing)]
pub mod fuzzing;
mod memory;
mod outlet;
mod provider;
mod runtime;
mod tensor;
mod watchdog;

pub(crate) use provider::OnnxModel;
