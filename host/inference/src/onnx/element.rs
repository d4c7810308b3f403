//! The element types of tensors that columns can carry.

use std::fmt;

use arrow::datatypes::DataType;
use ort::value::TensorElementType;

/// An element type, named as ONNX names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    /// A column has it as `Float32`, of which it is the upper half.
    BF16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
    String,
}

impl Element {
    pub fn from_runtime(element: TensorElementType) -> Option<Self> {
        Some(match element {
            TensorElementType::Float16 => Self::F16,
            TensorElementType::Bfloat16 => Self::BF16,
            TensorElementType::Float32 => Self::F32,
            TensorElementType::Float64 => Self::F64,
            TensorElementType::Int8 => Self::I8,
            TensorElementType::Int16 => Self::I16,
            TensorElementType::Int32 => Self::I32,
            TensorElementType::Int64 => Self::I64,
            TensorElementType::Uint8 => Self::U8,
            TensorElementType::Uint16 => Self::U16,
            TensorElementType::Uint32 => Self::U32,
            TensorElementType::Uint64 => Self::U64,
            TensorElementType::Bool => Self::Bool,
            TensorElementType::String => Self::String,
            _ => return None,
        })
    }

    /// The type of its values in Arrow.
    pub fn data_type(self) -> DataType {
        match self {
            Self::F16 => DataType::Float16,
            Self::BF16 | Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
            Self::I8 => DataType::Int8,
            Self::I16 => DataType::Int16,
            Self::I32 => DataType::Int32,
            Self::I64 => DataType::Int64,
            Self::U8 => DataType::UInt8,
            Self::U16 => DataType::UInt16,
            Self::U32 => DataType::UInt32,
            Self::U64 => DataType::UInt64,
            Self::Bool => DataType::Boolean,
            Self::String => DataType::Utf8,
        }
    }

    /// Its number in ONNX's `TensorProto.DataType`.
    pub fn number(self) -> u8 {
        match self {
            Self::F32 => 1,
            Self::U8 => 2,
            Self::I8 => 3,
            Self::U16 => 4,
            Self::I16 => 5,
            Self::I32 => 6,
            Self::I64 => 7,
            Self::String => 8,
            Self::Bool => 9,
            Self::F16 => 10,
            Self::F64 => 11,
            Self::U32 => 12,
            Self::U64 => 13,
            Self::BF16 => 16,
        }
    }

    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Bool | Self::String)
    }

    /// Whether columns of a type can be read as this element, and written from it.
    pub fn fits(self, data_type: &DataType) -> bool {
        let text = matches!(
            data_type,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
        );
        match self {
            Self::String => text,
            _ => data_type.is_numeric() || *data_type == DataType::Boolean,
        }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "float16",
            Self::BF16 => "bfloat16",
            Self::F32 => "float",
            Self::F64 => "double",
            Self::I8 => "int8",
            Self::I16 => "int16",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::U8 => "uint8",
            Self::U16 => "uint16",
            Self::U32 => "uint32",
            Self::U64 => "uint64",
            Self::Bool => "bool",
            Self::String => "string",
        })
    }
}

/// Evaluates an expression with `$arrow` as the Arrow type of an [`Element`] whose values lie in a
/// column as they do in a tensor.
macro_rules! with_native {
    ($element:expr, $arrow:ident => $number:expr, else => $other:expr) => {
        with_native!(@ $element, $arrow, $number, $other,
            F16 Float16Type, F32 Float32Type, F64 Float64Type, I8 Int8Type, I16 Int16Type,
            I32 Int32Type, I64 Int64Type, U8 UInt8Type, U16 UInt16Type, U32 UInt32Type,
            U64 UInt64Type)
    };
    (@ $element:expr, $arrow:ident, $number:expr, $other:expr, $($variant:ident $type:ident),*) => {
        match $element {
            $($crate::onnx::element::Element::$variant => {
                type $arrow = arrow::datatypes::$type;
                $number
            })*
            _ => $other,
        }
    };
}
pub(super) use with_native;
