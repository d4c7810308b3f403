//! Serves models over the Open Inference Protocol, version 2: gRPC, and REST with binary tensors, both on
//! one port.
//!
//! A [`ServedModel`] is any [`Model`](wasmill_inference::Model) under a name; [`serve`] answers for some of
//! them until it is told to stop.
//!
//! Requests are untrusted. What they may cost is bounded by [`ServerLimits`]: so many at once, each of so
//! many bytes and for so long; one more is turned away before its body is read.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod admission;
mod grpc;
mod refusal;
mod rest;
mod served;
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod service;
mod serving;

pub use served::{ServedModel, ServerError};
pub use serving::{ServerLimits, serve};
