//! What ONNX models and remote ones have in common: tensors with names, elements and shapes, and which
//! columns they are made of.

pub(crate) mod columns;
mod element;
mod signature;

pub use element::Element;
pub(crate) use element::with_numeric;
#[cfg(feature = "remote")]
pub(crate) use signature::value_type;
pub(crate) use signature::{Binding, TensorSignature, bind_inputs, bind_outputs, show_tensors};
