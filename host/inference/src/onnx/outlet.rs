//! What ONNX Runtime says of a model's tensors.

use ort::value::{Outlet, TensorElementType, ValueType};

use crate::tensor::{Element, TensorSignature};

/// Reads the signature of a tensor; the error is a sentence.
pub(super) fn signature(outlet: &Outlet) -> Result<TensorSignature, String> {
    let name = outlet.name();
    let ValueType::Tensor { ty, shape, .. } = outlet.dtype() else {
        return Err(format!("'{name}' is a sequence or a map, not a tensor"));
    };
    let (element, type_name) = element(*ty)
        .ok_or_else(|| format!("'{name}' is a tensor of {ty}, which no column can carry"))?;
    Ok(TensorSignature {
        name: name.to_owned(),
        element,
        type_name,
        shape: shape.to_vec(),
    })
}

/// An element, and what ONNX calls it.
fn element(element: TensorElementType) -> Option<(Element, &'static str)> {
    Some(match element {
        TensorElementType::Float32 => (Element::F32, "float"),
        TensorElementType::Float64 => (Element::F64, "double"),
        TensorElementType::Int8 => (Element::I8, "int8"),
        TensorElementType::Int16 => (Element::I16, "int16"),
        TensorElementType::Int32 => (Element::I32, "int32"),
        TensorElementType::Int64 => (Element::I64, "int64"),
        TensorElementType::Uint8 => (Element::U8, "uint8"),
        TensorElementType::Uint16 => (Element::U16, "uint16"),
        TensorElementType::Uint32 => (Element::U32, "uint32"),
        TensorElementType::Uint64 => (Element::U64, "uint64"),
        TensorElementType::Bool => (Element::Bool, "bool"),
        TensorElementType::String => (Element::String, "string"),
        _ => return None,
    })
}
