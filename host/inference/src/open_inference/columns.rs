//! The tensors of a model whose columns alone are known: one a column.

use arrow::array::{ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field};

use super::datatype::datatype;
use super::rest::TensorMetadata;
use super::signature::{Binding, TensorSignature, value_type};
use super::tensor::Tensor;
use crate::array::list_item;
use crate::definition::type_name;
use crate::tensor::Element;

/// Rows of one request: where a row has no values, its bytes are no bound.
const MOST_ROWS: usize = 1 << 24;

/// Columns that come, or go, as tensors.
#[derive(Debug)]
pub struct TensorColumns {
    fields: Vec<Field>,
    bindings: Vec<Binding>,
}

impl TensorColumns {
    /// The error is a sentence that names the column for which there is no tensor.
    pub fn new(fields: &[Field]) -> Result<Self, String> {
        Ok(Self {
            fields: fields.to_vec(),
            bindings: tensors_of(fields)?,
        })
    }

    /// What is said of the tensors to those who ask.
    pub fn metadata(&self) -> Vec<TensorMetadata> {
        let signatures = self.bindings.iter().map(|binding| &binding.tensor);
        let metadata = |signature: &TensorSignature| TensorMetadata {
            name: signature.name.clone(),
            datatype: signature.type_name.to_owned(),
            shape: signature.shape.clone(),
        };
        signatures.map(metadata).collect()
    }

    /// The columns, of their declared types, and how many rows they have. The tensors are found by their
    /// names; a single one of numbers may be the matrix of all columns. The error is a sentence.
    pub fn read(&self, tensors: &[Tensor]) -> Result<(Vec<ArrayRef>, usize), String> {
        let first = tensors.first().ok_or("there are no tensors")?;
        let rows = match first.shape.first() {
            Some(rows) => usize::try_from(*rows).map_err(|error| error.to_string())?,
            None => {
                return Err(format!(
                    "the tensor '{}' has no dimension for rows",
                    first.name
                ));
            }
        };
        if rows == 0 {
            return Err(format!("the tensor '{}' has no rows", first.name));
        }
        if rows > MOST_ROWS {
            return Err(format!(
                "{rows} rows are more than the {MOST_ROWS} of one request"
            ));
        }
        if let Some(columns) = self.read_matrix(tensors, rows)? {
            return Ok((columns, rows));
        }
        if tensors.len() != self.fields.len() {
            return Err(format!(
                "the model takes {} tensors, but {} came",
                self.fields.len(),
                tensors.len()
            ));
        }
        let columns = self.bindings.iter().zip(&self.fields);
        let columns = columns.map(|(binding, field)| {
            let name = field.name();
            let tensor = tensors.iter().find(|tensor| tensor.name == *name);
            let tensor = tensor.ok_or_else(|| format!("the tensor '{name}' is missing"))?;
            tensor.to_column(binding, field, rows)
        });
        Ok((columns.collect::<Result<_, _>>()?, rows))
    }

    /// The columns of a matrix, where the only tensor is one.
    fn read_matrix(
        &self,
        tensors: &[Tensor],
        rows: usize,
    ) -> Result<Option<Vec<ArrayRef>>, String> {
        let width = self.fields.len();
        let [tensor] = tensors else { return Ok(None) };
        let scalar =
            |binding: &Binding| binding.tensor.element.is_numeric() && binding.width == Some(1);
        if width < 2
            || tensor.shape.len() != 2
            || usize::try_from(tensor.shape[1]) != Ok(width)
            || !self.bindings.iter().all(scalar)
        {
            return Ok(None);
        }
        let columns = self.bindings.iter().zip(&self.fields).enumerate();
        let columns = columns.map(|(column, (binding, field))| {
            let places = (0..rows).map(|row| (row * width + column) as u64);
            let places = UInt64Array::from_iter_values(places);
            let values = take(tensor.values(), &places, None).map_err(|error| error.to_string())?;
            Tensor::new(&tensor.name, tensor.element, &[rows as i64, 1], values)?
                .to_column(binding, field, rows)
        });
        columns.collect::<Result<_, _>>().map(Some)
    }

    /// The tensors of columns of the declared types, of which those are left out that `wanted` does not
    /// name; the error is a sentence that names row and column.
    pub fn write(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Tensor>, String> {
        self.bindings
            .iter()
            .filter(|binding| wanted(&binding.tensor.name))
            .map(|binding| Tensor::from_columns(binding, &self.fields, columns, rows, usize::MAX))
            .collect()
    }
}

/// The tensors of columns of which nothing else is known: one each, of the column's name and type.
pub(crate) fn tensors_of(fields: &[Field]) -> Result<Vec<Binding>, String> {
    fields
        .iter()
        .enumerate()
        .map(|(column, field)| {
            let element = element_of(value_type(field)).ok_or_else(|| {
                format!(
                    "the column '{}' is {}, for which the protocol has no datatype",
                    field.name(),
                    type_name(field.data_type())
                )
            })?;
            let is_list = list_item(field.data_type()).is_some();
            Ok(Binding {
                tensor: TensorSignature {
                    name: field.name().clone(),
                    element,
                    type_name: datatype(element),
                    shape: if is_list { vec![-1, -1] } else { vec![-1, 1] },
                },
                columns: vec![column],
                width: (!is_list).then_some(1),
            })
        })
        .collect()
}

/// The element whose values columns of a type have.
pub(crate) fn element_of(data_type: &DataType) -> Option<Element> {
    Some(match data_type {
        DataType::Boolean => Element::Bool,
        DataType::Int8 => Element::I8,
        DataType::Int16 => Element::I16,
        DataType::Int32 => Element::I32,
        DataType::Int64 => Element::I64,
        DataType::UInt8 => Element::U8,
        DataType::UInt16 => Element::U16,
        DataType::UInt32 => Element::U32,
        DataType::UInt64 => Element::U64,
        DataType::Float16 => Element::F16,
        DataType::Float32 => Element::F32,
        DataType::Float64 | DataType::Decimal128(..) => Element::F64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Element::String,
        _ => return None,
    })
}
