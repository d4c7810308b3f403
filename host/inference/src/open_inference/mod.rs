//! The Open Inference Protocol, version 2, as far as client and server have it in common: its messages
//! over gRPC and REST, and tensors on their way.
//!
//! Whatever comes from the other side is untrusted: a [`Tensor`] that was read has as many values as its
//! shape says, of its datatype, and nothing is allocated that the bytes do not bear out.

mod columns;
mod contents;
mod datatype;
#[allow(clippy::all, unused_qualifications, reason = "generated")]
pub mod grpc;
mod json;
pub mod rest;
mod tensor;

pub use crate::tensor::Element;
pub use columns::TensorColumns;
pub(crate) use columns::{element_of, tensors_of};
pub(crate) use contents::narrow;
pub use datatype::{datatype, element};
pub(crate) use json::read_rows;
pub use tensor::Tensor;
pub(crate) use tensor::known;
