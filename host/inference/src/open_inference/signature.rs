//! The tensors of a model, and which columns they are made of.

use std::fmt;

use arrow::datatypes::{DataType, Field};

use crate::array::list_item;
use crate::tensor::{Element, Shape};

/// A tensor that a model takes or gives.
#[derive(Debug, Clone)]
pub(crate) struct TensorSignature {
    pub name: String,
    pub element: Element,
    /// The protocol's name of the element: `FP32`.
    pub type_name: &'static str,
    /// −1 where a dimension is free.
    pub shape: Vec<i64>,
}

/// Which columns make a tensor, or which column a tensor makes.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    pub tensor: TensorSignature,
    /// Several columns are the columns of a matrix.
    pub columns: Vec<usize>,
    /// How many elements a row has; `None` where the data decide.
    pub width: Option<usize>,
}

impl TensorSignature {
    /// How many elements a row has, or a sentence that says why the rows cannot be told apart.
    fn width(&self) -> Result<Option<usize>, String> {
        match self.shape.as_slice() {
            [] => Err(format!("'{}' has no dimension for rows", self.name)),
            [rows, ..] if *rows >= 0 => Err(format!(
                "'{}' is fixed to {rows} rows; export the model with a free first dimension",
                self.name
            )),
            [_] => Ok(Some(1)),
            [_, -1] => Ok(None),
            [_, rest @ ..] => rest
                .iter()
                .try_fold(1_usize, |product, size| {
                    product.checked_mul(usize::try_from(*size).ok()?)
                })
                .map(Some)
                .ok_or_else(|| format!("'{}' has a free dimension after the second", self.name)),
        }
    }

    /// Binds one column, a scalar or a list.
    fn bind(&self, column: usize, field: &Field) -> Result<Binding, String> {
        let width = self.width()?;
        let item = list_item(field.data_type());
        if !self.element.fits(value_type(field)) {
            return Err(format!("the column '{}' does not fit {self}", field.name()));
        }
        let width = match (field.data_type(), width) {
            (DataType::FixedSizeList(_, size), width) => {
                let size = usize::try_from(*size).unwrap_or(0);
                if width.is_some_and(|width| width != size) {
                    return Err(format!(
                        "the column '{}' has {size} items a row, but {self}",
                        field.name()
                    ));
                }
                Some(size)
            }
            (_, width) if item.is_some() => width,
            (_, None | Some(1)) => Some(1),
            (_, Some(width)) => {
                return Err(format!(
                    "the column '{}' has one value a row, but {self} has {width}",
                    field.name()
                ));
            }
        };
        Ok(Binding {
            tensor: self.clone(),
            columns: vec![column],
            width,
        })
    }
}

impl fmt::Display for TensorSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shape = Shape(&self.shape);
        write!(f, "{} {}{shape}", self.name, self.type_name)
    }
}

/// The type of the values of a column, be it one of lists.
pub(crate) fn value_type(field: &Field) -> &DataType {
    list_item(field.data_type()).map_or(field.data_type(), |item| item.data_type())
}

/// Finds the columns of each input tensor.
pub(crate) fn bind_inputs(
    tensors: &[TensorSignature],
    fields: &[Field],
) -> Result<Vec<Binding>, String> {
    if let [tensor] = tensors
        && tensor.shape.len() >= 2
        && tensor.element.is_numeric()
        && fields
            .iter()
            .all(|field| list_item(field.data_type()).is_none())
    {
        let width = tensor.width()?.unwrap_or(fields.len());
        if width != fields.len() {
            return Err(format!(
                "the model takes {width} features, but {} input columns are declared",
                fields.len()
            ));
        }
        if let Some(field) = fields
            .iter()
            .find(|field| !tensor.element.fits(field.data_type()))
        {
            return Err(format!(
                "the column '{}' does not fit {tensor}",
                field.name()
            ));
        }
        let columns = (0..fields.len()).collect();
        return Ok(vec![Binding {
            tensor: tensor.clone(),
            columns,
            width: Some(width),
        }]);
    }
    if tensors.len() != fields.len() {
        return Err(format!(
            "the model takes {} tensors, but {} input columns are declared",
            tensors.len(),
            fields.len()
        ));
    }
    let by_name =
        |tensor: &TensorSignature| fields.iter().position(|field| *field.name() == tensor.name);
    let named: Option<Vec<usize>> = tensors.iter().map(by_name).collect();
    let columns = named.unwrap_or_else(|| (0..fields.len()).collect());
    tensors
        .iter()
        .zip(columns)
        .map(|(tensor, column)| tensor.bind(column, &fields[column]))
        .collect()
}

/// Finds the tensor of each output column: by name, or by position where not all names are known.
///
/// `tensors` are the model's outputs; those that are no tensor are sentences that say so.
pub(crate) fn bind_outputs(
    tensors: &[Result<TensorSignature, String>],
    names: &[String],
    fields: &[Field],
) -> Result<Vec<Binding>, String> {
    let by_name = |field: &Field| names.iter().position(|name| name == field.name());
    let named: Option<Vec<usize>> = fields.iter().map(by_name).collect();
    let chosen = named.unwrap_or_else(|| (0..fields.len()).collect());
    if fields.len() > tensors.len() {
        return Err(format!(
            "the model gives {} tensors, but {} output columns are declared",
            tensors.len(),
            fields.len()
        ));
    }
    let bind = |(column, (output, field)): (usize, (usize, &Field))| {
        tensors[output]
            .as_ref()
            .map_err(Clone::clone)?
            .bind(column, field)
    };
    chosen
        .into_iter()
        .zip(fields)
        .enumerate()
        .map(bind)
        .collect()
}

/// Tensors as a message shows them; what is none is the sentence that says so.
pub(crate) fn show_tensors(tensors: &[Result<TensorSignature, String>]) -> String {
    let show = |tensor: &Result<TensorSignature, String>| match tensor {
        Ok(tensor) => tensor.to_string(),
        Err(message) => message.clone(),
    };
    tensors.iter().map(show).collect::<Vec<_>>().join(", ")
}
