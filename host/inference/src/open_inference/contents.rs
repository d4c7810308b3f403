//! Tensors in the messages of gRPC: raw bytes, or lists by their type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, UInt32Array,
    UInt64Array,
};
use bytes::Bytes;

use super::datatype::datatype;
use super::grpc::model_infer_request::InferInputTensor;
use super::grpc::model_infer_response::InferOutputTensor;
use super::grpc::{InferTensorContents, ModelInferRequest, ModelInferResponse};
use super::tensor::{Tensor, known, utf8_texts};
use crate::tensor::Element;
use crate::tensor::columns::convert;

impl ModelInferRequest {
    /// Puts tensors in, as raw bytes.
    pub fn put(&mut self, tensors: &[Tensor]) {
        for tensor in tensors {
            self.raw_input_contents.push(tensor.to_raw());
            self.inputs.push(InferInputTensor {
                name: tensor.name.clone(),
                datatype: datatype(tensor.element).to_owned(),
                shape: tensor.shape.clone(),
                ..InferInputTensor::default()
            });
        }
    }

    /// Takes the tensors out; the error is a sentence.
    pub fn take(self) -> Result<Vec<Tensor>, String> {
        let tensors = self.inputs.into_iter();
        let tensors = tensors.map(|t| (t.name, t.datatype, t.shape, t.contents));
        read(tensors.collect(), self.raw_input_contents)
    }
}

impl ModelInferResponse {
    /// Puts tensors in, as raw bytes.
    pub fn put(&mut self, tensors: &[Tensor]) {
        for tensor in tensors {
            self.raw_output_contents.push(tensor.to_raw());
            self.outputs.push(InferOutputTensor {
                name: tensor.name.clone(),
                datatype: datatype(tensor.element).to_owned(),
                shape: tensor.shape.clone(),
                ..InferOutputTensor::default()
            });
        }
    }

    /// Takes the tensors out; the error is a sentence.
    pub fn take(self) -> Result<Vec<Tensor>, String> {
        let tensors = self.outputs.into_iter();
        let tensors = tensors.map(|t| (t.name, t.datatype, t.shape, t.contents));
        read(tensors.collect(), self.raw_output_contents)
    }
}

type Described = (String, String, Vec<i64>, Option<InferTensorContents>);

fn read(tensors: Vec<Described>, raw: Vec<Bytes>) -> Result<Vec<Tensor>, String> {
    if raw.is_empty() {
        return tensors
            .into_iter()
            .map(|(name, datatype, shape, contents)| {
                from_contents(&name, &datatype, &shape, contents.unwrap_or_default())
            })
            .collect();
    }
    if raw.len() != tensors.len() {
        return Err(format!(
            "a message has raw contents of {} tensors, but describes {}",
            raw.len(),
            tensors.len()
        ));
    }
    tensors
        .into_iter()
        .zip(raw)
        .map(|((name, datatype, shape, contents), raw)| {
            if contents.is_some_and(|contents| contents != InferTensorContents::default()) {
                return Err(format!(
                    "the tensor '{name}' has contents beside the raw ones"
                ));
            }
            Tensor::from_raw(&name, &datatype, &shape, raw)
        })
        .collect()
}

fn from_contents(
    name: &str,
    datatype: &str,
    shape: &[i64],
    contents: InferTensorContents,
) -> Result<Tensor, String> {
    let element = known(name, datatype)?;
    let values: ArrayRef = match element {
        Element::Bool => Arc::new(BooleanArray::from(contents.bool_contents)),
        Element::I8 | Element::I16 | Element::I32 => {
            Arc::new(Int32Array::from(contents.int_contents))
        }
        Element::I64 => Arc::new(Int64Array::from(contents.int64_contents)),
        Element::U8 | Element::U16 | Element::U32 => {
            Arc::new(UInt32Array::from(contents.uint_contents))
        }
        Element::U64 => Arc::new(UInt64Array::from(contents.uint64_contents)),
        Element::F32 => Arc::new(Float32Array::from(contents.fp32_contents)),
        Element::F64 => Arc::new(Float64Array::from(contents.fp64_contents)),
        Element::String => utf8_texts(name, &contents.bytes_contents)?,
        Element::F16 | Element::BF16 => {
            return Err(format!("the tensor '{name}' of {datatype} must be raw"));
        }
    };
    Tensor::new(name, element, shape, narrow(name, element, &values)?)
}

/// Values of a wide type as an element's.
pub(crate) fn narrow(name: &str, element: Element, values: &ArrayRef) -> Result<ArrayRef, String> {
    convert(values, &element.data_type())
        .map_err(|error| format!("the tensor '{name}' of {}: {error}", datatype(element)))
}
