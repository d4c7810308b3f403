//! The element types of tensors that columns can carry.

use arrow::datatypes::DataType;

/// An element type that a column can carry. Runtimes and protocols have names of their own for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
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
    /// The Arrow type of its values.
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

    /// Whether it is a number.
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
            $($crate::tensor::Element::$variant => {
                type $arrow = arrow::datatypes::$type;
                $number
            })*
            _ => $other,
        }
    };
}
pub(crate) use with_native;
