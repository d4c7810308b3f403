//! What a model takes and gives.

use std::fmt;

use ort::value::{Outlet, TensorElementType, ValueType};

use crate::tensor::{Element, Shape};

/// A value that a model takes or gives, under its name.
#[derive(Debug, Clone)]
pub(super) struct Signature {
    pub name: String,
    pub kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Tensor(TensorType),
    /// Tensors, each of a shape of its own.
    Sequence(TensorType),
    Map(MapType),
    /// A map for each row, as ZipMap gives them.
    Maps(MapType),
}

#[derive(Debug, Clone)]
pub(super) struct TensorType {
    pub element: Element,
    /// −1 where a dimension is free. No dimension at all is a scalar, or anything: the runtime does
    /// not tell them apart.
    pub shape: Vec<i64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct MapType {
    /// `I64` or `String`.
    pub key: Element,
    pub value: Element,
}

/// Which dimension of a tensor counts rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchAxis {
    First,
    /// None: each row is a call of its own, with whole tensors.
    None,
}

/// Why a value of the model and the declared columns do not go together.
#[derive(Debug)]
pub(super) struct Misfit {
    /// A sentence.
    pub message: String,
    /// Whether its dimensions are what does not count rows, so that whole tensors may fit.
    pub is_of_rows: bool,
}

impl Misfit {
    pub fn of_rows(message: String) -> Self {
        Self {
            message,
            is_of_rows: true,
        }
    }
}

impl From<String> for Misfit {
    fn from(message: String) -> Self {
        Self {
            message,
            is_of_rows: false,
        }
    }
}

impl Signature {
    /// Reads the signature of the runtime; the error is a sentence.
    pub fn from_outlet(outlet: &Outlet) -> Result<Self, String> {
        let name = outlet.name();
        let kind = match outlet.dtype() {
            ValueType::Sequence(item) => match &**item {
                ValueType::Map { key, value } => Kind::Maps(map_type(name, *key, *value)?),
                item => Kind::Sequence(tensor_type(name, item)?),
            },
            ValueType::Map { key, value } => Kind::Map(map_type(name, *key, *value)?),
            other => Kind::Tensor(tensor_type(name, other)?),
        };
        let name = name.to_owned();
        Ok(Self { name, kind })
    }

    pub fn tensor(&self) -> Option<&TensorType> {
        match &self.kind {
            Kind::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }
}

fn tensor_type(name: &str, value: &ValueType) -> Result<TensorType, String> {
    match value {
        ValueType::Tensor { ty, shape, .. } => Ok(TensorType {
            element: element(name, *ty)?,
            shape: shape.to_vec(),
        }),
        ValueType::Optional(_) => Err(format!(
            "'{name}' is optional, which no column can tell from a value that is there"
        )),
        _ => Err(format!(
            "'{name}' is a sequence of sequences, which no column can carry"
        )),
    }
}

fn map_type(
    name: &str,
    key: TensorElementType,
    value: TensorElementType,
) -> Result<MapType, String> {
    match (element(name, key)?, element(name, value)?) {
        (key @ (Element::I64 | Element::String), value) if value.is_numeric() => {
            Ok(MapType { key, value })
        }
        (key, value) => Err(format!(
            "'{name}' is a map of {key} to {value}, which no column can carry"
        )),
    }
}

fn element(name: &str, element: TensorElementType) -> Result<Element, String> {
    Element::from_runtime(element)
        .ok_or_else(|| format!("'{name}' is a tensor of {element}, which no column can carry"))
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Tensor(tensor) => write!(f, "{} {tensor}", self.name),
            Kind::Sequence(tensor) => write!(f, "{} sequence({})", self.name, tensor.element),
            Kind::Map(map) => write!(f, "{} map({}, {})", self.name, map.key, map.value),
            Kind::Maps(map) => {
                write!(f, "{} sequence(map({}, {}))", self.name, map.key, map.value)
            }
        }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.element, Shape(&self.shape))
    }
}
