//! What ONNX models and remote ones have in common: the elements of tensors, and the columns that such
//! tensors are made of.

pub(crate) mod columns;
mod element;
pub(crate) mod interleave;
mod shape;

pub use element::Element;
pub(crate) use element::with_native;
pub(crate) use shape::Shape;
