//! The Open Inference Protocol, version 2, as far as client and server have it in common: its messages
//! over gRPC and REST, and tensors on their way.
//!
//! Whatever comes from the other side is untrusted: a [`Tensor`] that was read has as many values as its
//! shape says, of its datatype, and nothing is allocated that the bytes do not bear out.

mod codec;
mod columns;
mod contents;
mod datatype;
#[allow(clippy::all, unused_qualifications, reason = "generated")]
pub mod grpc;
mod json;
pub mod rest;
mod signature;
mod tensor;

pub use crate::tensor::Element;
pub use codec::CountingCodec;
pub use columns::TensorColumns;
pub(crate) use columns::{element_of, tensors_of};
pub(crate) use contents::narrow;
pub use datatype::{datatype, element};
pub(crate) use json::read_rows;
pub(crate) use signature::{
    Binding, TensorSignature, bind_inputs, bind_outputs, show_tensors, value_type,
};
pub use tensor::Tensor;
pub(crate) use tensor::known;

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    #[test]
    fn the_generated_files_are_made_of_the_protocol_as_it_is() {
        let hash = Sha256::digest(include_str!("../../proto/open_inference.proto"));
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        for made in [
            include_str!("grpc.rs"),
            include_str!("../../../server/src/service.rs"),
        ] {
            assert!(
                made.contains(&hash),
                "`cargo run` in host/inference/proto/generate makes them anew"
            );
        }
    }
}
