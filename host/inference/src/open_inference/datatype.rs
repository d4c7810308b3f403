//! What the protocol calls the elements of tensors.

use crate::tensor::Element;

/// The protocol's name of an element: `FP32`.
pub fn datatype(element: Element) -> &'static str {
    match element {
        Element::F16 => "FP16",
        Element::BF16 => "BF16",
        Element::F32 => "FP32",
        Element::F64 => "FP64",
        Element::I8 => "INT8",
        Element::I16 => "INT16",
        Element::I32 => "INT32",
        Element::I64 => "INT64",
        Element::U8 => "UINT8",
        Element::U16 => "UINT16",
        Element::U32 => "UINT32",
        Element::U64 => "UINT64",
        Element::Bool => "BOOL",
        Element::String => "BYTES",
    }
}

/// The element that the protocol calls so; `None` for `BF16`, which is not read off the
/// wire, and for what the protocol does not have.
pub fn element(datatype: &str) -> Option<Element> {
    Some(match datatype {
        "FP16" => Element::F16,
        "FP32" => Element::F32,
        "FP64" => Element::F64,
        "INT8" => Element::I8,
        "INT16" => Element::I16,
        "INT32" => Element::I32,
        "INT64" => Element::I64,
        "UINT8" => Element::U8,
        "UINT16" => Element::U16,
        "UINT32" => Element::U32,
        "UINT64" => Element::U64,
        "BOOL" => Element::Bool,
        "BYTES" => Element::String,
        _ => return None,
    })
}
